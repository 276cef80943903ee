"""The source tree as the plan tests see it: parsed files, their dotted names, and what each of them imports."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True)
class Module:
    """One parsed file; ``name`` is dotted, and that of the package for an ``__init__.py``."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool = False

    @property
    def room(self) -> str:
        """The first name below the package: ``models`` for ``pixelwise.models.unet``, empty for ``pixelwise`` itself."""
        return [*self.name.split("."), ""][1]


def module_of(path: Path, base: Path) -> Module:
    parts = list(path.relative_to(base).with_suffix("").parts)
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)), is_package)


def module_from(name: str, source: str, is_package: bool = False) -> Module:
    """A module that exists only in a test: the bad examples that show that a rule can fail."""
    return Module(name, Path(name.replace(".", "/") + ".py"), ast.parse(source), is_package)


@cache
def modules() -> tuple[Module, ...]:
    """All files of the package."""
    return tuple(module_of(path, SRC) for path in sorted(SRC.rglob("*.py")))


@cache
def checked_files() -> tuple[Module, ...]:
    """The package, its tests and the scripts of the documentation and the benchmarks."""
    folders = [ROOT / name for name in ("tests", "docs", "benchmarks")]
    return modules() + tuple(module_of(path, ROOT) for folder in folders for path in sorted(folder.rglob("*.py")))


def imports(module: Module, known: frozenset[str] = frozenset()) -> set[str]:
    """Dotted names of all that a module imports, anywhere in it: at the top, in functions, under ``TYPE_CHECKING``,
    relative or absolute. ``known`` holds the names of our modules, so that ``from pixelwise import types`` counts as
    ``pixelwise.types``. Strings that name one of our modules count too: they are imports in waiting."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known or base == "pixelwise" else base)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = re.fullmatch(r"(pixelwise(?:\.\w+)+)(?::\w+)?", node.value)
            if named and named[1] in known:
                found.add(named[1])
    return found


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    drop = node.level - 1 if module.is_package else node.level
    return ".".join(package[: len(package) - drop] + ([node.module] if node.module else []))
