"""Masks whose colours mean classes, where some pixels have colours that no class has."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.label_png import Color, read_ids
from pixelwise.formats.raster import MAX_PIXELS, open_raster, raw_pixels, read_bytes

__all__ = ["read_class_ids", "read_mask_pixels"]

_BLOCK = 1 << 20  # pixels that are looked up at once
_FEW = 4  # unknown colours: more of them are no classes, but come from resampling or smoothing


def read_mask_pixels(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels of a mask, (H, W, 3) uint8 colours or (H, W) levels, and the (H, W) indices of a palette where it has one.

    Transparency does not count. Raises :class:`DataError` for JPEG, for colours of 16 bits, and for damaged files.
    """
    data = read_bytes(path)
    raster = open_raster(path, io.BytesIO(data), MAX_PIXELS)
    if raster.format == "JPEG":
        raise DataError(f"{path} is a JPEG mask: JPEG changes colours at every edge; export the masks again as PNG")
    indices = read_ids(path) if raster.mode in ("P", "PA") else None
    if raster.mode == "1" or (raster.mode[0] in "LIF" and raster.mode != "LAB"):
        return read_ids(path), None
    pixels = raw_pixels(raster, data)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] < 3:
        raise DataError(f"{path} holds {pixels.dtype} pixels of shape {pixels.shape}; masks must be 8-bit colours or levels")
    return pixels[..., :3], indices


def read_class_ids(path: Path, colors: Mapping[Color, int], ignored: int, table: str) -> tuple[np.ndarray, dict[str, int]]:
    """Class ids of a mask file, (H, W) uint8 or uint16, and what is lost.

    Colours, also those of a palette, mean what ``colors`` says, and a grey level is the colour with three equal channels. Where
    that fits no palette or no grey mask, but the numbers themselves are ids of ``colors`` or ``ignored``, they are the ids.
    Pixels of unknown colours become ``ignored``. ``table`` is what messages call the table.

    Raises :class:`DataError` for damaged files, and where most pixels have unknown colours.
    """
    pixels, indices = read_mask_pixels(path)
    numbers = pixels if pixels.ndim == 2 else indices
    try:
        if pixels.ndim == 2:
            if pixels.max(initial=0) > 255:
                raise DataError(f"{path} holds levels up to {int(pixels.max()):,}, but colours go to 255; correct the mask")
            pixels = pixels[..., None].astype(np.uint8).repeat(3, axis=2)
        ids, losses = _ids_of_colors(pixels, colors, ignored, path, table)
        if not losses or numbers is None:
            return ids, losses
    except DataError:
        if numbers is None or not _are_ids(numbers, colors, ignored):
            raise
        return numbers, {}
    return (numbers, {}) if _are_ids(numbers, colors, ignored) else (ids, losses)


def _are_ids(numbers: np.ndarray, colors: Mapping[Color, int], ignored: int) -> bool:
    present = np.flatnonzero(np.bincount(numbers.reshape(-1), minlength=1))
    return set(present.tolist()) <= {*colors.values(), ignored}


def _ids_of_colors(
    pixels: np.ndarray, colors: Mapping[Color, int], ignored: int, path: Path, table: str
) -> tuple[np.ndarray, dict[str, int]]:
    """Few unknown colours are named one by one; many are taken for the mixtures that resampling makes at edges."""
    ordered = sorted((r << 16 | g << 8 | b, class_id) for (r, g, b), class_id in colors.items())
    keys = np.array([code for code, _ in ordered], np.uint32)
    ids = np.array([class_id for _, class_id in ordered])
    found = np.empty(pixels.shape[:2], np.uint8 if max(int(ids.max()), ignored) < 256 else np.uint16)
    unknown_codes = []
    rows = max(_BLOCK // pixels.shape[1], 1)  # some thirty bytes are needed for a pixel, so not for all at once
    for top in range(0, len(pixels), rows):
        wide = pixels[top : top + rows].astype(np.uint32)
        codes = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
        place = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
        unknown = keys[place] != codes
        found[top : top + rows] = np.where(unknown, ignored, ids[place])
        unknown_codes.append(codes[unknown])
    strange, counts = np.unique(np.concatenate(unknown_codes), return_counts=True)
    if not len(strange):
        return found, {}
    if counts.sum() * 2 > found.size:
        raise DataError(
            f"{path} has colours that are not in {table} at {int(counts.sum()):,} of {found.size:,} pixels: "
            f"{_most_frequent(strange, counts, list(colors))}; correct the table, or export the mask again"
        )
    if len(strange) > _FEW:
        return found, {f"pixels of colours between those of {table}": int(counts.sum())}
    return found, {f"pixels of the colour {_rgb(code)}, not in {table}": int(n) for code, n in zip(strange, counts, strict=True)}


def _most_frequent(codes: np.ndarray, counts: np.ndarray, known: list[Color]) -> str:
    shown = []
    for at in np.argsort(-counts, kind="stable")[:_FEW]:
        color = _rgb(codes[at])
        nearest = min(known, key=lambda other: max(abs(a - b) for a, b in zip(color, other, strict=True)))
        shown.append(f"{color} {counts[at]:,} px, nearest {nearest}")
    return "; ".join(shown) + (f" and {len(codes) - _FEW:,} more colours" if len(codes) > _FEW else "")


def _rgb(code: int) -> Color:
    value = int(code)
    return value >> 16, value >> 8 & 255, value & 255
