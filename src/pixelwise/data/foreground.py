"""Crops that are sure to show something: a pixel of a class that is not the image's commonest, and the crop around it."""

from __future__ import annotations

import math

import numpy as np

from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["around", "rare_pixel"]


def rare_pixel(target: np.ndarray, rng: np.random.Generator) -> tuple[int, int] | None:
    """(row, column) of a random pixel of a random class: first the class, each that occurs alike, so that small ones are seen
    as often as large ones. The class that covers most of the image, its background as a rule, is left out; in multilabel
    targets (K, H, W), where nothing marked is the background, none is. None where no class remains."""
    if target.ndim == 3:
        present = np.flatnonzero((target == 1).any(axis=(1, 2)))
    else:
        counts = np.bincount(target.ravel(), minlength=IGNORE_INDEX + 1)[:IGNORE_INDEX]
        present = np.array([index for index in np.flatnonzero(counts) if index != counts.argmax()])
    if not present.size:
        return None
    index = int(present[rng.integers(present.size)])
    pixels = np.flatnonzero(target[index] == 1 if target.ndim == 3 else target == index)
    row, column = divmod(int(pixels[rng.integers(pixels.size)]), target.shape[-1])
    return row, column


def around(pixel: tuple[int, int], size: Size, crop: Size, scale: float, angle: float) -> tuple[float, float]:
    """Top left corner (y, x), in the image of ``size`` zoomed by ``scale``, of the crop about ``pixel`` (row, column): moved
    back inside the image as far as the turn by ``angle`` degrees leaves the pixel within the crop."""
    point = [(index + 0.5) * scale for index in pixel]
    corner = []
    for at, length, side in zip(point, size, crop, strict=True):
        slack = length * scale - side
        corner.append(min(max(at - side / 2, min(0.0, slack)), max(0.0, slack)))
    y, x = (at - place - side / 2 for at, place, side in zip(point, corner, crop, strict=True))
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    seen = (cosine * y - sine * x, sine * y + cosine * x)
    if abs(seen[0]) > crop[0] / 2 - 0.499 or abs(seen[1]) > crop[1] / 2 - 0.499:
        return round(point[0] - crop[0] / 2), round(point[1] - crop[1] / 2)
    return round(corner[0]), round(corner[1])
