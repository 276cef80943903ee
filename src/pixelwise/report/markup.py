"""The small pieces that the page is built of: numbers, tables, bars, whiskers. All text that comes in is escaped here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from pixelwise.report import plots

__all__ = [
    "LEFT",
    "NOT_MEASURED",
    "WIDE",
    "axis_heading",
    "axis_of",
    "bar",
    "class_name",
    "definitions",
    "drawn",
    "finite",
    "interval",
    "list_of",
    "number",
    "percent",
    "section",
    "swatch",
    "table",
    "two_lines",
    "whisker",
    "with_unique_ids",
]

NOT_MEASURED = "&ndash;"

WIDE, LEFT = "<wide>", "<left>"
"""How headings begin whose columns are wide, or of text: no tags of HTML, so no text that was escaped begins with them."""


_OPENED = {WIDE: '<th class="wide">', LEFT: '<th class="left">'}


def section(name: str, title: str, body: str) -> str:
    """A part of the page with its heading; ``name`` is what links lead to."""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>'


def table(headings: Sequence[str], rows: Iterable[str], note: str = "") -> str:
    """A table in a box that scrolls by itself; ``headings`` and ``rows`` (whole ``<tr>``) are markup. A heading that starts with
    :data:`WIDE` is of a wide column, one with :data:`LEFT` of a column of text."""
    cells = "".join(f"{_OPENED[h[:6]]}{h[6:]}</th>" if h[:6] in _OPENED else f"<th>{h}</th>" for h in headings)
    whole = f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return whole + (f'<p class="note">{note}</p>' if note else "")


def drawn(figure: Figure, label: str, caption: str = "", inks: Mapping[str, str] | None = None) -> str:
    """A figure with its caption (markup); ``label`` says in a few words what it shows."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="plot">{plots.to_svg(figure, label, inks)}{below}</figure>'


def with_unique_ids(page: str) -> str:
    """The page with the ids inside each ``<svg>`` numbered by figure: Matplotlib makes them from what they name, so that two
    figures may share one."""
    count = 0

    def renamed(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        named = rf"\g<1>f{count}-"
        return re.sub(r"<[^>]+>", lambda tag: re.sub(r'( id="|url\(#|href="#)', named, tag[0]), match[0])

    return re.sub(r"<svg .*?</svg>", renamed, page, flags=re.DOTALL)


def whisker(value: Any, ends: Sequence[float] | None, low: float = 0.0, high: float = 1.0) -> str:
    """A dot with its interval on an axis from ``low`` to ``high``; the numbers stand beside it for those who cannot see it."""
    middle = finite(value)
    if middle is None:
        return ""
    span = ""
    if ends is not None:
        start, end = _place(ends[0], low, high), _place(ends[1], low, high)
        span = f'<i style="left:{start:.1f}%;width:{end - start:.1f}%"></i>'
    return f'<div class="whisker" aria-hidden="true">{span}<b style="left:{_place(middle, low, high):.1f}%"></b></div>'


def axis_of(values: Iterable[Any]) -> tuple[float, float]:
    """An axis that holds all values with some room, in steps of a tenth, up to 1."""
    known = [found for found in map(finite, values) if found is not None] or [0.0, 1.0]
    low, high = math.floor(10 * min(known) - 0.2) / 10, math.ceil(10 * max(known) + 0.2) / 10
    return (low if min(known) < 0 else max(0.0, low)), min(1.0, high)


def axis_heading(low: float, high: float) -> str:
    """The heading of a column of :func:`whisker`: its axis."""
    ticks = "".join(f"<span>{value:.3g}</span>" for value in (low, (low + high) / 2, high))
    return f'{WIDE}<span class="axis">{ticks}</span>'


def bar(share: Any, text: str, ends: Sequence[float] | None = None) -> str:
    """A bar of 0 to 1 with its number, and the interval of the number as a line across the end of the bar."""
    width = 100 * min(1.0, max(0.0, finite(share) or 0.0))
    span = "" if ends is None else f'<s style="left:{100 * ends[0]:.1f}%;width:{100 * (ends[1] - ends[0]):.1f}%"></s>'
    return f'<div class="bar"><i><b style="width:{width:.1f}%"></b>{span}</i><em>{text}</em></div>'


def swatch(color: Sequence[int]) -> str:
    """A small square in a class's colour."""
    return f'<span class="swatch" style="background:rgb({",".join(str(int(c)) for c in color)})"></span>'


def class_name(name: str, color: Sequence[int]) -> str:
    """A class with its colour, for a cell of a table."""
    return f'<div class="name">{swatch(color)}<span>{escape(name)}</span></div>'


def definitions(group: Mapping[str, Any], prefix: str = "") -> str:
    """Names and values, those of nested groups by dotted name."""
    items = []
    for key, value in group.items():
        if isinstance(value, Mapping):
            items.append(definitions(value, f"{prefix}{key}.")[4:-5])
        else:
            items.append(f"<dt>{escape(prefix + str(key))}</dt><dd>{escape(str(value))}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def two_lines(first: str, second: str) -> str:
    """A small second line below the first, where there is one; both are our own words or numbers."""
    return f"{first}<small>{second}</small>" if second else first


def list_of(lines: Iterable[str]) -> str:
    """A plain list; ``lines`` are markup."""
    return f'<ul class="plain">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'


def finite(value: Any) -> float | None:
    """The value as a number, or ``None`` where it is none, or not finite."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number(value: Any, digits: int = 3) -> str:
    """``0.625``, or a dash where nothing was measured."""
    found = finite(value)
    return NOT_MEASURED if found is None else f"{found:.{digits}f}"


def interval(ends: Sequence[float] | None) -> str:
    """``[0.600, 0.651]``, or nothing."""
    return "" if ends is None else f"[{number(ends[0])}, {number(ends[1])}]"


def percent(value: Any, digits: int = 1) -> str:
    """A share of 0 to 1 as ``33.3 %``; nothing rounds to none or to all."""
    found = finite(value)
    if found is None:
        return NOT_MEASURED
    text, least = f"{100 * found:.{digits}f}", 10.0**-digits
    if found > 0 and not float(text):
        text = f"&lt;{least:g}"
    elif found < 1 and float(text) == 100:
        text = f"&gt;{100 - least:g}"
    return f"{text}&nbsp;%"


def _place(value: float, low: float, high: float) -> float:
    return 100 * min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))
