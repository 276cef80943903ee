"""How well scores rank pixels: ROC and precision-recall per class over all pixels of a data set, in constant memory.

Each class is a yes-or-no question about every counted pixel: is the target this class? Its scores are counted in the bins of
:mod:`pixelwise.metrics.score_bins`, positives apart from negatives, and everything follows from these counts. From float16
scores, as ``LabelMap.scores`` has them, the results are exact; from float32 each area has a certified bound on its error.

- Ignored pixels (255 in the target) count nowhere; multilabel ignores a pixel for that class alone.
- A class that no counted pixel has, or that all have, ranks nothing: its areas are nan, it is in no macro mean, and it is
  listed with the reason.
- Macro is the mean over the classes that are defined; micro pools the (pixel, class) questions of all classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics import curves
from pixelwise.metrics.curves import PrecisionRecallCurve, RocCurve
from pixelwise.metrics.pairs import check_class_names
from pixelwise.metrics.score_bins import NUM_SCORE_BINS, bin_starts, bin_values, check_scores, count_scores
from pixelwise.types import IGNORE_INDEX

__all__ = ["RankingScores", "ScoreHistograms"]


@dataclass(frozen=True)
class RankingScores:
    """Areas in [0, 1], higher is better, nan where undefined; tuples have one entry per class.

    ``*_bound`` is how far the area over the scores as given can be from the area stated: 0 where ``is_exact``. The thresholds
    with the best F1 and the best Youden's J (recall - false positive rate) mean ``score >= threshold``; inf is "never". They
    are fitted to these very images, so choose them on a validation set. Curves hold at most 257 points.
    """

    class_names: tuple[str, ...]
    auroc: tuple[float, ...]
    auroc_bound: tuple[float, ...]
    average_precision: tuple[float, ...]
    average_precision_bound: tuple[float, ...]
    macro_auroc: float
    macro_auroc_bound: float
    micro_auroc: float
    micro_auroc_bound: float
    macro_average_precision: float
    macro_average_precision_bound: float
    micro_average_precision: float
    micro_average_precision_bound: float
    best_f1: tuple[float, ...]
    best_f1_threshold: tuple[float, ...]
    best_youden: tuple[float, ...]
    best_youden_threshold: tuple[float, ...]
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    is_exact: bool
    roc: tuple[RocCurve, ...]
    precision_recall: tuple[PrecisionRecallCurve, ...]

    @property
    def undefined(self) -> dict[str, str]:
        """Why a class has no areas, by class name."""
        reasons = {}
        for name, positives, negatives in zip(self.class_names, self.positives, self.negatives, strict=True):
            if not positives:
                reasons[name] = "no counted pixel" if not negatives else "no target pixel"
            elif not negatives:
                reasons[name] = "all counted pixels are target pixels"
        return reasons

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan and inf, per-class values and curves by class name."""
        areas = [f"{how}_{area}{bound}" for how in ("macro", "micro") for area in _AREAS for bound in ("", "_bound")]
        means = {key: _plain(getattr(self, key)) for key in areas}
        per_class = {
            f"per_class_{key}": {n: _plain(v) for n, v in zip(self.class_names, getattr(self, key), strict=True)}
            for key in _PER_CLASS
        }
        drawn = {
            key: {name: curve.to_json() for name, curve in zip(self.class_names, getattr(self, key), strict=True)}
            for key in ("roc", "precision_recall")
        }
        return {**means, **per_class, "is_exact": self.is_exact, "undefined_classes": self.undefined, **drawn}


_AREAS = ("auroc", "average_precision")
_PER_CLASS = (
    *("auroc", "auroc_bound", "average_precision", "average_precision_bound", "best_f1", "best_f1_threshold"),
    *("best_youden", "best_youden_threshold", "positives", "negatives"),
)


