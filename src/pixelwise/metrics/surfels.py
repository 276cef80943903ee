"""How long or large the surface of a mask is inside one cell of the dual grid: marching squares and marching cubes.

A cell joins the centres of 2 x 2 pixels (2 x 2 x 2 voxels); its *code* is the number that the membership of its corners
makes, the first corner (0, 0[, 0]) being the highest bit. The surface inside a cell is defined as follows, and its length or
area (a *surfel*) follows from the definition for any spacing:

- Where at most half of the corners are inside, the inside is cut off; else the outside is. What is cut off falls into parts
  connected along the cell's edges, so that ambiguous cells separate the side with fewer corners.
- Each part is enclosed by the polygon through the midpoints of the edges that leave it.
- Polygons are flat but for the L of three corners and the S of four; those two are cut into the triangles whose areas add up
  to most at unit spacing, which is how the usual tables of marching cubes (Lorensen and Cline 1987) cut them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np

__all__ = ["surfel_sizes"]

_Triangle = tuple[int, int, int]


@cache
def surfel_sizes(spacing: tuple[float, ...]) -> np.ndarray:
    """Length (two spacings) or area (three) of the surface inside a cell, by code: float64 of 16 or 256 entries.

    0 for the codes of cells that lie inside or outside altogether.
    """
    scale = np.array(spacing, np.float64)
    if len(scale) == 2:
        sizes = np.array([sum(float(np.linalg.norm((b - a) * scale)) for a, b in pieces) for pieces in _segments()])
    else:
        sizes = np.array([sum(_area(points * scale, triangles) for points, triangles in pieces) for pieces in _patches()])
    sizes.flags.writeable = False  # shared by all callers
    return sizes


@cache
def _segments() -> tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]:
    """Line segments (two midpoints each) of each of the 16 codes."""
    return tuple(
        tuple((points[0], points[1]) for points in (_midpoints(part, 2) for part in _parts(code, 2))) for code in range(16)
    )


@cache
def _patches() -> tuple[tuple[tuple[np.ndarray, tuple[_Triangle, ...]], ...], ...]:
    """Polygons (midpoints in order, and how they are cut into triangles) of each of the 256 codes."""
    return tuple(tuple(_patch(part) for part in _parts(code, 3)) for code in range(256))


def _patch(part: frozenset[tuple[int, ...]]) -> tuple[np.ndarray, tuple[_Triangle, ...]]:
    points = _in_order(_midpoints(part, 3))
    return points, max(_triangulations(tuple(range(len(points)))), key=lambda triangles: round(_area(points, triangles), 9))


def _parts(code: int, dims: int) -> list[frozenset[tuple[int, ...]]]:
    """What is cut off, as sets of corners that are connected along edges."""
    corners = list(itertools.product((0, 1), repeat=dims))
    inside = {corner for bit, corner in enumerate(reversed(corners)) if code >> bit & 1}
    left = inside if 2 * len(inside) <= len(corners) else set(corners) - inside
    parts = []
    while left:
        part, grown = set[tuple[int, ...]](), {min(left)}
        while grown:
            part |= grown
            grown = {corner for corner in left - part if any(_is_edge(corner, other) for other in part)}
        left = left - part
        parts.append(frozenset(part))
    return parts


def _midpoints(part: frozenset[tuple[int, ...]], dims: int) -> np.ndarray:
    """(n, dims) midpoints of the edges from a corner of the part to one outside of it."""
    others = [corner for corner in itertools.product((0, 1), repeat=dims) if corner not in part]
    leaving = [(a, b) for a in sorted(part) for b in others if _is_edge(a, b)]
    return np.array([np.add(a, b) / 2 for a, b in leaving])


def _in_order(points: np.ndarray) -> np.ndarray:
    """The midpoints around the polygon: neighbours lie on one face of the cell, where one coordinate of both is 0 or 1."""
    order, left = [0], set(range(1, len(points)))
    while left:
        here = points[order[-1]]
        following = min(i for i in left if np.any((points[i] == here) & (here != 0.5)))
        order.append(following)
        left.remove(following)
    return points[order]


def _triangulations(polygon: tuple[int, ...]) -> Iterator[tuple[_Triangle, ...]]:
    """All ways to cut a polygon along its diagonals."""
    if len(polygon) < 3:
        yield ()
        return
    first, last = polygon[0], polygon[-1]
    for k in range(1, len(polygon) - 1):
        for left in _triangulations(polygon[: k + 1]):
            for right in _triangulations(polygon[k:]):
                yield (*left, *right, (first, polygon[k], last))


def _area(points: np.ndarray, triangles: tuple[_Triangle, ...]) -> float:
    a, b, c = points[np.array(triangles).T]
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2


def _is_edge(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return sum(x != y for x, y in zip(a, b, strict=True)) == 1
