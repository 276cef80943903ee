"""What people wrote down about their images, such as patient, scanner or weather: the columns of ``records.csv``, and those that
``splits.csv`` has beside ``id`` and ``split``.

``records.csv`` is there for its columns alone, so what is wrong with them is refused. In ``splits.csv`` a column too many has
never been wrong: it is left out, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pixelwise.data.sources.found import some
from pixelwise.data.sources.tables import NAME_COLUMNS, Table, read_table
from pixelwise.errors import DataError, nearest
from pixelwise.types import Record

__all__ = ["RECORDS_FILE", "column_names", "column_of", "further_columns", "groups_of", "is_ours", "with_columns", "with_file"]

RECORDS_FILE = "records.csv"

_OURS = {
    "id", "key", "image", "mask", "masks", "split", "height", "width", "pixels", "accuracy", "mean_accuracy", "mean_iou",
    "mean_iou_per_image", "mean_dice", "fwiou", "foreground_iou",
}  # fmt: skip
_OUR_BEGINNINGS = ("iou_", "dice_")

_Columns = dict[str, dict[str, str]]


def with_file(root: Path, records: Sequence[Record]) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """The records with the columns of ``records.csv``, if the folder has one, and sentences about them.

    Raises :class:`DataError` for a file that is no table of images, for columns without a name or with one of ours, and for two
    rows that contradict each other.
    """
    path = root / RECORDS_FILE
    if not path.is_file():
        return tuple(records), ()
    needed = "the column id (names of images) and one more, such as patient"
    table = read_table(path, needed)
    names = table.find(*NAME_COLUMNS)
    if names is None or len(table.header) < 2:
        found = ", ".join(table.header) or "nothing"
        raise DataError(f"{path} needs {needed}, got {found}; rename the file if it is about something else")
    keys = table.keys(names)
    known = {record.key for record in records}
    strangers = [key for key in dict.fromkeys(keys) if key not in known]
    if not known & set(keys):
        raise DataError(
            f"{path} names no image that is there: ids are {some(strangers, 3) or 'none'}, images are called "
            f"{some([record.key for record in records], 3)}; write the ids like these (spreadsheets drop leading zeros)"
        )
    columns, faults = further_columns(table, keys, {names})
    if faults:
        raise DataError(f"{path}: {faults[0]}")
    described, said = with_columns(records, columns, RECORDS_FILE)
    if strangers:
        many, belong, are = (f"{len(strangers)} ids", "belong", "are") if len(strangers) > 1 else ("1 id", "belongs", "is")
        where = f"{many} of {RECORDS_FILE} {belong} to no image in use and {are} left out: {some(strangers)}"
        said += (f"{where}; correct the names of those that should be",)
    return described, said


def further_columns(table: Table, keys: Sequence[str], known: set[int]) -> tuple[_Columns, list[str]]:
    """Values by column and key of image of all columns that are not at the positions in ``known``, and a sentence, with its cure,
    about each that cannot be taken."""
    columns: _Columns = {}
    faults: list[str] = []
    lower = [name.lower() for name in table.header]
    long = next((at for at, row in enumerate(table.rows) if any(row[len(table.header) :])), None)
    for position, name in enumerate(table.header):
        if position in known or not (name or any(row[position] for row in table.rows)):
            continue
        values, clash = _values(table, keys, position)
        if not name:
            faults.append(f"column {position + 1} has no name in the first line; write one, or remove the column")
        elif is_ours(name):
            faults.append(f"column {name!r} has a name that results use for something else; rename it, such as 'my_{name}'")
        elif lower.count(name.lower()) > 1:
            faults.append(f"{lower.count(name.lower())} columns are called {name!r}; give each a name of its own")
        elif long is not None:
            faults.append(
                f"line {table.lines[long]} has more cells than the first line has names, so that column {name!r} is unsure; "
                "put quotes around values with a separator in them"
            )
        elif clash:
            faults.append(f"{clash}; keep one of the rows")
        else:
            columns[name] = values
    return columns, faults


def with_columns(records: Sequence[Record], columns: _Columns, source: str) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """The records with these columns added, empty where nothing is known, and a sentence about what was found in ``source``."""
    if not columns:
        return tuple(records), ()
    twice = next((name for name in columns for held in column_names(records) if held.lower() == name.lower()), None)
    if twice:
        raise DataError(f"column {twice!r} stands in splits.csv and in {source}; keep it in one of them")
    described = tuple(
        replace(record, columns={**record.columns, **{name: values.get(record.key, "") for name, values in columns.items()}})
        for record in records
    )
    return described, (f"columns of {source}: {some([_summary(name, described) for name in columns], 12)}",)


def column_names(records: Sequence[Record]) -> tuple[str, ...]:
    """The columns that the user wrote down about these records."""
    return tuple(records[0].columns) if records else ()


def column_of(records: Sequence[Record], column: str) -> list[str]:
    """One value per record, empty where unknown. Raises :class:`DataError` where there is no such column."""
    names = column_names(records)
    if column not in names:
        hint = nearest(column, names) if names else "there are none yet"
        raise DataError(f"no column {column!r} about the images; {hint}; add it to {RECORDS_FILE} (columns id, {column})")
    return [record.columns.get(column, "") for record in records]


def groups_of(records: Sequence[Record], column: str) -> list[str]:
    """What each record belongs to, such as its patient, for resampling whole groups.

    Raises :class:`DataError` where there is no such column, and where it is empty: an unknown patient may be any of the others.
    """
    groups = column_of(records, column)
    bare = [record.key for record, group in zip(records, groups, strict=True) if not group]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(records)} images have no {column}: {some(bare)}; fill it in, since groups are drawn whole; or "
            "leave out the group to draw images"
        )
    return groups


def is_ours(name: str) -> bool:
    """Whether a table of results has a column of this name, so that the user's cannot have it."""
    return name.lower() in _OURS or name.lower().startswith(_OUR_BEGINNINGS)


def _values(table: Table, keys: Sequence[str], position: int) -> tuple[dict[str, str], str]:
    """Values by key of image, and a sentence where two rows say different things of one image."""
    values: dict[str, str] = {}
    for key, line, row in zip(keys, table.lines, table.rows, strict=True):
        value = row[position]
        before = values.get(key, "")
        if value and before and value != before:
            return (
                values,
                f"line {line} says that {table.header[position]} of {key!r} is {value!r}, and a line before it {before!r}",
            )
        values[key] = value or before
    return values, ""


def _summary(name: str, records: Sequence[Record]) -> str:
    values = [record.columns[name] for record in records]
    different, unknown = len(set(values) - {""}), values.count("")
    missing = f", unknown for {unknown} image{'s' if unknown > 1 else ''}" if unknown else ""
    return f"{name} ({different} value{'s' if different != 1 else ''}{missing})"
