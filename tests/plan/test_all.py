"""``__all__`` lists what a module defines for others, no more and no less."""

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.plan.tree import Module, module_from, modules

FACES = {"pixelwise.api"}
"""Modules that pass on names of others to people; besides these only a package's ``__init__`` does."""


def differences(module: Module) -> list[str]:
    """Public names that are not in ``__all__``, and names in ``__all__`` that the module does not have."""
    defined, imported, listed = set(), set(), []
    for node in _top_level(module.tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imported |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names = _assigned(node)
            if names == ["__all__"]:
                listed = [ast.literal_eval(entry) for entry in node.value.elts]  # type: ignore[union-attr]
            defined |= set(names)
    public = {name for name in defined if not name.startswith("_")}
    allowed = defined | (imported if module.is_package or module.name in FACES else set())
    wrong = [f"{name} is public, but not in __all__" for name in sorted(public - set(listed))]
    wrong += [f"{name} is in __all__, but not defined here" for name in sorted(set(listed) - allowed)]
    return wrong + [f"{name} stands twice in __all__" for name in sorted({name for name in listed if listed.count(name) > 1})]


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of the module itself, those under ``if`` and ``try`` too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody") if isinstance(node, ast.If | ast.Try | ast.With) else ():
            yield from _top_level(getattr(node, part, ()))
        for handler in getattr(node, "handlers", ()):
            yield from _top_level(handler.body)


def _assigned(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    inner = [node for target in targets for node in ast.walk(target)]
    return [name.id for name in inner if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_all_is_what_is_visible(module: Module):
    assert differences(module) == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_module_says_what_it_is_for(module: Module):
    assert ast.get_docstring(module.tree), f"{module.path} has no docstring"


@pytest.mark.parametrize(
    "source, expected",
    [
        ("def f(): ...", "f is public"),
        ("__all__ = []\nclass A: ...", "A is public"),
        ("__all__: list[str] = []\nLIMIT: int = 3", "LIMIT is public"),
        ("__all__ = []\na, (b, _c) = 1, (2, 3)\n_b = 1", "a is public"),
        ("__all__ = []\nif True:\n    def f(): ...", "f is public"),
        ("__all__ = []\ntry:\n    pass\nexcept OSError:\n    x = 1", "x is public"),
        ("__all__ = ['f', 'g']\ndef f(): ...", "g is in __all__"),
        ("__all__ = ['path']\nfrom os import path", "path is in __all__"),
        ("__all__ = ['f', 'f']\ndef f(): ...", "f stands twice"),
    ],
)
def test_a_difference_is_found(source: str, expected: str):
    assert expected in "; ".join(differences(module_from("pixelwise.models.bad", source)))


def test_private_names_and_what_a_package_passes_on_are_no_difference():
    assert differences(module_from("pixelwise.models.good", "import os\n__all__ = ['f']\ndef f(): ...\ndef _g(): ...")) == []
    assert differences(module_from("pixelwise.models", "from .unet import unet\n__all__ = ['unet']", is_package=True)) == []
