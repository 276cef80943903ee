"""clDice: how well thin structures keep their centre lines (Shit et al. 2021).

With S_p and S_t the skeletons of prediction P and target T: topology precision is the share of S_p inside T, topology
sensitivity the share of S_t inside P, and clDice is their harmonic mean. (The authors' code swaps the two names, which leaves
clDice as it is.)

The value depends on the skeleton, so say which one. :func:`thin` is parallel thinning by Guo and Hall 1989 (their first
algorithm, two sub-iterations): it keeps every component and hole, and agrees pixel by pixel with ``skimage.morphology.thin``.
The authors use ``skimage.morphology.skeletonize`` (Zhang and Suen 1984; Lee et al. 1994 for volumes), whose skeletons differ
in some pixels; pass it as ``skeletonize`` to get their figures.

Both masks empty: the class is absent, nan, in no mean. One of them empty: 0. Ignored pixels leave both masks before their
skeletons are taken (:mod:`pixelwise.metrics.pairs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.pairs import check_class_names, check_same_classes, class_masks, without_ignored

__all__ = ["ClDice", "ClDiceScores", "Skeletonize", "cldice", "cldice_per_image", "skeleton_counts", "thin"]

Skeletonize = Callable[[np.ndarray], np.ndarray]
"""From a boolean mask to its boolean skeleton, of the same shape."""

# The eight neighbours x1 to x8 of Guo and Hall: from the right, counterclockwise. (row, column)
_AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class ClDiceScores:
    """clDice over a data set, in [0, 1], higher is better; nan for absent classes. The counts of all images are summed before
    they are divided; ``mean_cldice`` is over the classes that are not absent. ``skeletonize`` names the skeleton."""

    class_names: tuple[str, ...]
    mean_cldice: float
    cldice: tuple[float, ...]
    topology_precision: tuple[float, ...]
    topology_sensitivity: tuple[float, ...]
    skeletonize: str

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without any pixel in targets and predictions."""
        return tuple(name for name, value in zip(self.class_names, self.cldice, strict=True) if math.isnan(value))

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        per_class = {
            f"per_class_{key}": {n: _plain(v) for n, v in zip(self.class_names, getattr(self, key), strict=True)}
            for key in ("cldice", "topology_precision", "topology_sensitivity")
        }
        skeleton = {"absent_classes": list(self.absent), "skeletonize": self.skeletonize}
        return {"mean_cldice": _plain(self.mean_cldice), **per_class, **skeleton}


class ClDice:
    """Skeleton pixels over a data set. ``counts`` is (K, 4) int64: |S_p in T|, |S_p|, |S_t in P|, |S_t| of each class.

    ``skeletonize`` replaces :func:`thin`; ``dims`` is 3 for volumes, for which there is no skeleton of our own.
    """

    def __init__(
        self, num_classes: int, class_names: Sequence[str] | None = None, skeletonize: Skeletonize | None = None, dims: int = 2
    ) -> None:
        if dims == 3 and skeletonize is None:
            raise DataError(
                "volumes need a skeleton of three dimensions: pass skeletonize=skimage.morphology.skeletonize (scikit-image)"
            )
        self.class_names = check_class_names(num_classes, class_names)
        self.counts = np.zeros((num_classes, 4), np.int64)
        self._skeletonize: Skeletonize = skeletonize or thin
        self._dims = dims

    @property
    def skeletonize(self) -> str:
        """Name of the skeleton, as printed with the result."""
        return f"{self._skeletonize.__module__}.{getattr(self._skeletonize, '__qualname__', 'skeletonize')}"

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, 4) int64 counts.

        ``prediction`` and ``target`` are (H, W) uint8 class indices or, multilabel, (K, H, W) of 0 and 1; 255 in ``target``
        is ignored. Raises :class:`DataError` for other shapes, types or values.
        """
        found, expected = without_ignored(prediction, target, len(self.class_names), self._dims)
        classes = range(len(self.class_names))
        pairs = (class_masks(found, expected, index, self._dims) for index in classes)
        counts = np.array([skeleton_counts(*pair, self._skeletonize) for pair in pairs], np.int64)
        self.counts += counts
        return counts

    def merge(self, other: ClDice) -> None:
        """Adds the counts of another one, such as another process's."""
        check_same_classes(self.class_names, other.class_names, "skeleton counts")
        if self.skeletonize != other.skeletonize:
            raise DataError(f"counts of different skeletons cannot be merged: {self.skeletonize} and {other.skeletonize}")
        self.counts += other.counts

    def compute(self) -> ClDiceScores:
        """Scores over everything seen so far."""
        values = cldice(self.counts)
        precision, sensitivity = _shares(self.counts)
        return ClDiceScores(
            self.class_names,
            _mean(values),
            tuple(values.tolist()),
            tuple(precision.tolist()),
            tuple(sensitivity.tolist()),
            self.skeletonize,
        )


