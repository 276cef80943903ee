"""A network as a picture: a box per map, as high as the map is fine and as wide as it has channels, joined as it is read.

Boxes stand in rows by stride and in columns by the number of parts before them. So an encoder-decoder draws itself as a U
with its skips, a dilated network as a line, and parallel branches as a stack; no architecture has a layout of its own.
Takes ``Anatomy.to_json()``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, PathPatch
from matplotlib.path import Path as Curve

from pixelwise.report import plots
from pixelwise.report.anatomy_table import HEADINGS, cells, total_cells

__all__ = ["anatomy_page", "diagram", "standalone_svg"]

_INK = "#717783"
_COLORS = {
    "encoder": "#3b82f6", "decoder": "#e8833a", "head": "#2fa36b", "auxiliary": "#9b7bd4", "deep": "#9b7bd4",
    "image_head": "#9b7bd4", "image": "#8a919e",
}  # fmt: skip
_WORDS = {"auxiliary": "training only", "deep": "training only", "image_head": "training only", "image": "image and logits"}
_GAP = 0.5  # inches between boxes, and below each for its label
_LABEL = 0.42
_SIDES = (0.26, 1.45)  # inches, of the coarsest and of the finest map


@dataclass
class _Box:
    name: str
    role: str
    shape: tuple[int, ...]
    reads: tuple[str, ...]
    row: int = 0
    column: int = 0
    x: float = 0.0  # of the centre, inches
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


def diagram(anatomy: Mapping[str, Any], title: str = "") -> Figure:
    """The picture of ``Anatomy.to_json()``; ``title`` stands above it."""
    boxes = _boxes(anatomy)
    width, height = _place(boxes, tuple(anatomy["size"]))
    with mpl.rc_context({"font.size": 8, "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "pixelwise"}):
        figure = Figure(figsize=(max(width, 4.5), height + 0.75))
        figure.patch.set_alpha(0.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(0, max(width, 4.5)), ylim=(-height - 0.25, 0.5))
        axes.axis("off")
        by_name = {box.name: box for box in boxes}
        for box in boxes:
            for name in box.reads:
                _link(axes, by_name[name], box, boxes)
        for box in boxes:
            _draw(axes, box)
        axes.text(0.25, 0.3, title, color=_INK, fontsize=10.5, fontweight="bold", va="center")
        _legend(axes, boxes)
    return figure


def standalone_svg(figure: Figure, label: str) -> str:
    """The figure as an SVG file; its ink is a grey that light and dark pages both carry."""
    svg = plots.to_svg(figure, label)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return svg.replace("<svg ", f'<svg {names} style="color:{_INK};font-family:system-ui,sans-serif" ', 1)


def anatomy_page(anatomy: Mapping[str, Any], title: str, command: str) -> str:
    """Picture and table on one page that needs nothing else."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in [*(cells(part) for part in anatomy["parts"]), total_cells(anatomy)]
    )
    body = (
        f"<h1>{escape(title)}</h1><pre>{escape(command)}</pre>"
        f'<figure class="scroll">{plots.to_svg(diagram(anatomy), f"diagram of {title}")}</figure>'
        f'<h2>Parts</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    folder = files("pixelwise.report")
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    template = Template(folder.joinpath("report.html").read_text(encoding="utf-8"))
    note = "A multiply-add counts once; normalisation, activation and resizing are not counted."
    return template.substitute(title=escape(title), style=style, body=body, note=note)


def _boxes(anatomy: Mapping[str, Any]) -> list[_Box]:
    """The image, every main part that gives a map, and the logits; what gives none is read through."""
    image = (int(anatomy["in_channels"]), *anatomy["size"])
    boxes = [_Box("image", "image", image, ())]
    known = {"image"}
    for part in anatomy["parts"]:
        if part["depth"] == 1 and part["shape"]:
            boxes.append(_Box(part["name"], part["role"], tuple(part["shape"]), tuple(part["reads"])))
            known.add(part["name"])
    for box in boxes:
        box.reads = tuple(name for name in box.reads if name in known)
    last = next((box.name for box in reversed(boxes) if box.role == "head"), boxes[-1].name)
    boxes.append(_Box("logits", "image", tuple(anatomy["logits"]), (last,)))
    return boxes


def _place(boxes: Sequence[_Box], size: tuple[int, ...]) -> tuple[float, float]:
    """Rows, columns, sizes and centres of all boxes; the width and height of the whole in inches."""
    by_name = {box.name: box for box in boxes}
    for box in boxes:  # in the order in which they run, so that what is read has its column
        box.column = 1 + max((by_name[name].column for name in box.reads), default=-1)
        finest = box.shape[1] / size[0] if len(box.shape) > 1 else 0.0
        box.row = round(-math.log2(finest)) if finest > 0 else 99
        # Areas and channels span orders of magnitude, so that lengths go by their roots.
        box.height = max(_SIDES[0], min(_SIDES[1], _SIDES[1] * finest**0.5))
        box.width = 0.12 + 0.022 * math.sqrt(box.shape[0])
    boxes[-1].column = max(box.column for box in boxes)
    stacks: dict[tuple[int, int], list[_Box]] = {}
    for box in boxes:
        stacks.setdefault((box.column, box.row), []).append(box)
    columns = sorted({box.column for box in boxes})
    left = 0.25
    for column in columns:
        here = [box for box in boxes if box.column == column]
        room = max(0.62, *(max(box.width, 0.062 * max(len(line) for line in _label(box))) for box in here))
        for box in here:
            box.x = left + room / 2
        left += room + _GAP * 0.62
    top = 0.0
    for row in sorted({box.row for box in boxes}):
        heights = [sum(box.height + _LABEL for box in stack) for (_, own), stack in stacks.items() if own == row]
        room = max(heights)
        for (_, own), stack in stacks.items():
            if own == row:
                at = top + (room - sum(box.height + _LABEL for box in stack)) / 2
                for box in stack:
                    box.y = -(at + box.height / 2)
                    at += box.height + _LABEL
        top += room + 0.2
    return left, top + 0.3


def _label(box: _Box) -> tuple[str, str]:
    name = box.name.removeprefix("decoder.")
    return name, f"{box.shape[0]}, {'×'.join(map(str, box.shape[1:]))}" if len(box.shape) > 1 else f"{box.shape[0]} numbers"


def _draw(axes: Axes, box: _Box) -> None:
    color = _COLORS.get(box.role, _COLORS["decoder"])
    corner = (box.x - box.width / 2, box.y - box.height / 2)
    style = "round,pad=0,rounding_size=0.045"
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, style, facecolor=color, edgecolor="none", zorder=3))
    name, shape = _label(box)
    below = box.y - box.height / 2
    axes.text(box.x, below - 0.11, name, ha="center", va="center", color=_INK, fontsize=8, fontweight="bold", zorder=4)
    axes.text(box.x, below - 0.25, shape, ha="center", va="center", color=_INK, fontsize=7, zorder=4)


