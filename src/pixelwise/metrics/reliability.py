"""How far confidence is from accuracy, from counts of wrong and right answers per score bin.

Counts are ``wrong`` and ``right``, (NUM_SCORE_BINS,) int64. With n of N answers, accuracy and mean confidence per bin:

- ECE = sum n / N |accuracy - confidence| over bins of equal width; MCE is the largest gap of an occupied bin. Bins are
  (low, high], the first with 0, as in Guo et al. 2017 and scikit-learn;
- ACE is the same sum over bins of equal mass (Nixon et al. 2019). Answers of equal confidence that a bin's edge falls between
  are shared out in proportion, so that it depends on no order;
- the unweighted gap is the plain mean over the occupied bins of equal width, which ValUES (Kahl et al. 2024) calls ACE.

All are nan without answers. Confidences add up exactly, as whole multiples of 2^-24.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelwise.metrics.score_bins import SCORE_UNITS, bin_values

__all__ = ["Reliability", "adaptive_calibration_error", "bin_counts", "expected_calibration_error", "reliability"]


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram and its sums: tuples have one entry per bin of equal width, nan where a bin is empty."""

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]
    mean_confidence: float
    mean_accuracy: float
    ece: float
    mce: float
    ace: float
    unweighted_gap: float

    @property
    def total(self) -> int:
        return sum(self.count)

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan."""
        scalars = ("ece", "mce", "ace", "unweighted_gap", "mean_confidence", "mean_accuracy")
        bins = {
            "confidence": [_plain(value) for value in self.confidence],
            "accuracy": [_plain(value) for value in self.accuracy],
            "count": list(self.count),
        }
        return {**{key: _plain(getattr(self, key)) for key in scalars}, "pixels": self.total, "bins": bins}


def reliability(wrong: np.ndarray, right: np.ndarray, num_bins: int) -> Reliability:
    """The diagram of ``num_bins`` bins of equal width, and all errors."""
    counts = bin_counts(wrong, right, num_bins)
    number, hits, units = counts.T
    accuracy, confidence = _ratio(hits, number), _ratio(units, number * SCORE_UNITS)
    gaps = np.abs(accuracy - confidence)[number > 0]
    total = int(number.sum())
    return Reliability(
        confidence=tuple(confidence.tolist()),
        accuracy=tuple(accuracy.tolist()),
        count=tuple(number.tolist()),
        mean_confidence=int(units.sum()) / (total * SCORE_UNITS) if total else math.nan,
        mean_accuracy=int(hits.sum()) / total if total else math.nan,
        ece=expected_calibration_error(counts),
        mce=float(gaps.max()) if total else math.nan,
        ace=adaptive_calibration_error(wrong, right, num_bins),
        unweighted_gap=float(gaps.mean()) if total else math.nan,
    )


def bin_counts(wrong: np.ndarray, right: np.ndarray, num_bins: int) -> np.ndarray:
    """(num_bins, 3) int64: answers, right answers, and the sum of confidences times 2^24, per bin of equal width."""
    values = bin_values()
    # Exact: values have 24 bits, so that the product with a small number is not rounded and edges stay where they are.
    starts = np.maximum(np.ceil(values * num_bins).astype(np.int64) - 1, 0)
    counts = np.zeros((num_bins, 3), np.int64)
    both = wrong + right
    np.add.at(counts, starts, np.stack([both, right, both * (values * SCORE_UNITS).astype(np.int64)], 1))
    return counts


def expected_calibration_error(counts: np.ndarray) -> float:
    """ECE of :func:`bin_counts`, or of their sum over images: resample images and add up for an interval."""
    total = int(counts[:, 0].sum())
    gaps = np.abs(counts[:, 1].astype(np.float64) - counts[:, 2] / SCORE_UNITS)
    return float(gaps.sum()) / total if total else math.nan


def adaptive_calibration_error(wrong: np.ndarray, right: np.ndarray, num_bins: int) -> float:
    """ACE: the mean gap over ``num_bins`` bins of equal mass."""
    occupied = np.flatnonzero(wrong + right)
    if not len(occupied):
        return math.nan
    number = (wrong + right)[occupied]
    mass = np.concatenate([[0], np.cumsum(number)]).astype(np.float64)
    # Right answers minus confidences, summed up to each mass; linear within answers of equal confidence.
    surplus = np.concatenate([[0.0], np.cumsum(right[occupied] - number * bin_values()[occupied])])
    edges = np.linspace(0.0, mass[-1], num_bins + 1)
    return float(np.abs(np.diff(np.interp(edges, mass, surplus))).sum() / mass[-1])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
