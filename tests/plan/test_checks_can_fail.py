"""No check that cannot fail: an assertion about a non-empty list, a comparison whose result is dropped, ``raises(Exception)``."""

import ast
from collections.abc import Iterator

import pytest

from tests.plan.tree import Module, checked_files, module_from

# Functions that answer a question and do nothing else: alone on a line they check nothing.
QUESTIONS = {"all", "allclose", "any", "array_equal", "array_equiv", "equal", "equals", "is_close", "isclose", "isfinite"}
QUESTIONS |= {
    "endswith",
    "exists",
    "hasattr",
    "is_dir",
    "is_file",
    "isinstance",
    "issubclass",
    "issubset",
    "issuperset",
    "startswith",
}

ALWAYS_TRUE = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)


def empty_checks(module: Module) -> Iterator[str]:
    """Line and reason of each check that cannot fail."""
    aliases = _aliases_of_questions(module.tree)
    for node in ast.walk(module.tree):
        reason = ""
        if isinstance(node, ast.Assert):
            reason = _cannot_fail(node.test)
        elif isinstance(node, ast.Expr):
            reason = _dropped(node.value, aliases)
        elif isinstance(node, ast.Call) and _name(node.func) == "raises":
            reason = _raises_anything(node)
        if reason:
            yield f"{module.path}:{node.lineno}: {reason}"


def _cannot_fail(test: ast.expr) -> str:
    if isinstance(test, (*ALWAYS_TRUE, ast.JoinedStr)):
        return f"assert on a {type(test).__name__} literal is always true"
    if isinstance(test, ast.Constant) and test.value:
        return f"assert {test.value!r} is always true"
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return next((reason for value in test.values if (reason := _cannot_fail(value))), "")
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE):
        has_call = any(isinstance(part, ast.Call) for part in ast.walk(test))  # f(x) == f(x) may well fail
        if not has_call and ast.dump(test.left) == ast.dump(test.comparators[0]):
            return "both sides of the comparison are the same"
    return ""


def _dropped(value: ast.expr, aliases: set[str]) -> str:
    if isinstance(value, ast.Compare | ast.BoolOp) or (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)):
        return "the result of a comparison is dropped"
    if isinstance(value, ast.Call) and _name(value.func) in QUESTIONS | aliases:
        return f"the answer of {_name(value.func)}() is dropped"
    return ""


def _raises_anything(call: ast.Call) -> str:
    expected = call.args[0] if call.args else None
    names = [_name(entry) for entry in (expected.elts if isinstance(expected, ast.Tuple) else [expected])]
    if {"Exception", "BaseException"} & set(names):
        return "raises(Exception) is satisfied by any mistake, a typing error in the test too"
    return ""


def _aliases_of_questions(tree: ast.Module) -> set[str]:
    """Local names of questions, as in ``same = np.array_equal``."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and _name(node.value) in QUESTIONS]
    return {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}


def _name(node: ast.AST | None) -> str:
    """``c`` of ``c`` and of ``a.b.c``."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@pytest.mark.parametrize("module", checked_files(), ids=lambda module: module.name)
def test_every_check_can_fail(module: Module):
    assert list(empty_checks(module)) == []


@pytest.mark.parametrize(
    "source",
    [
        "assert [x >= y for x, y in pairs], 'too small'",
        "assert (x == y, 'x is not y')",
        "assert (x for x in y)",
        "assert {x: y}",
        "assert True",
        "assert 'a sentence'",
        "assert f'{x}'",
        "assert x == 3 or True",
        "assert x.y == x.y",
        "np.allclose(x, y)",
        "torch.equal(x, y)",
        "x == y",
        "not x",
        "x > 1 and y > 1",
        "same = np.array_equal\nsame(x, y)",
        "path.exists()",
        "with pytest.raises(Exception): f()",
        "with raises((ValueError, BaseException)): f()",
    ],
)
def test_a_check_that_cannot_fail_is_found(source: str):
    assert len(list(empty_checks(module_from("tests.bad", source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "assert x == y, 'a sentence'",
        "assert all(x >= y for x, y in pairs)",
        "assert np.allclose(x, y)",
        "assert f(x) == f(x)",
        "assert not x",
        "assert False",
        "np.testing.assert_allclose(x, y)",
        "close = np.allclose(x, y)",
        "with pytest.raises(ValueError, match='x'): f()",
        "f(x)",
    ],
)
def test_a_check_that_can_fail_passes(source: str):
    assert list(empty_checks(module_from("tests.good", source))) == []
