"""Segment numbers as PNG, as COCO panoptic writes them: R + 256 G + 65536 B, 0 for pixels of no segment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.image import read_raw, write_image

__all__ = ["read_segments", "write_segments"]


def read_segments(path: str | Path) -> np.ndarray:
    """(H, W) uint32 numbers of segments; those of a grey image are its levels.

    Raises :class:`DataError` for files that are no 8-bit PNG: JPEG changes colours, which would be other numbers.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise DataError(f"{path} must be a PNG, as other formats change the colours that number segments; export it again")
    pixels = read_raw(path)
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] == 2):
        raise DataError(f"{path} must be an 8-bit colour PNG, got {pixels.dtype} of shape {pixels.shape}; export it again")
    if pixels.ndim == 2:
        return pixels.astype(np.uint32)
    numbers = pixels[..., 2].astype(np.uint32)
    for channel in (1, 0):
        numbers <<= 8
        numbers |= pixels[..., channel]
    return numbers


def write_segments(path: str | Path, numbers: np.ndarray) -> None:
    """Writes (H, W) whole numbers from 0 to 2^24 - 1; :func:`read_segments` gives them back."""
    if (
        numbers.ndim != 2
        or numbers.dtype.kind not in "iu"
        or int(numbers.max(initial=0)) >> 24
        or int(numbers.min(initial=0)) < 0
    ):
        raise DataError(
            f"cannot write {path}: segments must be (H, W) whole numbers from 0 to 16,777,215, got {numbers.dtype} of shape "
            f"{numbers.shape}, {numbers.min(initial=0)} to {numbers.max(initial=0)}"
        )
    write_image(path, np.stack([(numbers >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8))
