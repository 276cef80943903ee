"""What all plots share: Matplotlib ``Figure`` objects without pyplot's global state, for a page (SVG) or a file (PNG).

The ink is one neutral colour. ``to_svg`` replaces it with ``currentColor`` and the font with the page's own, so that one
drawing suits light and dark pages alike; backgrounds are transparent.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["ACCENT", "INK", "PAPER", "SECOND", "SETTINGS", "STRONG", "grid", "new_figure", "short_name", "to_png", "to_svg"]

INK, STRONG, PAPER = "#717783", "#1d2128", "#fefffe"
"""The page puts its own colours in their place: those of its text, soft and strong, and that behind it."""

ACCENT, SECOND = "#3b82f6", "#e8833a"

SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "text.parse_math": False,  # class names are text: a dollar sign is a dollar sign
    "axes.unicode_minus": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "pixelwise",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
"""For ``mpl.rc_context`` around all drawing."""

_LONG_DECIMALS = re.compile(r"(\d\.\d\d)\d+")


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of ``width`` x ``height`` inches with one set of axes, both without a background."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_facecolor((0.0, 0.0, 0.0, 0.0))
    axes = figure.add_subplot()
    axes.patch.set_alpha(0.0)
    return figure, axes


def grid(axes: Axes, axis: Any = "both") -> None:
    """Faint lines behind what is drawn."""
    axes.grid(True, axis=axis, color=INK, alpha=0.2, lw=0.6)
    axes.set_axisbelow(True)


def short_name(name: str, longest: int = 18) -> str:
    """A class name on one line, cut where it is longer than ``longest`` letters."""
    text = " ".join(str(name).split()) or "?"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def to_svg(figure: Figure, label: str = "", inks: Mapping[str, str] | None = None) -> str:
    """The figure as an inline ``<svg>`` that takes ink and font from the page around it.

    ``label`` is read out loud. ``inks`` is what the page writes in place of further colours, by ``#rrggbb``.
    """
    text = _saved(figure, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # Matplotlib comments each text, and a name may hold anything
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)  # it would style the whole page
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # the same in every figure, and ids must be unique in a page
    text = re.sub(r' d="[^"]*"', lambda path: _LONG_DECIMALS.sub(r"\1", path[0]), text)  # a 7,000th of an inch is enough
    text = re.sub(r"font-family: [^;\"]*;?", "", text)
    inked = {INK: "currentColor", STRONG: "var(--ink, currentColor)", PAPER: "var(--paper, none)", **(inks or {})}
    text = re.sub(r' style="[^"]*"', lambda style: re.sub(r"#[0-9a-f]{6}\b", lambda c: inked.get(c[0], c[0]), style[0]), text)
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
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # the font has no such letter; a browser's has
        if kind == "svg":
            options |= {"metadata": {"Date": None}, "dpi": 200}
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
