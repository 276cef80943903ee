"""Figures of a data set: how much of each class, how large images and objects are, how bright images are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from pixelwise.report import plots
from pixelwise.report.class_inks import class_color

__all__ = ["brightness_histogram", "class_balance", "lost_by_stride", "object_areas", "size_scatter"]

_MARKS = {"train": "o", "val": "D", "test": "^"}
_CHANNELS = {"red": "#e5484d", "green": "#2f9e58", "blue": "#3b82f6"}
_LEAST_SHARE = 1e-6


def class_balance(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """The share of the pixels that each class has in each split, on a logarithmic axis.

    ``shares`` in [0, 1] by split and class name; classes are drawn from top to bottom. A class without a pixel stands at
    the left.
    """
    names = list(next(iter(shares.values())))
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(5.4, 0.85 + 0.26 * len(names))
        seen = [value for own in shares.values() for value in own.values() if value > 0]
        least = max(_LEAST_SHARE, min(seen, default=0.1)) / 2
        for number, (split, own) in enumerate(shares.items()):
            values = np.maximum([own[name] for name in names], least)
            color = (plots.ACCENT, plots.SECOND, plots.STRONG)[number % 3]
            axes.plot(values, range(len(names)), _MARKS.get(split, "s"), color=color, ms=5.5, alpha=0.85, mew=0, label=split)
        axes.set_xscale("log")
        axes.set(xlim=(least * 0.8, 1.15), ylim=(len(names) - 0.4, -0.6), xlabel="share of the pixels")
        axes.xaxis.set_major_locator(LogLocator(numticks=8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _percent(value)))
        axes.xaxis.set_minor_locator(NullLocator())
        _rows(axes, names)
        if len(shares) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8.5, handletextpad=0.2)
    return figure


def size_scatter(sizes: np.ndarray) -> Figure:
    """Width and height of images, (N, 3) rows of height, width and how many; larger dots are more images."""
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(4.2, 3.4)
        area = 14 + 240 * np.sqrt(sizes[:, 2] / sizes[:, 2].max()) * (len(sizes) < 60)
        axes.scatter(sizes[:, 1], sizes[:, 0], s=area, color=plots.ACCENT, alpha=0.45, linewidths=0, rasterized=len(sizes) > 500)
        low, high = sizes[:, :2].min() * 0.9, sizes[:, :2].max() * 1.08
        axes.plot((low, high), (low, high), color=plots.INK, lw=0.7, ls=":", zorder=0)
        span = (sizes[:, :2].min(0) * 0.9, sizes[:, :2].max(0) * 1.08)
        axes.set(xlim=(span[0][1], span[1][1]), ylim=(span[0][0], span[1][0]), xlabel="width, pixels", ylabel="height, pixels")
        plots.grid(axes)
    return figure


def object_areas(
    areas: Mapping[str, Sequence[Sequence[int]]], quantiles: Mapping[str, Sequence[int]], colors: Mapping[str, Sequence[int]]
) -> Figure:
    """How large the objects of each class are: the outline of their histogram over a logarithmic axis of pixels, a line from
    percentile 5 to 95, a thick one from 25 to 75, and a dot at the median.

    ``areas`` are rows of [smallest area of a bin, how many], ``quantiles`` five areas, ``colors`` RGB, all by class name.
    """
    names = list(areas)
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(5.4, 0.75 + 0.42 * len(names))
        for row, name in enumerate(names):
            color = class_color(colors[name])
            centres, heights = _octaves(areas[name])
            axes.fill_between(centres, row, row - 0.78 * heights / heights.max(), step="mid", color=color, alpha=0.28, lw=0)
            low, first, middle, third, high = quantiles[name]
            axes.plot((low, high), (row, row), color=color, lw=1.2, solid_capstyle="butt")
            axes.plot((first, third), (row, row), color=color, lw=4, solid_capstyle="butt")
            axes.plot(middle, row, "o", color=plots.STRONG, ms=4.5, mew=0)
        axes.set_xscale("log", base=2)
        top = max(own[-1] for own in quantiles.values())
        axes.set(ylim=(len(names) - 0.6, -0.95), xlim=(0.8, max(64.0, top * 4)), xlabel="area of an object, pixels")
        axes.xaxis.set_major_locator(LogLocator(base=4, numticks=9))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
        axes.xaxis.set_minor_locator(NullLocator())
        _rows(axes, names)
    return figure


def lost_by_stride(strides: Sequence[int], lost: Mapping[str, Sequence[float]], colors: Mapping[str, Sequence[int]]) -> Figure:
    """The share of each class's pixels that other classes take on a map of each stride; ``lost`` in [0, 1] and ``colors`` by
    class name."""
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(5.0, 3.0)
        places = range(len(strides))
        for name, shares in lost.items():
            axes.plot(places, shares, marker="o", ms=3.5, lw=1.4, color=class_color(colors[name]))
        ends = sorted(((shares[-1], name) for name, shares in lost.items()), reverse=True)
        for height, (_, name) in zip(_apart([share for share, _ in ends], 0.062), ends, strict=True):
            axes.text(len(strides) - 0.9, height, plots.short_name(name), va="center", fontsize=8)
        axes.set_xticks(list(places), [str(stride) for stride in strides])
        axes.set(ylim=(0, 1), xlim=(-0.15, len(strides) - 0.1), xlabel="stride of the map", ylabel="share of pixels lost")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        plots.grid(axes, "y")
    return figure


def brightness_histogram(means: Mapping[str, np.ndarray], unit: str) -> Figure:
    """How bright images are: a histogram of each channel's mean over the images. ``means`` (N,) by channel name."""
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(4.2, 2.8)
        joined = np.concatenate(list(means.values()))
        low, high = (0.0, 255.0) if unit == "of 255" else (float(joined.min()), float(joined.max()) or 1.0)
        bins = np.linspace(low, high if high > low else low + 1, 41).tolist()
        for name, values in means.items():
            color = _CHANNELS.get(name, plots.ACCENT)
            axes.hist(values, bins, histtype="stepfilled", color=color, alpha=0.12)
            axes.hist(values, bins, histtype="step", color=color, lw=1.4, label=name)
        axes.set(xlim=(bins[0], bins[-1]), xlabel=f"mean brightness of an image, {unit}", ylabel="images")
        plots.grid(axes, "y")
        if len(means) > 1:
            axes.legend(frameon=False, fontsize=8.5)
    return figure


def _rows(axes: Axes, names: Sequence[Any]) -> None:
    axes.set_yticks(range(len(names)), [plots.short_name(name) for name in names])
    axes.tick_params(axis="y", length=0)
    plots.grid(axes, "x")


def _octaves(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """A histogram with a bin for each octave, and an empty one at either end: their centres, and objects in each."""
    areas, counts = np.array(rows, np.float64).T
    places = np.floor(np.log2(areas)).astype(int)
    heights = np.bincount(places - places.min() + 1, counts, minlength=places.max() - places.min() + 3)
    return 2 ** (np.arange(len(heights)) + places.min() - 0.5), heights


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Heights in falling order, moved no further than needed for labels at them not to touch, nor the ends of the axis."""
    placed: list[float] = []
    for number, height in enumerate(heights):
        above = placed[-1] - least if placed else 1 - least / 2
        below = least * (len(heights) - number - 0.5)  # room for those that follow
        placed.append(max(min(height, above), below))
    return placed


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _short(value: float) -> str:
    return f"{value:.0f}" if value < 10_000 else f"{value / 1000:.0f}k" if value < 1e6 else f"{value / 1e6:.0f}M"
