"""What may be imported where: core dependencies anywhere, those of an extra only in ``extras/``, anything else nowhere."""

import ast
import re
import sys
import tomllib

import pytest

from tests.plan.tree import ROOT, Module, imports, module_from, modules

# Distributions whose import name is another one.
IMPORT_NAME = {"opencv-python-headless": "cv2", "pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def _import_names(requirements: list[str]) -> set[str]:
    names = [re.split(r"[\s<>=!~;\[]", requirement)[0].lower() for requirement in requirements]
    return {IMPORT_NAME.get(name, name.replace("-", "_")) for name in names}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = _import_names(PROJECT["dependencies"])
EXTRAS = PROJECT["optional-dependencies"]
OPTIONAL = _import_names([line for extra, lines in EXTRAS.items() if extra != "dev" for line in lines]) - CORE
REQUIRED = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]


def forbidden(module: Module) -> set[str]:
    """Imported names that the module may not import. Packages that only carry weights are opened as files, not imported."""
    allowed = CORE | {"pixelwise"} | set(sys.stdlib_module_names)
    if module.room == "extras":
        allowed |= OPTIONAL
    return {name for name in imports(module) if name.split(".")[0] not in allowed}


def excused_imports(module: Module) -> list[int]:
    """Lines where a missing import is swallowed: the name is then None somewhere far away."""
    return [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Try) and any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in node.body)
        if any(all(isinstance(step, ast.Pass | ast.Assign) for step in handler.body) for handler in node.handlers)
    ]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_import_is_declared_and_optional_ones_stay_in_extras(module: Module):
    assert forbidden(module) == set()
    assert excused_imports(module) == []


def test_every_requirement_is_pinned_among_the_constraints():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [re.match(r"([\w.-]+)==[\w.]+$", line) for line in lines if line and not line.startswith("#")]
    names = {found[1].lower().replace("_", "-") for found in pinned if found}
    assert all(pinned), "each line of constraints.txt must be name==version"
    assert {re.split(r"[\s<>=!~;\[]", line)[0].lower().replace("_", "-") for line in REQUIRED} - names == set()


def test_no_requirement_is_capped():
    assert [line for line in REQUIRED if re.search(r"<|==|~=", line)] == []


@pytest.mark.parametrize(
    "name, source, expected",
    [
        ("pixelwise.models.bad", "import sklearn.datasets", {"sklearn.datasets"}),
        ("pixelwise.models.bad", "def f():\n    from sklearn import datasets", {"sklearn"}),
        ("pixelwise.extras.bad", "import undeclared", {"undeclared"}),
        ("pixelwise.extras.good", "import sklearn, torch, json, pixelwise.types", set()),
    ],
)
def test_a_forbidden_import_is_found(name: str, source: str, expected: set[str]):
    assert forbidden(module_from(name, source)) == expected


def test_a_swallowed_import_is_found():
    bad = "try:\n    import onnx\nexcept ImportError:\n    onnx = None"
    good = "try:\n    import onnx\nexcept ImportError as error:\n    raise ConfigError('pip install pixelwise[onnx]') from error"
    assert excused_imports(module_from("pixelwise.extras.bad", bad)) == [1]
    assert excused_imports(module_from("pixelwise.extras.good", good)) == []
