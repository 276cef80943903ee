"""Whether scores mean what they say: calibration errors, Brier score and negative log-likelihood, in constant memory.

The *top label* of a pixel is the class of its largest score (the first of equals), its confidence is that score. Multilabel
asks each class by itself: the answer is yes where p > 0.5, its confidence max(p, 1 - p). Binary has two planes, as
``LabelMap.scores`` has. What the errors are is said in :mod:`pixelwise.metrics.reliability`.

- Classwise errors compare, per class, scores with how often the class is right there (Kull et al. 2019, Nixon et al. 2019);
  their mean is over all classes, an absent class among them: its scores should be 0.
- The Brier score is sum over classes of (p - y)^2, mean over pixels (0 to 2, Brier 1950); per class it is (p - y)^2, and two
  classes have twice the value of scikit-learn's binary form. Multilabel: the mean over all yes-or-no answers.
- NLL is -ln p of the target's class with p clipped to :data:`NLL_FLOOR`, mean over pixels; how many pixels that changed is
  reported. Multilabel: binary cross-entropy, mean over all answers.
- Ignored pixels count nowhere. Without a counted pixel, in all or in a stratum, values are nan.

From float16 scores all values are exact up to float64 arithmetic; float32 scores are first rounded to the bins of
:mod:`pixelwise.metrics.score_bins`, by ``score_rounding`` at most. A mean over pixels of a whole data set is dominated by
easy background: read the strata beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.metrics.reliability import (
    Reliability,
    adaptive_calibration_error,
    bin_counts,
    expected_calibration_error,
    reliability,
)
from pixelwise.metrics.score_bins import NUM_SCORE_BINS, SCORE_ROUNDING, bin_values, score_bins
from pixelwise.metrics.strata import BOUNDARY_STRATA, SIZE_STRATA, Strata
from pixelwise.types import IGNORE_INDEX

__all__ = ["NLL_FLOOR", "Calibration", "CalibrationScores"]

NLL_FLOOR = 2.0**-24
"""The smallest positive float16: a pixel costs at most 16.6 nats."""

_CHUNK = 1 << 17  # pixels at a time


@dataclass(frozen=True)
class CalibrationScores:
    """Errors of all pixels, lower is better, nan where undefined. Tuples have one entry per class.

    ``top_label`` has the ECE, MCE, ACE and reliability diagram over all counted pixels, ``strata`` the same by stratum.
    """

    class_names: tuple[str, ...]
    top_label: Reliability
    strata: dict[str, Reliability]
    classwise_ece: float
    classwise_ace: float
    brier: float
    nll: float
    nll_clipped: int
    per_class_ece: tuple[float, ...]
    per_class_ace: tuple[float, ...]
    per_class_brier: tuple[float, ...]
    score_rounding: float

    @property
    def undefined(self) -> dict[str, str]:
        """Why, for each score over all pixels that is nan."""
        names = ("classwise_ece", "classwise_ace", "brier", "nll", "top_label")
        return {} if self.top_label.total else dict.fromkeys(names, "no pixel was counted")

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        scalars = {key: _plain(getattr(self, key)) for key in ("classwise_ece", "classwise_ace", "brier", "nll")}
        per_class = {
            f"per_class_{key}": {n: _plain(v) for n, v in zip(self.class_names, getattr(self, f"per_class_{key}"), strict=True)}
            for key in ("ece", "ace", "brier")
        }
        notes = {"nll_clipped": self.nll_clipped, "nll_floor": NLL_FLOOR, "score_rounding": self.score_rounding}
        strata = {name: value.to_json() for name, value in self.strata.items()}
        said = {"undefined": self.undefined} if self.undefined else {}
        return {**scalars, **notes, **per_class, "top_label": self.top_label.to_json(), "strata": strata, **said}


class Calibration:
    """Counts over a data set; memory does not grow with the images.

    ``histograms`` are those of :class:`ScoreHistograms` and give ROC and precision-recall without a second pass.
    ``top`` is (8, 2, NUM_SCORE_BINS) int64: wrong and right answers by confidence in each part of ``strata`` (all in the
    first part where ``strata`` is None).
    """

    def __init__(
        self,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        multilabel: bool = False,
        num_bins: int = 15,
        strata: Strata | None = Strata(),  # noqa: B008 (frozen)
    ) -> None:
        if num_bins < 1:
            raise DataError(f"num_bins must be 1 or more, got {num_bins}")
        self.histograms = ScoreHistograms(num_classes, class_names, multilabel)
        self.num_bins = num_bins
        self.strata = replace(strata, background=0) if strata is not None and multilabel else strata
        self.top = np.zeros((8, 2, NUM_SCORE_BINS), np.int64)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (num_bins, 3) int64 counts, see
        :func:`~pixelwise.metrics.reliability.bin_counts`.

        Takes and refuses what :meth:`ScoreHistograms.update` does, and besides, where classes exclude each other, scores that
        do not sum to 1 over the classes (mean over the image within 0.01).
        """
        counts = self.histograms.count(prediction, target)
        if not self.histograms.multilabel:
            _check_sum(counts)
        top = np.zeros_like(self.top)
        if self.histograms.multilabel:
            for scores, layer in zip(prediction, target.astype(np.uint8), strict=True):
                self._count_top(top, *_answers(scores, layer), layer)
        else:
            self._count_top(top, *_top_label(prediction, target), target)
        self.histograms.add(counts, is_exact=prediction.dtype == np.float16)
        self.top += top
        return bin_counts(top[:, 0].sum(0), top[:, 1].sum(0), self.num_bins)

    def merge(self, other: Calibration) -> None:
        """Adds the counts of another one, such as another process's."""
        if (self.num_bins, self.strata) != (other.num_bins, other.strata):
            raise DataError(
                f"calibrations with other bins or strata cannot be merged: {self.num_bins}, {self.strata} "
                f"and {other.num_bins}, {other.strata}"
            )
        self.histograms.merge(other.histograms)
        self.top += other.top

    def compute(self) -> CalibrationScores:
        """All errors over everything seen so far."""
        counts = self.histograms.counts
        ece = [expected_calibration_error(bin_counts(wrong, right, self.num_bins)) for wrong, right in counts]
        ace = [adaptive_calibration_error(wrong, right, self.num_bins) for wrong, right in counts]
        squares = np.stack([bin_values() ** 2, (1 - bin_values()) ** 2])
        lost = (counts * squares).sum((1, 2))
        number = counts.sum((1, 2))
        brier = np.divide(lost, number, out=np.full(len(lost), np.nan), where=number > 0)
        pixels = int(number.sum()) if self.histograms.multilabel else int(number[0])
        nll, clipped = self._nll(pixels)
        return CalibrationScores(
            class_names=self.histograms.class_names,
            top_label=reliability(self.top[:, 0].sum(0), self.top[:, 1].sum(0), self.num_bins),
            strata=self._strata(),
            classwise_ece=_mean(ece),
            classwise_ace=_mean(ace),
            brier=float(lost.sum()) / pixels if pixels else math.nan,
            nll=nll,
            nll_clipped=clipped,
            per_class_ece=tuple(ece),
            per_class_ace=tuple(ace),
            per_class_brier=tuple(brier.tolist()),
            score_rounding=0.0 if self.histograms.is_exact else SCORE_ROUNDING,
        )

    def _strata(self) -> dict[str, Reliability]:
        if self.strata is None:
            return {}
        parts = self.top.reshape(2, 4, 2, NUM_SCORE_BINS)
        sides = {name: parts[place].sum(0) for place, name in enumerate(BOUNDARY_STRATA)}
        sizes = {name: parts[:, place].sum(0) for place, name in enumerate(SIZE_STRATA)}
        return {name: reliability(wrong, right, self.num_bins) for name, (wrong, right) in {**sides, **sizes}.items()}

    def _nll(self, pixels: int) -> tuple[float, int]:
        """The mean cost, and how many answers were clipped."""
        right = self.histograms.counts[:, 1].sum(0)
        if self.histograms.multilabel:
            right = right + self.histograms.counts[:, 0].sum(0)[::-1]  # bins mirror: a score p is 1 - p of the negative
        cost = -np.log(np.maximum(bin_values(), NLL_FLOOR))
        return float((right * cost).sum()) / pixels if pixels else math.nan, int(right[bin_values() < NLL_FLOOR].sum())

    def _count_top(self, top: np.ndarray, bins: np.ndarray, is_right: np.ndarray, target: np.ndarray) -> None:
        """Adds answers, each (H, W), to ``top``, leaving out ignored pixels."""
        place = np.zeros(target.shape, np.uint8) if self.strata is None else self.strata.index(target)
        counted = (target != IGNORE_INDEX).reshape(-1)
        bins, is_right, place = bins.reshape(-1), is_right.reshape(-1), place.reshape(-1)
        for start in range(0, bins.size, _CHUNK):
            here = slice(start, start + _CHUNK)
            cell = place[here].astype(np.intp)
            cell *= 2
            cell += is_right[here]
            cell *= NUM_SCORE_BINS
            cell += bins[here]
            found = np.bincount(cell[counted[here]])
            top.reshape(-1)[: found.size] += found


