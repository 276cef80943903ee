"""Smooth bending of a crop: elastic displacements on a coarse grid, and a grid whose lines move apart and together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pixelwise.types import Size

__all__ = ["Distortion", "draw_distortion"]

_OVERSHOOT = 1.9  # of bicubic interpolation: the sum of the sizes of its weights in two dimensions
_MOST = 0.15  # of the shorter side: the largest elastic displacement


@dataclass(frozen=True, eq=False)
class Distortion:
    """One draw, in pixels of the crop. ``rows`` (h,) and ``columns`` (w,) say which row and column is seen at each row and
    column; ``nodes`` (gh, gw, 2) float32 are displacements (x, y) on a coarse grid over the whole crop, or None."""

    rows: np.ndarray
    columns: np.ndarray
    nodes: np.ndarray | None = None

    def positions(self) -> np.ndarray:
        """(h, w, 2) float32: where in the plain crop each pixel looks, as (x, y)."""
        height, width = len(self.rows), len(self.columns)
        axes = np.broadcast_arrays(self.columns.astype(np.float32), self.rows.astype(np.float32)[:, None])
        plain = np.stack(axes, axis=-1)
        if self.nodes is None:
            return plain
        return cv2.add(plain, cv2.resize(self.nodes, (width, height), interpolation=cv2.INTER_CUBIC))

    def bounds(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right of a box around all positions."""
        reach = 0.0 if self.nodes is None else _OVERSHOOT * float(np.abs(self.nodes).max())
        return self.rows[0] - reach, self.columns[0] - reach, self.rows[-1] + reach, self.columns[-1] + reach


def draw_distortion(
    size: Size, rng: np.random.Generator, elastic: float = 0.0, elastic_cells: int = 3, grid: float = 0.0, grid_cells: int = 5
) -> Distortion:
    """Bends a crop of ``size`` (height, width).

    ``elastic`` is the standard deviation in pixels of displacements at the nodes of a grid of ``elastic_cells`` cells along
    the shorter side, made smooth in between by bicubic interpolation (the U-Net paper: 10 pixels, 3 x 3); none is longer
    than 0.15 of the shorter side. ``grid`` in [0, 1) makes each of ``grid_cells`` columns and rows wider or narrower by a
    factor drawn from ``1 ± grid``; the border stays.
    """
    height, width = size
    rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    if grid:
        rows, columns = (_stretched(length, grid, grid_cells, rng) for length in size)
    if not elastic:
        return Distortion(rows, columns)
    cell = min(size) / elastic_cells
    shape = (max(2, round(height / cell) + 1), max(2, round(width / cell) + 1), 2)
    most = _MOST * min(size)  # further, and a crop would leave the plane that a tilted camera sees
    return Distortion(rows, columns, (elastic * rng.standard_normal(shape)).clip(-most, most).astype(np.float32))


def _stretched(length: int, strength: float, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the pixels after the cells between fixed ends got other widths."""
    widths = 1 + rng.uniform(-strength, strength, cells)
    edges = np.concatenate([[0.0], np.cumsum(widths) / widths.sum()]) * length
    return np.interp(np.arange(length) + 0.5, np.linspace(0, length, cells + 1), edges) - 0.5
