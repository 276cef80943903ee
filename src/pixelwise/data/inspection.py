"""One record looked at once: image and mask read whole, sizes, values, and what is wrong with them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pixelwise.data.closeup import Closeup, ImageLook, MaskLook, look_at_image, look_at_layers, look_at_mask
from pixelwise.data.levels import histogram
from pixelwise.data.targets import TargetReader
from pixelwise.errors import DataError
from pixelwise.formats.raster import MAX_PIXELS, Raster, open_raster, raw_pixels, read_bytes
from pixelwise.types import IGNORE_INDEX, Record, Size

__all__ = ["Inspection", "inspect_record"]

_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Inspection:
    """``pixels``: class index to pixels; ``unknown``: ids outside the class table to pixels. ``kind`` of the image:
    "grey", "colour", with "16-bit " before or " with alpha" behind. ``jpeg_masks`` are among those with errors. Empty where
    reading failed, see the errors. ``closeup`` is there where it was asked for."""

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
    jpeg_masks: tuple[Path, ...] = ()
    closeup: Closeup | None = None


def inspect_record(record: Record, targets: TargetReader, max_pixels: int = MAX_PIXELS, closely: bool = False) -> Inspection:
    """Reads image and masks completely; never raises :class:`DataError`, but notes it. ``closely`` takes a closeup too."""
    facts, image_look = _image_facts(record, max_pixels, closely)
    masks = {index: path for index, path in enumerate(record.masks) if path is not None}
    facts["has_mask"] = bool(record.masks) and (targets.mode == "multilabel" or bool(masks))
    sizes: dict[Path, Size] = {}
    errors: dict[Path, str] = {}
    layers: dict[int, np.ndarray] = {}
    mask_look = MaskLook()
    for index, path in masks.items():
        data = b""
        try:
            data = read_bytes(path)
            ids = targets.ids(path, data)
        except DataError as error:
            errors[path] = str(error)
            facts["jpeg_masks"] = facts.get("jpeg_masks", ()) + ((path,) if data.startswith(_JPEG) else ())
            continue
        sizes[path] = (ids.shape[0], ids.shape[1])
        if targets.mode == "multilabel":
            facts.setdefault("pixels", {})[index] = int(np.count_nonzero(ids > (targets.threshold or 0)))
            facts["total"] = ids.size
            if closely:
                layers[index] = ids
            continue
        found, indices_of = _label_facts(ids, targets)
        facts |= found
        facts["is_grey_as_color"] = not targets.colors and open_raster(path, io.BytesIO(data), 1 << 62).mode in ("RGB", "RGBA")
        if closely:
            indices = cv2.LUT(ids, indices_of) if ids.dtype == np.uint8 else indices_of[ids]
            mask_look = look_at_mask(ids, indices, targets)
    if layers:
        mask_look = look_at_layers(layers, targets.threshold or 0)
    closeup = Closeup(image_look, mask_look) if closely else None
    return Inspection(record, mask_sizes=sizes, mask_errors=errors, closeup=closeup, **facts)


def _image_facts(record: Record, max_pixels: int, closely: bool) -> tuple[dict[str, Any], ImageLook]:
    try:
        data = read_bytes(record.image)
        raster = open_raster(record.image, io.BytesIO(data), max_pixels)
        pixels = raw_pixels(raster, data)
    except DataError as error:
        return {"image_error": str(error)}, ImageLook()
    digest = hashlib.blake2b(data, digest_size=16).digest()
    facts = {"digest": digest, "size": raster.size, "kind": _kind(raster), "is_deep": raster.is_deep}
    return facts, look_at_image(pixels) if closely else ImageLook()


def _kind(raster: Raster) -> str:
    grey = raster.mode in ("1", "L", "LA", "I", "F") or raster.mode.startswith("I;16")
    has_alpha = raster.mode in ("LA", "RGBA", "PA") or "transparency" in raster.image.info
    depth = "float " if raster.mode == "F" else "16-bit " if raster.is_deep else ""
    return depth + ("grey" if grey else "colour") + (" with alpha" if has_alpha else "")


def _label_facts(ids: np.ndarray, targets: TargetReader) -> tuple[dict[str, Any], np.ndarray]:
    """Pixels by their meaning, and the class index of each value that is there, (256,) or (65536,) uint8, 255 for none."""
    counts = histogram(ids)
    indices_of = np.full(len(counts), IGNORE_INDEX, np.uint8)
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
            indices_of[value] = index
    return {"pixels": pixels, "unknown": unknown, "ignored": ignored, "total": ids.size}, indices_of


def _meanings(values: np.ndarray, targets: TargetReader) -> Iterator[tuple[int, int | None]]:
    """Each value with its class index, 255 for ignored, or None outside the class table."""
    index_of = {class_id: index for index, class_id in enumerate(targets.classes.ids)}
    ignored = {*targets.classes.ignore_ids, IGNORE_INDEX}
    for value in values.tolist():
        if targets.threshold is not None:
            yield value, int(value > targets.threshold)
        else:
            yield value, index_of.get(value, IGNORE_INDEX if value in ignored else None)
