"""Where a pixel lies in the target: at the border of its class or inside, in a small, medium or large object.

- *boundary*: another class is within ``radius`` pixels in the larger of row and column distance (a square window); *inside*
  is the rest. Ignored pixels are no other class, and neither is what lies beyond the image.
- *small*, *medium*, *large*: the area in pixels of the connected component (8 neighbours) of the pixel's class: below the first
  of ``areas``, from there to below the second, and from there on. The default areas are COCO's, 32^2 and 96^2. They are fixed,
  not terciles of the data set, as these are only known after all images have been seen.
- Pixels of class ``background``, if given, are in no size stratum; ignored pixels are in none at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX

__all__ = ["BOUNDARY_STRATA", "SIZE_STRATA", "Strata", "boundary_mask", "object_size_map"]

SIZE_STRATA = ("small", "medium", "large")
BOUNDARY_STRATA = ("inside", "boundary")


@dataclass(frozen=True)
class Strata:
    """Radius (pixels) of the boundary, the two areas (pixels) between the sizes, and the class index without objects."""

    radius: int = 3
    areas: tuple[int, int] = (32**2, 96**2)
    background: int | None = None

    def __post_init__(self) -> None:
        if self.radius < 1:
            raise DataError(f"the radius of the boundary must be 1 pixel or more, got {self.radius}")
        if not 0 < self.areas[0] < self.areas[1]:
            raise DataError(f"areas between sizes must be two rising numbers of pixels, got {self.areas}")

    def masks(self, target: np.ndarray) -> dict[str, np.ndarray]:
        """(H, W) bool mask of each stratum of a (H, W) uint8 target, by name."""
        index = self.index(target)
        sides = {name: (index >> 2 == place) & (index != IGNORE_INDEX) for place, name in enumerate(BOUNDARY_STRATA)}
        sizes = {name: (index & 3 == place) & (index != IGNORE_INDEX) for place, name in enumerate(SIZE_STRATA)}
        return {**sides, **sizes}

    def index(self, target: np.ndarray) -> np.ndarray:
        """(H, W) uint8: 4 * is_boundary + size (0 small, 1 medium, 2 large, 3 none); 255 where ignored."""
        boundary = boundary_mask(target, self.radius)
        sizes = np.minimum(object_size_map(target, self.areas, self.background), 3)
        index = boundary.view(np.uint8) * np.uint8(4) + sizes
        index[target == IGNORE_INDEX] = IGNORE_INDEX
        return index


def boundary_mask(target: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) bool: another class is within ``radius`` pixels; False where the target is ignored."""
    _check(target)
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    ignored = target == IGNORE_INDEX
    # Extremes of the window, with ignored pixels and the outside taking part in neither.
    lowest = cv2.erode(target, window, borderType=cv2.BORDER_CONSTANT, borderValue=IGNORE_INDEX)
    highest = cv2.dilate(np.where(ignored, np.uint8(0), target), window, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    found: np.ndarray = (lowest != highest) & ~ignored
    return found


def object_size_map(target: np.ndarray, areas: tuple[int, int] = (32**2, 96**2), background: int | None = None) -> np.ndarray:
    """(H, W) uint8: 0 small, 1 medium, 2 large, by the area of the pixel's connected component; 255 where ignored and in
    ``background``."""
    _check(target)
    sizes = np.full(target.shape, IGNORE_INDEX, np.uint8)
    for index in np.flatnonzero(np.bincount(target.reshape(-1), minlength=256)).tolist():
        if index in (background, IGNORE_INDEX):
            continue
        mask = (target == index).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        here = slice(y, y + height), slice(x, x + width)
        labels = cv2.connectedComponents(mask[here], connectivity=8)[1]
        inside = mask[here].view(np.bool_)
        # Areas from the labels inside: OpenCV's own statistics take three times as long.
        components = labels[inside]
        size = np.searchsorted(areas, np.bincount(components), side="right").astype(np.uint8)
        sizes[here][inside] = size[components]
    return sizes


def _check(target: np.ndarray) -> None:
    if target.ndim != 2 or target.dtype != np.uint8:
        raise DataError(f"strata need a (height, width) uint8 target, got {target.shape} {target.dtype}; give layers one by one")