def _top_label(scores: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin of the largest score, and whether the first class that has it is the target: (H, W) each."""
    # Bit patterns of float16 are in order from 0 on, and compared a hundred times as fast.
    planes = np.abs(scores).view(np.uint16) if scores.dtype == np.float16 and np.signbit(scores).any() else scores
    planes = planes.view(np.uint16) if planes.dtype == np.float16 else planes
    largest, label = planes[0].copy(), np.zeros(target.shape, np.uint8)
    rows = max(1, _CHUNK // max(1, target.shape[1]))
    for start in range(0, target.shape[0], rows):
        here = slice(start, start + rows)
        for index in range(1, len(planes)):
            plane = planes[index, here]
            np.copyto(label[here], index, where=plane > largest[here])
            np.maximum(plane, largest[here], out=largest[here])
    return score_bins(largest.view(np.float16) if largest.dtype == np.uint16 else largest), label == target


def _answers(scores: np.ndarray, layer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin of the confidence in the more likely answer, and whether that is the target: (H, W) each."""
    bins = score_bins(scores)
    middle = NUM_SCORE_BINS // 2
    return np.maximum(bins, NUM_SCORE_BINS - 1 - bins), (bins > middle) == (layer == 1)


def _check_sum(counts: np.ndarray) -> None:
    pixels = int(counts[0].sum())
    mean = float((counts.sum((0, 1)) * bin_values()).sum()) / pixels if pixels else 1.0
    if abs(mean - 1) > 0.01:
        raise DataError(
            f"scores of classes that exclude each other must sum to 1 at each pixel, got {mean:.3f} in the mean; "
            "apply softmax over the classes, or pass multilabel=True where classes may overlap"
        )


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if not math.isnan(value)]
    return math.fsum(kept) / len(kept) if kept else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
