"""Polygons to masks, pixel for pixel as COCO's own tools draw them.

Coordinates are pixels from the top left corner of the image: (0, 0) is the outer corner of the first pixel, (0.5, 0.5) its
middle. The rule, by which scores on COCO are computed: corners are rounded to a grid of a fifth of a pixel, sides are drawn on
it as lines of single grid points, and where a line steps over the middle of a column of pixels it turns the pixels below
it over. So what lies inside an odd number of times is filled, touching sides are no seam, and what is outside of the image
plays no part. Agrees byte for byte with pycocotools, also on rings that cross themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats import rle
from pixelwise.formats.rle import RunLengths
from pixelwise.types import Size

__all__ = ["MOST_CORNERS", "Drawn", "as_ring", "draw", "to_runs"]

MOST_CORNERS = 1_000_000
"""Rings of more corners are refused."""

_GRID = 5  # points per pixel
_MIDDLE = 2  # of five: the grid point in the middle of a pixel
_FARTHEST = 10_000_000  # pixels from the corner of the image: far outside of any, and exact in the arithmetic here
_CHUNK = 1 << 20  # crossings that are worked out at once
_FREE_CROSSINGS = 1 << 16  # a ring may cross columns that often, and eight times per pixel of its box, before it is refused
_MOST_CROSSINGS = 1 << 25  # of any ring: what fits in memory


class Drawn(NamedTuple):
    """A mask (h, w) bool whose top left pixel is at ``top``, ``left`` of the image; (0, 0) where nothing is inside."""

    mask: np.ndarray
    top: int
    left: int


def as_ring(numbers: Any) -> np.ndarray:
    """A ring (K, 2) float64 of x, y from a flat row of numbers ``x1, y1, x2, y2, ...``, or from (K, 2) ones.

    The ring is closed by itself: the first corner need not stand at the end again. Fewer than three corners are allowed, and
    hold no pixel. Raises :class:`DataError` for what is no row of pairs, not finite, or farther than ten million pixels away.
    """
    try:
        ring = np.asarray(numbers, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError("a polygon must be a row of numbers x1, y1, x2, y2, ...; draw it again") from None
    if ring.ndim == 2 and ring.shape[1] == 2:
        ring = ring.reshape(-1)
    if ring.ndim != 1 or ring.size % 2:
        raise DataError(f"a polygon must be pairs x1, y1, x2, y2, ..., got numbers of shape {ring.shape}; draw it again")
    if ring.size > 2 * MOST_CORNERS:
        raise DataError(
            f"a polygon has {ring.size // 2:,} corners, more than the {MOST_CORNERS:,} allowed; write it as run lengths"
        )
    if not np.isfinite(ring).all() or np.abs(ring).max(initial=0) > _FARTHEST:
        raise DataError(
            f"a polygon has coordinates from {ring.min():g} to {ring.max():g}; they must be pixels of the image: draw it again"
        )
    return ring.reshape(-1, 2)


def draw(rings: Sequence[np.ndarray], size: Size) -> Drawn:
    """The pixels of one object: the union of its rings (K, 2), each filled by itself, within an image of ``size``.

    Raises :class:`DataError` for a ring that turns the pixels of its box over again and again, as no outline does.
    """
    boxes = [_box(ring, size) for ring in rings]
    kept = [(ring, box) for ring, box in zip(rings, boxes, strict=True) if box[2] > box[0] and box[3] > box[1]]
    if not kept:
        return Drawn(np.zeros((0, 0), np.bool_), 0, 0)
    top, left = min(box[0] for _, box in kept), min(box[1] for _, box in kept)
    bottom, right = max(box[2] for _, box in kept), max(box[3] for _, box in kept)
    if len(kept) == 1:
        return Drawn(rle.decode(_filled(kept[0][0], kept[0][1])), top, left)
    mask = np.zeros((bottom - top, right - left), np.bool_)
    for ring, box in kept:
        mask[box[0] - top : box[2] - top, box[1] - left : box[3] - left] |= rle.decode(_filled(ring, box))
    return Drawn(mask, top, left)


def to_runs(rings: Sequence[np.ndarray], size: Size) -> RunLengths:
    """As :func:`draw`, as run lengths of the whole image."""
    drawn = draw(rings, size)
    mask = np.zeros(size, np.bool_)
    rows, columns = drawn.mask.shape
    mask[drawn.top : drawn.top + rows, drawn.left : drawn.left + columns] = drawn.mask
    return rle.encode(mask[None])[0]


def _box(ring: np.ndarray, size: Size) -> tuple[int, int, int, int]:
    """Top, left, bottom, right (exclusive) around all pixels that the ring can fill, within the image."""
    if len(ring) < 3:
        return 0, 0, 0, 0
    low, high = np.floor(ring.min(axis=0)) - 1, np.ceil(ring.max(axis=0)) + 1
    (left, top), (right, bottom) = low.clip(0, size[::-1]).astype(int).tolist(), high.clip(0, size[::-1]).astype(int).tolist()
    return top, left, bottom, right


def _filled(ring: np.ndarray, box: tuple[int, int, int, int]) -> RunLengths:
    """The ring's pixels in its box, as run lengths of the box."""
    top, left, bottom, right = box
    height, width = bottom - top, right - left
    corners = np.trunc(_GRID * ring + 0.5).astype(np.int64)
    ends = np.roll(corners, -1, axis=0)
    # The columns whose middle line each side steps over: from grid point 5 x + 2 to 5 x + 3, in either direction.
    low, high = np.minimum(corners[:, 0], ends[:, 0]), np.maximum(corners[:, 0], ends[:, 0])
    first = np.maximum(-((_MIDDLE - low) // _GRID), left)
    stop = np.minimum((high - _MIDDLE - 1) // _GRID + 1, right)
    counts = np.maximum(stop - first, 0)
    crossings = int(counts.sum())
    if crossings > min(_FREE_CROSSINGS + 8 * height * width, _MOST_CROSSINGS):
        raise DataError(
            f"a polygon of {len(ring):,} corners crosses the {width:,} columns of its box {crossings:,} times, which no outline "
            "does; draw it again"
        )
    turned = [
        _turned(corners[part], ends[part], first[part], counts[part], (top, left, height))
        for part in _parts(counts, max(_CHUNK, int(counts.max(initial=0))))
    ]
    places = np.sort(np.concatenate(turned)) if turned else np.zeros(0, np.int64)
    # A place that is turned twice stays as it was; what remains begins and ends runs.
    is_new = np.append(True, places[1:] != places[:-1]) if len(places) else np.zeros(0, np.bool_)
    begins = np.flatnonzero(is_new)
    odd = np.diff(np.append(begins, len(places))) % 2 == 1
    edges = places[begins][odd]
    edges = edges[edges < height * width]
    counts = np.diff(edges, prepend=0, append=height * width)
    return RunLengths((height, width), counts if counts[-1] else counts[:-1])


def _parts(counts: np.ndarray, most: int) -> list[slice]:
    """Slices of sides that have at most ``most`` crossings together."""
    if int(counts.sum()) <= most:
        return [slice(0, len(counts))]
    totals = np.cumsum(counts)
    parts, start = [], 0
    while start < len(counts):
        before = int(totals[start - 1]) if start else 0
        stop = max(int(np.searchsorted(totals, before + most, side="right")), start + 1)
        parts.append(slice(start, stop))
        start = stop
    return parts


def _turned(
    starts: np.ndarray, ends: np.ndarray, first: np.ndarray, counts: np.ndarray, frame: tuple[int, int, int]
) -> np.ndarray:
    """Where sides turn pixels over, as x * height + y within the box: one place per side and column that it crosses."""
    side = np.repeat(np.arange(len(counts)), counts)
    column = np.arange(len(side)) - np.repeat(np.cumsum(counts) - counts, counts) + first[side]
    points = _GRID * column + _MIDDLE
    row = np.empty(len(side), np.int64)
    is_flat = (np.abs(ends - starts)[:, 0] >= np.abs(ends - starts)[:, 1])[side]
    row[is_flat] = _rows_of_flat(starts[side[is_flat]], ends[side[is_flat]], points[is_flat])
    row[~is_flat] = _rows_of_steep(starts[side[~is_flat]], ends[side[~is_flat]], points[~is_flat])
    top, left, height = frame
    y = (row + _GRID - 1 - _MIDDLE) // _GRID - top  # the first pixel whose middle is not above the line
    return (column - left) * height + y.clip(0, height)


def _rows_of_flat(starts: np.ndarray, ends: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where sides that are wider than high step from grid column ``points`` to the next: the upper one of both rows."""
    turned = (starts[:, 0] > ends[:, 0])[:, None]
    begin, end = np.where(turned, ends, starts), np.where(turned, starts, ends)
    slope = (end[:, 1] - begin[:, 1]) / (end[:, 0] - begin[:, 0])
    step = points - begin[:, 0]
    here, there = (np.floor(begin[:, 1] + slope * at + 0.5) for at in (step, step + 1))
    return np.minimum(here, there).astype(np.int64)


def _rows_of_steep(starts: np.ndarray, ends: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The same for sides that are higher than wide: the last row before the step."""
    turned = (starts[:, 1] > ends[:, 1])[:, None]
    begin, end = np.where(turned, ends, starts), np.where(turned, starts, ends)
    slope = (end[:, 0] - begin[:, 0]) / (end[:, 1] - begin[:, 1])
    goes_right = slope > 0

    def is_over(step: np.ndarray) -> np.ndarray:
        column = np.floor(begin[:, 0] + slope * step + 0.5)
        return np.where(goes_right, column > points, column <= points)

    step = np.ceil((points + 0.5 - begin[:, 0]) / slope)  # the first step behind the line, but for rounding
    step = np.where(is_over(step - 1), step - 1, np.where(is_over(step), step, step + 1))
    return begin[:, 1] + step.astype(np.int64) - 1
