"""Distances between the surfaces of two masks, in 2-D and 3-D: Hausdorff, its percentile, ASSD, MASD, surface Dice.

Two definitions of a surface are known, by name:

- ``surfels``: the surface passes between pixels; each element is a piece of contour (2-D, a length) or of surface (3-D, an
  area) inside a cell of the dual grid (:mod:`pixelwise.metrics.surfels`) and counts as much as it is long or large. This is
  Nikolov et al. 2018 and google-deepmind/surface-distance.
- ``pixels``: the elements are the pixels of a mask with a neighbour (of 4 in 2-D, of 6 in 3-D) outside of it, each counting
  1. This is what MONAI and MetricsReloaded do.

Outside of the image there is nothing: a mask cut off by the border of the image has its surface there. With d(a, B) the
distance from element a of A to the nearest element of B, in the unit of ``spacing``:

- ``hausdorff(p)``: the larger of the two directed percentiles of d; p = 100 is the maximum. By surfels the percentile is the
  smallest distance within which p % of the surface lies; by pixels it is interpolated linearly, as ``numpy.percentile`` does.
- ``assd``: the mean of d over both surfaces pooled; ``masd``: the mean of the two directed means.
- ``surface_dice(tau)``, also NSD: the share of both surfaces pooled with d <= tau.

Both masks empty: all are nan. One of them empty: distances are inf, surface Dice is 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from scipy.spatial import KDTree

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.surfels import surfel_sizes

__all__ = ["SurfaceDistances", "Weighting", "check_spacing", "surface_distances"]

Weighting = Literal["surfels", "pixels"]

_SLACK = 1e-9  # relative: distances that differ by rounding alone count as equal
_REACH = {2: 4.0, 3: 2.0}  # how far, in the finest spacing, elements look around before a tree is asked


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances (float64, unit of the spacing) from each surface element to the other mask's surface, and what the elements
    count (lengths, areas or ones). Empty for an empty mask; inf where the other mask is empty."""

    from_prediction: np.ndarray = field(repr=False)
    from_target: np.ndarray = field(repr=False)
    prediction_sizes: np.ndarray = field(repr=False)
    target_sizes: np.ndarray = field(repr=False)
    weighting: Weighting

    def hausdorff(self, percentile: float = 100.0) -> float:
        """The larger of the two directed percentiles, in [0, inf]; 95 gives HD95."""
        if not 0 < percentile <= 100:
            raise ConfigError(f"percentile must be above 0 and at most 100, got {percentile}")
        if self._is_undefined:
            return math.nan
        return self._when_both(max(self._directed_percentile(*side, percentile) for side in self._sides if len(side[0])))

    def assd(self) -> float:
        """Average symmetric surface distance, in [0, inf]: over both surfaces pooled."""
        if self._is_undefined:
            return math.nan
        total = sum(float(distances @ sizes) for distances, sizes in self._sides)
        return self._when_both(total / sum(float(sizes.sum()) for _, sizes in self._sides))

    def masd(self) -> float:
        """Mean average surface distance, in [0, inf]: the mean of the two directed means."""
        if self._is_undefined:
            return math.nan
        means = [float(distances @ sizes) / float(sizes.sum()) for distances, sizes in self._sides if len(sizes)]
        return self._when_both(sum(means) / len(means))

    def surface_dice(self, tolerance: float) -> float:
        """Share of both surfaces within ``tolerance`` of the other, in [0, 1]; a distance equal to it counts."""
        if not 0 <= tolerance < math.inf:
            raise ConfigError(f"tolerance must be 0 or more, in the unit of the spacing, got {tolerance}")
        if self._is_undefined:
            return math.nan
        near = sum(float(sizes[distances <= tolerance * (1 + _SLACK)].sum()) for distances, sizes in self._sides)
        return near / sum(float(sizes.sum()) for _, sizes in self._sides)

    @property
    def is_one_empty(self) -> bool:
        """Whether just one of the masks is empty."""
        return bool(len(self.from_prediction)) != bool(len(self.from_target))

    @property
    def _sides(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        return (self.from_prediction, self.prediction_sizes), (self.from_target, self.target_sizes)

    @property
    def _is_undefined(self) -> bool:
        return not len(self.from_prediction) and not len(self.from_target)

    def _when_both(self, value: float) -> float:
        return math.inf if self.is_one_empty else value

    def _directed_percentile(self, distances: np.ndarray, sizes: np.ndarray, percentile: float) -> float:
        if percentile == 100:
            return float(distances.max())
        if self.weighting == "pixels":
            return math.inf if np.isinf(distances[0]) else float(np.percentile(distances, percentile))
        order = np.argsort(distances, kind="stable")
        covered = np.cumsum(sizes[order])
        wanted = covered[-1] * percentile / 100 * (1 - _SLACK)
        return float(distances[order[int(np.searchsorted(covered, wanted))]])


def surface_distances(
    prediction: np.ndarray, target: np.ndarray, spacing: Sequence[float] | None = None, weighting: Weighting = "surfels"
) -> SurfaceDistances:
    """Distances between the surfaces of two boolean masks of one shape, (H, W) or (D, H, W).

    ``spacing`` is the size of a pixel along each axis, in the order of the axes; default 1. Distances are exact: the nearest
    element is searched for, not a distance transform of limited precision. Raises :class:`DataError` for masks that are not
    boolean or differ in shape, :class:`ConfigError` for another spacing or weighting.
    """
    if prediction.dtype != np.bool_ or target.dtype != np.bool_:
        raise DataError(f"masks must be boolean, got {prediction.dtype} and {target.dtype}; pick one class with labels == index")
    if prediction.shape != target.shape or target.ndim not in (2, 3):
        raise DataError(f"masks must be (H, W) or (D, H, W) of one shape, got {prediction.shape} and {target.shape}")
    if weighting not in ("surfels", "pixels"):
        raise ConfigError(f"weighting must be 'surfels' or 'pixels', got {weighting!r}")
    sizes = check_spacing(spacing, target.ndim)
    box = _box(prediction | target)
    if box is None:
        nothing = np.zeros(0)
        return SurfaceDistances(nothing, nothing, nothing, nothing, weighting)
    found, found_sizes = _elements(prediction[box], sizes, weighting)
    expected, expected_sizes = _elements(target[box], sizes, weighting)
    return SurfaceDistances(
        _nearest(found, expected, sizes), _nearest(expected, found, sizes), found_sizes, expected_sizes, weighting
    )


def check_spacing(spacing: Sequence[float] | None, dims: int) -> tuple[float, ...]:
    """The size of a pixel along each axis as floats, ones where none is given; refuses what is no size."""
    sizes = (1.0,) * dims if spacing is None else tuple(float(size) for size in spacing)
    if len(sizes) != dims or not all(0 < size < math.inf for size in sizes):
        raise ConfigError(f"spacing must be {dims} sizes above 0, one per axis in the order of the axes, got {list(sizes)}")
    return sizes


def _box(union: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest box around what is true; None where nothing is."""
    box = []
    for axis in range(union.ndim):
        taken = np.flatnonzero(union.any(axis=tuple(other for other in range(union.ndim) if other != axis)))
        if not len(taken):
            return None
        box.append(slice(int(taken[0]), int(taken[-1]) + 1))
    return tuple(box)


def _elements(mask: np.ndarray, spacing: tuple[float, ...], weighting: Weighting) -> tuple[np.ndarray, np.ndarray]:
    """The surface of a cropped mask as a boolean map, and what each true entry counts."""
    padded = np.pad(mask, 1)
    if weighting == "pixels":
        inside = mask.copy()
        for axis, start in itertools.product(range(mask.ndim), (0, 2)):
            moved = [slice(1, -1)] * mask.ndim
            moved[axis] = slice(start, start + mask.shape[axis])
            inside &= padded[tuple(moved)]
        surface = mask & ~inside
        return surface, np.ones(int(np.count_nonzero(surface)))
    codes = np.zeros([length + 1 for length in mask.shape], np.uint8)
    for corner in itertools.product((0, 1), repeat=mask.ndim):
        codes <<= 1
        codes |= padded[tuple(slice(start, start + length) for start, length in zip(corner, codes.shape, strict=True))]
    surface = (codes != 0) & (codes != (1 << (1 << mask.ndim)) - 1)
    return surface, surfel_sizes(spacing)[codes[surface]]


def _nearest(starts: np.ndarray, goals: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance from each true entry of ``starts``, in order, to the nearest one of ``goals``; inf where it has none.

    Most elements of a useful prediction have one nearby: offsets are tried from the shortest to the longest, all elements at
    once. Only what is left over asks a k-d tree.
    """
    offsets, lengths = _offsets(spacing)
    margin = np.abs(offsets).max(0)
    padded = np.pad(goals, [(int(m), int(m)) for m in margin])
    points = np.stack(np.unravel_index(np.flatnonzero(starts), starts.shape), 1)
    there = np.stack(np.unravel_index(np.flatnonzero(goals), goals.shape), 1)
    distances = np.full(len(points), np.inf)
    if not len(points) or not len(there):
        return distances
    strides = np.array(padded.strides)  # one byte an entry
    flat, at, left = padded.ravel(), (points + margin) @ strides, np.arange(len(points))
    for tried, (step, length) in enumerate(zip((offsets @ strides).tolist(), lengths.tolist(), strict=True)):
        if tried == 3**starts.ndim and 2 * len(left) > len(points):
            break  # the masks have little to do with each other
        hit = flat[at + step]
        distances[left[hit]] = length
        left, at = left[~hit], at[~hit]
        if not len(left):
            return distances
    scale = np.array(spacing)
    _, index = KDTree(there * scale, leafsize=64, balanced_tree=False, compact_nodes=False).query(points[left] * scale)
    distances[left] = _lengths(points[left] - there[index], scale)
    return distances


@cache
def _offsets(spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All steps of the grid up to a length, shortest first, and their lengths."""
    reach = _REACH[len(spacing)] * min(spacing) * (1 + _SLACK)
    ranges = [range(-int(reach // size), int(reach // size) + 1) for size in spacing]
    offsets = np.array(list(itertools.product(*ranges)))
    lengths = _lengths(offsets, np.array(spacing))
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] <= reach]
    return offsets[order], lengths[order]


def _lengths(steps: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.sqrt(((steps * scale) ** 2).sum(-1))
