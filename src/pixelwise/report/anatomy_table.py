"""The parts of a network, and the catalog of networks, as tables in the terminal. Takes plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

__all__ = ["HEADINGS", "anatomy_table", "catalog_table", "cells", "short", "sight", "total_cells"]

HEADINGS = ("part", "output", "parameters", "multiply-adds", "sees", "reads")
_STYLES = {"encoder": "blue", "decoder": "yellow", "head": "green"}
_LEAST_TELLING = (("reads", 100), ("sees", 80))  # a column, and the width of a terminal that has room for it


def anatomy_table(anatomy: Mapping[str, Any]) -> Table | _Fitting:
    """The table of ``Anatomy.to_json()``, totals last; on a narrow terminal whole columns are left out."""
    return _Fitting(anatomy)


def catalog_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """``name``, ``public``, ``task``, ``parameters`` (``None``: not counted), ``paper`` of each architecture."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("--model", style="bold", no_wrap=True)
    for heading in ("in Python", "task"):
        table.add_column(heading, no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("paper")
    for row in rows:
        count = "-" if row["parameters"] is None else short(row["parameters"])
        table.add_row(row["name"], row["public"], row["task"], count, row["paper"])
    return table


def cells(part: Mapping[str, Any]) -> tuple[str, ...]:
    """One part as text, in the order of :data:`HEADINGS`."""
    name = "  " * (part["depth"] - 1) + part["name"]
    size = " × ".join(map(str, part["shape"]))
    seen, reads = sight(part["receptive_field"]), ", ".join(part["reads"])
    return name, size, f"{part['parameters']:,}", short(part["multiply_adds"]), seen, reads


def total_cells(anatomy: Mapping[str, Any]) -> tuple[str, ...]:
    """The whole network as a row of the same table."""
    size = " × ".join(map(str, anatomy["logits"]))
    seen = sight(anatomy["receptive_field"])
    return "whole network", size, f"{anatomy['parameters']:,}", short(anatomy["multiply_adds"]), seen, "image"


def short(number: int) -> str:
    """Three digits and a letter: ``28.4 M``, ``1.23 G``; small numbers as they are."""
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            value = number / 10**power
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {letter}"
    return str(number)


def sight(field: Sequence[int | None]) -> str:
    """A receptive field in words: ``67``, ``31 × 15``, ``whole image``, or nothing where there is none."""
    if not field:
        return ""
    words = ["all" if side is None else f"{side:,}" for side in field]
    if len(set(words)) > 1:
        return " × ".join(words)
    return "whole image" if field[0] is None else words[0]


class _Fitting:
    """The table with the columns that the terminal has room for."""

    def __init__(self, anatomy: Mapping[str, Any]) -> None:
        self.anatomy = anatomy

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        hidden = {heading for heading, room in _LEAST_TELLING if options.max_width < room}
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_footer=True, footer_style="bold")
        shown = [index for index, heading in enumerate(HEADINGS) if heading not in hidden]
        totals = total_cells(self.anatomy)
        for index in shown:
            justify: Any = "left" if HEADINGS[index] in ("part", "reads") else "right"
            table.add_column(HEADINGS[index], totals[index], justify=justify, no_wrap=HEADINGS[index] != "reads")
        for part in self.anatomy["parts"]:
            text = cells(part)
            style = "dim" if part["depth"] > 1 else None
            row = [Text(text[index]) for index in shown]
            if part["depth"] == 1:
                row[0].stylize(_STYLES.get(part["role"], "magenta"))
            table.add_row(*row, style=style)
        yield table
