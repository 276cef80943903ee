"""labelme: one JSON file per image, with shapes in pixels. Old LabelMe's XML is another format (``labelme_xml``)."""

from __future__ import annotations

import base64
import binascii
import io
import posixpath
from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.geometry import (
    Region,
    box,
    coordinate,
    ellipse,
    foreground,
    line,
    points_of,
    polygon,
    whole,
)
from pixelwise.data.importing.naming import ClassIds, beginning, class_name, counted, files_below, keys_of, split_of
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects, size_of
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.errors import DataError
from pixelwise.formats.image import decode_image
from pixelwise.formats.json_file import read_json
from pixelwise.formats.raster import MAX_PIXELS, open_raster
from pixelwise.types import Size

__all__ = ["FORMAT"]

_LINE_WIDTH = 10  # pixels: as wide as labelme itself draws lines into masks

_IGNORED = {"__ignore__": 255}
_POINTS = ("point", "points")
_MOST_LIST = 1 << 20  # characters of labels.txt
_MOST_BYTES = 1 << 30  # of one JSON file; the largest part is the image inside of it


def _matches(root: Path) -> str | None:
    for path in islice(files_below(root, ".json", levels=2), 8):
        ends = beginning(path)
        if (b'"shapes"' in ends or b'"shape_type"' in ends) and (b'"imagePath"' in ends or b'"imageHeight"' in ends):
            return f"{path.name} holds shapes beside an imagePath, as labelme writes them"
    return None


def _read(root: Path) -> Annotations:
    folder = root if root.is_dir() else root.parent
    finder = ImageFinder(folder)
    names: set[str] = set()
    kinds: Counter[str] = Counter()
    faults: list[str] = []
    found: list[tuple[Path, Path | None]] = []
    foreign = 0
    for path in sorted(folder.rglob("*.json")) if root.is_dir() else [root]:
        try:
            content = read_json(path, _MOST_BYTES)
            if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
                foreign += 1
                continue
            image = _image_of(content, path, finder)
        except DataError as error:
            faults.append(str(error))
            continue
        for shape in content["shapes"]:
            if isinstance(shape, dict):
                kinds[_kind(shape)] += 1
                if _kind(shape) not in _POINTS:
                    names.add(class_name(shape.get("label")))
        found.append((path, image))
    classes, said = _classes(folder, names - {""})
    items, twice = _items(found, folder, classes.ids)
    decisions = [said, *_decisions(kinds)]
    if foreign:
        decisions.append(f"left alone, for they hold no shapes: {counted(foreign, 'JSON file')}")
    return Annotations(items, classes.rows(), tuple(decisions), (*faults, *twice))


def _image_of(content: dict[str, Any], path: Path, finder: ImageFinder) -> Path | None:
    """The image file; None where it is only inside the JSON. A file goes first: it has not been encoded again."""
    name = content.get("imagePath")
    if isinstance(name, str) and name:
        here = path.parent.relative_to(finder.root).as_posix()
        beside = posixpath.normpath(posixpath.join(here, name.replace("\\", "/")))
        if beside in finder.images:
            return finder.images[beside]
    for candidate in (name, path.stem):
        try:
            if isinstance(candidate, str) and candidate:
                return finder.find(candidate)
        except DataError:
            continue
    if isinstance(content.get("imageData"), str) and content["imageData"]:
        return None
    raise DataError(f"{path} is of the image {name!r}, which is not below {finder.root}, and holds no imageData; add the image")


def _classes(folder: Path, names: set[str]) -> tuple[ClassIds, str]:
    """Ids in the order of labelme's ``labels.txt`` where there is one, else by the alphabet."""
    listed: list[str] = []
    try:
        with (folder / "labels.txt").open(encoding="utf-8-sig") as stream:
            listed = [name for row in stream.read(_MOST_LIST).splitlines() if (name := class_name(row))]
    except (OSError, UnicodeDecodeError):
        pass
    if names & set(listed):
        classes = ClassIds([*listed, *sorted(names - set(listed))], _IGNORED)
        return classes, classes.sentence("in the order of labels.txt, those that are not in it behind")
    classes = ClassIds(sorted(names), _IGNORED)
    return classes, classes.sentence("in alphabetical order")


def _items(found: list[tuple[Path, Path | None]], folder: Path, ids: dict[str, int]) -> tuple[tuple[Annotated, ...], list[str]]:
    owners: dict[Path, Path] = {}
    faults = []
    for path, image in found:
        place = path if image is None else image
        if owners.setdefault(place, path) != path:
            faults.append(f"{path} and {owners[place]} are both of the image {place.name}; the former is left out, remove one")
    items = []
    for key, (place, path) in zip(keys_of(list(owners), folder), owners.items(), strict=True):
        file = None if place == path else place
        paint = partial(_paint, path, file, ids)
        items.append(Annotated(key, file or partial(_embedded_image, path), paint, split_of(place.relative_to(folder).parent)))
    return tuple(items), faults


