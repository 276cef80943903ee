"""Plots as Matplotlib ``Figure`` objects, without pyplot's global state, for a page (SVG) or a file (PNG).

The ink is one neutral colour. ``to_svg`` replaces it with ``currentColor`` and the font with the page's own, so that one
drawing suits light and dark pages alike; backgrounds are transparent.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = [
    "class_iou_bars",
    "confusion_heatmap",
    "learning_curves",
    "per_image_histogram",
    "to_png",
    "to_svg",
]

_INK, _STRONG = "#717783", "#1d2128"  # the page puts its own two text colours in their place
_ACCENT, _SECOND = "#3b82f6", "#e8833a"
_SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "text.parse_math": False,  # class names are text: a dollar sign is a dollar sign
    "axes.unicode_minus": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "pixelwise",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
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
    with mpl.rc_context(_SETTINGS):
        figure, axes = _figure(side + 1.5, side + 1.2)
        step = 1 if count <= 40 else int(np.ceil(count / 30))
        names = [_short(name) for name in class_names]
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
            axes.hlines(np.arange(1, count), 0, count, color=_INK, lw=0.3, alpha=0.25)
            axes.vlines(np.arange(1, count), 0, count, color=_INK, lw=0.3, alpha=0.25)
            _write_values(axes, share, totals[:, 0] > 0, 8.5 if count <= 12 else 6.5)
    return figure


def class_iou_bars(class_names: Sequence[str], iou: Sequence[float | None], colors: np.ndarray | None = None) -> Figure:
    """Horizontal bars of IoU per class, best first, in the classes' own colours; absent classes last and said."""
    values = [None if value is None or np.isnan(value) else float(value) for value in iou]
    order = sorted(range(len(values)), key=lambda i: (values[i] is None, -(values[i] or 0.0)))
    with mpl.rc_context(_SETTINGS):
        figure, axes = _figure(5.2, 0.8 + 0.26 * len(order))
        for row, index in enumerate(order):
            value = values[index]
            color = _ACCENT if colors is None else np.asarray(colors[index]) / 255
            axes.barh(row, value or 0.0, height=0.72, color=color, edgecolor=_INK, linewidth=0.4)
            axes.text((value or 0.0) + 0.012, row, "absent" if value is None else f"{value:.3f}", va="center", fontsize=8)
        axes.set_yticks(range(len(order)), [_short(class_names[i]) for i in order])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, 1.1), ylim=(len(order) - 0.4, -0.6), xlabel="IoU", xticks=(0, 0.25, 0.5, 0.75, 1))
    return figure


def learning_curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Training loss, validation mIoU and learning rate over optimiser steps, each its own figure, by title.

    ``rows`` are those of ``metrics.csv``; keys ``step``, ``loss``, ``val_mean_iou``, ``lr`` (numbers, or text of numbers;
    empty where not measured). A curve with fewer than two points is left out, and a single score is drawn as a point.
    """
    figures = {}
    with mpl.rc_context(_SETTINGS):
        for key, title in (("loss", "Training loss"), ("val_mean_iou", "Validation mIoU"), ("lr", "Learning rate")):
            steps, values = _series(rows, key)
            if len(steps) < (1 if key == "val_mean_iou" else 2):
                continue
            figure, axes = _figure(4.2, 2.6)
            _draw_curve(axes, key, steps, values)
            if len(steps) == 1:
                axes.set_xlim(steps[0] - 1, steps[0] + 1)
            axes.set_xlabel("optimiser step")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.grid(True, axis="y", color=_INK, alpha=0.2, lw=0.6)
            figures[title] = figure
    return figures


def per_image_histogram(mean_ious: Sequence[float | None], marks: Mapping[str, float] | None = None) -> Figure:
    """How the images' own mean IoU is distributed, in 20 bins from 0 to 1, with the median marked."""
    values = np.array([v for v in mean_ious if v is not None and not np.isnan(v)], np.float64)
    with mpl.rc_context(_SETTINGS):
        figure, axes = _figure(4.2, 2.6)
        sns.histplot(x=values, bins=np.linspace(0, 1, 21), ax=axes, color=_ACCENT, alpha=0.75, edgecolor="none", shrink=0.9)
        lines = {**({"median": float(np.median(values))} if values.size else {}), **(marks or {})}
        for position, (name, value) in enumerate(lines.items()):
            axes.axvline(value, color=_SECOND, lw=1.4, ls=("-", "--", ":")[position % 3], label=f"{name} {value:.3f}")
        axes.set(xlim=(0, 1), xlabel="mean IoU of an image", ylabel="images")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(True, axis="y", color=_INK, alpha=0.2, lw=0.6)
        axes.set_axisbelow(True)
        if lines:
            axes.legend(loc="upper left", frameon=False, fontsize=8.5)
    return figure


