"""The reliability diagram: how often answers are right, by how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pixelwise.report import plots

__all__ = ["reliability_figure"]


def reliability_figure(reliability: Mapping[str, Any]) -> Figure:
    """Accuracy by confidence with the gaps between them, over a histogram of confidences.

    ``reliability`` is ``Reliability.to_json()``: ``bins`` of equal width with ``confidence``, ``accuracy`` (``None`` where a bin
    is empty) and ``count``, and ``mean_confidence``, ``mean_accuracy``.
    """
    bins = reliability["bins"]
    count = np.array(bins["count"], np.float64)
    filled = count > 0
    confidence, accuracy = (np.array(bins[key], np.float64)[filled] for key in ("confidence", "accuracy"))
    width = 1 / len(count)
    middles = (np.flatnonzero(filled) + 0.5) * width
    with mpl.rc_context(plots.SETTINGS):
        figure = Figure(figsize=(4.2, 4.9), layout="constrained")
        figure.patch.set_facecolor((0.0, 0.0, 0.0, 0.0))
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1))
        for axes in (upper, lower):
            axes.patch.set_alpha(0.0)
            plots.grid(axes)
        _draw_gaps(upper, middles, width, confidence, accuracy)
        _draw_histogram(lower, middles, width, count[filled] / max(1.0, count.sum()), reliability)
        upper.set(xlim=(0, 1), ylim=(0, 1.005), ylabel="accuracy")
        lower.set(xlabel="confidence", ylabel="share of answers")
    return figure


def _draw_gaps(axes: Axes, middles: np.ndarray, width: float, confidence: np.ndarray, accuracy: np.ndarray) -> None:
    axes.plot([0, 1], [0, 1], color=plots.INK, lw=0.9, ls=(0, (2, 2)))
    axes.bar(middles, accuracy, 0.92 * width, color=plots.ACCENT, alpha=0.22, lw=0)
    for over, color in ((True, plots.SECOND), (False, plots.ACCENT)):
        kept = (confidence > accuracy) == over
        gap = np.abs(confidence - accuracy)[kept]
        axes.bar(middles[kept], gap, 0.92 * width, np.minimum(confidence, accuracy)[kept], color=color, alpha=0.55, lw=0)
    axes.plot(confidence, accuracy, color=plots.ACCENT, lw=1.6, marker="o", ms=3.6)
    handles = [Patch(color=plots.SECOND, alpha=0.55, lw=0), Patch(color=plots.ACCENT, alpha=0.55, lw=0), *axes.lines[::-1]]
    labels = ["gap: too sure", "gap: not sure enough", "accuracy of the bin", "perfect calibration"]
    axes.legend(handles, labels, loc="upper left", frameon=False, fontsize=8.5, handlelength=1.6)


def _draw_histogram(axes: Axes, middles: np.ndarray, width: float, share: np.ndarray, reliability: Mapping[str, Any]) -> None:
    """On a logarithmic scale: nearly all answers are in the last bin, and the errors are in the others."""
    lowest = max(1e-6, min(0.01, 10.0 ** np.floor(np.log10(share.min(initial=0.01)) - 1e-9)))
    axes.bar(middles, np.maximum(share - lowest, 0.0), 0.92 * width, lowest, color=plots.ACCENT, alpha=0.7, lw=0)
    axes.set_yscale("log")
    axes.set_ylim(lowest, 1.6)
    powers = np.arange(round(np.log10(lowest)), 1)
    axes.yaxis.set_major_locator(FixedLocator(list(10.0 ** powers[:: -max(1, len(powers) // 4)])))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    for key, color in (("mean_confidence", plots.SECOND), ("mean_accuracy", plots.STRONG)):
        value = reliability.get(key)
        if value is not None:
            axes.axvline(value, color=color, lw=1.4, label=f"{key.removeprefix('mean_')} {value:.3f}")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper left", frameon=False, fontsize=8.5, handlelength=1.6)
