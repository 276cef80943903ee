"""Imports run downhill: a file imports from lower floors or from its own room, and nothing runs in a circle."""

import pytest

from tests.plan.tree import Module, imports, module_from, modules

# One file per command of the command line.
COMMANDS = {
    "cli_augment", "cli_catalog", "cli_check", "cli_compare", "cli_evaluate", "cli_fetch", "cli_import", "cli_split",
}  # fmt: skip

FLOORS = {
    1: {"errors", "types"},
    2: {"augment_config", "config", "formats", "ops", "report"},
    3: {"data", "models", "losses", "metrics"},
    4: {"tasks"},
    5: {"build", "plan", "engine"},
    6: {"", "api", "verbs"},  # "" is pixelwise/__init__.py: the face
    7: {"__main__", "cli", "cli_call", "cli_options", *COMMANDS, "demo", "extras", "terminal"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

# Rooms of one floor do not know each other, except for these, one way only: (who, whom).
BESIDE = {
    ("types", "errors"),
    ("config", "augment_config"),
    ("report", "formats"),
    ("report", "ops"),
    ("plan", "build"),
    ("engine", "build"),
    ("", "api"),
    ("", "verbs"),
    ("api", "verbs"),
    *(("cli", room) for room in (*COMMANDS, "cli_call", "cli_options", "demo", "extras", "terminal")),
    *((command, room) for command in COMMANDS for room in ("cli_call", "cli_options", "terminal")),
    ("demo", "extras"),
    ("__main__", "cli"),
}
KNOWN = frozenset(module.name for module in modules())


def uphill(module: Module, known: frozenset[str] = KNOWN) -> list[str]:
    """What a module imports although it may not."""
    wrong = []
    for target in sorted(imports(module, known)):
        if target.split(".")[0] != "pixelwise" or target == "pixelwise.__version__":
            continue
        is_ours = any(target == name or target.startswith(name + ".") for name in known - {"pixelwise"})
        room = target.split(".")[1] if is_ours else ""  # else a name of the package's face, such as pixelwise.train
        down = FLOOR_OF[room] < FLOOR_OF[module.room]
        if not (down or room == module.room or (module.room, room) in BESIDE):
            wrong.append(f"{module.name} (floor {FLOOR_OF[module.room]}) imports {target} (floor {FLOOR_OF[room]})")
    return wrong


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Paths that come back to where they started, one per circle found by a depth-first walk."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for following in sorted(graph.get(name, ())):
                walk(following, [*path, name])
            done.add(name)

    for name in sorted(graph):
        walk(name, [])
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_imports_run_downhill(module: Module):
    assert module.room in FLOOR_OF, f"{module.path} stands on no floor; give its room a row in FLOORS"
    assert uphill(module) == []


def test_no_imports_run_in_a_circle():
    graph = {module.name: imports(module, KNOWN) & KNOWN for module in modules() if module.name != "pixelwise"}
    assert circles(graph) == []


@pytest.mark.parametrize(
    "name, source",
    [
        ("pixelwise.models.unet", "import pixelwise.tasks.semantic"),
        ("pixelwise.models.unet", "from pixelwise.tasks.semantic import SemanticTask"),
        ("pixelwise.models.unet", "from pixelwise.tasks import semantic"),
        ("pixelwise.models.unet", "from pixelwise import tasks"),
        ("pixelwise.models.unet", "from ..tasks import semantic"),
        ("pixelwise.models.unet", "from .. import tasks"),
        ("pixelwise.models.unet", "from ..losses import pixel"),
        ("pixelwise.models.unet", "def f():\n    from pixelwise.tasks import semantic"),
        ("pixelwise.models.unet", "if TYPE_CHECKING:\n    from pixelwise.tasks import semantic"),
        ("pixelwise.models.unet", "import_module('pixelwise.tasks.semantic')"),
        ("pixelwise.models.unet", "BUILDER = 'pixelwise.tasks.semantic:SemanticTask'"),
        ("pixelwise.models.unet", "import pixelwise"),
        ("pixelwise.models.unet", "from pixelwise import train"),
        ("pixelwise.formats.image", "from pixelwise.report import table"),
        ("pixelwise.data.loader", "from pixelwise.models.unet import unet"),
        ("pixelwise.api", "from pixelwise.extras import onnx"),
        ("pixelwise.errors", "from pixelwise.types import Record"),
    ],
)
def test_an_upward_or_sideways_import_is_found(name: str, source: str):
    known = frozenset({"pixelwise", "pixelwise.models", "pixelwise.models.unet", "pixelwise.tasks", "pixelwise.tasks.semantic"})
    known |= {"pixelwise.losses", "pixelwise.losses.pixel", "pixelwise.report", "pixelwise.extras", "pixelwise.types"}
    assert len(uphill(module_from(name, source), known)) == 1


@pytest.mark.parametrize(
    "name, source",
    [
        ("pixelwise.tasks.semantic", "from pixelwise.losses import pixel\nfrom ..models import unet\nimport pixelwise.types"),
        ("pixelwise.models.pspnet", "from .unet import unet\nfrom . import blocks"),
        ("pixelwise.report.table", "from pixelwise.formats.image import read_image"),
        ("pixelwise.report.table", "from pixelwise import __version__\nimport numpy.typing"),
    ],
)
def test_a_downward_import_is_allowed(name: str, source: str):
    known = KNOWN | {"pixelwise.formats", "pixelwise.losses", "pixelwise.models", "pixelwise.types"}
    assert uphill(module_from(name, source), known) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}}) == []
