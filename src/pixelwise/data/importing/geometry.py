"""Shapes of annotation tools as pixels. Coordinates are in pixels from the top left corner of the image, x before y, so that the
first pixel covers 0 to 1; what reaches beyond the image is cut at its edge."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
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
    """A chain of straight lines, ``width`` pixels wide (rounded, at least 1) with round ends."""
    thickness = max(1, round(width))
    window = _window(points.min(axis=0) - thickness / 2 - 1, points.max(axis=0) + thickness / 2 + 1, size)
    if window is None:
        return _nothing()
    top, left, height, across = window
    mask = np.zeros((height, across), np.uint8)
    moved = np.rint((points - (left + 0.5, top + 0.5)) * (1 << _FIXED_BITS)).astype(np.int32)  # OpenCV counts from centres
    cv2.polylines(mask, [moved.reshape(-1, 1, 2)], False, 1, thickness, cv2.LINE_8, _FIXED_BITS)
    return Region(mask.astype(bool), top, left)


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
