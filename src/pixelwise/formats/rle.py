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
from pixelwise.types import Size

__all__ = [
    "RunLengths",
    "boxes_around",
    "decode",
    "encode",
    "from_coco",
    "from_strings",
    "intersections",
    "iou",
    "to_coco",
    "to_string",
]

_MAX_PIXELS = 1 << 31  # of one mask: far above any image, far below an overflow
_MAX_GROUPS = 7  # of five bits in one compressed count: 35 bits, enough for a signed difference of two counts


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

    @cached_property
    def bounds(self) -> np.ndarray:
        """(2F,) int64: begin and end (exclusive) of each foreground run, counted column by column."""
        edges = np.cumsum(self.counts)
        return edges if len(edges) % 2 == 0 else edges[:-1]


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
    # JSON can hold halves of surrogate pairs, at which plain UTF-8 would stop with an error of its own
    raw = [text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text) for text in texts]
    groups = np.frombuffer(b"".join(raw), np.uint8).astype(np.int64) - 48
    if groups.size and (int(groups.min()) < 0 or int(groups.max()) > 63):
        raise DataError("compressed run lengths hold a character that COCO does not use; is this the string of counts?")
    is_last = groups < 32
    stops = np.cumsum([len(text) for text in raw], dtype=np.int64)
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
    masks = np.split(values, np.searchsorted(ends, stops[:-1]))
    for counts in masks:
        counts[1::2] = counts[1::2].cumsum()
        counts[2::2] = counts[2::2].cumsum()
    return [RunLengths(size, counts) for counts in masks[: len(raw)]]


def to_coco(runs: RunLengths) -> dict[str, Any]:
    """COCO's ``segmentation`` of an annotation or a result: ``size`` and compressed ``counts``."""
    return {"size": list(runs.size), "counts": to_string(runs)}


