"""ROC and precision-recall curves, and the areas under them, from counts of positives and negatives per score bin.

Counts are ``positives`` and ``negatives``, (B,) int64, bins in ascending order of score; P and N are their sums. Pixels of one
bin count as ties. Every point of a curve is exact, as a bin is wholly above a threshold or wholly below; what remains unknown
is the order inside a bin, and each area comes with a certified bound on what that order could change:

- AUROC is P(score of a positive > score of a negative) + 1/2 P(equal); the bound is 1/2 sum_b positives_b negatives_b / (P N);
- average precision is sum_n (R_n - R_(n-1)) P_n over falling thresholds, as in scikit-learn, without interpolation. The bound
  is from the best and the worst order within every bin: positives at once and first, or one by one after all negatives.

Both are undefined (nan) where P or N is 0: nothing is ranked, and 0.5 or 1 would only look like a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "PrecisionRecallCurve",
    "RocCurve",
    "auroc",
    "average_precision",
    "best_f1",
    "best_youden",
    "precision_recall_curve",
    "roc_curve",
]


@dataclass(frozen=True)
class RocCurve:
    """Points from (0, 0) to (1, 1) by falling threshold; a pixel is positive where ``score >= threshold``.

    The first threshold is inf: nothing is positive. Empty where there are no positives or no negatives.
    """

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    thresholds: tuple[float, ...]

    def thinned(self, points: int = 256) -> RocCurve:
        """At most ``points`` + 1 of the points, evenly along the curve: between two that are kept the curve leaves the line
        by at most 2 / ``points``."""
        kept = _evenly(self.false_positive_rate, self.true_positive_rate, points)
        return RocCurve(*(tuple(values[i] for i in kept) for values in self._columns()))

    def to_json(self) -> dict[str, Any]:
        """Lists of numbers; ``None`` for the infinite threshold."""
        names = ("false_positive_rate", "true_positive_rate", "thresholds")
        return {name: _plain(values) for name, values in zip(names, self._columns(), strict=True)}

    def _columns(self) -> tuple[tuple[float, ...], ...]:
        return self.false_positive_rate, self.true_positive_rate, self.thresholds


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Points by falling threshold, from recall 0, where precision is 1 by convention and the threshold inf, to recall 1.

    Empty where there are no positives or no negatives.
    """

    precision: tuple[float, ...]
    recall: tuple[float, ...]
    thresholds: tuple[float, ...]

    def thinned(self, points: int = 256) -> PrecisionRecallCurve:
        """At most ``points`` + 1 of the points, evenly along the curve."""
        kept = _evenly(self.precision, self.recall, points)
        return PrecisionRecallCurve(*(tuple(values[i] for i in kept) for values in self._columns()))

    def to_json(self) -> dict[str, Any]:
        """Lists of numbers; ``None`` for the infinite threshold."""
        names = ("precision", "recall", "thresholds")
        return {name: _plain(values) for name, values in zip(names, self._columns(), strict=True)}

    def _columns(self) -> tuple[tuple[float, ...], ...]:
        return self.precision, self.recall, self.thresholds


