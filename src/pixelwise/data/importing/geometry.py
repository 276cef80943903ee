"""Shapes of annotation tools as pixels. Coordinates are in pixels from the top left corner of the image, x before y, so that the
first pixel covers 0 to 1; what reaches beyond the image is cut at its edge."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.polygon import MOST_CORNERS, draw
from pixelwise.types import Size

__all__ = ["Region", "box", "coordinate", "ellipse", "foreground", "line", "points_of", "polygon", "turned", "union", "whole"]

_FARTHEST = 1e6  # pixels from the image's corner: beyond any image, and safe in fixed point
_THINNEST = 1e-6  # pixels of an ellipse's radius: below, its equation overflows, and no pixel's centre is inside
_FIXED_BITS = 4  # of a pixel's fraction, in which OpenCV draws lines


class Region(NamedTuple):
    """``mask`` (h, w) bool with its top left corner at ``top``, ``left`` of the image; (0, 0) where nothing is inside it."""

    mask: np.ndarray
    top: int = 0
    left: int = 0


def coordinate(value: Any, what: str = "a coordinate") -> float:
    """A finite number of at most a million pixels, from a number or a text; raises :class:`DataError` for anything else."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _FARTHEST:
        raise DataError(f"{what} must be a number of at most {_FARTHEST:,.0f}, got {reprlib.repr(value)}")
    return number


def whole(value: Any, what: str, low: int = 0, high: int = 1 << 31) -> int:
    """A whole number from ``low`` to ``high``, from a number or a text; raises :class:`DataError` for anything else."""
    try:
        number = None if isinstance(value, bool) else int(value)
        fits = number is not None and number == (float(value) if isinstance(value, float) else number) and low <= number <= high
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits or number is None:
        raise DataError(f"{what} must be a whole number from {low:,} to {high:,}, got {reprlib.repr(value)}")
    return number


def points_of(pairs: Any, at_least: int = 1) -> np.ndarray:
    """(N, 2) float64 of a list of [x, y]; raises :class:`DataError` for what is none, too short, too long or not finite."""
    if not isinstance(pairs, (list, tuple)) or not at_least <= len(pairs) <= MOST_CORNERS:
        count = len(pairs) if isinstance(pairs, (list, tuple)) else reprlib.repr(pairs)
        raise DataError(f"a shape needs a list of {at_least} to {MOST_CORNERS:,} points, got {count}")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise DataError(f"points must be pairs of x and y, got {reprlib.repr(pairs)}")
    return np.array([(coordinate(x), coordinate(y)) for x, y in pairs], np.float64).reshape(-1, 2)


def polygon(points: np.ndarray, size: Size) -> Region:
    """The inside of a ring of points (N, 2); fewer than three, as left by a slip of the mouse, have none."""
    return Region(*draw([points], size))


def box(x1: float, y1: float, x2: float, y2: float, size: Size) -> Region:
    """The pixels whose centres lie between two corners, in any order."""
    rows, columns = _centres(min(y1, y2), max(y1, y2), size[0]), _centres(min(x1, x2), max(x1, x2), size[1])
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    return Region(np.ones((height, width), bool), rows[0], columns[0]) if height > 0 and width > 0 else _nothing()


