"""The objects of a label map: how large they are, and which of them a map of a coarser stride cannot show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from pixelwise.data.levels import histogram
from pixelwise.types import IGNORE_INDEX

__all__ = ["STRIDES", "Objects", "area_bins", "area_quantiles", "bin_area", "numbered_objects", "objects_by_class"]

STRIDES = (4, 8, 16, 32)
"""Input pixels per pixel of the maps on which networks compute, in both directions."""


@dataclass(frozen=True)
class Objects:
    """The objects of one class in one or more maps.

    ``areas``: how many by bin of :func:`area_bins`. ``lost_pixels`` and ``lost_objects``, one number for each of
    :data:`STRIDES`: pixels that another class takes, and objects that vanish, when the map is reduced so far by nearest
    neighbour and enlarged again.
    """

    areas: Mapping[int, int] = field(default_factory=dict)
    lost_pixels: tuple[int, ...] = (0,) * len(STRIDES)
    lost_objects: tuple[int, ...] = (0,) * len(STRIDES)

    @property
    def count(self) -> int:
        return sum(self.areas.values())


def area_bins(areas: np.ndarray) -> np.ndarray:
    """The bin of each area (N,) of at least 1 pixel: below 16 each number has its own, above there are eight to an octave.

    Powers of two begin a bin, so that counts below them are exact; all else is known to an eighth.
    """
    areas = np.asarray(areas, np.int64)
    octave = np.maximum(np.frexp(areas.astype(np.float64))[1] - 1, 3)
    return 8 * (octave - 3) + (areas >> (octave - 3))


def bin_area(position: int) -> int:
    """The smallest area of a bin: the inverse of :func:`area_bins`."""
    octave = max(position // 8 - 1, 0)
    return (position - 8 * octave) << octave


def area_quantiles(areas: Mapping[int, int], shares: Sequence[float]) -> list[int]:
    """Areas in pixels below which these shares of the objects are, from the middle of their bins; empty without objects."""
    if not areas:
        return []
    bins = sorted(areas)
    upto = np.cumsum([areas[position] for position in bins])
    places = np.searchsorted(upto, np.asarray(shares) * upto[-1], side="left").clip(max=len(bins) - 1)
    return [(bin_area(bins[at]) + bin_area(bins[at] + 1) - 1) // 2 for at in places.tolist()]


def objects_by_class(indices: np.ndarray, skip: Collection[int] = ()) -> dict[int, Objects]:
    """The objects of each class in a map (H, W) of class indices, uint8 with 255 for ignored pixels: regions whose pixels touch
    at a side or a corner. ``skip``: classes that have none, such as the background."""
    lost = _lost_pixels(indices)
    found = {}
    for index in np.flatnonzero(histogram(indices)[:IGNORE_INDEX]).tolist():
        if index in skip:
            continue
        mask = cv2.inRange(indices, index, index)
        left, top, width, height = cv2.boundingRect(mask)
        labels, areas = _labelled(mask[top : top + height, left : left + width])
        missing = [_unseen(labels, len(areas), stride, top, left) for stride in STRIDES]
        found[index] = Objects(_binned(areas), tuple(int(row[index]) for row in lost), tuple(missing))
    return found


def numbered_objects(ids: np.ndarray, indices: np.ndarray) -> dict[int, Objects]:
    """The objects of a map (H, W) that numbers them, 0 where there is none, all of class 1; ``indices`` is 1 on objects."""
    areas = np.bincount(ids.ravel())[1:]
    there = int(np.count_nonzero(areas))
    missing = [_unseen(ids, len(areas), stride) - (len(areas) - there) for stride in STRIDES]
    lost = tuple(int(row[1]) for row in _lost_pixels(indices))
    return {1: Objects(_binned(areas[areas > 0]), lost, tuple(missing))} if there else {}


def _labelled(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the regions of a mask (H, W), from 1, and their areas (N,)."""
    height, width = mask.shape
    if (height + 1) // 2 * ((width + 1) // 2) < 1 << 16:  # so many regions at most: 16 bits and OpenCV's histogram are faster
        how_many, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_16U)
        areas = cv2.calcHist([labels], [0], None, [how_many], [0, how_many]).ravel().astype(np.int64)
    else:
        how_many, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
        areas = np.bincount(labels.ravel(), minlength=how_many)
    return labels, areas[1:]


def _binned(areas: np.ndarray) -> dict[int, int]:
    how_many = np.bincount(area_bins(areas))
    return {position: int(how_many[position]) for position in np.flatnonzero(how_many).tolist()}


def _unseen(labels: np.ndarray, how_many: int, stride: int, top: int = 0, left: int = 0) -> int:
    """How many of the regions 1 to ``how_many`` no pixel of a grid of this stride meets; ``labels`` is the part of a map that
    begins at ``top``, ``left``."""
    grid = labels[(stride // 2 - top) % stride :: stride, (stride // 2 - left) % stride :: stride]
    return how_many - int(np.count_nonzero(np.bincount(grid.ravel(), minlength=how_many + 1)[1 : how_many + 1]))


def _lost_pixels(indices: np.ndarray) -> list[np.ndarray]:
    """For each stride, (256,) pixels per class that another class takes; ignored pixels take none."""
    height, width = indices.shape
    lost = []
    for stride in STRIDES:
        rows, columns = _centres(height, stride), _centres(width, stride)
        reduced = np.ascontiguousarray(indices[rows[0] :: stride, columns[0] :: stride])
        if reduced.shape != (len(rows), len(columns)):  # a last block is cut, and its middle lies outside
            reduced = np.ascontiguousarray(indices[np.ix_(rows, columns)])
        size = (len(columns) * stride, len(rows) * stride)
        enlarged = cv2.resize(reduced, size, interpolation=cv2.INTER_NEAREST)[:height, :width]
        other = (enlarged != indices) & (enlarged != IGNORE_INDEX)
        lost.append(np.bincount(indices[other], minlength=256))
    return lost


def _centres(length: int, stride: int) -> np.ndarray:
    """The pixel that stands for each block of ``stride`` when a map is reduced."""
    return np.minimum(np.arange(0, length, stride) + stride // 2, length - 1)
