"""Loads one file of an installed package by itself, where the package asks for more than that file needs."""

import importlib.machinery
import importlib.util
import sys
import types
from functools import cache
from typing import Any
from unittest import mock


@cache
def load_alone(package: str, path: str) -> Any:
    """The module at ``path`` inside ``package``, which is not imported. What the file asks for and nobody needs is made up:
    decorators of numba and of a registry return what they are given."""
    found = importlib.machinery.PathFinder.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    name = f"{package}_alone.{path.removesuffix('.py').replace('/', '_')}"
    spec = importlib.util.spec_from_file_location(name, f"{next(iter(found.submodule_search_locations))}/{path}")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    parent = types.ModuleType(f"{package}_alone")
    parent.utils = None  # type: ignore[attr-defined]
    made_up = {
        "numba": _module(jit=_as_it_is),
        "mmseg.registry": _module(METRICS=types.SimpleNamespace(register_module=_as_it_is)),
        f"{package}_alone": parent,
    }
    with mock.patch.dict(sys.modules, made_up):
        spec.loader.exec_module(module)
    return module


def _module(**names: Any) -> types.ModuleType:
    module = types.ModuleType("made up")
    vars(module).update(names)
    return module


def _as_it_is(*arguments: Any, **_: Any) -> Any:
    """A decorator that changes nothing, with or without options."""
    return arguments[0] if arguments and callable(arguments[0]) else lambda function: function
