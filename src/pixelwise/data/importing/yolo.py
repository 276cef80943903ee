"""YOLO segmentation: one text file of outlines per image, as Ultralytics, Darknet, CVAT and Roboflow lay them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.categories import Category, number_classes
from pixelwise.data.importing.coco_objects import Fill, Shape, paint_shapes, turned_size
from pixelwise.data.importing.naming import counted, keys_of
from pixelwise.data.importing.tally import Tally
from pixelwise.data.importing.yolo_files import YoloSet, config_of, find_set, looks_like_labels, names_file_of
from pixelwise.errors import DataError
from pixelwise.formats.yolo_txt import Row, read_row

__all__ = ["FORMAT", "matches", "read"]

_MOST_BYTES = 1 << 26  # of one label file
_KINDS = {
    "file": ("label files cannot be read", "export them again; their images count as without objects"),
    "row": ("lines are damaged and left out", "draw the objects again, or remove the lines"),
    "unknown": ("lines are of classes that have no name", "add the names, or remove the lines"),
}


def matches(root: Path) -> str | None:
    config = config_of(root)
    if config is not None:
        return f"{config[0].name} names classes and where the images are, as YOLO's does"
    listed = names_file_of(root) if root.is_dir() else None
    if listed is not None and looks_like_labels(root):
        return f"{listed.name} names classes, and text files hold rows of numbers, as YOLO's labels do"
    return None


def read(root: Path) -> Annotations:
    found, passed_over = _chosen_set(root)
    tally = Tally(_KINDS)
    counts: Counter[tuple[int, bool]] = Counter()
    for image in found.splits:
        counts.update(_count(found.labels[image], found.names, tally))
    names = found.names or {number: "" for number, _ in counts}
    if not names:
        raise DataError(f"{root} has no list of classes, and no label of any class; add data.yaml with names")
    numbers = number_classes({number: Category(name) for number, name in names.items()})
    boxes, outlines = (sum(count for (_, is_box), count in counts.items() if is_box is wanted) for wanted in (True, False))
    fill = Fill(numbers.background, numbers.ignored if outlines else None, True)
    decisions = [*found.decisions, *passed_over, numbers.decision, *_about(found, boxes, outlines, numbers.ignored)]
    images = list(found.splits)
    base = root if root.is_dir() else root.parent
    items = tuple(
        Annotated(key, image, partial(_paint, image, found.labels[image], numbers.ids, fill), found.splits[image])
        for key, image in zip(_keys(images, base), images, strict=True)
    )
    rows = numbers.rows_with_ignored() if boxes and outlines else numbers.rows
    return Annotations(items, rows, tuple(decisions), (*found.faults, *tally.sentences()))


def _keys(images: list[Path], base: Path) -> list[str]:
    """Keys without the folders called images, which say nothing, where they stay different."""
    keys = keys_of(images, base)
    short = ["/".join(part for part in key.split("/") if part.lower() != "images") for key in keys]
    return short if len(set(short)) == len(keys) else keys


def _chosen_set(root: Path) -> tuple[YoloSet, list[str]]:
    """The data set of a YAML file in ``root``; else of the first in a folder of it whose labels are outlines; else of none."""
    config = config_of(root)
    if config is not None or root.is_file() or names_file_of(root) is not None:
        return find_set(root, config), []
    below = [(folder, inner) for folder in sorted(root.iterdir()) if folder.is_dir() and (inner := config_of(folder)) is not None]
    sets = []
    for folder, inner in below:
        found = find_set(root, inner)
        sets.append(found)
        if any(not row.is_box for label in found.labels.values() for row in _good_rows(label)):
            others = [f"{other.name}/" for other, _ in below if other != folder]
            left = f"; not read: {', '.join(others)}" if others else ""
            return found, [f"read {folder.name}/, whose labels are outlines{left}"]
    return (sets[0], []) if sets else (find_set(root, None), [])


def _rows(label: Path | None) -> Iterator[tuple[int, Row | DataError]]:
    """The lines of a label file, counted from 1, and what each holds; empty ones are passed over."""
    if label is None:
        return
    try:
        if label.stat().st_size > _MOST_BYTES:
            raise DataError(f"{label} has {label.stat().st_size:,} bytes, more than the {_MOST_BYTES:,} allowed")
        lines = label.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{label} cannot be read ({type(error).__name__}); export it again") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, read_row(line)
            except DataError as error:
                yield number, error


def _good_rows(label: Path | None) -> Iterator[Row]:
    try:
        yield from (row for _, row in _rows(label) if isinstance(row, Row))
    except DataError:
        return


def _count(label: Path | None, names: Mapping[int, str], tally: Tally) -> Counter[tuple[int, bool]]:
    """Objects by class and by whether they are boxes; what cannot be read goes into ``tally``."""
    counts: Counter[tuple[int, bool]] = Counter()
    try:
        for line, row in _rows(label):
            if isinstance(row, DataError):
                tally.add("row", f"{label.name if label else ''}, line {line}: {row}")
            elif names and row.number not in names:
                tally.add("unknown", f"{label.name if label else ''}, line {line}: class {row.number}")
            else:
                counts[row.number, row.is_box] += 1
    except DataError as error:
        tally.add("file", str(error))
    return counts


def _about(found: YoloSet, boxes: int, outlines: int, ignored: int) -> list[str]:
    without = sum(found.labels[image] is None for image in found.splits)
    sentences = [f"{counted(outlines, 'outline')} in labels of {counted(len(found.splits) - without, 'image')}"]
    if boxes and not outlines:
        sentences.append(
            f"warning: {counted(boxes, 'object')}, all of them boxes without outlines: they are painted as filled boxes, so "
            "masks are rectangles, and networks learn rectangles; draw outlines for true segmentation"
        )
    elif boxes:
        sentences.append(
            f"warning: {counted(boxes, 'object')} with a box but no outline: which pixels are theirs is unknown, so their boxes "
            f"are ignored (id {ignored})"
        )
    if without:
        sentences.append(f"{counted(without, 'image')} without a label file: background alone")
    return sentences


def _paint(image: Path, label: Path | None, ids: Mapping[int, int], fill: Fill) -> Painted:
    size, _ = turned_size(image, None)
    shapes = [
        Shape(row.number, (row.ring * (size[1], size[0]),), is_box=row.is_box) for row in _good_rows(label) if row.number in ids
    ]
    return paint_shapes(image, None, shapes, ids, frozenset(), fill)


FORMAT = Format("yolo", "YOLO segmentation (data.yaml and label files)", matches, read)
