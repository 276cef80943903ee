"""The classes: their scores in a table, and what is taken for what."""

from __future__ import annotations

from html import escape

import numpy as np

from pixelwise.report import plots
from pixelwise.report.confusion_plot import confusion_heatmap
from pixelwise.report.markup import (
    NOT_MEASURED,
    WIDE,
    bar,
    class_name,
    finite,
    interval,
    list_of,
    number,
    percent,
    section,
    table,
)
from pixelwise.report.page_data import ReportData

__all__ = ["classes_section", "confusion_section"]

_COLUMNS = {"dice": "Dice", "precision": "precision", "recall": "recall"}


def classes_section(data: ReportData) -> str:
    """IoU of each class as a bar, the other scores as numbers; absent classes are said to be absent."""
    pixels, scores = data.scores.get("per_class_target_pixels", {}), data.scores
    total = sum(pixels.values()) or 1
    edges = data.boundary.get("per_class_boundary_iou", {})
    ends = data.scores.get("intervals", {}).get("per_class_iou", {})
    rows = []
    for name, color in zip(data.class_table.names, data.class_table.colors.tolist(), strict=True):
        iou = scores.get("per_class_iou", {}).get(name)
        is_absent = finite(iou) is None
        cells = [f'<td class="wide">{"absent" if is_absent else bar(iou, number(iou), ends.get(name))}</td>']
        cells += [f'<td class="soft">{interval(ends.get(name))}</td>'] if ends else []
        cells += [f"<td>{number(edges.get(name))}</td>"] if edges else []
        cells += [f"<td>{number(scores.get(f'per_class_{key}', {}).get(name))}</td>" for key in _COLUMNS]
        cells += [f"<td>{percent(pixels[name] / total) if name in pixels else NOT_MEASURED}</td>"]
        rows.append(f"<tr{' class=absent' if is_absent else ''}><td>{class_name(name, color)}</td>{''.join(cells)}</tr>")
    heads = [
        "class",
        WIDE + "IoU",
        *["95 % interval"] * bool(ends),
        *["boundary IoU"] * bool(edges),
        *_COLUMNS.values(),
        "of pixels",
    ]
    return section("classes", "Classes", table(heads, rows))


def confusion_section(data: ReportData) -> str:
    """The heat map, and the largest shares of a class that were taken for another."""
    if data.confusion is None or not data.confusion.any():
        return ""
    names = data.class_table.names
    totals = np.maximum(data.confusion.sum(1), 1)
    share = data.confusion / totals[:, None]
    np.fill_diagonal(share, 0.0)
    pairs = [divmod(int(at), len(names)) for at in np.argsort(-share, axis=None, kind="stable")[:8]]
    lines = [
        f"{percent(share[t, p])} of <b>{escape(names[t])}</b> is taken for <b>{escape(names[p])}</b>"
        for t, p in pairs
        if share[t, p] >= 0.005
    ]
    most = f"<div><h3>Most common confusions</h3>{list_of(lines)}</div>" if lines else ""
    svg = _sized(plots.to_svg(confusion_heatmap(data.confusion, names), "confusion matrix"))
    note = (
        '<p class="note">Percent of each target class (row) by predicted class (column); under half a percent is left blank.</p>'
    )
    shape = "split tall" if len(names) > 14 else "split"
    return section("confusion", "Confusion", f'{note}<div class="{shape}"><figure class="scroll">{svg}</figure>{most}</div>')


def _sized(svg: str) -> str:
    """Drawn at its own size at most, so that text stays legible; the box around it scrolls."""
    width = int(svg.split('data-width="', 1)[1].split('"', 1)[0])
    least = min(width, max(460, round(0.8 * width) if width > 800 else 0))
    return svg.replace("<svg ", f'<svg style="width:{width}px;min-width:{least}px;max-width:100%" ', 1)
