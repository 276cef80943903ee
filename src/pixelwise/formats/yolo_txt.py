"""YOLO's label files: one line per object, its class number and its outline, or box, in shares of the image's sides."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pixelwise.errors import DataError
from pixelwise.types import Size

__all__ = ["Row", "read_row", "write_row"]

_LOWEST, _HIGHEST = -1.0, 2.0  # shares; programs that round or move boxes leave some a little outside of 0 to 1
_MOST_NUMBERS = 2_000_000


class Row(NamedTuple):
    """One object. ``ring``: (K, 2) float64 corners x, y in shares of width and height. ``is_box``: the line gave a box, and the
    ring is its four corners."""

    number: int
    ring: np.ndarray
    is_box: bool


def read_row(line: str) -> Row:
    """Reads one line: class and centre, width and height of a box, or class and three or more corners of an outline.

    Raises :class:`DataError` for other numbers of numbers (which predictions with a score at the end have), and for coordinates
    that are no shares.
    """
    class_text, *texts = line.split() or [""]
    try:
        number = float(class_text)
        values = [float(text) for text in texts[: _MOST_NUMBERS + 1]]
    except ValueError:
        raise DataError("a line must be a class number and coordinates, with blanks between them") from None
    if not (number.is_integer() and 0 <= number <= 65535):
        raise DataError(f"the class must be a whole number from 0 to 65,535, got {class_text:.20}")
    if len(values) > _MOST_NUMBERS or len(values) < 4 or len(values) % 2:
        what = "; is the last one a score? Labels have none" if len(values) > 4 and len(values) % 2 else ""
        raise DataError(
            f"a line has 4 numbers for a box, or 6, 8, ... for an outline, behind its class, got {len(values):,}{what}"
        )
    if not all(_LOWEST <= value <= _HIGHEST for value in values):
        wrong = next(value for value in values if not _LOWEST <= value <= _HIGHEST)
        what = "" if math.isnan(wrong) else "; are they pixels?"
        raise DataError(f"coordinates must be shares of the image, from 0 to 1, got {wrong:g}{what}")
    if len(values) > 4:
        return Row(int(number), np.array(values).reshape(-1, 2), False)
    x, y, width, height = values
    if width < 0 or height < 0:
        raise DataError(f"the box has width {width:g} and height {height:g}, less than nothing")
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    return Row(int(number), np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), True)


def write_row(number: int, ring: Iterable[Iterable[float]], size: Size) -> str:
    """One line for an outline in pixels of an image of ``size``: eight decimals, so that corners come back to within a
    thousandth of a pixel in images of up to 100,000 pixels a side."""
    height, width = size
    return " ".join([str(number), *(f"{x / width:.8f} {y / height:.8f}" for x, y in ring)])
