"""One row per architecture: its builder exists, its public name is exported, its paper is named, a parity test stands."""

import ast
import importlib
import inspect
import re

import pytest

import pixelwise
from pixelwise.models.catalog import ARCHITECTURES, Architecture
from tests.plan.tree import ROOT


def faults(name: str, row: Architecture) -> list[str]:
    """What is wrong with one row of the catalog."""
    found = []
    module_name, _, function_name = row.builder.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError):
        found.append(f"builder {row.builder} does not resolve")
    else:
        given = list(inspect.signature(function).parameters)[:2]
        if given != ["encoder", "num_classes"]:
            found.append(f"builder takes {given} first, not encoder and num_classes")
        if len(inspect.getdoc(function) or "") < 20:
            found.append("builder has no docstring")
    if row.public not in dir(pixelwise) or getattr(getattr(pixelwise, row.public, None), "__name__", "") != row.public:
        found.append(f"pixelwise.{row.public} is not this architecture")
    if not re.search(r"\b(19|20)\d\d\b", row.paper):
        found.append(f"paper {row.paper!r} names no year")
    if len(row.summary) < 10:
        found.append("summary says nothing")
    if not any(name in text for text in _parity_tests()):
        found.append(f"no parity test in tests/parity mentions {name}")
    return found


def _parity_tests() -> list[str]:
    """Names of files and functions of the parity tests."""
    names = []
    for path in (ROOT / "tests" / "parity").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names += [f"{path.stem}:{node.name}" for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return names


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_row_is_complete(name: str):
    assert faults(name, ARCHITECTURES[name]) == []


def test_a_bad_row_is_found():
    bad = Architecture(builder="pixelwise.models.catalog:nothing", public="Nothing", task="semantic", paper="", summary="")
    assert len(faults("nothing_at_all", bad)) == 5
