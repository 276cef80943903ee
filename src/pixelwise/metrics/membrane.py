"""V-Rand and V-Info of membranes, as the ISBI 2012 challenge scores them (Arganda-Carreras et al. 2015).

Cells are what membranes enclose: a map of cells falls into segments, 4-connected as in the challenge's script, and the
segments of prediction and target are compared (:mod:`pixelwise.metrics.partition`), counting only pixels that are cell in
the target. Two forms, stated with the result:

- with border thinning (default, the official one): predicted membranes are first grown over by the segments until borders
  of about one pixel are left, so that their width does not count (:func:`thin_borders`);
- without: predicted components are compared as they are.

Scores of membranes are cut at several thresholds, the score of a threshold is the mean over images, and the best threshold
counts, for V-Rand and V-Info each. The challenge cuts at 0, 0.1, ... 1 (``CHALLENGE_THRESHOLDS``); a pixel is cell where its
score is above the threshold. The best threshold is picked on the scored images themselves: it flatters a little.

An image without a cell pixel in its target counts for nothing (nan). Ignored pixels are membrane in target and prediction.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.partition import PartitionScores, partition_scores
from pixelwise.types import IGNORE_INDEX

__all__ = ["CHALLENGE_THRESHOLDS", "MembraneMetrics", "MembraneScores", "label_cells", "thin_borders"]

CHALLENGE_THRESHOLDS = tuple(step / 10 for step in range(11))
"""Where the challenge's script cuts the predicted scores."""

_MEASURES = tuple(field.name for field in fields(PartitionScores))
_BORDER, _OUTSIDE, _OPEN, _QUEUED = 0, -1, -2, -3  # of a pixel while borders are thinned; above 0 are segments


@dataclass(frozen=True)
class MembraneScores:
    """Means over images: ``by_threshold`` has one entry per threshold (one entry, threshold nan, for class indices).

    ``v_rand`` and ``v_info`` are the best over the thresholds and stand beside the thresholds that gave them; nan
    without any image.
    """

    v_rand: float
    v_info: float
    v_rand_threshold: float
    v_info_threshold: float
    thresholds: tuple[float, ...]
    by_threshold: tuple[PartitionScores, ...]
    images: int
    is_thinned: bool

    @property
    def undefined(self) -> dict[str, str]:
        """Why, for each head figure that is nan."""
        return {} if self.images else dict.fromkeys(("v_rand", "v_info"), "no image has a cell pixel in its target")

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan."""
        heads = ("v_rand", "v_info", "v_rand_threshold", "v_info_threshold")
        rows = [
            {"threshold": _plain(threshold), **{key: _plain(getattr(scores, key)) for key in _MEASURES}}
            for threshold, scores in zip(self.thresholds, self.by_threshold, strict=True)
        ]
        counts = {"images": self.images, "border_thinning": self.is_thinned, "connectivity": 4}
        said = {"undefined": self.undefined} if self.undefined else {}
        return {**{key: _plain(getattr(self, key)) for key in heads}, **counts, "by_threshold": rows, **said}


class MembraneMetrics:
    """Scores of cells and membranes over a data set.

    ``cell_index`` is the class index of cells in targets (and in predictions of class indices). With ``thresholds``,
    predictions are scores that a pixel is cell; with ``None`` they are class indices.
    """

    def __init__(self, cell_index: int = 1, thresholds: Sequence[float] | None = CHALLENGE_THRESHOLDS, thin: bool = True) -> None:
        if thresholds is not None and (not len(thresholds) or not all(0 <= cut <= 1 for cut in thresholds)):
            raise ConfigError(f"thresholds must be numbers from 0 to 1, at least one, got {list(thresholds)}")
        self.cell_index, self.thin = cell_index, thin
        self.thresholds = None if thresholds is None else tuple(thresholds)
        self._sums = [[Fraction(0)] * len(_MEASURES) for _ in self._cuts]
        self._counted = np.zeros((len(self._cuts), len(_MEASURES)), np.int64)
        self._images = 0

    @property
    def _cuts(self) -> tuple[float, ...]:
        return (math.nan,) if self.thresholds is None else self.thresholds

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own values, (thresholds, 10) float64, columns as in :class:`PartitionScores`.

        ``target`` is (H, W) uint8 class indices, 255 ignored; ``prediction`` (H, W) float scores in [0, 1] or, without
        thresholds, uint8 class indices. Raises :class:`DataError` for other shapes, types or values, nan among them.
        """
        self._check(prediction, target)
        expected = label_cells(target == self.cell_index)
        is_counted = target != IGNORE_INDEX
        rows = []
        for cut in self._cuts:
            is_cell = prediction == self.cell_index if self.thresholds is None else prediction > cut
            found = (thin_borders if self.thin else label_cells)(is_cell & is_counted)
            rows.append(astuple(partition_scores(found, expected)))
        values = np.array(rows, np.float64)
        self._add(values)
        return values

    def merge(self, other: MembraneMetrics) -> None:
        """Adds the images of another one, such as another process's."""
        ours, theirs = ((m.cell_index, m.thresholds, m.thin) for m in (self, other))
        if ours != theirs:
            raise DataError(f"membrane scores of different settings cannot be merged: {ours} and {theirs}; evaluate both alike")
        self._sums = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(self._sums, other._sums, strict=True)]
        self._counted += other._counted
        self._images += other._images

    def compute(self) -> MembraneScores:
        """Means over everything seen so far, and the best of them."""
        means = tuple(
            PartitionScores(*(float(total / n) if n else math.nan for total, n in zip(*row, strict=True)))
            for row in zip(self._sums, self._counted.tolist(), strict=True)
        )
        best = [self._best([getattr(scores, key) for scores in means]) for key in ("v_rand", "v_info")]
        (rand, rand_cut), (info, info_cut) = best
        return MembraneScores(rand, info, rand_cut, info_cut, self._cuts, means, self._images, self.thin)

    def _best(self, values: list[float]) -> tuple[float, float]:
        """The largest mean and the lowest threshold that gives it."""
        if math.isnan(values[0]):
            return math.nan, math.nan
        return max(values), self._cuts[values.index(max(values))]

    def _add(self, values: np.ndarray) -> None:
        for sums, counted, row in zip(self._sums, self._counted, values.tolist(), strict=True):
            for column, value in enumerate(row):
                if not math.isnan(value):
                    sums[column] += Fraction(value)
                    counted[column] += 1
        self._images += int(not np.isnan(values[0, 0]))

    def _check(self, prediction: np.ndarray, target: np.ndarray) -> None:
        if prediction.shape != target.shape or target.ndim != 2:
            raise DataError(
                f"prediction and target must be (height, width) of one shape, got {prediction.shape} and {target.shape}; "
                "scores are taken at the original size of the image"
            )
        if target.dtype != np.uint8:
            raise DataError(f"target must be uint8 class indices, got {target.dtype}; convert it with .astype(np.uint8)")
        if self.thresholds is None:
            if prediction.dtype != np.uint8:
                raise DataError(f"prediction must be uint8 class indices where there are no thresholds, got {prediction.dtype}")
            return
        if not np.issubdtype(prediction.dtype, np.floating):
            raise DataError(
                f"prediction must be float scores of cell, got {prediction.dtype}; for class indices pass thresholds=None"
            )
        outside = prediction[~((prediction >= 0) & (prediction <= 1))]
        if outside.size:
            raise DataError(
                f"predicted scores must be from 0 to 1, got {float(outside[0])} ({outside.size} pixels); were they taken before "
                "the softmax or sigmoid?"
            )


