"""The shapes of CVAT's XML as pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelwise.data.importing.annotated import Painted
from pixelwise.data.importing.geometry import Region, box, coordinate, ellipse, line, points_of, polygon, turned, whole
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects
from pixelwise.errors import DataError
from pixelwise.types import Size

__all__ = ["AREAS", "LINE_WIDTH", "CvatShape", "paint_shapes"]

AREAS = frozenset({"polygon", "box", "ellipse", "mask", "polyline"})
"""Elements that become pixels."""

LINE_WIDTH = 1
"""Pixels: CVAT's polylines have no width of their own."""


@dataclass(frozen=True)
class CvatShape:
    """One element: its tag, its label and its attributes as they stand in the file."""

    tag: str
    label: str
    attributes: Mapping[str, str]


def paint_shapes(image: Path, declared: Size | None, shapes: Sequence[CvatShape], ids: Mapping[str, int]) -> Painted:
    """Paints the shapes of one image. Shapes of one label with the same ``group_id`` other than 0 are one object. Raises
    :class:`DataError` for a damaged shape, and where the image has not the declared size."""
    size = checked_size(image, declared)
    drawn = []
    for at, shape in enumerate(shapes):
        try:
            group = shape.attributes.get("group_id", "0")
            height = whole(shape.attributes.get("z_order", 0), "z_order", -(1 << 31))
            region = _region(shape, size)
            drawn.append(Drawn(ids[shape.label], region, height, group if group not in ("", "0") else None))
        except DataError as error:
            raise DataError(f"{shape.tag} {at + 1} of {len(shapes)} in {image.name}: {error}") from None
    return paint_objects(size, drawn)


def _region(shape: CvatShape, size: Size) -> Region:
    attributes = shape.attributes
    if shape.tag == "mask":
        return _mask(attributes, size)
    if shape.tag in ("polygon", "polyline"):
        points = points_of([pair.split(",") for pair in attributes.get("points", "").strip(";").split(";")])
        return polygon(points, size) if shape.tag == "polygon" else line(points, LINE_WIDTH, size)
    degrees = coordinate(attributes.get("rotation", 0), "rotation")
    if shape.tag == "ellipse":
        x, y, along, across = (coordinate(attributes.get(name), name) for name in ("cx", "cy", "rx", "ry"))
        return ellipse((x, y), (along, across), size, degrees)
    x1, y1, x2, y2 = (coordinate(attributes.get(name), name) for name in ("xtl", "ytl", "xbr", "ybr"))
    if degrees == 0:
        return box(x1, y1, x2, y2, size)
    corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    return polygon(turned(corners, degrees, ((x1 + x2) / 2, (y1 + y2) / 2)), size)


def _mask(attributes: Mapping[str, str], size: Size) -> Region:
    """Runs row by row inside a crop, background first, so that the sum of the runs is the size of the crop."""
    top, left = (whole(attributes.get(name), name) for name in ("top", "left"))
    height, width = (whole(attributes.get(name), name, 1) for name in ("height", "width"))
    if top + height > size[0] or left + width > size[1]:
        raise DataError(
            f"its crop of {height} x {width} pixels at row {top}, column {left} reaches beyond the image of {size[0]} x {size[1]}"
        )
    text = attributes.get("rle", "")
    if text.count(",") > height * width:
        raise DataError(f"its rle has more runs than its crop of {height} x {width} has pixels")
    counts = np.array([whole(count, "a run of the rle", high=height * width) for count in text.split(",")], np.int64)
    if int(counts.sum()) != height * width:
        raise DataError(
            f"its runs add up to {int(counts.sum()):,} pixels, but its crop is {height} x {width} = {height * width:,}"
        )
    return Region(np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width), top, left)
