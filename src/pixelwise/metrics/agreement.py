"""Agreement beyond what class sizes alone would give: Cohen's kappa, the Matthews correlation, and specificity.

With n counted pixels, c of them right, and t_k target and p_k predicted pixels of class k:

- kappa = (n c - Σ t_k p_k) / (n² - Σ t_k p_k) (Cohen, Educational and Psychological Measurement, 1960);
- MCC = (n c - Σ t_k p_k) / √((n² - Σ p_k²)(n² - Σ t_k²)), in its form for any number of classes (Gorodkin, Computational
  Biology and Chemistry, 2004), which for two is the correlation of Matthews (1975).

Both are 1 for a perfect and about 0 for a chance result. Where the target or the prediction is of one class only there is no
chance to beat: MCC is nan, and kappa too where both are of that class. scikit-learn says 0 for that MCC.

Specificity of a class = TN / (TN + FP); nan for an absent class, as all its scores, and where every pixel is of the class.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["balanced_accuracies", "cohen_kappa", "matthews_correlation", "specificities"]


def cohen_kappa(matrix: np.ndarray) -> float:
    """Kappa of a (K, K) matrix of counts, at most 1; nan where undefined. Exact up to its last division."""
    total, right, target, predicted = _whole(matrix)
    chance = sum(t * p for t, p in zip(target, predicted, strict=True))
    rest = total * total - chance
    return (total * right - chance) / rest if rest else math.nan


def matthews_correlation(matrix: np.ndarray) -> float:
    """MCC of a (K, K) matrix of counts, -1 to 1; nan where undefined. Exact up to its last root and division."""
    total, right, target, predicted = _whole(matrix)
    chance = sum(t * p for t, p in zip(target, predicted, strict=True))
    spreads = [total * total - sum(count * count for count in side) for side in (predicted, target)]
    return (total * right - chance) / (math.sqrt(spreads[0]) * math.sqrt(spreads[1])) if all(spreads) else math.nan


def specificities(hit: np.ndarray, target: np.ndarray, predicted: np.ndarray, pixels: np.ndarray | int) -> np.ndarray:
    """Specificity of each class, from (..., K) counts; ``pixels`` are those counted for a class."""
    negative = pixels - target
    right = negative - predicted + hit
    known = (negative > 0) & (target + predicted > 0)
    return np.divide(right, negative, out=np.full(np.shape(target), math.nan), where=known)


def balanced_accuracies(matrix: np.ndarray) -> np.ndarray:
    """Of (K, 2, 2) counts of overlapping classes: the mean recall over the answers yes and no that occur in the target of each
    class; nan for a class without a target or predicted pixel."""
    target = matrix.sum(2)  # (K, 2): no, yes
    right = np.diagonal(matrix, axis1=1, axis2=2)
    recall = np.divide(right, target, out=np.zeros(target.shape), where=target > 0)
    answers = (target > 0).sum(1)
    is_there = target[:, 1] + matrix[:, 0, 1] > 0
    return np.divide(recall.sum(1), answers, out=np.full(len(matrix), math.nan), where=is_there & (answers > 0))


def _whole(matrix: np.ndarray) -> tuple[int, int, list[int], list[int]]:
    """All, right, target by class, predicted by class, in Python's unbounded whole numbers: squares of pixel counts do not fit
    64 bits."""
    return int(matrix.sum()), int(np.trace(matrix)), matrix.sum(1).tolist(), matrix.sum(0).tolist()
