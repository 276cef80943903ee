"""Scores of a segmentation, each a function of its confusion matrix.

With TP, FP and FN of a class over all counted pixels: IoU = TP / (TP + FP + FN) and Dice (= F1) = 2 TP / (2 TP + FP + FN).
A class that is neither in any target nor in any prediction is *absent*: its scores are nan, it is in no mean, and it is
listed. A class that was missed altogether has IoU and Dice 0 and stays in the mean, though its precision is undefined.
Kappa, MCC and specificity are in :mod:`pixelwise.metrics.agreement`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.agreement import balanced_accuracies, cohen_kappa, matthews_correlation, specificities

__all__ = [
    "ImageScores",
    "SegmentationScores",
    "image_scores",
    "mean_iou_per_image",
    "scores_from_matrix",
    "scores_from_multilabel",
]

_MEANS = ("mean_iou", "accuracy", "mean_accuracy", "mean_dice", "fwiou")
_AGREEMENT = ("balanced_accuracy", "cohen_kappa", "mcc")


@dataclass(frozen=True)
class SegmentationScores:
    """Scores over a data set, in [0, 1] (kappa and MCC from -1), higher is better; nan where undefined. Tuples have one entry
    per class.

    ``mean_iou`` and ``mean_dice`` are over the classes that are not absent; ``mean_accuracy`` is the mean recall over the
    classes that have target pixels; ``fwiou`` weighs the IoU by target pixels; ``accuracy`` is over pixels (multilabel:
    over all yes-or-no answers). ``balanced_accuracy`` is ``mean_accuracy`` under its other name; multilabel, the mean over
    classes of the recalls of yes and no. ``cohen_kappa`` and ``mcc`` are over all classes at once; multilabel, means over the
    classes' own. ``foreground_iou`` is the IoU of class 1 where there are exactly two exclusive classes.
    """

    class_names: tuple[str, ...]
    mean_iou: float
    accuracy: float
    mean_accuracy: float
    mean_dice: float
    fwiou: float
    iou: tuple[float, ...]
    dice: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    target_pixels: tuple[int, ...]
    predicted_pixels: tuple[int, ...]
    pixels: int
    balanced_accuracy: float
    cohen_kappa: float
    mcc: float
    specificity: tuple[float, ...]
    foreground_iou: float | None = None

    @property
    def absent_indices(self) -> tuple[int, ...]:
        """Classes without any target or predicted pixel: in no mean."""
        return tuple(index for index, value in enumerate(self.iou) if math.isnan(value))

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the absent classes."""
        return tuple(self.class_names[index] for index in self.absent_indices)

    @property
    def undefined(self) -> dict[str, str]:
        """Why, for each score over all pixels that is nan."""
        names = [key for key in (*_MEANS, *_AGREEMENT) if math.isnan(getattr(self, key))]
        if not self.pixels:
            return dict.fromkeys(names, "no pixel was counted")
        by_chance = "all target pixels, or all predicted ones, are of one class, which leaves nothing to agree on beyond chance"
        return {key: by_chance if key in ("cohen_kappa", "mcc") else "no class occurs" for key in names}

    @property
    def per_class_iou(self) -> dict[str, float]:
        """IoU by class name, nan for absent classes."""
        return dict(zip(self.class_names, self.iou, strict=True))

    @property
    def per_class_dice(self) -> dict[str, float]:
        """Dice by class name, nan for absent classes."""
        return dict(zip(self.class_names, self.dice, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        means = {key: _plain(getattr(self, key)) for key in (*_MEANS, *_AGREEMENT)}
        foreground = {} if self.foreground_iou is None else {"foreground_iou": _plain(self.foreground_iou)}
        per_class = {
            f"per_class_{key}": {n: _plain(v) for n, v in zip(self.class_names, getattr(self, key), strict=True)}
            for key in ("iou", "dice", "precision", "recall", "specificity", "target_pixels", "predicted_pixels")
        }
        said = {"undefined": self.undefined} if self.undefined else {}
        return {**means, **foreground, **per_class, "absent_classes": list(self.absent), "pixels": self.pixels, **said}


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image: ``mean_iou`` is over the classes that this image or its prediction holds; nan if none."""

    mean_iou: float
    accuracy: float
    iou: tuple[float, ...]

    def to_row(self, class_names: Sequence[str]) -> dict[str, float | None]:
        """A row of ``per_image.csv``: ``mean_iou``, ``accuracy`` and one ``iou_NAME`` per class, ``None`` for nan."""
        per_class = {f"iou_{name}": _plain(value) for name, value in zip(class_names, self.iou, strict=True)}
        return {"mean_iou": _plain(self.mean_iou), "accuracy": _plain(self.accuracy), **per_class}


def scores_from_matrix(matrix: np.ndarray, class_names: Sequence[str]) -> SegmentationScores:
    """Scores of a (K, K) confusion matrix of exclusive classes, rows = target."""
    _check_matrix(matrix, (len(class_names), len(class_names)))
    hit, target, predicted = np.diagonal(matrix), matrix.sum(1), matrix.sum(0)
    right, total = int(hit.sum()), int(matrix.sum())
    agreement = (_mean(_ratio(hit, target)), cohen_kappa(matrix), matthews_correlation(matrix))
    scores = _scores(hit, target, predicted, np.full_like(target, total), (right, total), class_names, agreement)
    return replace(scores, foreground_iou=scores.iou[1]) if len(class_names) == 2 else scores


def scores_from_multilabel(matrix: np.ndarray, class_names: Sequence[str]) -> SegmentationScores:
    """Scores of (K, 2, 2) counts of overlapping classes, ``[[tn, fp], [fn, tp]]`` each."""
    _check_matrix(matrix, (len(class_names), 2, 2))
    hit, target, predicted = matrix[:, 1, 1], matrix[:, 1].sum(1), matrix[:, :, 1].sum(1)
    right, total = int(hit.sum() + matrix[:, 0, 0].sum()), int(matrix.sum())
    kappa, mcc = (np.array([score(question) for question in matrix]) for score in (cohen_kappa, matthews_correlation))
    agreement = (_mean(balanced_accuracies(matrix)), _mean(kappa), _mean(mcc))
    return _scores(hit, target, predicted, matrix.sum((1, 2)), (right, total), class_names, agreement)


def image_scores(matrix: np.ndarray) -> ImageScores:
    """Scores of the matrix of one image, (K, K) or, multilabel, (K, 2, 2)."""
    names = [str(index) for index in range(len(matrix))]
    whole = scores_from_multilabel(matrix, names) if matrix.ndim == 3 else scores_from_matrix(matrix, names)
    return ImageScores(whole.mean_iou, whole.accuracy, whole.iou)


def mean_iou_per_image(matrices: Iterable[np.ndarray]) -> float:
    """Mean over images of each image's own mean IoU; images without a counted pixel are left out."""
    values = np.array([image_scores(matrix).mean_iou for matrix in matrices], np.float64)
    return _mean(values)


def _scores(
    hit: np.ndarray,
    target: np.ndarray,
    predicted: np.ndarray,
    pixels: np.ndarray,
    answers: tuple[int, int],
    class_names: Sequence[str],
    agreement: tuple[float, float, float],
) -> SegmentationScores:
    """``pixels`` are those counted for each class, ``answers`` the right ones and all, ``agreement`` is balanced accuracy, kappa
    and MCC."""
    right, total = answers
    union = target + predicted - hit
    iou = _ratio(hit, union)
    dice, recall = _ratio(2 * hit, target + predicted), _ratio(hit, target)
    frequency = _ratio(target, np.full_like(target, target.sum()))
    weighted = float(np.nansum(frequency * iou)) if target.sum() else math.nan
    return SegmentationScores(
        class_names=tuple(class_names),
        mean_iou=_mean(iou),
        accuracy=right / total if total else math.nan,
        mean_accuracy=_mean(recall),
        mean_dice=_mean(dice),
        fwiou=weighted,
        iou=tuple(iou.tolist()),
        dice=tuple(dice.tolist()),
        precision=tuple(_ratio(hit, predicted).tolist()),
        recall=tuple(recall.tolist()),
        target_pixels=tuple(target.tolist()),
        predicted_pixels=tuple(predicted.tolist()),
        pixels=total,
        balanced_accuracy=agreement[0],
        cohen_kappa=agreement[1],
        mcc=agreement[2],
        specificity=tuple(specificities(hit, target, predicted, pixels).tolist()),
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole in float64, nan where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan when all are."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else math.nan


def _plain(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value


def _check_matrix(matrix: np.ndarray, shape: tuple[int, ...]) -> None:
    if matrix.shape != shape or not np.issubdtype(matrix.dtype, np.integer):
        raise DataError(f"a confusion matrix must be {shape} whole numbers, one row per class, got {matrix.shape} {matrix.dtype}")
