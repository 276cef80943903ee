"""Scores of many confusion matrices at once: what resampling needs, where each resample is a matrix of its own.

Of a matrix the scores need five counts per class, so (N, K, K) matrices become (N, 5, K) counts: hits, target pixels, predicted
pixels, right answers, answers. The last two are hits and target pixels where classes exclude each other; where they overlap
(multilabel) each class has its own yes-or-no answers. Counts of images add up to those of the set, as matrices do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pixelwise.errors import DataError

__all__ = ["SCORE_NAMES", "class_counts", "class_iou", "scores_of_sums", "summable"]

_HIT, _TARGET, _PREDICTED, _RIGHT, _ANSWERS = range(5)
_BLOCK = 64  # images counted at a time: with many classes a second copy of all matrices would be large


def class_counts(matrices: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """(N, 5, K) int64 counts of N matrices, each (K, K), or (K, 2, 2) where classes overlap.

    Raises:
        DataError: no matrices, or something else than matrices.
    """
    if not len(matrices):
        raise DataError("one confusion matrix per image is needed, got none")
    return np.concatenate([_counts(np.asarray(matrices[at : at + _BLOCK])) for at in range(0, len(matrices), _BLOCK)])


def class_iou(counts: np.ndarray) -> np.ndarray:
    """IoU of each class, (N, K) of (N, 5, K); nan where the class is absent."""
    return _ratio(counts[:, _HIT], counts[:, _TARGET] + counts[:, _PREDICTED] - counts[:, _HIT])


def summable(counts: np.ndarray) -> np.ndarray:
    """(N, 5 K + 2) numbers per image whose sums hold all scores: the counts, and the image's own mean IoU and 1, or 0 and 0 for
    an image without a counted pixel."""
    own = _mean(class_iou(counts))
    known = ~np.isnan(own)
    return np.column_stack([counts.reshape(len(counts), -1), np.where(known, own, 0.0), known])


def scores_of_sums(sums: np.ndarray) -> np.ndarray:
    """(R, S + K) scores of R sums of :func:`summable`: those of :data:`SCORE_NAMES`, then the IoU of each class."""
    counts, own, images = sums[:, :-2].reshape(len(sums), 5, -1), sums[:, -2], sums[:, -1]
    means = [function(counts) for function in _SCORES.values()]
    return np.column_stack([*means, _ratio(own, images), class_iou(counts)])


def _counts(stack: np.ndarray) -> np.ndarray:
    is_layered = stack.ndim == 4 and stack.shape[2:] == (2, 2)
    if not is_layered and not (stack.ndim == 3 and stack.shape[1] == stack.shape[2]):
        shape = stack.shape[1:]
        raise DataError(f"the confusion matrix of an image must be (classes, classes) or (classes, 2, 2), got {shape}")
    if not np.issubdtype(stack.dtype, np.integer):
        raise DataError(f"confusion matrices must be whole numbers, got {stack.dtype}")
    if is_layered:
        hit, target, predicted = stack[..., 1, 1], stack[..., 1, :].sum(2), stack[..., 1].sum(2)
        return np.stack([hit, target, predicted, hit + stack[..., 0, 0], stack.sum((2, 3))], 1)
    hit, target, predicted = np.diagonal(stack, axis1=1, axis2=2), stack.sum(2), stack.sum(1)
    return np.stack([hit, target, predicted, hit, target], 1)


def _mean_iou(counts: np.ndarray) -> np.ndarray:
    return _mean(class_iou(counts))


def _mean_dice(counts: np.ndarray) -> np.ndarray:
    return _mean(_ratio(2 * counts[:, _HIT], counts[:, _TARGET] + counts[:, _PREDICTED]))


def _accuracy(counts: np.ndarray) -> np.ndarray:
    return _ratio(counts[:, _RIGHT].sum(1), counts[:, _ANSWERS].sum(1))


def _mean_accuracy(counts: np.ndarray) -> np.ndarray:
    return _mean(_ratio(counts[:, _HIT], counts[:, _TARGET]))


def _fwiou(counts: np.ndarray) -> np.ndarray:
    return _ratio(np.nansum(counts[:, _TARGET] * class_iou(counts), axis=1), counts[:, _TARGET].sum(1))


_SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean_iou": _mean_iou,
    "mean_dice": _mean_dice,
    "accuracy": _accuracy,
    "mean_accuracy": _mean_accuracy,
    "fwiou": _fwiou,
}

SCORE_NAMES = (*_SCORES, "mean_iou_per_image")
"""Scores of a set, by their names in :class:`~pixelwise.metrics.scores.SegmentationScores`, and the mean over images of their own
mean IoU."""


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> np.ndarray:
    """Means of rows over what is not nan; nan for a row of nothing else."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(1), known.sum(1))
