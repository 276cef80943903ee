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
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX

__all__ = ["BOUNDARY_STRATA", "SIZE_STRATA", "Strata", "boundary_mask", "object_size_map"]

SIZE_STRATA = ("small", "medium", "large")
BOUNDARY_STRATA = ("inside", "boundary")
_PIXELS_PER_RUN = 8  # from here on the graph of runs is the quicker of the two ways, and smaller than the image


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
        index = boundary_mask(target, self.radius).view(np.uint8) * np.uint8(4)
        index += np.minimum(object_size_map(target, self.areas, self.background), 3)
        np.copyto(index, np.uint8(IGNORE_INDEX), where=target == IGNORE_INDEX)
        return index


def boundary_mask(target: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) bool: another class is within ``radius`` pixels; False where the target is ignored."""
    _check(target)
    if not target.size:
        return np.zeros(target.shape, np.bool_)
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
    is_start = np.ones(target.shape, np.bool_)  # of a run: pixels of one class side by side
    np.not_equal(target[:, 1:], target[:, :-1], out=is_start[:, 1:])
    if np.count_nonzero(is_start) * _PIXELS_PER_RUN <= target.size:
        return _sizes_by_run(target, np.flatnonzero(is_start), areas, background)
    return _sizes_by_class(target, areas, background)


def _sizes_by_run(target: np.ndarray, starts: np.ndarray, areas: tuple[int, int], background: int | None) -> np.ndarray:
    """The sizes from a graph of the runs, whatever the number of classes; ``starts`` are their first pixels, row after row."""
    height, width = target.shape
    ends = np.append(starts[1:], target.size)
    values = target.reshape(-1)[starts]
    upper = np.flatnonzero(starts < target.size - width)  # runs with a row below them
    below = starts[upper] // width * width + width  # where that row starts
    first = np.searchsorted(starts, np.maximum(starts[upper] - 1 + width, below), side="right") - 1
    last = np.searchsorted(starts, np.minimum(ends[upper] + width, below + width - 1), side="right") - 1
    touched = last - first + 1  # runs of the row below, by side or corner
    one = np.repeat(upper, touched)
    other = np.arange(len(one)) + np.repeat(first - np.cumsum(touched) + touched, touched)
    joined = values[one] == values[other]
    one, other = one[joined], other[joined]
    rows = np.searchsorted(one, np.arange(len(starts) + 1))
    graph = csr_matrix((np.ones(len(one), np.uint8), other, rows), (len(starts), len(starts)))
    component = connected_components(graph, directed=False)[1]
    size = np.searchsorted(areas, np.bincount(component, ends - starts), side="right").astype(np.uint8)[component]
    size[(values == IGNORE_INDEX) | (values == (IGNORE_INDEX if background is None else background))] = IGNORE_INDEX
    return np.repeat(size, ends - starts).reshape(height, width)


def _sizes_by_class(target: np.ndarray, areas: tuple[int, int], background: int | None) -> np.ndarray:
    """The sizes class by class: for noise, of which the runs would take more time and memory than the pixels."""
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
