"""Confusion matrices: int64 counts of (target, prediction) pairs, exact, one per image and their sum.

Rows are targets and columns are predictions, as in scikit-learn. Pixels whose target is ``IGNORE_INDEX`` are in no cell.
Everything else (dataset and per-image scores, intervals, the plot) follows from these matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.pairs import check_class_names, check_same_classes
from pixelwise.metrics.scores import SegmentationScores, scores_from_matrix, scores_from_multilabel
from pixelwise.types import IGNORE_INDEX

__all__ = ["ConfusionMatrix", "MultilabelConfusion"]

_EXACT_PIXELS = 1 << 24  # OpenCV hands the counts out as float32, which holds whole numbers exactly up to here


class ConfusionMatrix:
    """Counts over a data set of label maps with one class per pixel (multiclass, and binary with two classes).

    ``matrix`` is (K, K) int64, rows = target, columns = prediction.
    """

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None) -> None:
        self.class_names = check_class_names(num_classes, class_names)
        self.matrix = np.zeros((num_classes, num_classes), np.int64)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, K) int64 matrix.

        ``prediction`` and ``target`` are (H, W) uint8 class indices; 255 in ``target`` is ignored. Raises
        :class:`DataError` for other shapes or types, a prediction outside 0..K-1, or a target outside 0..K-1 and 255.
        """
        _check_pair(prediction, target, 2)
        counts = _joint_counts(prediction, target, self.num_classes)
        self.matrix += counts
        return counts

    def merge(self, other: ConfusionMatrix) -> None:
        """Adds the counts of another matrix, such as another process's."""
        _check_kind(self, other)
        check_same_classes(self.class_names, other.class_names, "confusion matrices")
        self.matrix += other.matrix

    def compute(self) -> SegmentationScores:
        """Scores over everything seen so far."""
        return scores_from_matrix(self.matrix, self.class_names)


class MultilabelConfusion:
    """Counts over a data set where classes may overlap: each class is a yes-or-no question of its own.

    ``matrix`` is (K, 2, 2) int64: for each class ``[[tn, fp], [fn, tp]]``, so rows are still targets.
    """

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None) -> None:
        self.class_names = check_class_names(num_classes, class_names)
        self.matrix = np.zeros((num_classes, 2, 2), np.int64)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, 2, 2) int64 counts.

        ``prediction`` is (K, H, W) uint8 or bool of 0 and 1; ``target`` the same, with 255 ignored for that class alone.
        """
        _check_pair(prediction, target, 3)
        if len(prediction) != self.num_classes:
            raise DataError(f"multilabel maps must have {self.num_classes} planes, one per class, got {len(prediction)}")
        counts = np.stack([_joint_counts(p, t, 2) for p, t in zip(prediction, target, strict=True)])
        self.matrix += counts
        return counts

    def merge(self, other: MultilabelConfusion) -> None:
        """Adds the counts of another one, such as another process's."""
        _check_kind(self, other)
        check_same_classes(self.class_names, other.class_names, "confusion matrices")
        self.matrix += other.matrix

    def compute(self) -> SegmentationScores:
        """Scores over everything seen so far."""
        return scores_from_multilabel(self.matrix, self.class_names)


def _check_kind(ours: object, theirs: object) -> None:
    """Of two classes, (K, 2, 2) and (K, K) counts would add up without a word."""
    if type(ours) is not type(theirs):
        raise DataError(
            f"a {type(ours).__name__} cannot be merged with a {type(theirs).__name__}; count all images with one of the two"
        )


def _joint_counts(prediction: np.ndarray, target: np.ndarray, num_classes: int) -> np.ndarray:
    """(K, K) int64 counts of one pair of (H, W) maps. The joint histogram of OpenCV reads uint8 in place: ten times a
    masked ``torch.bincount``; it skips values outside the bins, so what it skipped is checked by counting."""
    predicted = np.ascontiguousarray(prediction, np.uint8).reshape(1, -1)
    expected = np.ascontiguousarray(target, np.uint8).reshape(1, -1)
    if predicted.size and int(predicted.max()) >= num_classes:
        raise DataError(
            f"predictions must be class indices 0 to {num_classes - 1}, got {int(predicted.max())}; "
            "was the model trained with another class table?"
        )
    counts = np.zeros((num_classes, num_classes), np.int64)
    for start in range(0, predicted.size, _EXACT_PIXELS):
        pair = [expected[:, start : start + _EXACT_PIXELS], predicted[:, start : start + _EXACT_PIXELS]]
        bins, span = [num_classes, num_classes], [0.0, float(num_classes), 0.0, float(num_classes)]
        counts += cv2.calcHist(pair, [0, 1], None, bins, span).astype(np.int64)
    if int(counts.sum()) + int(np.count_nonzero(expected == IGNORE_INDEX)) != expected.size:
        outside = np.unique(expected[(expected >= num_classes) & (expected != IGNORE_INDEX)])
        raise DataError(
            f"targets must be class indices 0 to {num_classes - 1}, or {IGNORE_INDEX} where ignored, got {outside[:8].tolist()}; "
            "map ids to indices with ClassTable.to_indices"
        )
    return counts


def _check_pair(prediction: np.ndarray, target: np.ndarray, ndim: int) -> None:
    layout = "(height, width)" if ndim == 2 else "(classes, height, width)"
    if prediction.shape != target.shape or prediction.ndim != ndim:
        raise DataError(
            f"prediction and target must be {layout} of one shape, got {prediction.shape} and {target.shape}; "
            "scores are taken at the original size of the image"
        )
    for what, array in (("prediction", prediction), ("target", target)):
        if array.dtype != np.uint8 and not (array.dtype == np.bool_ and ndim == 3):
            raise DataError(f"{what} must be uint8 class indices, got {array.dtype}; convert it with .astype(np.uint8)")
