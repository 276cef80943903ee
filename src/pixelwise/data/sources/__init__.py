"""Where the files are: one module per layout on disk, one row each in :data:`SOURCES`.

To add a layout, write a module with ``matches(root)`` and ``records(root)``, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pixelwise.data.class_file import read_class_file
from pixelwise.data.dataset import Dataset
from pixelwise.data.importing.registry import format_names, sniff
from pixelwise.data.levels import Levels, decide, scan
from pixelwise.data.sources import camvid, folders
from pixelwise.data.sources.columns import with_file
from pixelwise.data.sources.foreign import foreign_records, format_of
from pixelwise.data.sources.found import SPLIT_NAMES, Found, Source, some
from pixelwise.errors import ConfigError, DataError, nearest
from pixelwise.formats.label_png import Color
from pixelwise.types import ClassTable, Mode

__all__ = ["SOURCES", "find"]

_COLOR_TABLES = ("labelmap.txt", "class_dict.csv", "label_colors.txt")

SOURCES: dict[str, Source] = {
    "camvid": Source(camvid.matches, camvid.records),
    "folders": Source(folders.matches, folders.records),
}


def find(root: str | Path, source: str = "auto", task: str = "auto", scan: Callable[[Sequence[Path]], Levels] = scan) -> Dataset:
    """Reads the names of all files below ``root``, and, where no ``classes.json`` names the classes, all masks.

    ``source``: a key of :data:`SOURCES`, or ``auto``. ``task``: ``binary``, ``multiclass``, ``multilabel``, or ``auto``: binary
    with two classes, multilabel with one folder of masks per class, else multiclass.

    ``scan`` reads the values of all masks; give another where they are known from before.

    Further columns of ``splits.csv``, and those of ``records.csv``, go into the records, whatever the layout.

    Raises :class:`DataError` for a wrong path, an empty folder, an unknown layout, and masks that cannot be class ids;
    :class:`ConfigError` for a task that the masks do not fit. Damaged single files are left to ``check``.
    """
    root = Path(root).expanduser()
    _require_folder(root)
    name, evidence = _source_of(root, source)
    found = SOURCES[name].records(root) if name in SOURCES else foreign_records(root, sniff(root, name)[0])
    if not found.records:
        raise DataError(f"{root} holds no images (.png, .jpg, .tif, ...); check the path")
    records, said = with_file(root, found.records)
    decisions = [f"layout {name}: {evidence}", *found.decisions, *said]
    threshold = found.threshold
    colors: tuple[tuple[Color, int], ...] = ()
    if found.class_names:
        classes = ClassTable.from_json([{"id": i, "name": name} for i, name in enumerate(found.class_names)])
        threshold = _layer_threshold(found, decisions, scan)
    elif (stated := read_class_file(root)) is not None:
        classes, colors = stated
        if len(classes) < 2:
            raise DataError(
                f"{root / 'classes.json'} names {len(classes)} class that counts; segmentation needs at least two, "
                f"such as background and object"
            )
        ignored = f", ids {', '.join(map(str, classes.ignore_ids))} ignored" if classes.ignore_ids else ""
        decisions.append(f"classes.json: {len(classes)} classes{ignored}")
    elif found.is_stated:
        classes = ClassTable.from_json(found.rows)
        decisions.append(f"{len(classes)} classes: {some(classes.names, 8)}")
    elif threshold is not None:
        classes = ClassTable.from_json([{"id": 0, "name": "background"}, {"id": 1, "name": "object"}])
    else:
        classes, threshold = _from_masks(found, decisions, scan)
    if threshold is not None and not found.class_names and len(classes) != 2:
        raise DataError(f"instances/ gives two classes, background and object, but classes.json names {len(classes)}; remove it")
    mode = _mode(task, classes, bool(found.class_names))
    return Dataset(root, name, records, classes, mode, tuple(decisions), threshold, colors, found.orphans)


def _require_folder(root: Path) -> None:
    if root.is_dir():
        if not any(root.iterdir()):
            raise DataError(f"{root} is an empty folder; a data set has images/ and masks/ in it: check the path")
        return
    if root.exists():
        raise DataError(f"{root} is a file, not a folder; give the folder that holds images/ and masks/")
    parent = root.parent
    while not parent.is_dir():
        parent = parent.parent
    missing = root.relative_to(parent).parts[0]
    folders_there = sorted(path.name for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    hint = nearest(missing, folders_there) if folders_there else "there is no folder at all"
    raise DataError(f"the folder {root} does not exist: {parent.resolve()} has no {missing!r}; {hint}")


def _source_of(root: Path, source: str) -> tuple[str, str]:
    if source != "auto":
        names = ["auto", *SOURCES, *format_names()[1:]]
        if source not in names:
            raise ConfigError(f"unknown source {source!r}; {nearest(source, names)}")
        return source, (SOURCES[source].matches(root) if source in SOURCES else None) or "as asked for"
    own = next(((name, evidence) for name, layout in SOURCES.items() if (evidence := layout.matches(root))), None)
    if own is not None and _is_canonical(root):
        return own
    foreign = format_of(root)  # some of them have a folder images/ too
    if foreign is not None:
        return foreign[0].name, foreign[1]
    if own is not None:
        return own
    below = [path for path in sorted(root.iterdir()) if path.is_dir()]
    inside = [path for path in below if any(candidate.matches(path) for candidate in SOURCES.values())]
    if inside:
        hint = f"did you mean {some([str(path) for path in inside], 3)}?"
    else:
        held = f"it has the folders {some([path.name + '/' for path in below])}" if below else "it has no folders at all"
        hint = f"{held}; put the images into images/ and the masks, by the same names, into masks/"
    raise DataError(
        f"{root} is in no layout that is known (images/ and masks/; train/ val/ test/ with both in each; "
        f"CamVid's train/ and trainannot/); {hint}"
    )


def _is_canonical(root: Path) -> bool:
    """Whether the names alone leave no doubt: ``classes.json``, or ``masks/`` without a table of colours beside them."""
    if (root / "classes.json").is_file():
        return True
    has_masks = (root / "masks").is_dir() or any(path.parent.name.lower() in SPLIT_NAMES for path in root.glob("*/masks/"))
    return has_masks and not any((root / name).is_file() for name in _COLOR_TABLES)


def _from_masks(found: Found, decisions: list[str], scan: Callable[[Sequence[Path]], Levels]) -> tuple[ClassTable, int | None]:
    levels = scan([path for record in found.records for path in record.masks if path is not None])
    if found.rows and set(levels.values) <= {row["id"] for row in found.rows}:
        classes = ClassTable.from_json(found.rows)
        decisions.append(f"no classes.json: the {len(classes)} classes of this layout, ids {classes.ignore_ids} ignored")
        return classes, None
    reading = decide(levels)
    decisions.append(reading.decision)
    return reading.classes, reading.threshold


def _layer_threshold(found: Found, decisions: list[str], scan: Callable[[Sequence[Path]], Levels]) -> int:
    """Above which value a pixel of a class folder's mask belongs to the class."""
    levels = scan([path for record in found.records for path in record.masks if path is not None])
    values = [value for value in levels.values if value]
    if not values:
        raise DataError("all masks of all classes are empty (0 everywhere); check that the right masks were exported")
    if len(values) == 1:
        return 0
    if max(values) == 255:
        decisions.append(f"class masks hold {len(values) + 1} values up to 255: above 127 is the class")
        return 127
    raise DataError(
        f"masks in class folders hold the values {some(values)}; each must hold 0 and one other value, such as 255: "
        f"if they are maps of class ids, put them into masks/ itself"
    )


def _mode(task: str, classes: ClassTable, has_class_folders: bool) -> Mode:
    if task not in ("auto", "binary", "multiclass", "multilabel"):
        raise ConfigError(f"unknown task {task!r}; {nearest(task, ['auto', 'binary', 'multiclass', 'multilabel'])}")
    if has_class_folders:
        if task in ("binary", "multiclass"):
            raise ConfigError(f"data.task is {task}, but there is one folder of masks per class, which is multilabel; use auto")
        return "multilabel"
    if task == "multilabel":
        raise ConfigError(
            "data.task is multilabel, but the masks hold one class per pixel; put one folder of masks per class "
            "into masks/, or use auto"
        )
    if task == "binary" and len(classes) != 2:
        raise ConfigError(
            f"data.task is binary, but there are {len(classes)} classes ({some(classes.names)}); use multiclass or auto, or "
            f"mark classes as ignored in classes.json"
        )
    if task == "multiclass":
        return "multiclass"
    return "binary" if len(classes) == 2 else "multiclass"