def _decisions(kinds: Counter[str]) -> list[str]:
    said = ["later shapes lie above earlier ones, as in labelme's own masks; shapes with one label and group_id are one object"]
    lines = kinds["line"] + kinds["linestrip"]
    if lines:
        said.append(f"drawn {_LINE_WIDTH} pixels wide, as labelme draws them: {counted(lines, 'line')}")
    points = sum(kinds[kind] for kind in _POINTS)
    if points:
        said.append(f"left out, for they have no area: {counted(points, 'point')}")
    return said


def _paint(path: Path, image: Path | None, ids: dict[str, int]) -> Painted:
    content = read_json(path, _MOST_BYTES)
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list):
        raise DataError(f"{path} has no list of shapes any more; export it again")
    size = _size(content, path, image)
    drawn = []
    for at, shape in enumerate(shapes):
        try:
            if not isinstance(shape, dict):
                raise DataError(f"it must be a JSON object, got {type(shape).__name__}")
            if _kind(shape) in _POINTS:
                continue
            name = class_name(shape.get("label"))
            if name not in ids:
                raise DataError("it has no label; give it one in labelme")
            drawn.append(Drawn(ids[name], _region(shape, size), height=at, group=_group(shape)))
        except DataError as error:
            raise DataError(f"{path}, shape {at + 1} of {len(shapes)}: {error}") from None
    return paint_objects(size, drawn)


def _size(content: dict[str, Any], path: Path, image: Path | None) -> Size:
    sides = content.get("imageHeight"), content.get("imageWidth")
    declared = None if None in sides else (whole(sides[0], "imageHeight"), whole(sides[1], "imageWidth"))
    if image is not None:
        return checked_size(image, declared)
    data = _decoded(content.get("imageData"), path)
    size = size_of(*open_raster(path, io.BytesIO(data), MAX_PIXELS).size, f"imageData of {path}")
    if declared is not None and declared != size:
        raise DataError(f"{path} declares {declared[0]} x {declared[1]} pixels, but its imageData has {size[0]} x {size[1]}")
    return size


def _group(shape: dict[str, Any]) -> str | None:
    group = shape.get("group_id")
    return None if group is None else repr(group)[:80]


def _kind(shape: dict[str, Any]) -> str:
    return str(shape.get("shape_type") or "polygon")


def _region(shape: dict[str, Any], size: Size) -> Region:
    kind = _kind(shape)
    if kind in ("polygon", "oriented_rectangle", "rotation"):
        return polygon(points_of(shape.get("points")), size)
    points = points_of(shape.get("points"), at_least=2)
    (x1, y1), (x2, y2) = points[0], points[1]
    if kind == "rectangle":
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)  # of two corners, or all four
        return box(left, top, right, bottom, size)
    if kind == "circle":
        radius = float(np.hypot(x2 - x1, y2 - y1))
        return ellipse((x1, y1), (radius, radius), size)
    if kind in ("line", "linestrip"):
        return line(points, _LINE_WIDTH, size)
    if kind == "mask":
        return _mask(shape, points, size)
    raise DataError(f"shapes of type {kind!r} are unknown; polygon, rectangle, circle, line, linestrip, point and mask are read")


def _mask(shape: dict[str, Any], points: np.ndarray, size: Size) -> Region:
    """The PNG of a mask, which covers the box between its two points, the last pixel included."""
    data = _decoded(shape.get("mask"), "the mask")
    raster = open_raster("the mask", io.BytesIO(data), MAX_PIXELS)
    left, top = (int(coordinate(value)) for value in points.min(axis=0))
    height, width = raster.size
    if top < 0 or left < 0 or top + height > size[0] or left + width > size[1]:
        raise DataError(
            f"its mask of {height} x {width} pixels at row {top}, column {left} reaches beyond the image of {size[0]} x {size[1]}"
        )
    across, down = points.max(axis=0) - points.min(axis=0) + 1
    if abs(across - width) > 1 or abs(down - height) > 1:
        raise DataError(f"its mask has {height} x {width} pixels, but its points enclose {down:g} x {across:g}")
    return Region(foreground(decode_image("the mask", data, channels=1)[..., 0]), top, left)


def _embedded_image(path: Path) -> np.ndarray:
    content = read_json(path, _MOST_BYTES)
    return decode_image(path, _decoded(content.get("imageData") if isinstance(content, dict) else None, path))


def _decoded(text: Any, what: str | Path) -> bytes:
    try:
        data = base64.b64decode(text, validate=False) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise DataError(f"{what} holds no image in base64; save it again in labelme")
    return data


FORMAT = Format("labelme", "labelme JSON", _matches, _read)