def label_cells(cells: np.ndarray) -> np.ndarray:
    """4-connected components of a boolean (H, W) map: int32 labels from 1, 0 elsewhere."""
    if not cells.size:
        return np.zeros(cells.shape, np.int32)  # OpenCV ends the process
    return np.asarray(cv2.connectedComponents(np.ascontiguousarray(cells).view(np.uint8), connectivity=4, ltype=cv2.CV_32S)[1])


def thin_borders(cells: np.ndarray) -> np.ndarray:
    """Labels of the cells grown into the membranes, 0 on the border lines that are left: int32 (H, W).

    The watershed by flooding of Vincent and Soille 1991 on the map of membranes with 4 neighbours, in the order of pixels and
    neighbours of the challenge's script (columns first), which decides where a line lies that could lie on either side. A
    pixel reached from one segment joins it; reached from two, it is border. Without any cell all is one segment.

    The flood goes in rings: all pixels of a ring at once, except those with a neighbour in their own ring, which see the
    earlier ones of it as the queue of the script does.
    """
    if not cells.any():
        return np.ones(cells.shape, np.int32)
    state = np.pad(label_cells(cells.T), 1, constant_values=_OUTSIDE)
    state[1:-1, 1:-1][~cells.T] = _OPEN
    flat, width = state.reshape(-1), state.shape[1]
    steps = np.array([-width, -1, width, 1])
    ring = np.flatnonzero(flat == _OPEN)
    ring = ring[(flat[ring[:, None] + steps] >= _BORDER).any(1)]
    place = np.zeros(flat.size, np.int64)
    while len(ring):
        flat[ring] = _QUEUED
        _flood(flat, ring, steps, place)
        reached = (ring[:, None] + steps).reshape(-1)
        reached = reached[flat[reached] == _OPEN]
        _, first = np.unique(reached, return_index=True)
        ring = reached[np.sort(first)]
    return np.ascontiguousarray(state[1:-1, 1:-1].T)


def _flood(flat: np.ndarray, ring: np.ndarray, steps: np.ndarray, place: np.ndarray) -> None:
    """Gives each pixel of a ring the one segment among its neighbours, or border where there are several or none.

    Neighbours in the same ring matter where they come earlier and are of another segment; those few pixels go one by one.
    """
    around = flat[ring[:, None] + steps]
    beside = around == _QUEUED
    largest = around.max(1)
    smallest = np.where(around > _BORDER, around, np.iinfo(np.int32).max).min(1)
    is_several = (largest > _BORDER) & (largest != smallest)
    flat[ring] = np.where((largest > _BORDER) & ~is_several, largest, _BORDER)
    place[ring] = np.arange(len(ring))
    others = flat[ring[:, None] + steps]
    is_earlier = beside & (place[ring[:, None] + steps] < np.arange(len(ring))[:, None])
    disagrees = is_earlier & (others > _BORDER) & (others != flat[ring][:, None])
    unsure = np.flatnonzero(disagrees.any(1) & ~is_several).tolist()  # sorted, so a heap already
    while unsure:
        turn = heapq.heappop(unsure)
        own = ring[turn] + steps
        seen = {label for label in (*around[turn].tolist(), *flat[own[is_earlier[turn]]].tolist()) if label > _BORDER}
        label = seen.pop() if len(seen) == 1 else _BORDER
        if label != flat[ring[turn]]:
            flat[ring[turn]] = label
            for later in place[own[beside[turn] & ~is_earlier[turn]]].tolist():
                heapq.heappush(unsure, later)


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