def to_svg(figure: Figure, label: str = "") -> str:
    """The figure as an inline ``<svg>`` that takes ink and font from the page around it; ``label`` is read out loud."""
    text = _saved(figure, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # Matplotlib comments each text, and a name may hold anything
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)  # it would style the whole page
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # the same in every figure, and ids must be unique in a page
    text = re.sub(r"font-family: [^;\"]*;?", "", text).replace(_INK, "currentColor").replace(_STRONG, "var(--ink, currentColor)")
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    named = f'role="img" aria-label="{_attribute(label)}"' if label else 'aria-hidden="true"'
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" data-width="{width}" data-height="{height}" {named.replace(chr(92), "/")}>',
        text,
        count=1,
        flags=re.DOTALL,
    )


def to_png(figure: Figure, dpi: int = 150) -> bytes:
    """The figure as a PNG on white, for files and TensorBoard."""
    return _saved(figure, "png", dpi=dpi, facecolor=(1.0, 1.0, 1.0, 1.0))


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # the font has no such letter; a browser's has
        if kind == "svg":
            options |= {"metadata": {"Date": None}, "dpi": 200}
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_facecolor((0.0, 0.0, 0.0, 0.0))
    axes = figure.add_subplot()
    axes.patch.set_alpha(0.0)
    return figure, axes


def _write_values(axes: Axes, share: np.ndarray, has_pixels: np.ndarray, size: float) -> None:
    """Percent into the cells; nothing below a half percent, where zeros would drown the errors."""
    for row, column in np.argwhere((share >= 0.5) & has_pixels[:, None]):
        value = share[row, column]
        color = "white" if value > 75 else _STRONG
        style: dict[str, Any] = {
            "color": color,
            "fontsize": size,
            "fontweight": "bold" if row == column else "normal",
            "in_layout": False,
        }
        axes.text(column + 0.5, row + 0.52, f"{value:.0f}", ha="center", va="center", **style)


def _draw_curve(axes: Axes, key: str, steps: np.ndarray, values: np.ndarray) -> None:
    if key == "loss":
        many = len(values) > 30
        axes.plot(steps, values, color=_ACCENT, lw=0.8 if many else 1.6, alpha=0.3 if many else 1)
        if many:
            axes.plot(steps, _smoothed(values), color=_ACCENT, lw=1.8)
        axes.set_ylim(0, float(np.quantile(values, 0.99)) * 1.1 or 1.0)
    elif key == "lr":
        axes.plot(steps, values, color=_ACCENT, lw=1.8)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
        axes.set_ylim(0, float(values.max()) * 1.08 or 1.0)
    else:
        axes.plot(steps, values, color=_ACCENT, lw=1.8, marker="o", ms=3.5)
        best = int(values.argmax())
        axes.plot(steps[best], values[best], "o", color=_SECOND, ms=6, label=f"best {values[best]:.3f} at step {steps[best]:.0f}")
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


def _short(name: str) -> str:
    text = " ".join(str(name).split()) or "?"
    return text if len(text) <= 18 else text[:17] + "…"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
