"""How PASCAL VOC writes labels: its classes, its colours, which are the bits of a number spread over red, green and blue, and
``labelmap.txt``, in which CVAT and Datumaro list other classes in the same layout."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pixelwise.errors import DataError, first_line
from pixelwise.formats.label_png import Color

__all__ = ["VOC_CLASSES", "VOID_COLOR", "color_of", "numbers_of_colors", "read_labelmap"]

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""The classes of the challenge; their ids are their places here, and 255 is the border of objects, which counts for nothing."""

VOID_COLOR: Color = (224, 224, 192)
"""What the number 255 looks like."""

_MOST_BYTES = 1 << 20
_LINE = re.compile(r"(?P<name>[^:]*):(?:(?P<r>\d{1,3}),(?P<g>\d{1,3}),(?P<b>\d{1,3}))?(?::.*)?")


def color_of(number: int) -> Color:
    """The colour of a class id or of an object's number, 0 to 2^24 - 1: its bits go to red, green and blue in turn, the lowest
    to the highest bit of red."""
    channels = [0, 0, 0]
    for bit in range(24):
        channels[bit % 3] |= (number >> bit & 1) << 7 - bit // 3
    return channels[0], channels[1], channels[2]


def numbers_of_colors(pixels: np.ndarray) -> np.ndarray:
    """The (H, W) int32 numbers of (H, W, 3) uint8 colours: :func:`color_of` the other way round, for every colour there is."""
    values = np.arange(256)
    spread = sum(((values >> 7 - bit) & 1) << 3 * bit for bit in range(8))
    table = np.asarray(spread, np.int32)
    return table[pixels[..., 0]] | table[pixels[..., 1]] << 1 | table[pixels[..., 2]] << 2


def read_labelmap(path: Path) -> tuple[tuple[str, Color], ...]:
    """Names and colours in the order of the file, one ``name:r,g,b:parts:actions`` a line; lines that begin with ``#`` are
    remarks. A class without a colour gets VOC's colour for its place.

    Raises :class:`DataError` for what is no such line, two names or two colours that are the same, and a file without any.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, too many for a table of labels; is it another file?")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({first_line(error)}); export it again") from None
    rows: dict[str, Color] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        name = found["name"].strip() if found else ""
        if not found or not name or name in rows:
            raise DataError(f"{path}, line {number}: needs a name of its own and a colour, as name:r,g,b::, got {line.strip()!r}")
        color = (int(found["r"]), int(found["g"]), int(found["b"])) if found["r"] else color_of(len(rows))
        if max(color) > 255 or color in rows.values():
            raise DataError(f"{path}, line {number}: the colour {color} must be 0 to 255 and differ from all others")
        rows[name] = color
    if not rows:
        raise DataError(f"{path} lists no labels; export it again")
    return tuple(rows.items())
