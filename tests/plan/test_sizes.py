"""Files, functions and parameter lists stay small; every exception has a name, a reason, and an end."""

import ast

import pytest

from tests.plan.tree import SRC, Module, module_from, modules

LINES_PER_FILE = 300
LINES_PER_FUNCTION = 60
PARAMETERS = 8
ROOMS_WITH_FEW_PARAMETERS = {"models", "tasks", "engine"}

# What may be larger, and why: "path" for a file, "path:function" for a function's lines or parameters.
EXCEPTIONS: dict[str, str] = {
    "pixelwise/models/encoder.py:encoder": "each parameter is an option of the user's; the face reads them off the signature",
    "pixelwise/models/unet.py:unet": "each parameter is an option of the user's; the face reads them off the signature",
    "pixelwise/models/deeplab.py:deeplabv3": "each parameter is an option of the user's; the face reads them off the signature",
    "pixelwise/models/pspnet.py:pspnet": "each parameter is an option of the user's; the face reads them off the signature",
}

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def too_large(module: Module, lines: int) -> dict[str, str]:
    """What breaks a limit: the key that an exception would have, and the sentence about it."""
    path = module.path.relative_to(SRC).as_posix() if module.path.is_relative_to(SRC) else module.path.as_posix()
    found = {path: f"{lines} lines, at most {LINES_PER_FILE}"} if lines > LINES_PER_FILE else {}
    for node in ast.walk(module.tree):
        if not isinstance(node, Definition):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > LINES_PER_FUNCTION:
            found[f"{path}:{node.name}"] = f"{length} lines, at most {LINES_PER_FUNCTION}"
        if module.room in ROOMS_WITH_FEW_PARAMETERS and parameters(node) > PARAMETERS:
            found[f"{path}:{node.name}"] = f"{parameters(node)} parameters, at most {PARAMETERS}"
    return found


def parameters(node: Definition) -> int:
    arguments = node.args
    named = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")]) + bool(arguments.vararg) + bool(arguments.kwarg)


def _all_too_large() -> dict[str, str]:
    found = {}
    for module in modules():
        found |= too_large(module, len(module.path.read_text(encoding="utf-8").splitlines()))
    return found


def test_everything_is_small_or_a_named_exception():
    assert {key: size for key, size in _all_too_large().items() if key not in EXCEPTIONS} == {}


def test_every_exception_is_still_needed_and_has_a_reason():
    assert set(EXCEPTIONS) - set(_all_too_large()) == set()
    assert [key for key, reason in EXCEPTIONS.items() if len(reason.split()) < 4] == []


@pytest.mark.parametrize(
    "name, source, key",
    [
        ("pixelwise.models.large", "x = 1\n" * 301, "pixelwise/models/large.py"),
        ("pixelwise.data.large", "def long():\n" + "    x = 1\n" * 60, "pixelwise/data/large.py:long"),
        ("pixelwise.data.large", "class A:\n  async def long(self):\n" + "    x = 1\n" * 60, "pixelwise/data/large.py:long"),
        ("pixelwise.models.large", "def f(a, b, c, d, /, e, *f, g, h, **i): ...", "pixelwise/models/large.py:f"),
    ],
)
def test_what_is_too_large_is_found(name: str, source: str, key: str):
    assert list(too_large(module_from(name, source), source.count("\n"))) == [key]


@pytest.mark.parametrize(
    "name, source",
    [
        ("pixelwise.models.small", "x = 1\n" * 300),
        ("pixelwise.models.small", "def f():\n" + "    x = 1\n" * 59),
        ("pixelwise.models.small", "class A:\n    def f(self, a, b, c, d, e, f, g, h): ..."),
        ("pixelwise.report.small", "def f(a, b, c, d, e, f, g, h, i): ..."),
    ],
)
def test_what_is_just_small_enough_passes(name: str, source: str):
    assert too_large(module_from(name, source), source.count("\n")) == {}
