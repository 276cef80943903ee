"""Objects of COCO annotations, as polygons, run lengths or bare boxes: checked one by one, and painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Painted
from pixelwise.data.importing.objects import size_of
from pixelwise.data.importing.painting import Patch, paint
from pixelwise.errors import DataError
from pixelwise.formats import polygon, rle
from pixelwise.formats.raster import open_raster, oriented
from pixelwise.types import Size

__all__ = ["Fill", "Shape", "box_ring", "paint_shapes", "shape_of", "turned_size"]

_MOST_PAINTED = 1 << 31  # pixels of all objects' boxes in one image
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_BOX, _STUFF, _CROWD = -2, -1, 0  # who lies lowest among regions that are no things


class Shape(NamedTuple):
    """One object. ``outline``: rings, or COCO's run lengths. ``is_box``: nothing but its box is known, which is the ring."""

    category: int
    outline: tuple[np.ndarray, ...] | Mapping[str, Any]
    is_crowd: bool = False
    is_box: bool = False


class Fill(NamedTuple):
    """Class ids where there is no outline: of the ``background``, and of the ``boxes`` of objects known by nothing else, ``None``
    to fill those with their class. ``has_objects``: the data set has things that can be counted."""

    background: int
    boxes: int | None
    has_objects: bool


def shape_of(annotation: Mapping[str, Any], category: int) -> Shape:
    """The object of one annotation whose category is known; raises :class:`DataError` where it has neither outline nor box."""
    outline = annotation.get("segmentation")
    is_crowd = annotation.get("iscrowd") in (1, True)
    if isinstance(outline, Mapping) and outline.get("counts") is not None:
        return Shape(category, outline, is_crowd)
    if isinstance(outline, tuple) and any(len(ring) > 2 for ring in outline):
        return Shape(category, outline, is_crowd)
    if isinstance(outline, DataError):
        raise outline
    return Shape(category, (box_ring(annotation.get("bbox")),), is_crowd, is_box=True)


def box_ring(box: Any) -> np.ndarray:
    """The ring (4, 2) around a box ``[x, y, width, height]``; raises :class:`DataError` for what is none."""
    try:
        x, y, width, height = polygon.as_ring(box).reshape(-1).tolist()
    except (DataError, ValueError):
        raise DataError("neither an outline nor a box [x, y, width, height]; draw it again") from None
    if width < 0 or height < 0:
        raise DataError(f"the box is {width:g} x {height:g} pixels, less than nothing; draw it again")
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def turned_size(image: Path, declared: Size | None) -> tuple[Size, int]:
    """(height, width) that the annotation is in, and the EXIF orientation by which it is still to be turned: 1 for none.

    Programs that do not look at EXIF annotate the image as it lies in the file; this shows in a declared size with height and
    width swapped. Raises :class:`DataError` where the file has another size altogether.
    """
    try:
        with image.open("rb") as stream:
            raster = open_raster(image, stream, max_pixels=1 << 62)
    except OSError as error:
        raise DataError(f"{image} cannot be read: {error.strerror}; check the path and its permissions") from None
    size = size_of(*raster.size, image.name)
    if declared is None or declared == size:
        return size, 1
    if declared == size[::-1] and raster.orientation in _TURNED:
        return declared, raster.orientation
    raise DataError(
        f"{image.name} has {size[0]} x {size[1]} pixels, its annotation {declared[0]} x {declared[1]}; annotate this very file, "
        "or export again"
    )


def paint_shapes(
    image: Path, declared: Size | None, shapes: Sequence[Shape], ids: Mapping[int, int], stuff: frozenset[int], fill: Fill
) -> Painted:
    """Paints the objects of one image.

    Args:
        image: the file, whose header gives the size.
        declared: the size that the annotation says it has.
        shapes: the objects.
        ids: class id by category.
        stuff: categories that cannot be counted.
        fill: what is painted where there is no outline.
    """
    size, orientation = turned_size(image, declared)
    patches, total = [], 0
    for shape in shapes:
        mask, top, left = _drawn(shape, size)
        total += mask.size
        if total > _MOST_PAINTED:
            raise DataError(f"the boxes of the objects in {image.name} hold more than {_MOST_PAINTED:,} pixels; tile the image")
        if shape.is_box and fill.boxes is not None:
            patches.append(Patch(fill.boxes, mask, top, left, _BOX, is_thing=False))
        else:
            is_thing = not (shape.is_crowd or shape.category in stuff)
            height = None if is_thing else _CROWD if shape.is_crowd and shape.category not in stuff else _STUFF
            patches.append(Patch(ids[shape.category], mask, top, left, height, is_thing))
    painted = paint(size, patches, fill.background)
    losses = dict(painted.losses)
    empty = sum(not patch.mask.any() for patch in patches)
    boxes = sum(shape.is_box for shape in shapes) if fill.boxes is not None else 0
    if empty:
        losses["objects without a pixel in the image"] = empty
    if boxes:
        losses["objects without an outline (their boxes are ignored)"] = boxes
    instances = painted.instances if fill.has_objects else None
    if orientation != 1:
        instances = None if instances is None else oriented(instances, orientation)
        return Painted(oriented(painted.ids, orientation), instances, losses)
    return replace(painted, instances=instances, losses=losses)


def _drawn(shape: Shape, size: Size) -> polygon.Drawn:
    if not isinstance(shape.outline, Mapping):
        return polygon.draw(shape.outline, size)
    runs = rle.from_coco(shape.outline)
    if runs.size != size:
        raise DataError(
            f"run lengths are for an image of {runs.size[0]} x {runs.size[1]} pixels, this one has {size[0]} x {size[1]}; "
            "export the annotations again"
        )
    left, top, right, bottom = rle.boxes_around([runs])[0].tolist()
    return polygon.Drawn(np.ascontiguousarray(rle.decode(runs)[top:bottom, left:right]), top, left)
