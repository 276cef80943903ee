"""The images: how their scores are distributed, which are lowest, and how parts of the set differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from pixelwise.report.class_inks import inks
from pixelwise.report.image_plots import class_distribution, per_image_histogram
from pixelwise.report.markup import axis_heading, axis_of, drawn, finite, interval, number, section, table, two_lines, whisker
from pixelwise.report.page_data import ReportData

__all__ = ["images_section", "subgroups_section"]

_LOWEST = 8  # images in the table
_MOST_CLASSES = 40  # in the figure; of more, those with the lowest medians
_MOST_LACKING = 3  # classes that a row names
_MOST_ROWS = 12  # of a subgroup that are shown at once


def images_section(data: ReportData) -> str:
    """Histogram of the images' own mean IoU, the lowest of them, and the distribution of each class."""
    rows = [(finite(row.get("mean_iou")), row) for row in data.per_image]
    known = sorted(((value, row) for value, row in rows if value is not None), key=lambda pair: pair[0])
    if len(known) < 2:
        return ""
    figure = drawn(per_image_histogram([value for value, _ in known]), "distribution of mean IoU over images")
    lowest = [
        f"<tr><td>{escape(str(row.get('key', '')))}</td><td>{number(value)}</td><td>{number(row.get('accuracy'))}</td></tr>"
        for value, row in known[:_LOWEST]
    ]
    shown = f'<h3 class="group">Lowest</h3>{table(["image", "mean IoU", "accuracy"], lowest)}'
    by_class = _by_class(data)
    body = (
        '<p class="note">Each image\'s own mean IoU, over the classes in it or in its prediction.</p>'
        f'<div class="split even"><div>{figure}{shown if by_class else ""}</div>{by_class or f"<div>{shown}</div>"}</div>'
    )
    return section("images", "Images", body)


def _by_class(data: ReportData) -> str:
    """Classes in the order of their table; without any image none are drawn."""
    names = data.class_table.names
    found = {name: [v for v in (finite(row.get(f"iou_{name}")) for row in data.per_image) if v is not None] for name in names}
    known = [name for name in names if found[name]]
    if not known:
        return ""
    kept = set(sorted(known, key=lambda name: float(np.median(found[name])))[:_MOST_CLASSES])
    shown = {name: found[name] for name in known if name in kept}
    said = (
        f" Of {len(known)} classes the {_MOST_CLASSES} with the lowest medians are shown." if len(known) > _MOST_CLASSES else ""
    )
    caption = (
        "<b>IoU of each class over the images</b> that hold it or whose prediction does: median, quartiles, and a dot per image."
        f"{said}"
    )
    colors = dict(zip(names, data.class_table.colors.tolist(), strict=True))
    figure = class_distribution(shown, colors)
    return drawn(figure, "distribution of IoU over images for each class", caption, inks(data.class_table.colors))


def subgroups_section(data: ReportData) -> str:
    """For each column the parts of the set with their scores, on one axis."""
    parts = [_subgroup(column, rows, data) for column, rows in data.subgroups.items() if rows]
    said = "Lines are intervals; a part of few images tells little. Classes that a part lacks are not in its mean."
    note = f'<p class="note">{said}</p>'
    return section("subgroups", "Parts of the set", note + "".join(parts)) if parts else ""


def _subgroup(column: str, rows: Sequence[Mapping[str, Any]], data: ReportData) -> str:
    ends = [end for row in rows for end in row.get("interval") or ()]
    low, high = axis_of([data.scores.get("mean_iou"), *(row.get("mean_iou") for row in rows), *ends])
    has_foreground = any("foreground_iou" in row for row in rows)
    heads = [escape(column), axis_heading(low, high), "mean IoU", "95 % interval"]
    heads += ["foreground IoU"] * has_foreground + ["mean Dice", "accuracy", "images"]
    everywhere = set.intersection(*(set(row.get("absent_classes", ())) for row in rows))
    lines = [_subgroup_row(row, low, high, has_foreground, everywhere) for row in rows]
    shown = table(heads, lines[:_MOST_ROWS])
    rest = lines[_MOST_ROWS:]
    more = f"<details><summary>{len(rest)} more</summary><div>{table(heads, rest)}</div></details>" if rest else ""
    return f'<h3 class="group">By {escape(column)}</h3>{shown}{more}'


def _subgroup_row(row: Mapping[str, Any], low: float, high: float, has_foreground: bool, everywhere: set[str]) -> str:
    """``everywhere`` are the classes that no part has: what others have and this part lacks is said, as it is in no mean."""
    ends = row.get("interval")
    cells = [number(row.get("mean_iou")), interval(ends)]
    cells += [number(row.get("foreground_iou"))] * has_foreground
    cells += [number(row.get("mean_dice")), number(row.get("accuracy")), f"{int(row['images']):,}"]
    graph = whisker(row.get("mean_iou"), ends, low, high)
    numbers = "".join(f"<td>{cell}</td>" for cell in cells)
    lacking = [name for name in row.get("absent_classes", ()) if name not in everywhere]
    more = f" and {len(lacking) - _MOST_LACKING} more" if len(lacking) > _MOST_LACKING else ""
    said = escape(f"without {', '.join(lacking[:_MOST_LACKING])}{more}") if lacking else ""
    return f'<tr><td>{two_lines(escape(str(row["value"])), said)}</td><td class="wide">{graph}</td>{numbers}</tr>'
