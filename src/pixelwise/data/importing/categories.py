"""Classes that have numbers of their own in the source: these stay, and background gets one that is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixelwise.data.importing.naming import BACKGROUND_NAMES
from pixelwise.data.sources.found import some
from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX

__all__ = ["Category", "ClassNumbers", "number_classes"]

_HIGHEST = 65535  # what 16 bits hold
_MOST = 65000  # so that there is always a free id


@dataclass(frozen=True)
class Category:
    """One class of the source. ``is_thing``: it can be counted. ``color``: RGB, where the source has one."""

    name: str
    is_thing: bool = True
    color: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ClassNumbers:
    """``ids``: class id by the source's number. ``background``: id of pixels without annotation. ``ignored``: id of pixels that
    count for nothing, the background's where that is ignored as well. ``rows``: of ``classes.json``, background first."""

    ids: Mapping[int, int]
    background: int
    ignored: int
    rows: tuple[Mapping[str, Any], ...]
    decision: str

    def rows_with_ignored(self) -> tuple[Mapping[str, Any], ...]:
        """``rows``, and one for ``ignored`` where none is there yet: for a data set that has such pixels."""
        if any(row["id"] == self.ignored for row in self.rows):
            return self.rows
        return (*self.rows, {"id": self.ignored, "name": "ignored", "ignore": True})


def number_classes(categories: Mapping[int, Category], whole_image: bool = False) -> ClassNumbers:
    """Class ids for the source's numbers.

    Numbers from 0 to 65535 stay as they are; where one is outside, all are counted from 1 in their order. Background is the
    category of that name, else 0, else, where 0 is a class, the first number that is free.

    Args:
        categories: by the source's number.
        whole_image: the source annotates every pixel, so that those without annotation are unlabelled, and ignored.

    Raises :class:`DataError` for more categories than ids.
    """
    if len(categories) > _MOST:
        raise DataError(f"there are {len(categories):,} categories, at most {_MOST:,} can be numbered; are they objects?")
    is_kept = all(0 <= number <= _HIGHEST for number in categories)
    ids = {number: number if is_kept else at for at, number in enumerate(sorted(categories), 1)}
    taken = set(ids.values())
    called = (ids[number] for number, found in categories.items() if found.name.lower() in BACKGROUND_NAMES)
    named = None if whole_image else next(called, None)
    background = _first_free(taken) if named is None else named
    ignored = background if whole_image else _first_free({*taken, background}, IGNORE_INDEX)
    rows = [_row(ids[number], found, categories, number) for number, found in sorted(categories.items())]
    if named is None:
        empty: dict[str, Any] = {"id": background, "name": "unlabeled" if whole_image else "background"}
        rows.insert(0, {**empty, "ignore": True} if whole_image else empty)
    else:
        rows.sort(key=lambda row: row["id"] != background)
    return ClassNumbers(
        ids, background, ignored, tuple(rows), _decision(ids, is_kept, background, named is not None, whole_image)
    )


def _first_free(taken: set[int], wanted: int = 0) -> int:
    """``wanted`` where it is free, else the lowest free id that is not 255, which means ignored unless it is named."""
    if wanted not in taken:
        return wanted
    return next(number for number in range(_HIGHEST + 1) if number not in taken and number != IGNORE_INDEX)


def _row(class_id: int, category: Category, categories: Mapping[int, Category], number: int) -> dict[str, Any]:
    counts = Counter(found.name for found in categories.values())
    name = category.name or f"class_{number}"
    row: dict[str, Any] = {"id": class_id, "name": f"{name} ({number})" if counts[category.name] > 1 else name}
    if category.color is not None:
        row["color"] = list(category.color)
    return row | ({"thing": True} if category.is_thing else {})


def _decision(ids: Mapping[int, int], is_kept: bool, background: int, is_named: bool, whole_image: bool) -> str:
    shown = some(sorted(ids), 8)
    kept = (
        f"class ids are those of the source ({shown})"
        if is_kept
        else (f"class ids are counted from 1, as ids of the source go beyond 0 to {_HIGHEST:,} ({shown})")
    )
    if is_named:
        return f"{kept}; pixels without annotation are of its class {background}, which is called background"
    what = "unlabeled, and ignored" if whole_image else "background"
    why = ", the first that is free, because 0 is a class" if background else ""
    return f"{kept}; {background} is {what}{why}"
