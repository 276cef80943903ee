"""Tables that people write about their images: CSV as spreadsheets, pandas and text editors save it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixelwise.errors import DataError, first_line
from pixelwise.formats.image import is_image_name

__all__ = ["NAME_COLUMNS", "Table", "image_key", "read_table"]

NAME_COLUMNS = ("id", "key", "name", "image", "file", "filename")
"""What the column with the names of the images may be called: the first of these that is there."""

_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """``header`` as written; ``rows`` of at least as many cells; ``lines``, where in the file each row ends."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def find(self, *names: str) -> int | None:
        """The position of the first of ``names`` that is a column, in upper or lower case; else None.

        Raises :class:`DataError` where two columns have that name.
        """
        header = [name.lower() for name in self.header]
        found = next((name for name in names if name in header), None)
        if found is None:
            return None
        if header.count(found) > 1:
            raise DataError(f"{self.path} has {header.count(found)} columns {found!r}; keep one of them")
        return header.index(found)

    def keys(self, column: int) -> tuple[str, ...]:
        """The key of each row's image. Raises :class:`DataError` for a row that names none."""
        for line, row in zip(self.lines, self.rows, strict=True):
            if not row[column]:
                name = self.header[column]
                raise DataError(f"{self.path}, line {line}: {name} is empty; write the name of the image, or remove the row")
        return tuple(image_key(row[column]) for row in self.rows)


def read_table(path: Path, needed: str) -> Table:
    """Reads a CSV file in UTF-8, with or without a byte-order mark, whose cells are separated by commas, semicolons or tabs.

    Cells come without blanks around them; rows without any content are left out. ``needed`` says what should be in the file, for
    messages. Raises :class:`DataError` for what is no such file.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8; save it as 'CSV UTF-8', with {needed}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read as CSV ({first_line(error)}); it needs {needed}") from None
    first, _, rest = text.partition("\n")
    is_hint = len(first.strip()) == 5 and first.lower().startswith("sep=")  # Excel's, for itself
    try:
        found = list(_rows(rest if is_hint else text))
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as CSV ({error}); it needs {needed}") from None
    if not found:
        return Table(path, (), (), ())
    header, *rows = (row for row, _ in found)
    padded = tuple((*row, *[""] * (len(header) - len(row))) for row in rows)
    return Table(path, tuple(header), padded, tuple(line + is_hint for _, line in found[1:]))


def image_key(name: str) -> str:
    """The key of an image by its file name, with or without an image suffix; other dots belong to the name."""
    return (name.rsplit(".", 1)[0] if is_image_name(name) else name).replace("/", "_")


def _rows(text: str, separator: str | None = None) -> Iterator[tuple[list[str], int]]:
    """Cells of the rows that hold anything, and the line that each ends in."""
    if separator is None:
        headers = {candidate: next(_rows(text, candidate), ([], 0))[0] for candidate in _SEPARATORS}
        # What separates the cells gives a column with names of images, and then the most columns.
        separator = max(_SEPARATORS, key=lambda one: (_has_names(headers[one]), len(headers[one])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if any(row):
            yield row, reader.line_num


def _has_names(header: list[str]) -> bool:
    return any(name.lower() in NAME_COLUMNS for name in header)
