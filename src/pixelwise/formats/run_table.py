"""Many run-length masks of one size laid end to end: their areas, boxes and overlaps, each by a few numpy calls for all.

Pixels are counted column by column, as in :mod:`pixelwise.formats.rle`; mask m is moved by m times the pixels of a mask, so
that one row of rising numbers holds the begins and ends of all runs, and one sorted search finds places in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pixelwise.types import Size

__all__ = ["RunTable", "lay_out"]


@dataclass(frozen=True, eq=False)
class RunTable:
    """N masks of ``size`` (height, width). ``edges`` (2R,) int64 are begin and end (exclusive) of each foreground run, none of
    them empty, mask m moved by m sizes; those of mask m are ``edges[splits[m] : splits[m + 1]]``, with ``splits`` (N + 1,)."""

    size: Size
    edges: np.ndarray
    splits: np.ndarray

    @cached_property
    def areas(self) -> np.ndarray:
        """(N,) int64 foreground pixels."""
        areas: np.ndarray = np.diff(self._before[self.splits // 2])
        return areas

    @cached_property
    def boxes(self) -> np.ndarray:
        """(N, 4) int64, the smallest half-open box x1, y1, x2, y2 around the foreground of each; zeros where there is none."""
        boxes = np.zeros((len(self.splits) - 1, 4), np.int64)
        filled = np.flatnonzero(np.diff(self.splits))
        if not len(filled):
            return boxes
        height, width = self.size
        begins, ends = self.splits[filled], self.splits[filled + 1]
        pixels = self.edges.copy()
        pixels[1::2] -= 1  # first and last pixel of each run
        columns = pixels // height
        rows = pixels - columns * height
        wraps = np.logical_or.reduceat(columns[0::2] != columns[1::2], begins // 2)  # such a run touches bottom and top
        boxes[filled, 0] = columns[begins] - filled * width
        boxes[filled, 1] = np.where(wraps, 0, np.minimum.reduceat(rows, begins))
        boxes[filled, 2] = columns[ends - 1] - filled * width + 1
        boxes[filled, 3] = np.where(wraps, height, np.maximum.reduceat(rows, begins) + 1)
        return boxes

    def intersections(self, pairs: np.ndarray) -> np.ndarray:
        """Common pixels, (P,) int64, of the masks i and j for each row (i, j) of ``pairs`` (P, 2)."""
        ours, theirs = pairs[:, 0], pairs[:, 1]
        lengths = np.diff(self.splits)[ours]
        ends = np.cumsum(lengths)
        places = np.arange(int(lengths.sum())) + np.repeat(self.splits[ours] - (ends - lengths), lengths)
        steps = self.edges[places] + np.repeat((theirs - ours) * (self.size[0] * self.size[1]), lengths)
        covered = self._covered(steps)
        common = np.concatenate(([0], np.cumsum(covered[1::2] - covered[0::2])))
        result: np.ndarray = common[ends // 2] - common[(ends - lengths) // 2]
        return result

    @cached_property
    def _before(self) -> np.ndarray:
        """(R + 1,) foreground pixels of all runs before the k-th."""
        return np.concatenate(([0], np.cumsum(self.edges[1::2] - self.edges[0::2])))

    def _covered(self, steps: np.ndarray) -> np.ndarray:
        """Foreground pixels of all masks before each step."""
        levels = np.repeat(self._before, 2)[:-1]
        levels[1::2] -= self.edges[0::2]  # inside of a run the step itself is added
        index = np.searchsorted(self.edges, steps, side="right")
        return levels[index] + steps * (index & 1)


def lay_out(size: Size, counts: Sequence[np.ndarray]) -> RunTable:
    """The table of masks of one size, each given by its run lengths: int64, background first, that add up to the size."""
    lengths = np.array([len(one) for one in counts], np.int64)
    edges = np.cumsum(np.concatenate(counts)) if len(counts) else np.zeros(0, np.int64)
    is_kept = np.ones(len(edges), np.bool_)
    is_kept[(np.cumsum(lengths) - 1)[lengths % 2 == 1]] = False  # the end of background at the end of a mask
    edges = edges[is_kept]
    splits = np.concatenate(([0], np.cumsum(lengths // 2 * 2)))
    is_run = edges[1::2] > edges[0::2]
    if not is_run.all():
        edges = edges[np.repeat(is_run, 2)]
        splits = 2 * np.concatenate(([0], np.cumsum(is_run)))[splits // 2]
    return RunTable(size, edges, splits)