def from_coco(segmentation: Mapping[str, Any]) -> RunLengths:
    """Reads ``{"size": [height, width], "counts": ...}``, compressed (a string) or not (a list)."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    is_size = isinstance(size, (list, tuple)) and len(size) == 2 and all(isinstance(side, int) for side in size)
    is_list = isinstance(counts, list) and all(isinstance(count, int) for count in counts)
    if not (is_size and (is_list or isinstance(counts, (str, bytes)))):
        raise DataError(
            f"a run-length mask must be {{'size': [height, width], 'counts': ...}}, got keys {sorted(segmentation)}; "
            "polygons must be drawn first"
        )
    height, width = segmentation["size"]
    if isinstance(counts, (str, bytes)):
        return from_strings((height, width), [counts])[0]
    return RunLengths((height, width), np.array(counts or np.zeros(0, np.int64)))


def boxes_around(masks: Sequence[RunLengths]) -> np.ndarray:
    """(N, 4) int64, the smallest half-open box x1, y1, x2, y2 around the foreground of each; zeros where there is none."""
    boxes = np.zeros((len(masks), 4), np.int64)
    filled = np.flatnonzero([runs.area > 0 for runs in masks])
    if not len(filled):
        return boxes
    _check_sizes(masks)
    height = masks[0].size[0]
    bounds = [masks[index].bounds for index in filled.tolist()]
    runs = np.concatenate(bounds).reshape(-1, 2)
    sizes = np.array([len(b) // 2 for b in bounds], np.int64)
    of_mask = np.repeat(np.arange(len(filled)), sizes)[runs[:, 1] > runs[:, 0]]
    runs = runs[runs[:, 1] > runs[:, 0]]
    begins = np.searchsorted(of_mask, np.arange(len(filled)))
    ends = np.append(begins[1:], len(runs)) - 1
    first, last = runs[:, 0], runs[:, 1] - 1
    left, right = first // height, last // height
    top, bottom = first - left * height, last - right * height
    turns = left != right  # a run that goes on in the next column touches bottom and top
    top, bottom = np.where(turns, 0, top), np.where(turns, height - 1, bottom)
    corners = left[begins], np.minimum.reduceat(top, begins), right[ends] + 1, np.maximum.reduceat(bottom, begins) + 1
    boxes[filled] = np.stack(corners, axis=1)
    return boxes


def intersections(first: Sequence[RunLengths], second: Sequence[RunLengths], pairs: np.ndarray) -> np.ndarray:
    """Common pixels, (P,) int64, of the masks ``first[i]`` and ``second[j]`` for each row (i, j) of ``pairs`` (P, 2).

    All pairs at once: pair number p is moved by p sizes, so that one sorted search serves all of them.
    """
    if not len(pairs):
        return np.zeros(0, np.int64)
    _check_sizes([*first, *second])
    stride = max(first[0].size[0] * first[0].size[1], 1)
    edges, _ = _laid_out(second, pairs[:, 1], stride)
    steps, of_step = _laid_out(first, pairs[:, 0], stride)
    lengths = edges[1::2] - edges[0::2]
    before = np.concatenate(([0], np.cumsum(lengths)))  # foreground of all runs before the k-th
    index = np.searchsorted(edges, steps, side="right")
    inside = np.where(index % 2 == 1, steps - edges[np.maximum(index - 1, 0)], 0) if len(edges) else np.zeros_like(steps)
    covered = before[index // 2] + inside
    common = np.bincount(of_step[0::2], covered[1::2] - covered[0::2], minlength=len(pairs))
    return common.astype(np.int64)


def iou(first: Sequence[RunLengths], second: Sequence[RunLengths], crowd: Iterable[bool] | None = None) -> np.ndarray:
    """(N, M) intersection over union; where ``crowd`` (M) is true, over the area of the first mask instead. 0 for two
    empty masks."""
    rows, columns = len(first), len(second)
    _check_sizes([*first, *second])
    pairs = np.argwhere(_touching(first, second))
    common = np.zeros((rows, columns), np.int64)
    common[pairs[:, 0], pairs[:, 1]] = intersections(first, second, pairs)
    ours = np.array([runs.area for runs in first], np.int64)[:, None]
    theirs = np.array([runs.area for runs in second], np.int64)[None]
    is_crowd = np.zeros(columns, bool) if crowd is None else np.asarray(list(crowd), bool)
    union = np.where(is_crowd[None], ours, ours + theirs - common)
    return np.divide(common, union, out=np.zeros((rows, columns)), where=union > 0)


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


def _laid_out(masks: Sequence[RunLengths], chosen: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the chosen masks one after the other, the p-th moved by p strides, and the p of each bound."""
    bounds = [runs.bounds for runs in masks]
    lengths = np.array([len(b) for b in bounds], np.int64)
    begins = np.cumsum(lengths) - lengths
    of_bound = np.repeat(np.arange(len(chosen)), lengths[chosen])
    within = np.arange(len(of_bound)) - np.repeat(np.cumsum(lengths[chosen]) - lengths[chosen], lengths[chosen])
    everything = np.concatenate(bounds) if bounds else np.zeros(0, np.int64)
    return everything[begins[chosen][of_bound] + within] + of_bound * stride, of_bound


def _check_sizes(masks: Sequence[RunLengths]) -> None:
    sizes = {runs.size for runs in masks}
    if len(sizes) > 1:
        raise DataError(f"run-length masks to compare must be of one size, got {sorted(sizes)[:4]}")


def _touching(first: Sequence[RunLengths], second: Sequence[RunLengths]) -> np.ndarray:
    """(N, M) whether the boxes of two masks overlap: others have no common pixel."""
    ours, theirs = boxes_around(first)[:, None], boxes_around(second)[None]
    return np.all(np.minimum(ours, theirs)[..., 2:] > np.maximum(ours, theirs)[..., :2], axis=-1)


def _shown(counts: np.ndarray) -> str:
    return f"{int(counts.min())} to {int(counts.max())}"
