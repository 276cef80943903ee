"""The confusion matrix as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from pixelwise.report import plots

__all__ = ["confusion_heatmap"]

_VALUES_UP_TO = 30  # classes; beyond this, numbers in cells could not be read
_HEAT = LinearSegmentedColormap.from_list("heat", [(0.145, 0.388, 0.922, opacity) for opacity in (0.0, 1.0)])


def confusion_heatmap(matrix: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Row-normalised confusion matrix: each cell is the share of a target class's pixels that got the column's class.

    ``matrix`` is (K, K) counts, rows = target. Rows without a pixel are empty. Numbers are percent, up to 30 classes.
    """
    count = len(class_names)
    totals = matrix.sum(1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0) * 100
    cell = 0.52 if count <= 12 else 0.36 if count <= _VALUES_UP_TO else max(0.06, 10 / count)
    side = max(1.6, cell * count)
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(side + 1.5, side + 1.2)
        step = 1 if count <= 40 else int(np.ceil(count / 30))
        names = [plots.short_name(name) for name in class_names]
        sns.heatmap(share, ax=axes, cmap=_HEAT, vmin=0, vmax=100, square=True, cbar=False, xticklabels=False, yticklabels=False)
        axes.collections[0].set_rasterized(count > 15)  # hundreds of paths make a heavy page
        ticks = np.arange(0, count, step)
        slant, side_of_tick = (45, "right") if count > 2 else (0, "center")
        axes.set_xticks(ticks + 0.5, [names[i] for i in ticks], rotation=slant, ha=side_of_tick)
        axes.set_yticks(ticks + 0.5, [names[i] for i in ticks], rotation=0)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted")
        axes.set_ylabel("target")
        for spine in axes.spines.values():
            spine.set_visible(True)
        if count <= _VALUES_UP_TO:
            axes.hlines(np.arange(1, count), 0, count, color=plots.INK, lw=0.3, alpha=0.25)
            axes.vlines(np.arange(1, count), 0, count, color=plots.INK, lw=0.3, alpha=0.25)
            _write_values(axes, share, totals[:, 0] > 0, 8.5 if count <= 12 else 6.5)
    return figure


def _write_values(axes: Axes, share: np.ndarray, has_pixels: np.ndarray, size: float) -> None:
    """Percent into the cells; nothing below a half percent, where zeros would drown the errors."""
    for row, column in np.argwhere((share >= 0.5) & has_pixels[:, None]):
        value = share[row, column]
        color = "white" if value > 75 else plots.STRONG
        style: dict[str, Any] = {
            "color": color,
            "fontsize": size,
            "fontweight": "bold" if row == column else "normal",
            "in_layout": False,
        }
        axes.text(column + 0.5, row + 0.52, f"{value:.0f}", ha="center", va="center", **style)
