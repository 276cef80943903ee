"""``classes.json``: ids, names, colours and what is ignored."""

from __future__ import annotations

import json
from pathlib import Path

from pixelwise.errors import DataError
from pixelwise.formats.label_png import Color
from pixelwise.types import ClassInfo, ClassTable

__all__ = ["read_class_file"]


def read_class_file(root: Path) -> tuple[ClassTable, tuple[tuple[Color, int], ...]] | None:
    """The class table and the (colour, id) pairs that the file states, or None where there is no ``classes.json``.

    Raises :class:`DataError` for what is not a list of ``{"id": ..., "name": ...}``, and for two ids of one colour.
    """
    path = root / "classes.json"
    if not path.is_file():
        return None
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as JSON ({error}); correct it, or delete it to take the ids from the masks"
        ) from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(
            f'{path} must be a list of classes such as [{{"id": 0, "name": "road"}}, ...], got {type(rows).__name__}; '
            f"correct it, or delete it to take the ids from the masks"
        )
    try:
        table = ClassTable.from_json(rows)
        colored = [row for row in rows if row.get("color") is not None]
        # an ignored row may have a colour of its own in the masks, which the table of classes does not keep
        stated = ClassTable.from_json([{**row, "ignore": False} for row in colored]).classes
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return table, _pairs(stated, path)


def _pairs(stated: tuple[ClassInfo, ...], path: Path) -> tuple[tuple[Color, int], ...]:
    ids: dict[Color, int] = {}
    for info in stated:
        if info.color in ids:
            raise DataError(f"{path}: classes {ids[info.color]} and {info.id} have the same color {info.color}; make them differ")
        ids[info.color] = info.id
    return tuple(ids.items())
