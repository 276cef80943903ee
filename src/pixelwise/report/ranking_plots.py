"""ROC and precision-recall curves of all classes in one figure each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pixelwise.report import plots
from pixelwise.report.class_inks import class_color

__all__ = ["NAMED", "named_classes", "precision_recall_figure", "roc_figure"]

NAMED = 12
"""Up to here all classes are named; of more, those with the smallest and the largest areas are, and the rest is grey."""

_LOWEST, _HIGHEST = 5, 3
_STYLES = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)))  # classes of similar colours still differ


def named_classes(areas: Mapping[str, float | None]) -> list[str]:
    """The classes that a figure names, largest area first. Classes without an area are not drawn."""
    known = sorted((name for name, area in areas.items() if area is not None), key=lambda name: -float(areas[name] or 0.0))
    return known if len(known) <= NAMED else known[:_HIGHEST] + known[-_LOWEST:]


def roc_figure(ranking: Mapping[str, Any], colors: Mapping[str, Sequence[int]]) -> Figure:
    """True against false positive rate of each class, with chance as a diagonal, and the corner enlarged where all curves
    run into it.

    ``ranking`` is ``RankingScores.to_json()``; ``colors`` RGB by class name.
    """
    areas = ranking["per_class_auroc"]
    curves = {name: (curve["false_positive_rate"], curve["true_positive_rate"]) for name, curve in ranking["roc"].items()}
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = _square("false positive rate", "true positive rate (recall)")
        axes.plot([0, 1], [0, 1], color=plots.INK, lw=0.9, ls=(0, (2, 2)))
        axes.text(0.2, 0.185, "chance", color=plots.INK, fontsize=8, rotation=45, rotation_mode="anchor", va="top")
        _draw(axes, curves, areas, colors)
        _legend(figure, axes)
        reach = _reach([curves[name] for name in named_classes(areas)])
        if reach is not None:
            _enlarge(axes, curves, areas, colors, reach)
    return figure


def precision_recall_figure(ranking: Mapping[str, Any], colors: Mapping[str, Sequence[int]]) -> Figure:
    """Precision against recall of each class, in steps, as average precision sums them up. Arguments as of :func:`roc_figure`."""
    areas = ranking["per_class_average_precision"]
    curves = {name: (curve["recall"], curve["precision"]) for name, curve in ranking["precision_recall"].items()}
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = _square("recall", "precision")
        _draw(axes, curves, areas, colors, drawstyle="steps-pre")
        _legend(figure, axes)
    return figure


def _square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure, axes = plots.new_figure(4.2, 4.0)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x_label, ylabel=y_label, box_aspect=1)
    axes.set(xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    plots.grid(axes)
    return figure, axes


def _draw(
    axes: Axes,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    areas: Mapping[str, float | None],
    colors: Mapping[str, Sequence[int]],
    **options: Any,
) -> None:
    """The rest in grey first, then the named ones, the lowest on top, where the errors are."""
    named = named_classes(areas)
    rest = [name for name in curves if name not in named and curves[name][0]]
    for position, name in enumerate(rest):
        label = f"{len(rest)} others" if position == 0 else None
        axes.plot(*curves[name], color=plots.INK, lw=0.7, alpha=0.4, label=label, **options)
    digits = _digits(areas)
    for position, name in enumerate(named):
        style = _STYLES[(len(named) - 1 - position) // 6 % len(_STYLES)]
        label = f"{_rounded(areas[name] or 0.0, digits)} {plots.short_name(name)}"
        axes.plot(*curves[name], color=class_color(colors[name]), lw=1.6, ls=style, label=label, **options)


def _rounded(area: float, digits: int) -> str:
    text = f"{area:.{digits}f}"
    return f">0.{'9' * digits}" if area < 1 and text.startswith("1") else text


def _digits(areas: Mapping[str, float | None]) -> int:
    """Three, or four where three would round an area up to certainty."""
    return 4 if any(area is not None and 0.9995 <= area < 1 for area in areas.values()) else 3


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the axes in two columns; the figure grows by its height."""
    entries = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=lambda entry: entry[0].get_alpha() is not None)
    rows = -(-len(entries) // 2)  # the grey ones come last
    figure.set_figheight(figure.get_figheight() + 0.2 + 0.18 * rows)
    figure.get_layout_engine().set(h_pad=0.09)  # type: ignore[union-attr, call-arg]
    figure.legend(
        *zip(*entries, strict=True), loc="outside lower center", ncols=2, frameon=False, fontsize=8.5, handlelength=2.4,
        columnspacing=1.6, labelspacing=0.35,
    )  # fmt: skip


def _reach(curves: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float | None:
    """How much of the axis the enlarged corner shows, or ``None`` where curves are readable without it."""
    for reach in (0.05, 0.1, 0.2):
        heights = [float(np.interp(reach, *curve)) for curve in curves]
        if heights and np.median(heights) >= 0.9:
            return reach
    return None


def _enlarge(
    axes: Axes,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    areas: Mapping[str, float | None],
    colors: Mapping[str, Sequence[int]],
    reach: float,
) -> None:
    inset = axes.inset_axes((0.36, 0.1, 0.5, 0.5))
    inset.set_facecolor(plots.PAPER)
    cut = {name: _up_to(curve, reach) for name, curve in curves.items()}
    _draw(inset, cut, areas, colors)
    lowest = min(float(np.interp(reach, *curves[name])) for name in named_classes(areas))
    bottom = max(0.0, np.floor(10 * (lowest - 0.25)) / 10)
    inset.set(xlim=(0, reach), ylim=(bottom, 1.004))
    inset.set(xticks=np.linspace(0, reach, 3), yticks=np.linspace(bottom, 1, 3))
    inset.tick_params(labelsize=7.5, length=2)
    inset.yaxis.tick_right()
    plots.grid(inset)
    for spine in inset.spines.values():
        spine.set_visible(True)


def _up_to(curve: tuple[Sequence[float], Sequence[float]], reach: float) -> tuple[Sequence[float], Sequence[float]]:
    """The points up to ``reach`` and the one behind it: what nobody sees need not be in the page."""
    end = int(np.searchsorted(np.asarray(curve[0]), reach, side="right")) + 1
    return curve[0][:end], curve[1][:end]
