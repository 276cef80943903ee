"""Segment Anything (SA-1B): one JSON file per image, with run lengths of objects that have no classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.coco_objects import Fill, Shape, paint_shapes, shape_of
from pixelwise.data.importing.naming import beginning, counted, files_below, keys_of, split_of
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.data.importing.tally import Tally
from pixelwise.errors import DataError
from pixelwise.formats.json_file import read_json
from pixelwise.types import Size

__all__ = ["FORMAT", "matches", "read"]

_OBJECT = 1
_MOST_BYTES = 1 << 28  # of one image's file
_LOOKED_AT = 8
_LEVELS = 1  # folders below the root
_CLASSES = ({"id": 0, "name": "background"}, {"id": _OBJECT, "name": "object", "thing": True})
_KINDS = {
    "file": ("files cannot be read, and their images are left out", "export them again"),
    "missing": ("images are left out", "add their files, or remove their annotations"),
    "twice": ("images have more than one file of annotations", "the first counts; remove the others"),
}


def matches(root: Path) -> str | None:
    for path in islice(files_below(root, ".json", _LEVELS), _LOOKED_AT):
        if _is_of_this_format(path):
            return f"{path.name} holds one image and the run lengths of its objects, as Segment Anything's files do"
    return None


def _is_of_this_format(path: Path) -> bool:
    ends = beginning(path)
    marks = (b'"image"', b'"annotations"', b'"segmentation"', b'"counts"', b'"predicted_iou"')
    return ends.lstrip().startswith(b"{") and all(mark in ends for mark in marks)


def read(root: Path) -> Annotations:
    base = root if root.is_dir() else root.parent
    finder = ImageFinder(base)
    tally = Tally(_KINDS)
    found: dict[Path, tuple[Path, Size | None]] = {}
    for path in files_below(root, ".json", _LEVELS):
        if not _is_of_this_format(path):
            continue
        try:
            content = _content(path)
        except DataError as error:
            tally.add("file", str(error))
            continue
        try:
            image = finder.find(str(content["image"].get("file_name")))
        except DataError as error:
            tally.add("missing", str(error).partition(";")[0])
            continue
        if image in found:
            tally.add("twice", path.name)
            continue
        height, width = content["image"].get("height"), content["image"].get("width")
        found[image] = path, (height, width) if type(height) is int and type(width) is int else None
    items = tuple(
        Annotated(key, image, partial(_paint, image, *found[image]), split_of(image.relative_to(base)))
        for key, image in zip(keys_of(list(found), base), found, strict=True)
    )
    decisions = [
        f"objects have no classes in this format: all are {_OBJECT}, object; 0 is background",
        "where masks lie on each other, smaller ones are on top",
    ]
    unlisted = [name for name, path in finder.images.items() if path not in found]
    if unlisted:
        decisions.append(f"{counted(len(unlisted), 'image', unlisted)} without annotations left out")
    return Annotations(items, _CLASSES, tuple(decisions), tally.sentences())


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path, _MOST_BYTES)
    image = content.get("image") if isinstance(content, dict) else None
    if not isinstance(image, dict) or not isinstance(content.get("annotations"), list):
        raise DataError(f"{path} must hold an image and its annotations; export it again")
    return content


def _paint(image: Path, path: Path, size: Size | None) -> Painted:
    shapes: list[Shape] = []
    for at, annotation in enumerate(_content(path)["annotations"]):
        if not isinstance(annotation, Mapping) or not isinstance(annotation.get("segmentation"), Mapping):
            raise DataError(f"{path.name}: annotation {at} has no run lengths; export it again")
        shapes.append(shape_of(annotation, _OBJECT))
    return paint_shapes(image, size, shapes, {_OBJECT: _OBJECT}, frozenset(), Fill(0, None, True))


FORMAT = Format("segment-anything", "Segment Anything masks (JSON per image)", matches, read)