class ScoreHistograms:
    """Counts of scores over a data set: ``counts`` is (K, 2, NUM_SCORE_BINS) int64, negatives before positives.

    Memory does not grow with the images: 448 KiB per class. Counts add up exactly in any order (below 2^63 pixels).
    """

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None, multilabel: bool = False) -> None:
        self.class_names, self.multilabel = check_class_names(num_classes, class_names), multilabel
        self.counts = np.zeros((num_classes, 2, NUM_SCORE_BINS), np.int64)
        self.is_exact = True

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, 2) int64 numbers of negative and positive pixels.

        ``prediction`` is (K, H, W) float16, float32 or float64 probabilities; float64 is rounded to float32 first. ``target``
        is (H, W) uint8 class indices, or multilabel (K, H, W) uint8 of 0 and 1; 255 is ignored. Raises :class:`DataError` for
        other shapes or types, scores that are nan or outside 0 to 1 (even on ignored pixels), and targets outside the table.
        """
        counts = self.count(prediction, target)
        self.add(counts, is_exact=prediction.dtype == np.float16)
        found: np.ndarray = counts.sum(2)
        return found

    def count(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The (K, 2, NUM_SCORE_BINS) int64 counts of one image, which :meth:`update` would add."""
        self._check(prediction, target)
        counts = np.zeros_like(self.counts)
        for index, name in enumerate(self.class_names):
            layer, value = (target[index], 1) if self.multilabel else (target, index)
            scores = np.ascontiguousarray(prediction[index])
            check_scores(scores, name)
            ignored, positive = layer == IGNORE_INDEX, layer == value
            counts[index, 1] = count_scores(scores[positive])
            # Boolean selection is the slow part, so negatives are what remains of all.
            counts[index, 0] = count_scores(scores) - counts[index, 1]
            if ignored.any():
                counts[index, 0] -= count_scores(scores[ignored])
        return counts

    def add(self, counts: np.ndarray, is_exact: bool) -> None:
        """Adds what :meth:`count` gave; ``is_exact`` says whether the scores were float16."""
        self.counts += counts
        self.is_exact &= is_exact

    def merge(self, other: ScoreHistograms) -> None:
        """Adds the counts of another one, such as another process's."""
        if (self.class_names, self.multilabel) != (other.class_names, other.multilabel):
            ours, theirs = list(self.class_names)[:8], list(other.class_names)[:8]
            raise DataError(f"score histograms of different classes or modes cannot be merged: {ours} and {theirs}")
        self.add(other.counts, other.is_exact)

    def roc_curve(self, index: int | None = None) -> RocCurve:
        """All points of the curve of class ``index``, or of the micro average for ``None``."""
        return curves.roc_curve(*self._sides(index), self._thresholds)

    def precision_recall_curve(self, index: int | None = None) -> PrecisionRecallCurve:
        """All points of the curve of class ``index``, or of the micro average for ``None``."""
        return curves.precision_recall_curve(*self._sides(index), self._thresholds)

    def compute(self) -> RankingScores:
        """Areas, best thresholds and thinned curves over everything seen so far."""
        classes = [self._sides(index) for index in range(self.num_classes)]
        roc = np.array([self._bounded(curves.auroc(*sides)) for sides in classes])
        precision = np.array([self._bounded(curves.average_precision(*sides)) for sides in classes])
        micro_roc = self._bounded(curves.auroc(*self._sides(None)))
        micro_precision = self._bounded(curves.average_precision(*self._sides(None)))
        f1 = [curves.best_f1(*sides, self._thresholds) for sides in classes]
        youden = [curves.best_youden(*sides, self._thresholds) for sides in classes]
        return RankingScores(
            class_names=self.class_names,
            auroc=tuple(roc[:, 0].tolist()),
            auroc_bound=tuple(roc[:, 1].tolist()),
            average_precision=tuple(precision[:, 0].tolist()),
            average_precision_bound=tuple(precision[:, 1].tolist()),
            macro_auroc=_mean(roc[:, 0]),
            macro_auroc_bound=_mean(roc[:, 1]),
            micro_auroc=micro_roc[0],
            micro_auroc_bound=micro_roc[1],
            macro_average_precision=_mean(precision[:, 0]),
            macro_average_precision_bound=_mean(precision[:, 1]),
            micro_average_precision=micro_precision[0],
            micro_average_precision_bound=micro_precision[1],
            best_f1=tuple(best for best, _ in f1),
            best_f1_threshold=tuple(threshold for _, threshold in f1),
            best_youden=tuple(best for best, _ in youden),
            best_youden_threshold=tuple(threshold for _, threshold in youden),
            positives=tuple(self.counts[:, 1].sum(1).tolist()),
            negatives=tuple(self.counts[:, 0].sum(1).tolist()),
            is_exact=self.is_exact,
            roc=tuple(self.roc_curve(index).thinned() for index in range(self.num_classes)),
            precision_recall=tuple(self.precision_recall_curve(index).thinned() for index in range(self.num_classes)),
        )

    @property
    def _thresholds(self) -> np.ndarray:
        return bin_values() if self.is_exact else bin_starts()

    def _sides(self, index: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Positives and negatives of a class, or of all together."""
        counts = self.counts.sum(0) if index is None else self.counts[index]
        return counts[1], counts[0]

    def _bounded(self, area: tuple[float, float]) -> tuple[float, float]:
        """Scores that share a bin are true ties if all were float16: then nothing is unknown."""
        value, bound = area
        return (value, 0.0) if self.is_exact and not math.isnan(value) else (value, bound)

    def _check(self, prediction: np.ndarray, target: np.ndarray) -> None:
        if prediction.ndim != 3 or len(prediction) != self.num_classes:
            raise DataError(
                f"scores must be ({self.num_classes}, height, width), one plane per class, got {prediction.shape}; "
                "a single foreground plane p becomes np.stack([1 - p, p])"
            )
        if prediction.dtype not in (np.float16, np.float32, np.float64):
            raise DataError(f"scores must be float16, float32 or float64 probabilities, got {prediction.dtype}")
        wanted = prediction.shape if self.multilabel else prediction.shape[1:]
        if target.shape != wanted or target.dtype not in (np.uint8, *((np.bool_,) if self.multilabel else ())):
            raise DataError(
                f"the target of scores {prediction.shape} must be {wanted} uint8, got {target.shape} {target.dtype}; "
                "scores are taken at the original size of the image"
            )
        top = 2 if self.multilabel else self.num_classes
        if bool(((target >= top) & (target != IGNORE_INDEX)).any()):
            outside = np.unique(target[(target >= top) & (target != IGNORE_INDEX)])
            raise DataError(
                f"targets must be 0 to {top - 1}, or {IGNORE_INDEX} where ignored, got {outside[:8].tolist()}; "
                "map ids to indices with ClassTable.to_indices"
            )


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan when all are."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else math.nan


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
