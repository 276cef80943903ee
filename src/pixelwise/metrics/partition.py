"""How alike two partitions of an image into segments are, from one sparse table of how often two segments meet.

Only pixels with a target label above 0 count (*foreground-restricted*, Arganda-Carreras et al. 2015). With n such pixels,
n_ij of them in segment i of the prediction S and j of the target T, s_i and t_j the sums of rows and columns:

- Rand split and merge scores: sum n_ij^2 / sum t_j^2 (lowered by splits) and sum n_ij^2 / sum s_i^2 (lowered by merges);
  ``v_rand`` is their harmonic mean. Pairs of a pixel with itself count, as in the challenge.
- Information split and merge scores: I(S; T) / H(S) and I(S; T) / H(T); ``v_info`` is their harmonic mean. A score without
  anything to lower it (H = 0) is 1, and two equal partitions into one segment have ``v_info`` 1.
- In the scores above a pixel that the prediction gives 0 (border) is a segment of its own, as in the challenge.

The rest takes label 0 of the prediction as one more segment, as scikit-image and scikit-learn do: ``adapted_rand_error`` is 1
minus the F-score over pairs of *different* pixels (SNEMI3D); ``vi_split`` and ``vi_merge`` are H(S | T) and H(T | S) in bits;
``adjusted_rand_index`` is Hubert and Arabie's. Without a counted pixel all are nan, and what needs pairs is nan without any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pixelwise.errors import DataError

__all__ = ["PartitionScores", "partition_scores"]


@dataclass(frozen=True)
class PartitionScores:
    """Scores of one pair of label maps. The first six are in [0, 1], higher is better; ``adapted_rand_error``, ``vi_split``
    and ``vi_merge`` are errors, lower is better; ``adjusted_rand_index`` is at most 1 and 0 by chance."""

    v_rand: float
    rand_split: float
    rand_merge: float
    v_info: float
    info_split: float
    info_merge: float
    adapted_rand_error: float
    vi_split: float
    vi_merge: float
    adjusted_rand_index: float


def partition_scores(prediction: np.ndarray, target: np.ndarray) -> PartitionScores:
    """Scores of two label maps of one shape and of whole numbers from 0; 0 is the border, and not counted in ``target``.

    Raises :class:`DataError` for maps of different shapes, of other types, or with negative labels.
    """
    for what, labels in (("prediction", prediction), ("target", target)):
        if not np.issubdtype(labels.dtype, np.integer) or (labels.size and int(labels.min()) < 0):
            raise DataError(f"{what} must hold whole labels from 0, got {labels.dtype}; label its components first")
    if prediction.shape != target.shape:
        raise DataError(f"prediction and target must be of one shape, got {prediction.shape} and {target.shape}")
    joint, predicted, expected, border = _table(prediction, target)
    if not joint.size:
        return PartitionScores(*[math.nan] * len(PartitionScores.__dataclass_fields__))
    return PartitionScores(*_challenge(joint, predicted, expected, border), *_plain_pairs(joint, predicted, expected))


def _table(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The n_ij above 0, the s_i, the t_j (int64 each), and which of the n_ij, by their place, are border in the prediction.

    ``border`` is boolean, aligned with the first; s_i of the border, where there is one, stands first among the s_i.
    """
    counted = target > 0
    found, expected = prediction[counted].astype(np.int64), target[counted].astype(np.int64)
    width = int(expected.max(initial=0)) + 1
    pairs, joint = np.unique(found * width + expected, return_counts=True)
    rows, columns = np.divmod(pairs, width)
    sums = [np.unique(ids, return_inverse=True)[1] for ids in (rows, columns)]
    predicted, by_target = (np.bincount(ids, joint).astype(np.int64) for ids in sums)
    return joint.astype(np.int64), predicted, by_target, rows == 0


def _challenge(joint: np.ndarray, predicted: np.ndarray, expected: np.ndarray, border: np.ndarray) -> list[float]:
    """The six scores in which every border pixel of the prediction is a segment of its own."""
    singles = int(joint[border].sum())
    pairs, found = joint[~border], predicted[1:] if singles else predicted
    total = int(joint.sum())
    together, by_found = _squares(pairs) + singles, _squares(found) + singles
    by_expected = _squares(expected)
    # A segment of one pixel adds 1 log 1 = 0 to the sums of n log n.
    entropy_found, entropy_expected = _entropy(found, total), _entropy(expected, total)
    shared = max(0.0, entropy_found + entropy_expected - _entropy(pairs, total))
    is_one_found, is_one_expected = len(found) + singles == 1, len(expected) == 1
    split = 1.0 if is_one_found else shared / entropy_found
    merge = 1.0 if is_one_expected else shared / entropy_expected
    both = 1.0 if is_one_found and is_one_expected else 2 * shared / (entropy_found + entropy_expected)
    rand = [2 * together / (by_found + by_expected), together / by_expected, together / by_found]
    return [*rand, min(1.0, both), min(1.0, split), min(1.0, merge)]


def _plain_pairs(joint: np.ndarray, predicted: np.ndarray, expected: np.ndarray) -> list[float]:
    """The four scores in which the border of the prediction is one more segment."""
    total = int(joint.sum())
    together, by_found, by_expected = (_squares(counts) - total for counts in (joint, predicted, expected))
    error = 1 - 2 * together / (by_found + by_expected) if by_found + by_expected else math.nan
    bits = [_entropy(counts, total) / math.log(2) for counts in (joint, predicted, expected)]
    everything = total * (total - 1)
    chance = by_found * by_expected / everything if everything else math.nan
    spread = (by_found + by_expected) / 2 - chance
    adjusted = (together - chance) / spread if spread else (1.0 if everything else math.nan)
    return [error, max(0.0, bits[0] - bits[2]), max(0.0, bits[0] - bits[1]), adjusted]


def _squares(counts: np.ndarray) -> int:
    return int(counts @ counts)


def _entropy(counts: np.ndarray, total: int) -> float:
    """Entropy in nats of a partition of ``total`` pixels; segments of one pixel may be left out of ``counts``."""
    return math.log(total) - float(counts @ np.log(counts)) / total
