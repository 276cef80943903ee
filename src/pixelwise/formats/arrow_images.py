"""Images in the cells of Parquet and Arrow files, as Hugging Face's ``datasets`` keeps them: ``{"bytes": ..., "path": ...}``.

``pyarrow`` reads the files and is optional: it is loaded when the first file is opened.
"""

from __future__ import annotations

import io
import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pixelwise.errors import DataError, first_line
from pixelwise.formats.label_png import decode_ids
from pixelwise.formats.raster import open_raster, raw_pixels, read_bytes

__all__ = ["ImageTable", "image_at", "looks_like_images", "mask_at", "open_table"]

_MOST_GROUP_BYTES = 4 << 30  # of one row group, whose column of images is in memory as a whole
_MOST_ROWS = 1 << 31
_FOOTER = 1 << 20  # bytes at the end, or at the beginning, in which the columns are described


@dataclass(frozen=True)
class ImageTable:
    """One file: ``starts``, the first row of each row group (Parquet), and the names of the columns that hold images."""

    path: Path
    rows: int
    starts: tuple[int, ...]
    image_columns: tuple[str, ...]


def looks_like_images(path: Path) -> bool:
    """Whether the description of the columns speaks of images; without ``pyarrow``, by its text."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_FOOTER)
            stream.seek(max(0, path.stat().st_size - _FOOTER))
            text = start + stream.read(_FOOTER)
    except OSError:
        return False
    is_table = start.startswith((b"PAR1", b"\xff\xff\xff\xff", b"ARROW1"))
    return is_table and (b'"_type": "Image"' in text or (b"bytes" in text and b"path" in text))


def open_table(path: Path) -> ImageTable:
    """Opens the file and looks at its columns; raises :class:`DataError` for what is no sound Parquet or Arrow file, for row
    groups that declare too much, and where ``pyarrow`` is not installed."""
    arrow = _arrow("pyarrow")
    with _told(path, arrow):
        if path.suffix.lower() == ".parquet":
            with _arrow("pyarrow.parquet").ParquetFile(path) as file:
                schema, metadata = file.schema_arrow, file.metadata
                # not the sizes of single columns: pyarrow ends the process where it finds their statistics damaged
                sizes = [metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)]
                lengths = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
            if max(sizes, default=0) > _MOST_GROUP_BYTES:
                raise DataError(f"{path} declares {max(sizes):,} bytes in one row group; write it anew with smaller row groups")
            if not all(0 <= length <= _MOST_ROWS for length in lengths):
                raise DataError(f"{path} declares impossible numbers of rows; download it again")
            starts = tuple(int(start) for start in np.cumsum([0, *lengths[:-1]])) if lengths else ()
            return ImageTable(path, sum(lengths), starts, _image_columns(schema, arrow))
        table = _arrow_table(path, path.stat().st_mtime_ns)
        return ImageTable(path, table.num_rows, (0,), _image_columns(table.schema, arrow))


def image_at(table: ImageTable, column: str, row: int) -> np.ndarray:
    """The pixels of one cell, (H, W) or (H, W, C), upright and in the depth of the encoded image; raises :class:`DataError`."""
    name, data = _cell(table, column, row)
    return raw_pixels(open_raster(name, io.BytesIO(data)), data)


def mask_at(table: ImageTable, column: str, row: int) -> np.ndarray:
    """The class ids of one cell, (H, W) uint8 or uint16, as :func:`~pixelwise.formats.label_png.read_ids` reads files."""
    name, data = _cell(table, column, row)
    return decode_ids(name, data)


def _cell(table: ImageTable, column: str, row: int) -> tuple[str, bytes]:
    """What to call the image, and its bytes, from the cell or from the file beside the table that the cell names."""
    arrow = _arrow("pyarrow")
    stamp = table.path.stat().st_mtime_ns if table.path.is_file() else 0
    name = f"{table.path.name}, row {row}, column {column}"
    with _told(table.path, arrow):
        if table.path.suffix.lower() == ".parquet":
            group = bisect_right(table.starts, row) - 1
            value = _parquet_column(table.path, stamp, group, column)[row - table.starts[group]].as_py()
        else:
            value = _arrow_table(table.path, stamp).column(column)[row].as_py()
    data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    if isinstance(data, bytes) and data:
        return name, data
    if not isinstance(path, str) or not path:
        raise DataError(f"{name} is empty; remove the row, or put the image in")
    relative = PurePosixPath(path.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or ":" in relative.parts[0] or "\0" in path:
        raise DataError(f"{name} names the file {path!r} outside of the data set; save the set with its images inside")
    return str(table.path.parent / relative), read_bytes(table.path.parent / relative)


@lru_cache(maxsize=4)
def _parquet_column(path: Path, _: int, group: int, column: str) -> Any:
    """One column of one row group. The time of the file is part of the key."""
    with _arrow("pyarrow.parquet").ParquetFile(path) as file:
        return file.read_row_group(group, columns=[column]).column(0)


@lru_cache(maxsize=16)
def _arrow_table(path: Path, _: int) -> Any:
    """A table whose cells stay on disk until they are looked at. Its offsets are checked first: they may lead anywhere."""
    arrow = _arrow("pyarrow")
    source = arrow.memory_map(str(path))  # the table keeps it open
    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    table = (arrow.ipc.open_file(source) if is_file else arrow.ipc.open_stream(source)).read_all()
    table.validate(full=True)
    return table


def _image_columns(schema: Any, arrow: Any) -> tuple[str, ...]:
    """Columns that the description calls images, else those of ``bytes`` and ``path``, or of bytes alone."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        named = {name for name, feature in described.items() if isinstance(feature, dict) and feature.get("_type") == "Image"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        named = set()
    found = [field.name for field in schema if field.name in named and _holds_bytes(field.type, arrow)]
    return tuple(found or [field.name for field in schema if _holds_bytes(field.type, arrow)])


def _holds_bytes(kind: Any, arrow: Any) -> bool:
    if arrow.types.is_struct(kind):
        names = {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
        return "bytes" in names and _is_binary(names["bytes"], arrow)
    return _is_binary(kind, arrow)


def _is_binary(kind: Any, arrow: Any) -> bool:
    return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))


def _arrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise DataError(
            "Parquet and Arrow files are read by pyarrow, which is not installed: pip install 'pixelwise[parquet]'"
        ) from None


@contextmanager
def _told(path: Path, arrow: Any) -> Iterator[None]:
    """What pyarrow finds wrong, as an error of ours that names the file."""
    try:
        yield
    except DataError:
        raise
    except (arrow.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); download it again, or write it anew") from None