def auroc(positives: np.ndarray, negatives: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve and its bound; nan and nan where there are no positives or no negatives.

    Counted in whole numbers of any size and divided once, so that the value is the rounded truth.
    """
    pairs = int(positives.sum()) * int(negatives.sum())
    if not pairs:
        return math.nan, math.nan
    with_positives = np.flatnonzero(positives)
    # Python's own integers: a product of counts can pass 2^63 at 10^10 pixels.
    hits = positives[with_positives].astype(object)
    tied = negatives[with_positives].astype(object)
    below = (np.cumsum(negatives) - negatives)[with_positives].astype(object)
    return int((hits * (2 * below + tied)).sum()) / (2 * pairs), int((hits * tied).sum()) / (2 * pairs)


def average_precision(positives: np.ndarray, negatives: np.ndarray) -> tuple[float, float]:
    """Average precision and its bound; nan and nan where there are no positives or no negatives."""
    total = int(positives.sum())
    if not total or not negatives.any():
        return math.nan, math.nan
    occupied = np.flatnonzero(positives)[::-1]
    hits, false = positives[occupied].astype(np.float64), negatives[occupied].astype(np.float64)
    hits_above = np.cumsum(hits) - hits
    false_above = np.cumsum(negatives[::-1])[::-1][occupied] - false
    tied = hits * (hits_above + hits) / (hits_above + hits + false_above + false)
    best = hits * (hits_above + hits) / (hits_above + hits + false_above)
    # sum_i (T + i) / (A + i) for i = 1 .. hits, where A = T + all negatives down to this bin. The sum of 1 / (A + i) is below
    # the integral of 1 / x from A + 1/2 to A + hits + 1/2, as 1 / x is convex; a single term is taken as it is.
    wrong = false_above + false
    before = hits_above + wrong
    inverse = np.where(hits == 1, 1 / (before + 1), np.log1p(hits / (before + 0.5)))
    worst = hits - wrong * inverse
    value = float(tied.sum()) / total
    return value, max(0.0, float(best.sum()) / total - value, value - float(worst.sum()) / total)


def best_f1(positives: np.ndarray, negatives: np.ndarray, thresholds: np.ndarray) -> tuple[float, float]:
    """The largest F1 over all thresholds, and the highest threshold that has it; nan and nan where it is undefined."""
    hits, false, bins = _cumulated(positives, negatives)
    if not len(bins):
        return math.nan, math.nan
    f1 = 2 * hits / (hits + false + positives.sum())
    best = int(np.argmax(f1))
    return float(f1[best]), float(thresholds[bins[best]])


def best_youden(positives: np.ndarray, negatives: np.ndarray, thresholds: np.ndarray) -> tuple[float, float]:
    """The largest recall - false positive rate (Youden's J), and the highest threshold that has it; nan where undefined.

    The threshold is inf where no threshold is better than calling everything negative.
    """
    hits, false, bins = _cumulated(positives, negatives)
    if not len(bins):
        return math.nan, math.nan
    j = hits / positives.sum() - false / negatives.sum()
    best = int(np.argmax(j))
    return (float(j[best]), float(thresholds[bins[best]])) if j[best] > 0 else (0.0, math.inf)


def roc_curve(positives: np.ndarray, negatives: np.ndarray, thresholds: np.ndarray) -> RocCurve:
    """One point per occupied bin, after (0, 0). ``thresholds`` is (B,): the smallest score in each bin."""
    hits, false, bins = _cumulated(positives, negatives)
    if not len(bins):
        return RocCurve((), (), ())
    rates = false / negatives.sum(), hits / positives.sum(), thresholds[bins]
    return RocCurve(*((first, *values.tolist()) for first, values in zip((0.0, 0.0, math.inf), rates, strict=True)))


def precision_recall_curve(positives: np.ndarray, negatives: np.ndarray, thresholds: np.ndarray) -> PrecisionRecallCurve:
    """One point per occupied bin, after (recall 0, precision 1)."""
    hits, false, bins = _cumulated(positives, negatives)
    if not len(bins):
        return PrecisionRecallCurve((), (), ())
    columns = hits / (hits + false), hits / positives.sum(), thresholds[bins]
    return PrecisionRecallCurve(*((first, *values.tolist()) for first, values in zip((1.0, 0.0, math.inf), columns, strict=True)))


def _cumulated(positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True and false positives (int64) at the threshold of each occupied bin, and these bins, from the highest score down;
    empty where there are no positives or no negatives."""
    bins = np.flatnonzero(positives + negatives)[::-1]
    if not positives.any() or not negatives.any():
        bins = bins[:0]
    return np.cumsum(positives[bins]), np.cumsum(negatives[bins]), bins


def _evenly(x: tuple[float, ...], y: tuple[float, ...], points: int) -> list[int]:
    """Indices of at most ``points`` + 1 points, first and last among them, at even steps of the length |dx| + |dy|."""
    if len(x) <= points + 1:
        return list(range(len(x)))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.searchsorted(length, np.linspace(0, length[-1], points + 1))
    return sorted({0, len(x) - 1, *np.minimum(kept, len(x) - 1).tolist()[1:-1]})


def _plain(values: tuple[float, ...]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
