"""Scores in the terminal: a table per class and a line that sums up, as rich renderables.

Colours are the terminal's own named ones, which suit dark and light themes; only the swatches are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from pixelwise.types import ClassTable

__all__ = ["class_scores_table", "detail_line", "subgroups_table", "summary_line"]

_COLUMNS = {  # what of each class: its heading, and the mean that stands below
    "iou": ("IoU", "mean_iou"),
    "dice": ("Dice", "mean_dice"),
    "precision": ("precision", None),
    "recall": ("recall", "mean_accuracy"),
    "target_pixels": ("pixels", "pixels"),
}
_DETAILS = {  # beside the mean IoU, by their keys in the scores
    "mean_boundary_iou": "boundary IoU",
    "macro_auroc": "AUROC",
    "macro_average_precision": "average precision",
    "ece": "ECE",
    "brier": "Brier",
    "nll": "NLL",
    "mean_hausdorff_percentile": "Hausdorff percentile",
    "mean_assd": "ASSD",
    "mean_surface_dice": "surface Dice",
    "mean_cldice": "clDice",
    "object_average_precision": "object AP",
    "v_rand": "V-Rand",
    "v_info": "V-Info",
}
_CROP: OverflowMethod = "crop"
_ELLIPSIS: OverflowMethod = "ellipsis"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def class_scores_table(scores: Mapping[str, Any], class_table: ClassTable, title: str | None = None) -> RenderableType:
    """IoU with a bar, Dice, precision, recall and target pixels of each class, and the means below.

    ``scores`` is ``SegmentationScores.to_json()``. Absent classes are dimmed and said to be absent. On a narrow terminal
    whole columns are left out, least telling first, so that no number is ever cut.
    """
    return _Fitting(scores, class_table, title)


def summary_line(scores: Mapping[str, Any], images: int | None = None) -> Text:
    """The numbers that matter on one line: mean IoU, accuracy, mean Dice, images, absent classes."""
    line = Text.assemble("mean IoU ", (_number(scores.get("mean_iou")), "bold green"), _interval(scores, "mean_iou"))
    if "foreground_iou" in scores:
        line.append(f", foreground IoU {_number(scores['foreground_iou'])}")
    line.append(f", accuracy {_number(scores.get('accuracy'))}, mean Dice {_number(scores.get('mean_dice'))}")
    if images is not None:
        line.append(f", {images:,} image{'' if images == 1 else 's'}")
    absent = scores.get("absent_classes", [])
    if absent:
        line.append(f"; absent, so in no mean: {', '.join(absent)}", "yellow")
    return line


def detail_line(scores: Mapping[str, Any]) -> Text | None:
    """What was measured beside the confusion matrix, on one line; nothing after a quick evaluation."""
    told = [f"{name} {_number(scores[key])}" for key, name in _DETAILS.items() if key in scores]
    return Text(", ".join(told), "dim") if told else None


def subgroups_table(column: str, rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Mean IoU with its interval, and the number of images, for each value of a column of the records."""
    table = Table(title=f"by {column}", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, header_style="bold")
    table.add_column(column, max_width=28, no_wrap=True, overflow=_ELLIPSIS)
    for heading in ("images", "mean IoU", "", "mean Dice", "accuracy"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        ends = "" if row["interval"] is None else f"[{row['interval'][0]:.3f}, {row['interval'][1]:.3f}]"
        scores = _number(row["mean_iou"]), _Whole(ends), _number(row["mean_dice"]), _number(row["accuracy"])
        table.add_row(Text(str(row["value"]) or "(none)"), _count(row["images"]), *scores)
    return table


class _Fitting:
    """The table with the columns that the width of the terminal has room for."""

    def __init__(self, scores: Mapping[str, Any], class_table: ClassTable, title: str | None) -> None:
        self.scores, self.class_table, self.title = scores, class_table, title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        columns = ["iou", "dice"] + ["precision", "recall"] * (room >= 64) + ["target_pixels"] * (room >= 80)
        yield self._table(columns, has_bar=room >= 46, is_ascii=options.ascii_only)

    def _table(self, columns: list[str], has_bar: bool, is_ascii: bool) -> Table:
        mark, overflow = ("*", _CROP) if is_ascii else ("●", _ELLIPSIS)  # the ellipsis is no ASCII letter
        scores, absent = self.scores, self.scores.get("absent_classes", [])
        simple = box.SIMPLE_HEAD
        table = Table(title=self.title, box=simple, show_footer=True, title_justify="left", pad_edge=False, header_style="bold")
        over = f"mean over {len(self.class_table) - len(absent)} classes" if absent else "mean"
        table.add_column("class", footer=Text(over, no_wrap=True, overflow=overflow), max_width=28)
        for key in columns:
            heading, mean = _COLUMNS[key]
            footer = Text(_count(scores.get(mean)) if mean == "pixels" else _number(scores.get(mean)) if mean else "", "bold")
            table.add_column(heading, justify="right", footer=footer, no_wrap=True)
            if key == "iou" and has_bar:
                table.add_column("", footer=_Whole(_interval(scores, "mean_iou").strip()))
        for info in self.class_table.classes:
            iou = _finite(scores.get("per_class_iou", {}).get(info.name))
            swatch = (f"{mark} ", Style(color="#{:02x}{:02x}{:02x}".format(*info.color)))
            cells: list[RenderableType] = [Text.assemble(swatch, info.name, no_wrap=True, overflow=overflow)]
            for key in columns:
                value = scores.get(f"per_class_{key}", {}).get(info.name)
                cells.append(
                    "absent" if key == "iou" and iou is None else _count(value) if key == "target_pixels" else _number(value)
                )
                if key == "iou" and has_bar:
                    cells.append("" if iou is None else _Bar(iou))
            table.add_row(*cells, style="dim" if iou is None else None)
        return table


class _Bar:
    """A share of 0 to 1 as a bar with eighths of a letter; hashes where the terminal has no such letters."""

    def __init__(self, share: float, width: int = 14) -> None:
        self.share, self.width = min(1.0, max(0.0, share)), width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(0, min(self.width, options.max_width))
        if options.ascii_only:
            drawn = "#" * round(self.share * width)
        else:
            full, part = divmod(round(self.share * width * 8), 8)
            drawn = "█" * full + (_EIGHTHS[part] if part else "")
        yield Segment(drawn, Style(color="blue"))
        yield Segment(("." if options.ascii_only else "·") * (width - len(drawn)), Style(dim=True))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(4, self.width)


class _Whole:
    """A text that is shown whole or, where there is no room for it, not at all."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text if len(self.text) <= options.max_width else "")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(0, len(self.text))


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _number(value: Any) -> str:
    number = _finite(value)
    return "-" if number is None else f"{number:.3f}"


def _interval(scores: Mapping[str, Any], key: str) -> str:
    """`` [0.598, 0.633]``, or nothing where there is none."""
    ends = scores.get("intervals", {}).get(key)
    return "" if ends is None else f" [{ends[0]:.3f}, {ends[1]:.3f}]"


def _count(value: Any) -> str:
    return "-" if value is None else f"{int(value):,}"
