"""How training went: loss, validation score and learning rate over optimiser steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pixelwise.report import plots

__all__ = ["learning_curves"]


def learning_curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Training loss, validation mIoU and learning rate over optimiser steps, each its own figure, by title.

    ``rows`` are those of ``metrics.csv``; keys ``step``, ``loss``, ``val_mean_iou``, ``lr`` (numbers, or text of numbers;
    empty where not measured). A curve with fewer than two points is left out, and a single score is drawn as a point.
    """
    figures = {}
    with mpl.rc_context(plots.SETTINGS):
        for key, title in (("loss", "Training loss"), ("val_mean_iou", "Validation mIoU"), ("lr", "Learning rate")):
            steps, values = _series(rows, key)
            if len(steps) < (1 if key == "val_mean_iou" else 2):
                continue
            figure, axes = plots.new_figure(4.2, 2.6)
            _draw_curve(axes, key, steps, values)
            if len(steps) == 1:
                axes.set_xlim(steps[0] - 1, steps[0] + 1)
            axes.set_xlabel("optimiser step")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            plots.grid(axes, "y")
            figures[title] = figure
    return figures


def _draw_curve(axes: Axes, key: str, steps: np.ndarray, values: np.ndarray) -> None:
    color = plots.ACCENT
    if key == "loss":
        many = len(values) > 30
        axes.plot(steps, values, color=color, lw=0.8 if many else 1.6, alpha=0.3 if many else 1)
        if many:
            axes.plot(steps, _smoothed(values), color=color, lw=1.8)
        axes.set_ylim(0, float(np.quantile(values, 0.99)) * 1.1 or 1.0)
    elif key == "lr":
        axes.plot(steps, values, color=color, lw=1.8)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
        axes.set_ylim(0, float(values.max()) * 1.08 or 1.0)
    else:
        axes.plot(steps, values, color=color, lw=1.8, marker="o", ms=3.5)
        best = int(values.argmax())
        label = f"best {values[best]:.3f} at step {steps[best]:.0f}"
        axes.plot(steps[best], values[best], "o", color=plots.SECOND, ms=6, label=label)
        axes.legend(loc="lower right", frameon=False, fontsize=8.5)
        axes.set_ylim(0, min(1.0, float(values.max()) * 1.12) or 1.0)


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = []
    for position, row in enumerate(rows):
        try:
            pair = (float(row.get("step", position)), float(row[key]))
        except (KeyError, TypeError, ValueError):
            continue
        if np.isfinite(pair).all():
            pairs.append(pair)
    steps, values = np.array(pairs, np.float64).reshape(-1, 2).T
    return steps, values


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Mean over a window of a twentieth of the curve, narrower at the ends."""
    half = max(1, len(values) // 40)
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - half, 0)
    last = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return (total[last] - total[first]) / (last - first)
