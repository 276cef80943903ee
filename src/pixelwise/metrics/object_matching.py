"""Objects of one kind (cells, nuclei): counts of matches at IoU thresholds, as in StarDist, Cellpose and the DSB 2018 challenge.

At each threshold target and predicted objects are paired one to one so that most pairs reach the threshold, and among such
pairings the one with the largest sum of IoU (StarDist's definition: the sum is over all pairs, also those below the
threshold). From TP, FP and FN follow precision, recall, F1, ``average_precision`` = TP / (TP + FP + FN), the mean IoU of
the matches, and panoptic quality = sum of IoU / (TP + FP/2 + FN/2). IoU equal to the threshold is a match.

This is not COCO's average precision: objects have no scores and nothing is averaged over recalls. Where there is neither a
target nor a prediction every score is nan, where StarDist says 0; with objects and no match all are 0, but the mean IoU of no
matches, and precision without predictions or recall without targets, are nan. An image without any object has no say in the
mean over images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pixelwise.errors import DataError
from pixelwise.metrics.contingency import shared_pixels

__all__ = ["ObjectMatching", "ObjectScores", "mean_precision_per_image", "object_counts"]

_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class ObjectScores:
    """Scores over a data set, one entry per threshold, in [0, 1], higher is better; nan where undefined."""

    thresholds: tuple[float, ...]
    average_precision: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    mean_matched_iou: tuple[float, ...]
    panoptic_quality: tuple[float, ...]
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...]
    false_negatives: tuple[int, ...]
    mean_average_precision: float

    @property
    def undefined(self) -> dict[str, str]:
        """Why, for each score that is nan at one threshold or more."""
        reasons = {"precision": "nothing was predicted", "recall": "no target has an object", "mean_matched_iou": "no match"}
        names = [name for name, value in vars(self).items() if isinstance(value, tuple) and any(map(math.isnan, value))]
        names += ["mean_average_precision"] * math.isnan(self.mean_average_precision)
        return {name: reasons.get(name, "no object in any target or prediction") for name in names}

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, a list with one entry per threshold."""
        rows = {name: [_plain(v) for v in value] for name, value in vars(self).items() if isinstance(value, tuple)}
        said = {"undefined": self.undefined} if self.undefined else {}
        return rows | {"mean_average_precision": _plain(self.mean_average_precision)} | said


class ObjectMatching:
    """Matches label maps of objects at each of ``thresholds``, all in (0, 1], over a data set."""

    def __init__(self, thresholds: Sequence[float] = _THRESHOLDS) -> None:
        if not thresholds or not all(0 < threshold <= 1 for threshold in thresholds):
            raise DataError(f"thresholds of IoU must be above 0 and at most 1, at least one, got {list(thresholds)}")
        self.thresholds = tuple(float(threshold) for threshold in thresholds)
        self._images: list[np.ndarray] = []

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (T, 4) float64: sum of IoU, TP, FP and FN per threshold.

        ``prediction`` and ``target`` are (H, W) whole numbers, 0 = background, and every other number one object, in one
        piece or not. Raises :class:`DataError` for two sizes, other numbers, or ids outside 0 to 2^31 - 1.
        """
        counts = object_counts(prediction, target, self.thresholds)
        self._images.append(counts)
        return counts

    def merge(self, other: ObjectMatching) -> None:
        """Adds the images of another one, such as another process's."""
        if self.thresholds != other.thresholds:
            raise DataError(f"matchings at thresholds {self.thresholds} and {other.thresholds} cannot be merged")
        self._images.extend(other._images)

    def compute(self) -> ObjectScores:
        """Scores of all objects seen so far, pooled over images."""
        images = np.array(self._images).reshape(-1, len(self.thresholds), 4)
        iou = np.array([math.fsum(column) for column in images[..., 0].T.tolist()])  # exact, in any order of the images
        hits, extra, missed = images[..., 1:].sum(0).T
        precision = _ratio(hits, hits + extra + missed)
        columns = {
            "average_precision": precision,
            "precision": _ratio(hits, hits + extra),
            "recall": _ratio(hits, hits + missed),
            "f1": _ratio(2 * hits, 2 * hits + extra + missed),
            "mean_matched_iou": _ratio(iou, hits),
            "panoptic_quality": _ratio(iou, hits + extra / 2 + missed / 2),
        }
        return ObjectScores(
            thresholds=self.thresholds,
            **{name: tuple(values.tolist()) for name, values in columns.items()},
            true_positives=tuple(hits.astype(int).tolist()),
            false_positives=tuple(extra.astype(int).tolist()),
            false_negatives=tuple(missed.astype(int).tolist()),
            mean_average_precision=float(precision.mean()),
        )