def turned(corners: np.ndarray, degrees: float, about: tuple[float, float]) -> np.ndarray:
    """Points (N, 2) turned clockwise, as seen on the screen, about a point."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = corners[:, 0] - about[0], corners[:, 1] - about[1]
    return np.stack([about[0] + x * cosine - y * sine, about[1] + x * sine + y * cosine], axis=1)


def ellipse(centre: tuple[float, float], radii: tuple[float, float], size: Size, degrees: float = 0.0) -> Region:
    """The pixels whose centres lie inside an ellipse with radii along x and y, then turned clockwise about its centre.

    Each row is cut by the ellipse between the two roots of a quadratic, so that nothing but the mask is ever held.
    """
    (x, y), (along, across) = centre, (abs(radii[0]), abs(radii[1]))
    if min(along, across) < _THINNEST:
        return _nothing()
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    reach = np.array([math.hypot(along * cosine, across * sine), math.hypot(along * sine, across * cosine)])
    window = _window(np.array(centre) - reach, np.array(centre) + reach, size)
    if window is None:
        return _nothing()
    top, left, height, width = window
    down = np.arange(top, top + height) + 0.5 - y
    a = (cosine / along) ** 2 + (sine / across) ** 2
    b = 2 * down * cosine * sine * (1 / along**2 - 1 / across**2)
    c = down**2 * ((sine / along) ** 2 + (cosine / across) ** 2) - 1
    inner = b * b - 4 * a * c
    half = np.sqrt(np.maximum(inner, 0))
    first, last = x - 0.5 - left + (-b - half) / (2 * a), x - 0.5 - left + (-b + half) / (2 * a)
    columns = np.arange(width)
    mask = (columns >= first[:, None]) & (columns <= last[:, None]) & (inner >= 0)[:, None]
    return Region(mask, top, left)


def line(points: np.ndarray, width: float, size: Size) -> Region:
    """A chain of straight lines through points (N, 2): the pixels whose centres are at most half of ``width`` away. A width of 1
    is a line without gaps, one pixel in each row or column."""
    reach = max(width, 1) / 2
    window = _window(points.min(axis=0) - reach - 1, points.max(axis=0) + reach + 1, size)
    if window is None:
        return _nothing()
    top, left, height, across = window
    mask = np.zeros((height, across), np.uint8)
    if width <= 1:
        moved = np.rint((points - (left + 0.5, top + 0.5)) * (1 << _FIXED_BITS)).astype(np.int32)  # OpenCV counts from centres
        cv2.polylines(mask, [moved.reshape(-1, 1, 2)], False, 1, 1, cv2.LINE_8, _FIXED_BITS)
        return Region(mask.astype(bool), top, left)
    for begin, end in pairwise(points if len(points) > 1 else points.repeat(2, axis=0)):
        low, high = np.minimum(begin, end) - reach, np.maximum(begin, end) + reach
        near = _window(low - (left, top), high - (left, top), (height, across))
        if near is not None:
            here = np.s_[near[0] : near[0] + near[2], near[1] : near[1] + near[3]]
            mask[here] |= _near_segment(begin - (left, top), end - (left, top), reach, near)
    return Region(mask.astype(bool), top, left)


def _near_segment(begin: np.ndarray, end: np.ndarray, reach: float, window: tuple[int, int, int, int]) -> np.ndarray:
    """The pixels of a window whose centres are at most ``reach`` away from a segment. What is near it is convex: in each row it
    goes from the leftmost to the rightmost of the discs about both ends and the strip between them."""
    top, left, height, width = window
    y = np.arange(top, top + height) + 0.5
    length = math.hypot(*(end - begin))
    spans = []
    for x, at in (begin, end):
        half = np.sqrt(np.maximum(reach**2 - (y - at) ** 2, 0))
        empty = np.where(abs(y - at) <= reach, 0, np.inf)
        spans.append((x - half + empty, x + half - empty))
    if length > 0:
        (x, at), (to_x, to_y) = begin, (end - begin) / length
        along, across = _between(to_x, (y - at) * to_y, 0, length), _between(-to_y, (y - at) * to_x, -reach, reach)
        first, last = x + np.maximum(along[0], across[0]), x + np.minimum(along[1], across[1])
        spans.append((np.where(first <= last, first, np.inf), np.where(first <= last, last, -np.inf)))
    first, last = np.minimum.reduce([span[0] for span in spans]), np.maximum.reduce([span[1] for span in spans])
    columns = np.arange(left, left + width) + 0.5
    return (columns >= first[:, None]) & (columns <= last[:, None])


def _between(slope: float, offset: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """From where to where ``low <= slope * x + offset <= high``."""
    if abs(slope) < 1e-9:
        fits = np.where((offset >= low) & (offset <= high), np.inf, -np.inf)
        return -fits, fits
    ends = np.stack([(low - offset) / slope, (high - offset) / slope])
    return ends.min(axis=0), ends.max(axis=0)


def foreground(levels: np.ndarray) -> np.ndarray:
    """Where a soft mask (H, W) is at least half as strong as where it is strongest: 1 of 0 and 1, 128 and more of 0 to 255."""
    strongest = int(levels.max(initial=0))
    return levels >= max((strongest + 1) // 2, 1)


def union(regions: Sequence[Region]) -> Region:
    """Several regions as one."""
    regions = [region for region in regions if region.mask.size]
    if len(regions) < 2:
        return regions[0] if regions else _nothing()
    top, left = min(region.top for region in regions), min(region.left for region in regions)
    bottom = max(region.top + region.mask.shape[0] for region in regions)
    right = max(region.left + region.mask.shape[1] for region in regions)
    mask = np.zeros((bottom - top, right - left), bool)
    for region in regions:
        height, width = region.mask.shape
        mask[region.top - top :, region.left - left :][:height, :width] |= region.mask
    return Region(mask, top, left)


def _window(low: np.ndarray, high: np.ndarray, size: Size) -> tuple[int, int, int, int] | None:
    """Top, left, height and width of what of a box lies inside the image; None where nothing does."""
    left, top = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
    right, bottom = min(size[1], math.ceil(high[0]) + 1), min(size[0], math.ceil(high[1]) + 1)
    return (top, left, bottom - top, right - left) if bottom > top and right > left else None


def _centres(low: float, high: float, length: int) -> tuple[int, int]:
    """The first and (exclusive) last pixel whose centre lies in [low, high)."""
    return min(max(math.ceil(low - 0.5), 0), length), min(max(math.ceil(high - 0.5), 0), length)


def _nothing() -> Region:
    return Region(np.zeros((0, 0), bool))
