"""Run lengths of binary masks as COCO writes them: column by column from the top left, background first.

``counts`` are the lengths of alternating runs, zeros first; a mask that begins with foreground begins with a count of 0.
The compressed form is COCO's: each count, from the fourth on as its difference to the count two before, in groups of five
bits, low group first, as characters from ``0`` (48) on. Same counts and same strings as pycocotools, for every mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.run_strings import read_counts
from pixelwise.formats.run_table import RunTable, lay_out
from pixelwise.types import Size

__all__ = [
    "RunLengths",
    "boxes_around",
    "decode",
    "encode",
    "from_coco",
    "from_coco_rows",
    "from_strings",
    "intersections",
    "iou",
    "table",
    "to_coco",
    "to_string",
]

_NO_COUNTS = np.zeros(0, np.int64)
_MAX_PIXELS = 1 << 31  # of one mask: far above any image, far below an overflow


@dataclass(frozen=True, eq=False)
class RunLengths:
    """One binary mask of ``size`` (height, width) as ``counts``, (R,) int64. Raises :class:`DataError` where the counts
    are negative or do not add up to the size."""

    size: Size
    counts: np.ndarray

    def __post_init__(self) -> None:
        height, width = self.size
        if height < 0 or width < 0 or height * width > _MAX_PIXELS:
            raise DataError(f"the size of a run-length mask must be (height, width) with at most 2^31 pixels, got {self.size}")
        counts = np.asarray(self.counts)
        if counts.ndim != 1 or (counts.size and counts.dtype.kind not in "iu"):
            raise DataError(f"run lengths must be a row of whole numbers, got {counts.dtype} of shape {counts.shape}")
        if counts.size and (int(counts.min()) < 0 or int(counts.max()) > height * width):
            raise DataError(f"run lengths must be 0 to {height * width}, the pixels of the mask, got {_shown(counts)}")
        counts = counts.astype(np.int64, copy=False)
        if int(counts.sum()) != height * width:
            raise DataError(
                f"run lengths add up to {int(counts.sum())} pixels, but the mask is {height} x {width} = {height * width}; "
                "was size written as (width, height), or the string cut off?"
            )
        object.__setattr__(self, "counts", counts)

    @cached_property
    def area(self) -> int:
        """Foreground pixels."""
        return int(self.counts[1::2].sum())


def encode(masks: np.ndarray) -> list[RunLengths]:
    """Run lengths of (N, H, W) masks, bool or uint8, where everything but 0 is foreground."""
    if masks.ndim != 3 or masks.dtype not in (np.bool_, np.uint8):
        raise DataError(f"masks must be (N, height, width) bool or uint8, got {masks.dtype} of shape {masks.shape}")
    return [_encode_one(mask) for mask in (masks if masks.dtype == np.bool_ else masks != 0)]


def decode(runs: RunLengths) -> np.ndarray:
    """The (H, W) bool mask."""
    height, width = runs.size
    is_foreground = np.arange(len(runs.counts)) % 2 == 1
    return np.repeat(is_foreground, runs.counts).reshape(width, height).T


def to_string(runs: RunLengths) -> str:
    """The compressed counts."""
    values = runs.counts.copy()
    values[3:] -= runs.counts[1:-2]
    characters = []
    for value in values.tolist():
        while True:
            group, value = value & 31, value >> 5
            is_last = value == -1 if group & 16 else value == 0
            characters.append(group + (48 if is_last else 80))
            if is_last:
                break
    return bytes(characters).decode("ascii")


def from_strings(size: Size, texts: Sequence[str | bytes]) -> list[RunLengths]:
    """Reads compressed counts of masks of one size, all at once; raises :class:`DataError` for foreign characters, a string
    that was cut off, or counts that do not fit the size."""
    return _made_of([size] * len(texts), read_counts(texts))


def to_coco(runs: RunLengths) -> dict[str, Any]:
    """COCO's ``segmentation`` of an annotation or a result: ``size`` and compressed ``counts``."""
    return {"size": list(runs.size), "counts": to_string(runs)}


def from_coco(segmentation: Mapping[str, Any]) -> RunLengths:
    """Reads ``{"size": [height, width], "counts": ...}``, compressed (a string) or not (a list)."""
    return from_coco_rows([segmentation])[0]


def from_coco_rows(segmentations: Sequence[Mapping[str, Any]]) -> list[RunLengths]:
    """Reads many of them, of any sizes, at once: much faster than one by one."""
    sizes, given = [], []
    for segmentation in segmentations:
        match segmentation:
            case {"size": [int(height), int(width)], "counts": str() | bytes() | list() as counts}:
                sizes.append((height, width))
                given.append(counts)
            case _:
                raise _not_coco(segmentation)
        if isinstance(counts, list) and not all(isinstance(count, int) for count in counts):
            raise _not_coco(segmentation)
    read = iter(read_counts([counts for counts in given if not isinstance(counts, list)]))
    return _made_of(sizes, [np.array(one or _NO_COUNTS) if isinstance(one, list) else next(read) for one in given])