def skeleton_counts(
    prediction: np.ndarray, target: np.ndarray, skeletonize: Skeletonize | None = None
) -> tuple[int, int, int, int]:
    """|S_p in T|, |S_p|, |S_t in P| and |S_t| of two boolean masks."""
    centre = skeletonize or thin
    if not prediction.any() and not target.any():
        return 0, 0, 0, 0
    of_prediction, of_target = (centre(mask).astype(bool) if mask.any() else mask for mask in (prediction, target))
    counted = (of_prediction & target, of_prediction, of_target & prediction, of_target)
    hits, found, covered, expected = (int(np.count_nonzero(part)) for part in counted)
    return hits, found, covered, expected


def cldice(counts: np.ndarray) -> np.ndarray:
    """clDice (K,) of (K, 4) counts of an image or of a data set: nan where both are empty, 0 where one is."""
    precision, sensitivity = (np.nan_to_num(share) for share in _shares(counts))
    both = precision + sensitivity
    values = np.divide(2 * precision * sensitivity, both, out=np.zeros(len(counts)), where=both > 0)
    values[(counts[:, 1] == 0) & (counts[:, 3] == 0)] = np.nan
    return values


def cldice_per_image(counts: Iterable[np.ndarray]) -> float:
    """Mean over images of each image's own mean clDice; images without any counted class are left out."""
    return _mean(np.array([_mean(cldice(own)) for own in counts], np.float64))


def thin(mask: np.ndarray) -> np.ndarray:
    """The (H, W) boolean skeleton of a boolean mask by Guo and Hall 1989; what is outside of the image is background.

    A pixel goes when the foreground around it is one piece (so that nothing falls apart), when it is no end of a line and not
    inside, and when it lies on the side of the current sub-iteration. Only pixels beside the background are looked at.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise DataError(f"a mask to thin must be boolean (H, W), got {mask.dtype} {mask.shape}")
    padded = np.pad(mask, 1)
    flat = padded.reshape(-1)  # a view: padded changes with it
    steps = np.array([row * padded.shape[1] + column for row, column in _AROUND])
    edge = np.flatnonzero(flat)
    edge = edge[~flat[edge[:, None] + steps].all(1)]
    is_changed = True
    while is_changed:
        is_changed = False
        for removable in _removable():
            codes = (flat[edge[:, None] + steps] << np.arange(8)).sum(1)
            gone = removable[codes]
            removed = edge[gone]
            flat[removed] = False
            beside = (removed[:, None] + steps).reshape(-1)
            edge = np.union1d(edge[~gone], beside[flat[beside]])
            is_changed |= bool(len(removed))
    return padded[1:-1, 1:-1].copy()


@cache
def _removable() -> tuple[np.ndarray, np.ndarray]:
    """For each sub-iteration, whether a pixel goes, by the code of its neighbours (x1 is the lowest bit)."""
    x = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool).T  # x[0] is x1
    following = np.roll(x, -1, axis=0)
    pieces = sum((~x[k] & (x[k + 1] | x[(k + 2) % 8])).astype(int) for k in (0, 2, 4, 6))
    by_pairs = [(x[start::2] | following[start::2]).sum(0) for start in (0, 1)]
    shared = (pieces == 1) & (np.minimum(*by_pairs) >= 2) & (np.minimum(*by_pairs) <= 3)
    first = (x[1] | x[2] | ~x[7]) & x[0]
    second = (x[5] | x[6] | ~x[3]) & x[4]
    return shared & ~first, shared & ~second


def _shares(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Topology precision and sensitivity (K,), nan where a skeleton is empty."""
    empty = np.full(len(counts), np.nan)
    precision = np.divide(counts[:, 0], counts[:, 1], out=empty.copy(), where=counts[:, 1] > 0)
    return precision, np.divide(counts[:, 2], counts[:, 3], out=empty, where=counts[:, 3] > 0)


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan when all are."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
