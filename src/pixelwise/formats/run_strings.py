"""Run lengths from COCO's compressed strings, thousands of strings at once.

A string holds the lengths of alternating runs, each from the fourth on as its difference to the one two before, in groups of
five bits, low group first, as characters from ``0`` (48) on; a group that is not the last of its number has 32 added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixelwise.errors import DataError

__all__ = ["read_counts"]

_MAX_GROUPS = 7  # of five bits in one number: 35 bits, enough for a signed difference of two counts
_AT_ONCE = 1 << 20  # characters


def read_counts(texts: Sequence[str | bytes]) -> list[np.ndarray]:
    """The counts of each string, int64; raises :class:`DataError` for foreign characters and for a string that was cut off.
    Whether they fit a mask is not looked at."""
    # JSON can hold halves of surrogate pairs, at which plain UTF-8 would stop with an error of its own
    raw = [text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text) for text in texts]
    stops = np.cumsum([len(text) for text in raw], dtype=np.int64)
    counts, done = [], 0
    while done < len(raw):
        taken = int(stops[done - 1]) if done else 0
        stop = max(int(np.searchsorted(stops, taken + _AT_ONCE, side="right")), done + 1)
        counts += _without_differences(*_numbers(b"".join(raw[done:stop]), stops[done:stop] - taken))
        done = stop
    return counts


def _numbers(text: bytes, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of strings that end at ``stops``, and how many numbers there are up to each of these."""
    groups = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if groups.size and (int(groups.min()) < 0 or int(groups.max()) > 63):
        raise DataError("compressed run lengths hold a character that COCO does not use; is this the string of counts?")
    is_last = groups < 32
    if not is_last[stops[stops > 0] - 1].all():
        raise DataError("compressed run lengths end in the middle of a number; the string was cut off")
    ends = np.flatnonzero(is_last)
    begins = np.concatenate(([0], ends[:-1] + 1))[: len(ends)]
    lengths = ends - begins + 1
    if int(lengths.max(initial=0)) > _MAX_GROUPS:
        raise DataError(f"compressed run lengths hold a number of {int(lengths.max())} characters; at most {_MAX_GROUPS} can be")
    position = np.arange(len(groups)) - np.repeat(begins, lengths)
    values = np.add.reduceat((groups & 31) << (5 * position), begins) if len(ends) else np.zeros(0, np.int64)
    values -= ((groups[ends] & 16) != 0).astype(np.int64) << (5 * lengths)  # the sign is the top bit of the last group
    return values, np.searchsorted(ends, stops)


def _without_differences(values: np.ndarray, stops: np.ndarray) -> list[np.ndarray]:
    """The counts of each mask from the numbers of all, those of mask m ending at ``stops[m]``."""
    lengths = np.diff(stops, prepend=0)
    room = lengths + lengths % 2  # so that masks begin at even places
    places = np.cumsum(room) - room
    padded = np.zeros(int(room.sum()), np.int64)
    padded[np.arange(len(values)) + np.repeat(places - (stops - lengths), lengths)] = values
    halves = padded.reshape(-1, 2).T.copy()  # the even numbers, and the odd ones
    heads = places[lengths > 0] // 2
    firsts = halves[0, heads]
    halves[0, heads] = 0  # nothing is added to the first number
    sums = np.cumsum(halves, axis=1)
    before = sums[:, heads] - halves[:, heads]
    sums -= np.repeat(before, np.diff(np.append(heads, sums.shape[1])), axis=1)
    sums[0, heads] = firsts
    counts = sums.T.reshape(-1)
    return [counts[place : place + length] for place, length in zip(places.tolist(), lengths.tolist(), strict=True)]
