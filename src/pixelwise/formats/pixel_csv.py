"""Small square images as rows of a CSV file, as MNIST is passed around: the label first, if there is one, then all pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelwise.errors import DataError, first_line

__all__ = ["PixelRows", "looks_like_pixels", "read_pixel_row", "scan_pixel_rows"]

_LONGEST_LINE = 1 << 22
_MOST_ROWS = 50_000_000
_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class PixelRows:
    """``side`` of the images; ``starts`` (N,) int64, the byte at which each row begins; ``labels`` (N,) int64, or None."""

    path: Path
    side: int
    starts: np.ndarray
    labels: np.ndarray | None


def looks_like_pixels(path: Path) -> bool:
    """Whether the first row of numbers has as many cells as a square image, with or without a label."""
    try:
        with path.open("rb") as stream:
            rows = [stream.readline(_LONGEST_LINE) for _ in range(2)]
    except OSError:
        return False
    first = rows[1] if _is_header(rows[0]) else rows[0]
    return _shape(first) is not None and all(_whole(cell) >= 0 for cell in first.split(b","))


def scan_pixel_rows(path: Path) -> PixelRows:
    """Finds the rows and reads the labels; pixels are read one row at a time, by :func:`read_pixel_row`.

    Raises:
        DataError: the file cannot be read, a row has another number of cells than the first, or a label is no number.
    """
    starts: list[int] = []
    labels: list[int] = []
    shape = None
    try:
        with path.open("rb") as stream:
            at, number = 0, 0
            while line := stream.readline(_LONGEST_LINE):
                begin, at, number = at, at + len(line), number + 1
                if not line.strip() or (number == 1 and _is_header(line)):
                    continue
                shape = shape or _shape(line)
                if shape is None or line.count(b",") + 1 != shape[0] ** 2 + shape[1] or len(starts) >= _MOST_ROWS:
                    raise DataError(
                        f"{path}, line {number}: {line.count(b',') + 1} cells; each row needs a label and the pixels of a square "
                        "image, as the first row has"
                    )
                starts.append(begin)
                if shape[1]:
                    labels.append(_label(line, number, path))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); check its permissions") from None
    if shape is None:
        raise DataError(f"{path} holds no rows of pixels")
    return PixelRows(path, shape[0], np.array(starts, np.int64), np.array(labels, np.int64) if shape[1] else None)


def read_pixel_row(path: Path, start: int, side: int, has_label: bool) -> np.ndarray:
    """(side, side) uint8 of the row that begins at ``start``; raises :class:`DataError` for pixels that are not 0 to 255."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            cells = stream.readline(_LONGEST_LINE).split(b",")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); check its permissions") from None
    pixels = cells[1:] if has_label else cells
    values = [_whole(cell) for cell in pixels]
    if len(values) != side * side or not all(0 <= value <= 255 for value in values):
        raise DataError(f"{path}: the row at byte {start} must hold {side * side} whole numbers from 0 to 255; save it again")
    return np.array(values, np.uint8).reshape(side, side)


def _is_header(line: bytes) -> bool:
    return any(letter in line.lower() for letter in (b"label", b"pixel", b"x"))


def _shape(line: bytes) -> tuple[int, int] | None:
    """The side of the image, and 1 with a label before it or 0 without; None for other numbers of cells."""
    cells = line.count(b",") + 1
    for label in (1, 0):
        side = math.isqrt(cells - label)
        if side >= _SMALLEST_SIDE and side * side == cells - label:
            return side, label
    return None


def _label(line: bytes, number: int, path: Path) -> int:
    value = _whole(line[: line.index(b",")])
    if value < 0:
        raise DataError(f"{path}, line {number}: the label {line[:20]!r} is no whole number; save it again")
    return value


def _whole(cell: bytes) -> int:
    """A whole number of few digits, also where a program wrote it as 7.0; -1 for anything else."""
    text = cell.strip().removesuffix(b".0")
    return int(text) if text.isdigit() and len(text) < 10 else -1