def _link(axes: Axes, source: _Box, target: _Box, boxes: Sequence[_Box]) -> None:
    """A curve from the right side of a box to the left side of its reader; over what stands between them in their row."""
    start = (source.x + source.width / 2, source.y)
    end = (target.x - target.width / 2 - 0.05, target.y)
    is_level = abs(target.y - source.y) < 0.3
    between = [box for box in boxes if is_level and source.column < box.column < target.column and _is_beside(box, source)]
    if target.column == source.column:  # the logits below or above their head
        start, end = (source.x + source.width / 2, source.y), (target.x + target.width / 2 + 0.05, target.y)
        bend = max(start[0], end[0]) + 0.3
        points = [start, (bend, start[1]), (bend, end[1]), end]
    elif between:
        rise = max(box.height for box in (source, target, *between)) / 2 + 0.08
        start, end = (source.x, source.y + source.height / 2), (target.x, target.y + target.height / 2 + 0.03)
        over = max(box.y for box in (source, target, *between)) + rise + 0.03 * (target.column - source.column)
        points = [start, (start[0], over), (end[0], over), end]
    else:
        bend = (start[0] + end[0]) / 2
        points = [start, (bend, start[1]), (bend, end[1]), end]
    is_skip = target.column - source.column > 1
    color = _COLORS["encoder"] if is_skip and source.role == "encoder" else _INK
    curve = Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    axes.add_patch(PathPatch(curve, facecolor="none", edgecolor=color, lw=1.0, alpha=0.75, zorder=2))
    _arrow_head(axes, points[-2], points[-1], color)


def _is_beside(box: _Box, other: _Box) -> bool:
    """Whether a straight line from the centre of ``other`` runs through ``box``."""
    return abs(box.y - other.y) < box.height / 2 + 0.02


def _arrow_head(axes: Axes, before: tuple[float, float], end: tuple[float, float], color: str) -> None:
    length = math.hypot(end[0] - before[0], end[1] - before[1]) or 1.0
    along = ((end[0] - before[0]) / length, (end[1] - before[1]) / length)
    back = (end[0] - 0.09 * along[0], end[1] - 0.09 * along[1])
    side = (-0.035 * along[1], 0.035 * along[0])
    tip = (end[0] + 0.03 * along[0], end[1] + 0.03 * along[1])
    corners = [tip, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1])]
    axes.fill(*zip(*corners, strict=True), color=color, lw=0, zorder=4)


def _legend(axes: Axes, boxes: Sequence[_Box]) -> None:
    roles: dict[str, str] = {}
    for box in boxes:
        roles.setdefault(_WORDS.get(box.role, box.role), _COLORS.get(box.role, _COLORS["decoder"]))
    handles = [Patch(facecolor=color, label=word) for word, color in roles.items()]
    legend = axes.legend(
        handles=handles, loc="lower left", ncols=len(handles), frameon=False, handlelength=0.9, handleheight=0.9,
        bbox_to_anchor=(0.0, 0.0), fontsize=7.5, columnspacing=1.4, handletextpad=0.5,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_color(_INK)
