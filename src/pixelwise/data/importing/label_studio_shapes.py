"""The regions of Label Studio as pixels."""

from __future__ import annotations

import base64
import binascii
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.importing.annotated import Painted
from pixelwise.data.importing.geometry import Region, box, coordinate, ellipse, foreground, points_of, polygon, turned, whole
from pixelwise.data.importing.naming import class_name
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects
from pixelwise.errors import DataError
from pixelwise.formats.label_studio_rle import decode_brush
from pixelwise.formats.raster import MAX_PIXELS, open_raster, raw_pixels
from pixelwise.types import Size

__all__ = ["StudioShape", "paint_shapes", "shapes_of"]


@dataclass(frozen=True)
class StudioShape:
    """One region: ``kind`` polygon, rectangle, ellipse, brush or bitmask, the ``value`` that describes it (a brush's packed
    bytes under ``rle``), and the (height, width) of the image that it was drawn on, where stated."""

    kind: str
    label: str
    value: Mapping[str, Any]
    size: Size | None


def shapes_of(results: Sequence[Any], counts: Counter[str]) -> tuple[StudioShape, ...]:
    """The labelled regions of one annotation. What is left out, and what is remarkable, is added to ``counts``.

    A region may stand twice under one id, once with its shape alone and once with its label (separate ``Polygon`` and
    ``Labels`` controls). Raises :class:`DataError` for a size or packed bytes that cannot be.
    """
    regions: dict[str, tuple[str, dict[str, Any], list[str]]] = {}
    for at, result in enumerate(results):
        value = result.get("value") if isinstance(result, dict) else None
        kind = _kind(value) if isinstance(value, dict) else ""
        if not isinstance(value, dict) or kind in ("", "keypoint"):
            counts[kind or "other"] += 1
            continue
        name = class_name(result.get("id")) or f"#{at}"
        regions.setdefault(name, (kind, result, []))[2].extend(_labels(value))
    shapes = []
    for kind, result, labels in regions.values():
        distinct = list(dict.fromkeys(labels))
        counts["unnamed"] += not distinct
        counts["labels"] += len(distinct) > 1
        counts["turned"] += bool(result.get("image_rotation"))
        counts["brush"] += kind == "brush"
        if distinct:
            shapes.append(StudioShape(kind, distinct[0], _compact(kind, result["value"]), _size(result)))
    return tuple(shapes)


def paint_shapes(image: Path, shapes: Sequence[StudioShape], ids: Mapping[str, int]) -> Painted:
    """Paints the regions of one image. Raises :class:`DataError` for a damaged region, and where the image has not the size
    that it was annotated in."""
    size = checked_size(image, None)
    drawn = []
    for at, shape in enumerate(shapes):
        checked_size(image, shape.size)
        try:
            drawn.append(Drawn(ids[shape.label], _region(shape, size)))
        except DataError as error:
            raise DataError(f"{shape.kind} {at + 1} of {len(shapes)} in {image.name}: {error}") from None
    return paint_objects(size, drawn)


def _kind(value: Mapping[str, Any]) -> str:
    """By what the value holds; the names of types depend on how the project was set up."""
    for key, kind in (("rle", "brush"), ("imageDataURL", "bitmask"), ("points", "polygon"), ("radiusX", "ellipse")):
        if key in value:
            return kind
    if "x" in value and "y" in value:
        return "rectangle" if "height" in value else "keypoint"
    return ""


def _labels(value: Mapping[str, Any]) -> list[str]:
    found = (labels for key, labels in value.items() if key.endswith("labels") and isinstance(labels, list))
    return [name for labels in found for label in labels if (name := class_name(label))]


def _compact(kind: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind != "brush":
        return value
    try:
        if not isinstance(value["rle"], list):  # bytes of a number would be that many zeros
            raise TypeError
        return {"rle": bytes(value["rle"])}
    except (TypeError, ValueError):
        raise DataError("the rle of a brush mask must be a list of numbers from 0 to 255; export again") from None


def _size(result: Mapping[str, Any]) -> Size | None:
    sides = result.get("original_height"), result.get("original_width")
    return None if None in sides else (whole(sides[0], "original_height", 1), whole(sides[1], "original_width", 1))


def _region(shape: StudioShape, size: Size) -> Region:
    value = shape.value
    if shape.kind == "brush":
        return Region(foreground(decode_brush(value["rle"], size)))
    if shape.kind == "bitmask":
        return Region(_bitmask(value["imageDataURL"], size))
    scale = np.array([size[1], size[0]]) / 100
    if shape.kind == "polygon":
        return polygon(points_of(value["points"]) * scale, size)
    x, y = np.array([coordinate(value.get("x"), "x"), coordinate(value.get("y"), "y")]) * scale
    degrees = coordinate(value.get("rotation") or 0, "rotation")
    names = ("radiusX", "radiusY") if shape.kind == "ellipse" else ("width", "height")
    across, down = np.array([coordinate(value.get(name), name) for name in names]) * scale
    if shape.kind == "ellipse":
        return ellipse((x, y), (across, down), size, degrees)
    if degrees == 0:
        return box(x, y, x + across, y + down, size)
    corners = np.array([(x, y), (x + across, y), (x + across, y + down), (x, y + down)])
    return polygon(turned(corners, degrees, (x, y)), size)  # x and y are the corner about which it was turned


def _bitmask(address: Any, size: Size) -> np.ndarray:
    """The mask in a PNG inside a data address: black where it is, transparent elsewhere."""
    try:
        data = base64.b64decode(address.partition(",")[2]) if isinstance(address, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise DataError("it holds no image in base64")
    raster = open_raster("its image", io.BytesIO(data), MAX_PIXELS)
    if raster.size != size:
        raise DataError(f"its image has {raster.size[0]} x {raster.size[1]} pixels, not {size[0]} x {size[1]}")
    pixels = raw_pixels(raster, data)
    if pixels.ndim != 3 or pixels.shape[2] not in (2, 4):
        raise DataError("its image has no transparency, which is where the mask is not; export it again")
    return foreground(pixels[..., -1])
