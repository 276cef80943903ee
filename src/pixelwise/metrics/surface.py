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

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from scipy.spatial import KDTree

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.surfels import surfel_sizes

__all__ = ["SurfaceDistances", "Weighting", "check_spacing", "surface_distances"]

Weighting = Literal["surfels", "pixels"]

_SLACK = 1e-9  # relative: distances that differ by rounding alone count as equal
_LINES = 256  # that an element looks along before it asks a tree


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
        wanted = float(sizes.sum()) * percentile / 100 * (1 - _SLACK)
        values = np.unique(distances)
        return float(values[bisect.bisect_left(values, wanted, key=lambda value: sizes @ (distances <= value))])


class _Surface(NamedTuple):
    """The elements of a surface: their flat positions in a map of ``shape``, rising, and what each of them counts."""

    at: np.ndarray
    sizes: np.ndarray
    shape: tuple[int, ...]


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
    found, expected = (_elements(mask[box], sizes, weighting) for mask in (prediction, target))
    return SurfaceDistances(
        _nearest(found, expected, sizes), _nearest(expected, found, sizes), found.sizes, expected.sizes, weighting
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


def _elements(mask: np.ndarray, spacing: tuple[float, ...], weighting: Weighting) -> _Surface:
    """The surface of a cropped mask, on a map with room for what :func:`_nearest` looks at around it."""
    before = [margin + 1 for margin in _lines(spacing)[0]]
    filled = np.zeros([length + 2 * margin for length, margin in zip(mask.shape, before, strict=True)], np.bool_)
    filled[tuple(slice(margin, margin + length) for length, margin in zip(mask.shape, before, strict=True))] = mask
    flat, strides = filled.reshape(-1), filled.strides  # one byte an entry; nothing is true at the ends of an axis
    if weighting == "pixels":
        inside = flat.copy()
        for step in strides:
            inside[step:] &= flat[:-step]
            inside[:-step] &= flat[step:]
        at = np.flatnonzero(flat ^ inside)
        return _Surface(at, np.ones(len(at)), filled.shape)
    some = every = flat  # of the corners of the cell that begins at an entry
    for step in strides:
        some, every = some[:-step] | some[step:], every[:-step] & every[step:]
    at = np.flatnonzero(some ^ every)
    codes = np.zeros(len(at), np.uint8)
    for corner in itertools.product((0, 1), repeat=mask.ndim):
        codes = codes + codes + flat[at + np.dot(corner, strides)]
    return _Surface(at, surfel_sizes(spacing)[codes], filled.shape)


def _nearest(starts: _Surface, goals: _Surface, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance from each element of ``starts``, in order, to the nearest one of ``goals``; inf where it has none.

    Each element asks the lines along the last axis around it, the nearest line first, for their goal that is nearest to its
    own place on the line, and stops when the next line is farther away than what it has found. What has not stopped after
    hundreds of lines, or most of them after some dozens, asks a k-d tree.
    """
    distances = np.full(len(starts.at), np.inf)
    if not len(starts.at) or not len(goals.at):
        return distances
    places, at, place = _places_in_lines(goals), starts.at, starts.at % goals.shape[-1] * 1.0
    strides = np.cumprod(goals.shape[:0:-1])[::-1]
    left, best, tried = np.arange(len(at)), np.full(len(at), np.inf), 0
    for (squared, offsets), (following, _) in itertools.pairwise(_lines(spacing)[1]):
        for step in (offsets @ strides).tolist():
            along = places[at + step] - place
            if spacing[-1] != 1:
                along *= spacing[-1]
            along *= along
            along += squared
            np.minimum(best, along, out=best)
        going, tried = best > following, tried + len(offsets)
        remaining = int(np.count_nonzero(going))
        if 4 * remaining < 3 * len(left):
            distances[left] = np.sqrt(best)
            left, at, place, best = left[going], at[going], place[going], best[going]
        if not remaining or (tried >= _LINES // 4 and 2 * remaining > len(distances)):
            break
    distances[left] = np.sqrt(best)
    going = best > following
    if going.any():
        distances[left[going]] = _nearest_by_tree(at[going], goals, spacing)
    return distances


def _places_in_lines(goals: _Surface) -> np.ndarray:
    """Flat map: where on its line along the last axis the goal nearest to each entry is; inf on lines without a goal."""
    width, lines = goals.shape[-1], math.prod(goals.shape[:-1])
    is_empty = np.ones(lines, np.bool_)
    is_empty[goals.at // width] = False
    empty = np.flatnonzero(is_empty) * width
    at = np.insert(goals.at, np.searchsorted(goals.at, empty), empty)  # an empty line has one entry, at its beginning
    line, place = np.divmod(at, width)
    ends = np.append(at[:-1] + (np.diff(at) + 1) // 2, 0)  # halfway to the next entry
    is_last = np.diff(line, append=lines) > 0
    ends[is_last] = (line[is_last] + 1) * width
    places = np.where(is_empty[line], np.float32(np.inf), place.astype(np.float32))
    return np.repeat(places, np.diff(ends, prepend=0))


def _nearest_by_tree(at: np.ndarray, goals: _Surface, spacing: tuple[float, ...]) -> np.ndarray:
    """The same for elements at some positions."""
    scale = np.array(spacing)
    points, there = (np.stack(np.unravel_index(some, goals.shape), 1) * 1.0 for some in (at, goals.at))
    tree = KDTree(there * scale, leafsize=32, balanced_tree=False, compact_nodes=False)
    _, index = tree.query(points * scale)
    distances: np.ndarray = np.sqrt((((points - there[index]) * scale) ** 2).sum(-1))
    return distances


@cache
def _lines(spacing: tuple[float, ...]) -> tuple[tuple[int, ...], tuple[tuple[float, np.ndarray], ...]]:
    """The lines along the last axis around an element, the nearest first: how far they reach along each axis, and in order
    of their distance the squared distance and the (n, axes - 1) steps to each line at it. The last ones only end the search."""
    scale = np.array(spacing[:-1])
    side = range(-(_LINES // 2) - 1, _LINES // 2 + 2)  # along the finest axis alone there are enough
    steps = np.array(list(itertools.product(side, repeat=len(scale))))
    squared = ((steps * scale) ** 2).sum(-1)
    distances = np.unique(squared)
    kept = distances[: np.searchsorted(distances, np.sort(squared)[_LINES]) + 1]
    room = np.abs(steps[squared <= kept[-1]]).max(0)
    return (*room.tolist(), 0), tuple((float(distance), steps[squared == distance]) for distance in kept)
