"""Two runs side by side in the terminal: scores of both, differences with intervals, and how often the second is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

__all__ = ["comparison_table"]

_HEADINGS = {
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "accuracy": "accuracy",
    "mean_accuracy": "mean recall",
    "fwiou": "frequency-weighted IoU",
    "mean_iou_per_image": "mean IoU per image",
}


def comparison_table(data: Mapping[str, Any]) -> RenderableType:
    """``data`` is ``Comparison.to_json()``. A difference whose interval leaves out 0 is bold. On a narrow terminal whole columns
    are left out, so that no number is cut."""
    return _Fitting(data)


class _Fitting:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        overflow: Any = "crop" if options.ascii_only else "ellipsis"
        has_both, has_share = room >= 56, room >= 76
        title = "second minus first"
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, header_style="bold")
        table.add_column("score", max_width=28)
        for heading in [*["first", "second"] * has_both, "difference", *["second better"] * has_share]:
            table.add_column(heading, justify="right", no_wrap=True)
        for name, row in self.data["differences"].items():
            heading = _HEADINGS.get(name) or f"IoU {name.removeprefix('iou_')}"
            cells = [Text(heading, no_wrap=True, overflow=overflow)]
            cells += [Text(_number(row["first"])), Text(_number(row["second"]))] * has_both
            cells += [_difference(row)] + [Text(_share(row["share_above"]))] * has_share
            table.add_row(*cells, style="dim" if row["difference"] is None else None)
        yield table


def _difference(row: Mapping[str, Any]) -> Text:
    value, ends = row["difference"], row["interval"]
    if value is None:
        return Text("-")
    if ends is None:
        return Text(f"{value:+.3f}")
    low, high = ends
    is_told = low > 0 or high < 0
    return Text(f"{value:+.3f} [{low:+.3f}, {high:+.3f}]", "bold" if is_told else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    """Percent of the resamples, never rounded to certainty."""
    if value is None:
        return "-"
    percent = math.floor(1000 * value) / 10 if value > 0.5 else math.ceil(1000 * value) / 10
    return f"{percent:.1f} %"