def _not_coco(segmentation: Mapping[str, Any]) -> DataError:
    return DataError(
        f"a run-length mask must be {{'size': [height, width], 'counts': ...}}, got keys {sorted(segmentation)}; "
        "polygons must be drawn first"
    )


def table(masks: Sequence[RunLengths]) -> RunTable:
    """All masks end to end, to be measured together; raises :class:`DataError` where they differ in size."""
    _check_sizes(masks)
    return lay_out(masks[0].size if len(masks) else (0, 0), [runs.counts for runs in masks])


def boxes_around(masks: Sequence[RunLengths]) -> np.ndarray:
    """(N, 4) int64, the smallest half-open box x1, y1, x2, y2 around the foreground of each; zeros where there is none."""
    return table(masks).boxes


def intersections(first: Sequence[RunLengths], second: Sequence[RunLengths], pairs: np.ndarray) -> np.ndarray:
    """Common pixels, (P,) int64, of the masks ``first[i]`` and ``second[j]`` for each row (i, j) of ``pairs`` (P, 2)."""
    return table([*first, *second]).intersections(pairs + np.array([0, len(first)]))


def iou(first: Sequence[RunLengths], second: Sequence[RunLengths], crowd: Iterable[bool] | None = None) -> np.ndarray:
    """(N, M) intersection over union; where ``crowd`` (M) is true, over the area of the first mask instead. 0 for two
    empty masks."""
    both, split = table([*first, *second]), len(first)
    ours, theirs = both.boxes[:split, None], both.boxes[None, split:]
    pairs = np.argwhere((np.minimum(ours, theirs)[..., 2:] > np.maximum(ours, theirs)[..., :2]).all(-1))
    common = np.zeros((split, len(second)), np.int64)
    common[pairs[:, 0], pairs[:, 1]] = both.intersections(pairs + np.array([0, split]))
    is_crowd = np.zeros(len(second), bool) if crowd is None else np.asarray(list(crowd), bool)
    area = both.areas[:split, None]
    union = np.where(is_crowd, area, area + both.areas[split:] - common)
    return np.divide(common, union, out=np.zeros(common.shape), where=union > 0)


def _encode_one(mask: np.ndarray) -> RunLengths:
    """Only the box around the foreground is turned, with a row of background above each column to part the columns."""
    height, width = mask.shape
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return RunLengths((height, width), np.array([height * width] if height * width else [], np.int64))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    tall = bottom - top + 1
    padded = np.zeros((right - left, tall), np.bool_)
    padded[:, 1:] = mask[top:bottom, left:right].T
    flat = np.append(padded.reshape(-1), False)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    begins, lasts = changes[0::2], changes[1::2] - 1
    starts = (begins // tall + left) * height + begins % tall - 1 + top
    stops = (lasts // tall + left) * height + lasts % tall + top
    parted = np.flatnonzero(starts[1:] != stops[:-1])  # a run that goes on in the next column is one run
    edges = np.empty(2 * len(parted) + 2, np.int64)
    edges[0], edges[-1] = starts[0], stops[-1]
    edges[1:-1:2], edges[2:-1:2] = stops[parted], starts[parted + 1]
    counts = np.diff(edges, prepend=0, append=height * width)
    return RunLengths((height, width), counts if counts[-1] else counts[:-1])


def _made_of(sizes: Sequence[Size], counts: Sequence[np.ndarray]) -> list[RunLengths]:
    """One mask of each; the checks of :class:`RunLengths` are made for all at once."""
    lengths = np.array([len(one) for one in counts], np.int64)
    is_sound = all(min(size) >= 0 and size[0] * size[1] <= _MAX_PIXELS for size in sizes)
    if is_sound and len(counts) and lengths.all() and all(one.dtype == np.int64 for one in counts):
        everything, pixels = np.concatenate(counts), [height * width for height, width in sizes]
        sums = np.add.reduceat(everything, np.cumsum(lengths) - lengths)
        if everything.min() >= 0 and everything.max() <= _MAX_PIXELS and (sums == pixels).all():
            return [_fitting(size, one) for size, one in zip(sizes, counts, strict=True)]
    return [RunLengths(size, one) for size, one in zip(sizes, counts, strict=True)]


def _fitting(size: Size, counts: np.ndarray) -> RunLengths:
    """A mask whose counts are known to fit: the check of each by itself would take longer than all else."""
    runs = object.__new__(RunLengths)
    runs.__dict__.update(size=size, counts=counts)
    return runs


def _check_sizes(masks: Sequence[RunLengths]) -> None:
    sizes = {runs.size for runs in masks}
    if len(sizes) > 1:
        raise DataError(f"run-length masks to compare must be of one size, got {sorted(sizes)[:4]}")


def _shown(counts: np.ndarray) -> str:
    return f"{int(counts.min())} to {int(counts.max())}"
