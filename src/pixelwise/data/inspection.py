"""One record looked at once: image and mask read whole, sizes, values, and what is wrong with them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pixelwise.data.levels import histogram
from pixelwise.data.targets import TargetReader
from pixelwise.errors import DataError
from pixelwise.formats.raster import MAX_PIXELS, Raster, open_raster, raw_pixels, read_bytes
from pixelwise.types import IGNORE_INDEX, Record, Size

__all__ = ["Inspection", "inspect_record"]


@dataclass(frozen=True)
class Inspection:
    """``pixels``: class index to pixels; ``unknown``: ids outside the class table to pixels. ``kind`` of the image:
    "grey", "colour", with "16-bit " before or " with alpha" behind. Empty where reading failed, see the errors."""

    record: Record
    digest: bytes = b""
    size: Size | None = None
    kind: str = ""
    is_deep: bool = False
    has_mask: bool = False
    mask_sizes: dict[Path, Size] = field(default_factory=dict)
    pixels: dict[int, int] = field(default_factory=dict)
    ignored: int = 0
    total: int = 0
    unknown: dict[int, int] = field(default_factory=dict)
    is_grey_as_color: bool = False
    image_error: str = ""
    mask_errors: dict[Path, str] = field(default_factory=dict)


def inspect_record(record: Record, targets: TargetReader, max_pixels: int = MAX_PIXELS) -> Inspection:
    """Reads image and masks completely; never raises :class:`DataError`, but notes it."""
    facts: dict = {}
    try:
        data = read_bytes(record.image)
        raster = open_raster(record.image, io.BytesIO(data), max_pixels)
        raw_pixels(raster, data)
        facts |= {"digest": hashlib.blake2b(data, digest_size=16).digest(), "size": raster.size}
        facts |= {"kind": _kind(raster), "is_deep": raster.is_deep}
    except DataError as error:
        facts["image_error"] = str(error)
    masks = {index: path for index, path in enumerate(record.masks) if path is not None}
    facts["has_mask"] = bool(record.masks) and (targets.mode == "multilabel" or bool(masks))
    sizes: dict[Path, Size] = {}
    errors: dict[Path, str] = {}
    for index, path in masks.items():
        try:
            data = read_bytes(path)
            ids = targets.ids(path, data)
        except DataError as error:
            errors[path] = str(error)
            continue
        sizes[path] = (ids.shape[0], ids.shape[1])
        if targets.mode == "multilabel":
            facts.setdefault("pixels", {})[index] = int(np.count_nonzero(ids > (targets.threshold or 0)))
            facts["total"] = ids.size
            continue
        facts |= _label_facts(ids, targets)
        facts["is_grey_as_color"] = not targets.colors and open_raster(path, io.BytesIO(data), 1 << 62).mode in ("RGB", "RGBA")
    return Inspection(record, mask_sizes=sizes, mask_errors=errors, **facts)


def _kind(raster: Raster) -> str:
    grey = raster.mode in ("1", "L", "LA", "I", "F") or raster.mode.startswith("I;16")
    has_alpha = raster.mode in ("LA", "RGBA", "PA") or "transparency" in raster.image.info
    depth = "float " if raster.mode == "F" else "16-bit " if raster.is_deep else ""
    return depth + ("grey" if grey else "colour") + (" with alpha" if has_alpha else "")


def _label_facts(ids: np.ndarray, targets: TargetReader) -> dict:
    counts = histogram(ids)
    pixels: dict[int, int] = {}
    unknown: dict[int, int] = {}
    ignored = 0
    for value, index in _meanings(np.flatnonzero(counts), targets):
        count = int(counts[value])
        if index == IGNORE_INDEX:
            ignored += count
        elif index is None:
            unknown[value] = count
        else:
            pixels[index] = pixels.get(index, 0) + count
    return {"pixels": pixels, "unknown": unknown, "ignored": ignored, "total": ids.size}


def _meanings(values: np.ndarray, targets: TargetReader) -> Iterator[tuple[int, int | None]]:
    """Each value with its class index, 255 for ignored, or None outside the class table."""
    index_of = {class_id: index for index, class_id in enumerate(targets.classes.ids)}
    ignored = {*targets.classes.ignore_ids, IGNORE_INDEX}
    for value in values.tolist():
        if targets.threshold is not None:
            yield value, int(value > targets.threshold)
        else:
            yield value, index_of.get(value, IGNORE_INDEX if value in ignored else None)