def object_counts(prediction: np.ndarray, target: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """(T, 4) float64 of one image: sum of IoU of the matches, TP, FP and FN per threshold."""
    target_ids, prediction_ids, shared = shared_pixels(target, prediction)
    theirs, their_place = np.unique(target_ids, return_inverse=True)
    ours, our_place = np.unique(prediction_ids, return_inverse=True)
    their_area = np.bincount(their_place, shared, minlength=len(theirs))
    our_area = np.bincount(our_place, shared, minlength=len(ours))
    objects = (target_ids > 0) & (prediction_ids > 0)
    first, second, common = their_place[objects], our_place[objects], shared[objects]
    iou = common / (their_area[first] + our_area[second] - common)
    targets, predictions = int((theirs > 0).sum()), int((ours > 0).sum())
    counts = np.zeros((len(thresholds), 4))
    for row, threshold in zip(counts, thresholds, strict=True):
        matched = _assigned(first, second, iou, threshold, min(targets, predictions))
        row[:] = math.fsum(matched.tolist()), len(matched), predictions - len(matched), targets - len(matched)
    return counts


def mean_precision_per_image(counts: Iterable[np.ndarray], thresholds: Sequence[float] = _THRESHOLDS) -> tuple[float, ...]:
    """Mean over images of each image's own TP / (TP + FP + FN), per threshold, from the counts that ``update`` returned; images
    without any object are left out. This is what Cellpose and the DSB 2018 challenge report."""
    images = np.array(list(counts), np.float64).reshape(-1, len(thresholds), 4)
    values = _ratio(images[..., 1], images[..., 1:].sum(-1))
    kept = ~np.isnan(values)
    return tuple(_ratio(np.where(kept, values, 0).sum(0), kept.sum(0)).tolist())


def _assigned(first: np.ndarray, second: np.ndarray, iou: np.ndarray, threshold: float, most: int) -> np.ndarray:
    """IoU of the matches. Above 1/2 every pair that reaches the threshold is one; else groups of objects that touch each
    other are assigned one by one, which is the same as all at once, since objects of two groups share nothing."""
    reaching = iou >= threshold
    if threshold > 0.5 or not reaching.any():
        return iou[reaching]
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    graph = coo_array((np.ones(len(iou)), (first, second + rows)), shape=(rows + columns, rows + columns))
    group = connected_components(graph, directed=False)[1][first]
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    return np.concatenate([_assigned_in_group(first[p], second[p], iou[p], threshold, most) for p in parts])


def _assigned_in_group(first: np.ndarray, second: np.ndarray, iou: np.ndarray, threshold: float, most: int) -> np.ndarray:
    if len(iou) == 1:
        return iou[iou >= threshold]
    _, row = np.unique(first, return_inverse=True)
    _, column = np.unique(second, return_inverse=True)
    table = np.zeros((int(row.max()) + 1, int(column.max()) + 1))
    table[row, column] = iou
    chosen = table[linear_sum_assignment(-(table >= threshold).astype(float) - table / (2 * most))]
    matched: np.ndarray = chosen[chosen >= threshold]
    return matched


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole in float64, nan where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _plain(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
