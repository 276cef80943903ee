"""How scores are distributed over the images: of all classes together, and of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pixelwise.report import plots
from pixelwise.report.class_inks import class_color

__all__ = ["class_distribution", "per_image_histogram"]

_DOTS_AS_PATHS = 400  # more of them weigh less as pixels


def per_image_histogram(mean_ious: Sequence[float | None], marks: Mapping[str, float] | None = None) -> Figure:
    """How the images' own mean IoU is distributed, in 20 bins from 0 to 1, with the median marked."""
    values = np.array([v for v in mean_ious if v is not None and not np.isnan(v)], np.float64)
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(4.2, 2.6)
        sns.histplot(x=values, bins=np.linspace(0, 1, 21), ax=axes, color=plots.ACCENT, alpha=0.75, edgecolor="none", shrink=0.9)
        lines = {**({"median": float(np.median(values))} if values.size else {}), **(marks or {})}
        for position, (name, value) in enumerate(lines.items()):
            axes.axvline(value, color=plots.SECOND, lw=1.4, ls=("-", "--", ":")[position % 3], label=f"{name} {value:.3f}")
        axes.set(xlim=(0, 1), xlabel="mean IoU of an image", ylabel="images")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        plots.grid(axes, "y")
        if lines:
            axes.legend(loc="upper left", frameon=False, fontsize=8.5)
    return figure


def class_distribution(values: Mapping[str, Sequence[float]], colors: Mapping[str, Sequence[int]]) -> Figure:
    """IoU of each class over the images that it is in: a box from quartile to quartile with the median, whiskers to the last
    image within 1.5 boxes, and a dot per image.

    ``values`` are lists of numbers in [0, 1] by class name, none empty, drawn from top to bottom; ``colors`` RGB by class name.
    """
    names = list(values)
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(4.6, 0.75 + 0.28 * len(names))
        dots = sum(map(len, values.values()))
        for row, name in enumerate(names):
            own = np.asarray(values[name], np.float64)
            color = class_color(colors[name])
            _draw_box(axes, own, row, color)
            axes.plot(
                own, row + _spread(own), ".", color=color, ms=3.2 if dots < 1500 else 2.2, alpha=0.7, mew=0, zorder=2,
                rasterized=dots > _DOTS_AS_PATHS,
            )  # fmt: skip
            axes.text(1.025, row, f"{len(own):,}", va="center", fontsize=8, color=plots.INK)
        axes.text(1.025, -0.85, "images", va="center", fontsize=8, color=plots.INK)
        axes.set_yticks(range(len(names)), [plots.short_name(name) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-0.01, 1.01), ylim=(len(names) - 0.45, -0.6), xlabel="IoU of the class in an image", ylabel="")
        axes.set_xticks(np.linspace(0, 1, 6))
        plots.grid(axes, "x")
    return figure


def _draw_box(axes: Axes, own: np.ndarray, row: int, color: str) -> None:
    """By hand: the keywords of Matplotlib's own boxes differ between its versions, which seaborn does not follow yet."""
    low, middle, high = np.percentile(own, (25, 50, 75))
    reach = 1.5 * (high - low)
    ends = float(own[own >= low - reach].min()), float(own[own <= high + reach].max())
    axes.hlines([row, row], [ends[0], high], [low, ends[1]], color=plots.INK, lw=0.9, zorder=3)
    axes.vlines(ends, row - 0.16, row + 0.16, color=plots.INK, lw=0.9, zorder=3)
    face = (*mpl.colors.to_rgb(color), 0.22)
    axes.barh(row, high - low, 0.62, low, facecolor=face, edgecolor=color, lw=1.1, zorder=3)
    axes.vlines(middle, row - 0.31, row + 0.31, color=plots.STRONG, lw=1.6, zorder=4)


def _spread(own: np.ndarray) -> np.ndarray:
    """Where dots stand across the row, in [-0.24, 0.24]: by the golden ratio, the same each time, and never in a pattern."""
    order = np.argsort(np.argsort(own, kind="stable"), kind="stable")
    return ((order * 0.6180339887) % 1.0 - 0.5) * 0.48
