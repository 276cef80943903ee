"""Which of two results is better, and how sure that is: differences of scores on the same images, by the paired bootstrap.

Each resample holds the same images for both, so what makes an image hard for both cancels; the interval of a difference is
mostly much narrower than those of the two scores. There is no p-value: the interval says how large the difference may be, and
the share of resamples in which the second is better says how sure its sign is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.bootstrap import bootstrap
from pixelwise.metrics.intervals import Interval, interval_of
from pixelwise.metrics.stacks import SCORE_NAMES, scores_of_sums, summable

__all__ = ["Difference", "paired_differences"]


@dataclass(frozen=True)
class Difference:
    """One score of two results: ``interval`` is of second - first. ``share_above`` is the share of resamples, in [0, 1], in which
    the second has the higher score; equal scores count half; nan where undefined."""

    first: float
    second: float
    interval: Interval
    share_above: float

    @property
    def is_told(self) -> bool:
        """Whether the interval leaves out 0, so that these images tell the two apart."""
        return self.interval.low > 0 or self.interval.high < 0

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold, ``None`` in place of nan."""
        plain = {"first": self.first, "second": self.second, "difference": self.interval.value, "share_above": self.share_above}
        return {**{k: None if math.isnan(v) else v for k, v in plain.items()}, "interval": self.interval.ends()}


def paired_differences(
    first: np.ndarray,
    second: np.ndarray,
    class_names: Sequence[str],
    groups: Sequence[Any] | None = None,
    level: float = 0.95,
    method: str = "bca",
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Differences by score: ``mean_iou``, ``mean_dice``, ``accuracy``, ``mean_accuracy``, ``fwiou``, ``mean_iou_per_image``, and
    ``iou_NAME`` for each class.

    Args:
        first, second: (N, 5, K) counts of :func:`~pixelwise.metrics.stacks.class_counts`, row by row of the same images.
        groups: what each image belongs to, such as a patient; by default each image stands for itself.

    Raises:
        DataError: other shapes, no images, or groups that are not one per image.
        ConfigError: a method, level or number of resamples that is not allowed.
    """
    if first.shape != second.shape:
        raise DataError(f"both results must have the same images and classes, got counts of {first.shape} and {second.shape}")
    both = np.stack([summable(first), summable(second)], 1)

    def statistic(sums: np.ndarray) -> np.ndarray:
        one, other = scores_of_sums(sums[:, 0]), scores_of_sums(sums[:, 1])
        return np.concatenate([other - one, one, other], 1)

    drawn = bootstrap(both, statistic, groups, resamples, seed)
    names = [*SCORE_NAMES, *(f"iou_{name}" for name in class_names)]
    found = {}
    for position, name in enumerate(names):
        one, other = (float(drawn.value[position + part * len(names)]) for part in (1, 2))
        differences = drawn.resampled[:, position]
        differences = differences[~np.isnan(differences)]
        share = float((np.sign(differences).mean() + 1) / 2) if differences.size else math.nan
        found[name] = Difference(one, other, interval_of(drawn, position, level, method), share)
    return found
