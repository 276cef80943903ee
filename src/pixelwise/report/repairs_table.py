"""What ``check --fix`` did, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table

__all__ = ["repairs_table"]


def repairs_table(rows: Iterable[tuple[str, str, int, int]]) -> Table:
    """``rows`` of fault, action, files and pixels."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("fault", "what was done"):
        table.add_column(heading)
    for heading in ("files", "pixels"):
        table.add_column(heading, justify="right", no_wrap=True)
    for fault, action, files, pixels in rows:
        table.add_row(fault.replace("_", " "), action, f"{files:,}", f"{pixels:,}" if pixels else "")
    return table
