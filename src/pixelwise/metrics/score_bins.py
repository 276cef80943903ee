"""The bins that scores are counted in: one for every float16 from 0 to 0.5, and their mirror images from 0.5 to 1.

A probability p falls into the bin of the nearest float16 of min(p, 1 - p), on its own side of 0.5. So

- every float16 from 0 to 1 has a bin of its own: a histogram of float16 scores loses nothing;
- the bins are about as fine as logits need at both ends: their width is at most 2^-10 of min(p, 1 - p), and never under 2^-24,
  the distance of the float32 next to 1. A float32 moves by at most :data:`SCORE_ROUNDING` to the value of its bin;
- the order of scores is kept, and bin b mirrors bin NUM_SCORE_BINS - 1 - b: their values add up to 1;
- every value is a whole multiple of 2^-24, so sums of scores can be exact int64.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from pixelwise.errors import DataError

__all__ = [
    "NUM_SCORE_BINS",
    "SCORE_ROUNDING",
    "SCORE_UNITS",
    "bin_starts",
    "bin_values",
    "check_scores",
    "count_scores",
    "score_bins",
]

_MIDDLE = 0x3800  # the bit pattern of the float16 0.5, and its bin
_ONE = 0x3C00  # the bit pattern of the float16 1

NUM_SCORE_BINS = 2 * _MIDDLE + 1
"""28673: bins 0 to 14336 are the float16 bit patterns of 0 to 0.5."""

SCORE_ROUNDING = 2.0**-13
"""How far a float32 score can be from the value of its bin; float16 scores are not moved at all."""

SCORE_UNITS = 1 << 24
"""Bin values times this are whole numbers."""

_CHUNK = 1 << 15  # scores binned at a time, so that temporaries stay in the cache
_EXACT_COUNT = 1 << 24  # OpenCV hands counts out as float32, which holds whole numbers exactly up to here


@cache
def bin_values() -> np.ndarray:
    """(NUM_SCORE_BINS,) float64, ascending from 0 to 1: the score that each bin stands for."""
    half = np.arange(_MIDDLE + 1, dtype=np.uint16).view(np.float16).astype(np.float64)
    values = np.concatenate([half, 1.0 - half[-2::-1]])
    values.flags.writeable = False
    return values


@cache
def bin_starts() -> np.ndarray:
    """(NUM_SCORE_BINS,) float64, ascending: the smallest float32 in each bin, so that ``score >= start`` means this bin or
    a later one; the bin's own value where no float32 is in it."""
    values = bin_values()
    starts = values.copy()
    middle = ((values[1:] + values[:-1]) / 2).astype(np.float32)
    for candidate in (np.nextafter(middle, np.float32(2)), middle, np.nextafter(middle, np.float32(-1))):
        inside = score_bins(np.clip(candidate, 0, 1)) == np.arange(1, NUM_SCORE_BINS)
        starts[1:][inside] = np.minimum(starts[1:], candidate)[inside]
    starts.flags.writeable = False
    return starts


def score_bins(scores: np.ndarray) -> np.ndarray:
    """The bin of each score, uint16 of the same shape. Scores must be 0 to 1: see :func:`check_scores`."""
    if scores.dtype == np.float16:
        return _bin_of_float16()[np.abs(scores).view(np.uint16)]
    flat = np.ascontiguousarray(scores, np.float32).reshape(-1)
    bins = np.empty(flat.size, np.uint16)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        bins[start : start + _CHUNK] = _bins_of_float32(part)
    return bins.reshape(scores.shape)


def count_scores(scores: np.ndarray) -> np.ndarray:
    """(NUM_SCORE_BINS,) int64: how many scores, of an array of any shape, lie in each bin."""
    if scores.dtype == np.float16:
        counts = np.zeros(NUM_SCORE_BINS, np.int64)
        counts[_bin_of_float16()] = _count_codes(np.ascontiguousarray(np.abs(scores)).view(np.uint16), _ONE + 1)
        return counts
    return _count_codes(score_bins(scores), NUM_SCORE_BINS)


def check_scores(scores: np.ndarray, name: str) -> None:
    """Raises :class:`DataError` that says so if a score of class ``name`` is nan or not from 0 to 1."""
    if scores.dtype == np.float16:
        # The patterns above that of 1 are those of larger, negative and undefined numbers; -0 is a zero.
        bits = scores.view(np.uint16)
        wrong = bits.size > 0 and int(bits.max()) > _ONE and bool(((bits > _ONE) & (bits != 0x8000)).any())
    else:
        wrong = scores.size > 0 and not (scores.min() >= 0 and scores.max() <= 1)
    if wrong:
        outside = scores[~((scores >= 0) & (scores <= 1))]
        raise DataError(
            f"scores must be probabilities from 0 to 1, got {float(outside[0])} for class {name!r} "
            f"({outside.size} pixels); apply softmax or sigmoid to logits, and look for nan in the network's output"
        )


@cache
def _bin_of_float16() -> np.ndarray:
    """(15361,) uint16: the bin of each float16 bit pattern from 0 to 1."""
    return score_bins(np.arange(_ONE + 1, dtype=np.uint16).view(np.float16).astype(np.float32))


def _bins_of_float32(scores: np.ndarray) -> np.ndarray:
    """int32 bins. numpy's own cast to float16 takes three times as long as these whole-number steps."""
    small = np.minimum(scores, np.float32(1) - scores)  # the subtraction is exact from 0.5 on
    # Rounded to ten bits of mantissa, with the exponent counted as float16 counts it ...
    bins = small.view(np.int32) + 0x1000
    bins >>= 13
    bins -= 112 << 10
    # ... and in steps of 2^-24 where float16 has no smaller exponent. The two agree from 1024 to 2048 steps.
    steps = small * np.float32(SCORE_UNITS)
    np.minimum(steps, 2048, out=steps)
    np.maximum(bins, np.rint(steps, out=steps).astype(np.int32), out=bins)
    # Mirrored above 0.5, by arithmetic: a choice per pixel would cost more than all the rest.
    bins += (scores > 0.5) * (2 * (_MIDDLE - bins))
    return bins


def _count_codes(codes: np.ndarray, how_many: int) -> np.ndarray:
    flat = codes.reshape(1, -1)
    counts = np.zeros(how_many, np.int64)
    for start in range(0, flat.size, _EXACT_COUNT):
        part = flat[:, start : start + _EXACT_COUNT]
        counts += cv2.calcHist([part], [0], None, [how_many], [0.0, float(how_many)]).reshape(-1).astype(np.int64)
    return counts
