"""From the objects of an annotation tool to a painted image: joined groups, empty shapes counted, sizes compared."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pixelwise.data.importing.annotated import Painted
from pixelwise.data.importing.geometry import Region, union
from pixelwise.data.importing.painting import Patch, paint
from pixelwise.errors import DataError
from pixelwise.formats.image import image_size
from pixelwise.formats.raster import MAX_PIXELS
from pixelwise.types import Size

__all__ = ["Drawn", "checked_size", "paint_objects", "size_of"]


@dataclass(frozen=True)
class Drawn:
    """One shape: where it is, its class, its ``height`` in the source's own order (larger above), and the ``group`` of shapes
    that are one object, ``None`` for an object of its own."""

    class_id: int
    region: Region
    height: int | None = None
    group: Hashable = None


def paint_objects(size: Size, drawn: Iterable[Drawn], background: int = 0) -> Painted:
    """Shapes as a label map and numbered objects, in the order of each object's first shape. Shapes of one class and group
    are one object, which lies as high as the highest of them. An object without any pixel in the image gets a number but is
    counted as lost."""
    groups: dict[Hashable, list[Drawn]] = {}
    for at, shape in enumerate(drawn):
        key = ("alone", at) if shape.group is None else ("group", shape.class_id, shape.group)
        groups.setdefault(key, []).append(shape)
    patches = []
    for shapes in groups.values():
        region = union([shape.region for shape in shapes])
        heights = [shape.height for shape in shapes if shape.height is not None]
        patches.append(Patch(shapes[0].class_id, *region, height=max(heights, default=None)))
    painted = paint(size, patches, background)
    empty = sum(not patch.mask.any() for patch in patches)
    return replace(painted, losses={**painted.losses, "objects without a pixel in the image": empty}) if empty else painted


def checked_size(image: Path, declared: Size | None) -> Size:
    """(height, width) of the image file, upright. Raises :class:`DataError` where the annotation declares another, and for a
    size beyond what is read at all."""
    size = size_of(*image_size(image), image.name)
    if declared is not None and declared != size:
        raise DataError(
            f"{image.name} has {size[0]} x {size[1]} pixels, its annotation {declared[0]} x {declared[1]}; annotate this very "
            "file, or export again"
        )
    return size


def size_of(height: int, width: int, what: str) -> Size:
    """A size that may be allocated; raises :class:`DataError` for others."""
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise DataError(f"{what} declares {height:,} x {width:,} pixels; between 1 and {MAX_PIXELS:,} can be read")
    return height, width
