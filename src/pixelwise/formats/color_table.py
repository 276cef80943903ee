"""Colour tables of mask sets as text: ``label_colors.txt`` (``R G B name`` per line) and ``class_dict.csv`` (``name,r,g,b``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from pixelwise.errors import DataError, first_line
from pixelwise.formats.label_png import Color

__all__ = ["COLOR_TABLE_NAMES", "ColorRow", "find_color_table", "read_color_table"]

ColorRow = tuple[Color, str]

COLOR_TABLE_NAMES = ("label_colors.txt", "class_dict.csv")
"""The names by which colour tables are found."""

_MOST_BYTES = 1 << 20
_MOST_ROWS = 65536


def find_color_table(*folders: Path) -> Path | None:
    """The first colour table in these folders, or None."""
    return next((folder / name for folder in folders for name in COLOR_TABLE_NAMES if (folder / name).is_file()), None)


def read_color_table(path: Path) -> tuple[ColorRow, ...]:
    """Colours and names in the order of the file; empty lines and those that begin with ``#`` are left out.

    Raises:
        DataError: the file cannot be read, is too large, names no colour, has a line that is none, or one colour twice.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, too many for a table of colours; is it another file?")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({first_line(error)}); export the colour table again") from None
    rows = list(_csv_rows(lines, path) if path.suffix.lower() == ".csv" else _text_rows(lines, path))
    if not rows or len(rows) > _MOST_ROWS:
        raise DataError(f"{path} lists {len(rows):,} colours; 1 to {_MOST_ROWS:,} can be read")
    names: dict[Color, str] = {}
    for color, name in rows:
        if names.setdefault(color, name) != name:
            raise DataError(f"{path} gives the colour {color} to both {names[color]!r} and {name!r}; make the colours differ")
    return tuple((color, name) for color, name in names.items())


def _text_rows(lines: Iterable[str], path: Path) -> Iterator[ColorRow]:
    for number, line in enumerate(lines, 1):
        cells = line.split(maxsplit=3)
        if cells and not cells[0].startswith("#"):
            yield _row(cells[:3], cells[3] if len(cells) == 4 else "", number, path)


def _csv_rows(lines: Iterable[str], path: Path) -> Iterator[ColorRow]:
    try:
        for number, cells in enumerate(csv.reader(lines, skipinitialspace=True), 1):
            if number > 1 and any(cells):
                yield _row(cells[1:4], cells[0], number, path)
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as CSV ({error}); it needs the columns name, r, g, b") from None


def _row(channels: list[str], name: str, number: int, path: Path) -> ColorRow:
    values = [int(text) if text.strip().isascii() and text.strip().isdigit() and len(text) < 10 else -1 for text in channels]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values) or not name.strip():
        raise DataError(f"{path}, line {number}: needs three numbers from 0 to 255 and a name, got {[*channels, name]}")
    return (values[0], values[1], values[2]), name.strip()
