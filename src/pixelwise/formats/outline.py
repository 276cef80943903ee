"""Masks to polygons: the outlines of pixels, which drawn again by :mod:`~pixelwise.formats.polygon` give the same pixels.

Outlines run along the edges of pixels, so all corners are whole numbers. Pixels that touch at a corner only are not one part:
the hole between them is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import KDTree

__all__ = ["Outline", "join", "trace"]


class Outline(NamedTuple):
    """One closed line: ``ring`` (K, 2) int64 corners x, y, the first not repeated; around a part, or around a hole in one."""

    ring: np.ndarray
    is_hole: bool


def trace(mask: np.ndarray) -> list[Outline]:
    """The outlines of a mask (H, W) bool, from top to bottom by their topmost corners; none of an empty one."""
    if not mask.any():
        return []
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    near = np.zeros((int(rows[-1]) - top + 3, int(columns[-1]) - left + 3), np.uint8)
    near[1:-1, 1:-1] = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    y, x, is_second = _corners(near)
    across = _partners(np.lexsort((_goes_right(near, y, x, is_second), x, y)))
    down = _partners(np.lexsort((is_second, y, x)))
    outlines = []
    for cycle in _cycles(across.tolist(), down.tolist()):
        first = cycle[0]
        ring = np.stack([x[cycle] + left, y[cycle] + top], axis=1)
        outlines.append(Outline(ring, not near[y[first] + 1, x[first] + 1]))
    return outlines


def _corners(near: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the outline turns, in order of rows: y, x of the point between four pixels of ``near``, and whether it is the
    second corner there. Two corners share a point where two pixels touch; the first is that of the upper pixel."""
    a, b, c, d = near[:-1, :-1], near[:-1, 1:], near[1:, :-1], near[1:, 1:]
    is_saddle = (a == d) & (b == c) & (a != b)
    count = ((a + b + c + d) % 2).astype(np.uint8) + 2 * is_saddle
    places = np.flatnonzero(count)
    twice = np.repeat(places, count.ravel()[places])
    is_second = np.append(False, twice[1:] == twice[:-1])
    return *np.unravel_index(twice, count.shape), is_second  # type: ignore[return-value]


def _goes_right(near: np.ndarray, y: np.ndarray, x: np.ndarray, is_second: np.ndarray) -> np.ndarray:
    """Of two corners at one point, the one whose line goes on to the right: that of the upper right or the lower right pixel."""
    upper_is_left = near[y, x] == 1
    return is_second == upper_is_left


def _partners(order: np.ndarray) -> np.ndarray:
    """Corners on one row (or column) are ends of straight lines by turns: the other end of each."""
    partner = np.empty_like(order)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _cycles(across: list[int], down: list[int]) -> list[list[int]]:
    """Closed lines as lists of corners: along the row, along the column, and so on."""
    is_seen = bytearray(len(across))
    cycles = []
    for start in range(len(across)):
        if is_seen[start]:
            continue
        cycle, at = [], start
        while not is_seen[at]:
            other = across[at]
            is_seen[at] = is_seen[other] = True
            cycle += [at, other]
            at = down[other]
        cycles.append(cycle)
    return cycles


def join(rings: Sequence[np.ndarray]) -> np.ndarray:
    """One ring (K, 2) that holds the same pixels as several which do not overlap, or lie in each other as holes.

    The line goes to each further ring from the corner of the largest one that is nearest to it, and back the same way: a cut of
    no width, whose two sides cancel out wherever what lies inside an odd number of times is filled.
    """
    if len(rings) == 1:
        return rings[0]
    main = int(np.argmax([cv2.contourArea(ring.astype(np.float32)) for ring in rings]))
    base = rings[main]
    others = [ring for at, ring in enumerate(rings) if at != main]
    stops = np.cumsum([len(ring) for ring in others])[:-1]
    found = KDTree(base).query(np.concatenate(others))
    detours: dict[int, list[np.ndarray]] = {}
    for ring, distances, corners in zip(others, *(np.split(of_all, stops) for of_all in found), strict=True):
        nearest = int(np.argmin(distances))
        corner = int(corners[nearest])
        there_and_back = np.concatenate([ring[nearest:], ring[: nearest + 1], base[corner : corner + 1]])
        detours.setdefault(corner, []).append(there_and_back)
    parts, done = [], 0
    for corner in sorted(detours):
        parts += [base[done : corner + 1], *detours[corner]]
        done = corner + 1
    return np.concatenate([*parts, base[done:]])
