"""Parts of a data set in the terminal: images, groups, and images with each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

__all__ = ["split_table"]

_MOST_CLASSES = 8  # columns; more do not fit a terminal


def split_table(parts: Mapping[str, Mapping[str, Any]]) -> Table:
    """``parts`` by name: ``images``, ``groups``, and ``with``, the number of images by class."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    classes = list(next(iter(parts.values()))["with"])
    rarest = sorted(classes, key=lambda name: sum(part["with"][name] for part in parts.values()))[:_MOST_CLASSES]
    shown = [name for name in classes if name in rarest]
    has_groups = any(part["groups"] != part["images"] for part in parts.values())
    table.add_column("")
    for heading in ("images", *["groups"] * has_groups, *shown):
        table.add_column(Text(heading, overflow="ellipsis"), justify="right", max_width=14, no_wrap=True)
    for name, part in parts.items():
        numbers = [part["images"], *[part["groups"]] * has_groups, *(part["with"][key] for key in shown)]
        table.add_row(name, *(f"{number:,}" for number in numbers))
    if len(shown) < len(classes):
        table.caption = f"images with each of the {len(shown)} rarest of {len(classes)} classes"
    return table
