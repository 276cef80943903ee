"""IDX, the format of MNIST: a number of axes, their lengths, and values in big-endian order, often packed by gzip."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelwise.errors import DataError, first_line

__all__ = ["MOST_BYTES", "Idx", "encode_idx", "is_idx", "read_idx"]

MOST_BYTES = 2 << 30
"""Files that declare more values are refused: the values of a file are in memory as a whole."""

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 8
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


class Idx(NamedTuple):
    """``values`` with their items along the first axis, and how many items the file declares."""

    values: np.ndarray
    declared: int


def is_idx(path: Path) -> bool:
    """Whether the file begins like IDX, packed or not."""
    try:
        with _opened(path) as stream:
            start = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= _MOST_AXES


def read_idx(path: Path, most_bytes: int = MOST_BYTES, short: bool = False) -> Idx:
    """The array in the file, in the byte order of this machine.

    Args:
        path: plain or packed by gzip, which is told by its first bytes.
        most_bytes: of unpacked values; a file that declares more is refused before anything is read.
        short: a file that stops before its declared end gives the whole items that are there, instead of an error.

    Raises:
        DataError: no such file, no IDX, more values declared than allowed, fewer or more values than declared.
    """
    try:
        with _opened(path) as stream:
            kind, shape = _header(stream, path)
            needed = kind.itemsize * math.prod(shape)  # Python's whole numbers do not overflow
            if needed > most_bytes:
                raise DataError(f"{path} declares {_shown(shape)} values, {needed:,} bytes; at most {most_bytes:,} are read")
            data = _up_to(stream, needed)
            if len(data) == needed and stream.read(1):
                raise DataError(f"{path} holds more than the {_shown(shape)} values it declares; download it again")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be unpacked ({first_line(error)}); download it again") from None
    item = kind.itemsize * math.prod(shape[1:])
    if len(data) < needed and not short:
        raise DataError(
            f"{path} declares {_shown(shape)} values but stops after {len(data):,} of {needed:,} bytes; download it again"
        )
    count = shape[0] if len(data) == needed else len(data) // item
    values = np.frombuffer(data, kind, count * math.prod(shape[1:])).reshape(count, *shape[1:])
    return Idx(values.astype(kind.newbyteorder("="), copy=False), shape[0])


def encode_idx(values: np.ndarray) -> bytes:
    """The bytes of an IDX file; :func:`read_idx` gives the values back. Raises :class:`DataError` for types that IDX has not."""
    code = next((code for code, kind in _TYPES.items() if values.dtype == np.dtype(kind).newbyteorder("=")), None)
    if code is None or not 1 <= values.ndim <= _MOST_AXES:
        raise DataError(
            f"IDX holds 8-bit, 16-bit and 32-bit whole numbers and floats, of 1 to {_MOST_AXES} axes, got {values.dtype}"
        )
    return struct.pack(f">2x2B{values.ndim}I", code, values.ndim, *values.shape) + values.astype(_TYPES[code]).tobytes()


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """The unpacked bytes of a file."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == _GZIP
        stream.seek(0)
        yield gzip.GzipFile(fileobj=stream) if is_packed else stream  # type: ignore[misc]


def _header(stream: io.BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= _MOST_AXES:
        raise DataError(f"{path} is no IDX file: it begins with {start.hex(' ') or 'nothing'}; download it again")
    lengths = stream.read(4 * start[3])
    if len(lengths) < 4 * start[3]:
        raise DataError(f"{path} stops within its header; download it again")
    return np.dtype(_TYPES[start[2]]), struct.unpack(f">{start[3]}I", lengths)


def _up_to(stream: io.BufferedIOBase, size: int) -> bytes:
    """As many bytes as there are, at most ``size``: memory grows with what is there, not with what was declared. A packed file
    that was cut off gives what came before the cut."""
    parts = []
    try:
        while size and (part := stream.read1(min(size, _CHUNK))):
            parts.append(part)
            size -= len(part)
    except EOFError:
        pass
    return b"".join(parts)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{side:,}" for side in shape)
