"""The bootstrap over images or groups of them: how a score of the whole set would vary with the images that are in it.

What is resampled are images (or patients, places, videos: *groups*), never pixels, since pixels of one image are not independent.
A score of the set is a function of sums over images, of their confusion matrices for example, so a resample needs no image twice:
it is the sum weighted by how often each image was drawn, and many resamples are one matrix product.

A class that no image of a resample holds leaves that resample's mean, as it does in the score itself. A resample whose score is
undefined is left out and counted. Where leaving out a single image (or group) leaves a score undefined, it rests on that image
alone: its interval is nan, not of width 0.

Intervals are the percentile interval, and BCa (Efron, Journal of the American Statistical Association, 1987), which corrects for
bias and for a spread that changes with the score. BCa is undefined where all resamples lie on one side of the score; then the
percentile interval is given, and said to be. With one seed, draws are those of ``scipy.stats.bootstrap``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from pixelwise.errors import ConfigError, DataError

__all__ = ["METHODS", "Bootstrap", "bootstrap"]

METHODS = ("bca", "percentile")
_ENTRIES = 1 << 22  # numbers in the largest array at a time: 32 MiB


@dataclass(frozen=True)
class Bootstrap:
    """S scores, resampled: ``value`` (S,) on the set itself, ``resampled`` (R, S), and ``without`` (U, S), each without one of
    the U units (images or groups); nan where undefined."""

    value: np.ndarray
    resampled: np.ndarray
    without: np.ndarray

    @property
    def units(self) -> int:
        """How many images, or groups, were drawn from."""
        return len(self.without)

    def interval(self, score: int, level: float = 0.95, method: str = "bca") -> tuple[float, float, str]:
        """Low end, high end and method of the interval of one score; nan where it is undefined or rests on one unit.

        Raises:
            ConfigError: no such method, or a level that is not between 0 and 1.
        """
        if method not in METHODS:
            raise ConfigError(f"unknown interval {method!r}; allowed: {', '.join(METHODS)}")
        if not 0 < level < 1:
            raise ConfigError(f"the level of an interval must be between 0 and 1, such as 0.95, got {level}")
        values, without = self.resampled[:, score], self.without[:, score]
        values = values[~np.isnan(values)]
        if np.isnan(self.value[score]) or np.isnan(without).any() or not values.size:
            return np.nan, np.nan, method
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        corrected = _corrected(tails, values, float(self.value[score]), without) if method == "bca" else None
        low, high = np.quantile(values, tails if corrected is None else corrected).tolist()
        return low, high, "percentile" if corrected is None else "bca"


def bootstrap(
    per_image: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    groups: Sequence[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Bootstrap:
    """Draws as many images as there are, with replacement, ``resamples`` times. Memory does not grow with ``resamples``.

    Args:
        per_image: (N, ...) finite numbers per image that add up: confusion matrices, or a score beside a 1.
        statistic: scores, (R, S) or (R,), of R such sums in float64, (R, ...); nan where undefined.
        groups: what each image belongs to; whole groups are drawn instead of images.

    Raises:
        DataError: no images, numbers that are not finite, or groups that are not one per image.
        ConfigError: fewer than 1 resample.
    """
    units = _units(np.asarray(per_image, np.float64), groups)
    if resamples < 1:
        raise ConfigError(f"resamples must be at least 1, got {resamples}")
    shape, flat = units.shape[1:], units.reshape(len(units), -1)
    total = flat.sum(0)

    def scores(sums: np.ndarray) -> np.ndarray:
        found = np.asarray(statistic(sums.reshape(len(sums), *shape)), np.float64)
        return found[:, None] if found.ndim == 1 else found

    rows = max(1, _ENTRIES // max(flat.shape))
    resampled = [scores(times @ flat) for times in _times_drawn(len(flat), resamples, rows, seed)]
    without = [scores(total - flat[start : start + rows]) for start in range(0, len(flat), rows)]
    return Bootstrap(scores(total[None])[0], np.concatenate(resampled), np.concatenate(without))


def _units(per_image: np.ndarray, groups: Sequence[Any] | None) -> np.ndarray:
    """The sums of each group; without groups each image is one."""
    if per_image.ndim < 2 or not per_image.size:
        raise DataError(f"a bootstrap needs one row of numbers per image, and an image, got shape {per_image.shape}")
    if not np.isfinite(per_image).all():
        raise DataError("a bootstrap needs finite numbers per image; leave out images whose score is undefined")
    if groups is None:
        return per_image
    if len(groups) != len(per_image):
        raise DataError(f"{len(groups)} groups for {len(per_image)} images; there must be one per image")
    nameless = sum(group is None or str(group).strip() == "" for group in groups)
    if nameless:
        raise DataError(f"{nameless} of {len(groups)} images have no group; give each one, or compare over images")
    names, member = np.unique([str(group) for group in groups], return_inverse=True)
    units = np.zeros((len(names), *per_image.shape[1:]))
    np.add.at(units, member, per_image)
    return units


def _times_drawn(units: int, resamples: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """(rows, units) float64: how often each unit is in each resample; the last part may have fewer rows."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = rng.integers(0, units, (count, units)) + units * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(np.float64)


def _corrected(tails: np.ndarray, values: np.ndarray, value: float, without: np.ndarray) -> np.ndarray | None:
    """The quantiles of BCa; ``None`` where it is undefined."""
    below = (np.count_nonzero(values < value) + np.count_nonzero(values <= value)) / (2 * len(values))
    if not 0 < below < 1:
        return None
    deviation = without.mean() - without
    spread = np.sum(deviation**2) ** 1.5
    acceleration = np.sum(deviation**3) / (6 * spread) if spread > 0 else 0.0
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    slope = 1 - acceleration * shifted
    corrected: np.ndarray = ndtr(bias + shifted / slope)
    return corrected if (slope > 0).all() else None
