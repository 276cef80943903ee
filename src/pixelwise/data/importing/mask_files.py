"""What sets of mask files share: masks of ids, of colours, of codes for class and object; rows of classes; keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Painted
from pixelwise.data.importing.color_masks import read_class_ids
from pixelwise.data.sources.found import some
from pixelwise.errors import DataError
from pixelwise.formats.color_table import ColorRow
from pixelwise.formats.label_png import Color, read_ids
from pixelwise.types import IGNORE_INDEX

__all__ = [
    "color_classes",
    "distinct_rows",
    "from_codes",
    "paint_colors",
    "paint_ids",
    "require_items",
    "unmatched",
    "with_keys",
    "with_void",
]

_VOID = ("void", "unlabeled", "unlabelled")

_Meaning = Callable[[int], tuple[int, bool]]
"""From the code of a pixel to its class id, and whether the code stands for one object."""


def paint_ids(mask: Path) -> Painted:
    """The class ids of a mask file, as :func:`~pixelwise.formats.label_png.read_ids` reads them."""
    return Painted(read_ids(mask))


def paint_colors(mask: Path, colors: Sequence[tuple[Color, int]], ignored: int, table: str) -> Painted:
    """The class ids of a colour mask, as :func:`~pixelwise.data.importing.color_masks.read_class_ids` reads it: few pixels of
    unknown colours become ``ignored`` and are counted. ``table`` is what messages call the table."""
    ids, losses = read_class_ids(mask, dict(colors), ignored, table)
    return Painted(ids, None, losses)


def from_codes(codes: np.ndarray, meaning: _Meaning) -> Painted:
    """Classes and objects of a map of codes, (H, W) of whole numbers: equal codes that stand for an object are one object.

    Objects are numbered from 1 in the order of their codes. What ``meaning`` raises for a code goes on.
    """
    if codes.dtype in (np.uint8, np.uint16):  # counting is some ten times faster than sorting
        present = np.flatnonzero(np.bincount(codes.reshape(-1), minlength=1))
        places = codes
    else:
        present, places = np.unique(codes, return_inverse=True)
        places = places.reshape(codes.shape)
    meanings = [meaning(int(code)) for code in present]
    numbers = np.cumsum([is_object for _, is_object in meanings]) * [is_object for _, is_object in meanings]
    at = present if places is codes else np.arange(len(present))
    ids_of, number_of = np.zeros((2, int(at.max(initial=0)) + 1), np.int64)
    ids_of[at] = [class_id for class_id, _ in meanings]
    number_of[at] = numbers
    top = int(ids_of.max(initial=0))
    number_type = np.uint16 if int(number_of.max(initial=0)) < 1 << 16 else np.int32
    return Painted(ids_of.astype(np.uint8 if top < 256 else np.uint16)[places], number_of.astype(number_type)[places])


def color_classes(table: Sequence[ColorRow]) -> tuple[tuple[tuple[Color, int], ...], tuple[dict[str, Any], ...]]:
    """Ids of colours, and rows of classes: ids are the order of the names in the table, several colours of one name are one
    class, and a class called void or unlabeled is ignored."""
    ids: dict[str, int] = {}
    for _, name in table:
        ids.setdefault(name, len(ids))
    first = {name: color for color, name in reversed(table)}
    rows = tuple(
        {"id": class_id, "name": name, "color": list(first[name])} | ({"ignore": True} if name.lower() in _VOID else {})
        for name, class_id in ids.items()
    )
    return tuple((color, ids[name]) for color, name in table), rows


def with_void(rows: Sequence[Mapping[str, Any]]) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    """The id of the first ignored class, and the rows, with a class for it where there was none."""
    ignored = next((row["id"] for row in rows if row.get("ignore")), None)
    if ignored is not None:
        return ignored, tuple(rows)
    top = max(row["id"] for row in rows)
    ignored = IGNORE_INDEX if all(row["id"] != IGNORE_INDEX for row in rows) else top + 1
    return ignored, (*rows, {"id": ignored, "name": "void", "ignore": True})


def distinct_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The rows with names that differ, by the id where a name stands twice, and each colour only at the first class that has
    it: masks hold ids, so a colour is for display, and the class table refuses two classes of one colour."""
    found = [dict(row) for row in rows]
    counts = Counter(row["name"] for row in found)
    seen: set[tuple[int, ...]] = set()
    for row in found:
        if counts[row["name"]] > 1:
            row["name"] = f"{row['name']} ({row['id']})"
        color = tuple(row.get("color") or ())
        if color in seen:
            del row["color"]
        elif color:
            seen.add(color)
    return tuple(found)


def with_keys(items: Sequence[Annotated]) -> tuple[Annotated, ...]:
    """The items with keys that differ: by the split in front where a key stands in several splits, else by a number behind."""
    counts = Counter(item.key for item in items)
    taken = {key for key, count in counts.items() if count == 1}
    keyed = []
    for item in items:
        if counts[item.key] > 1:
            stem = f"{item.split}_{item.key}" if item.split else item.key
            names = (stem, *(f"{stem}_{number}" for number in range(2, len(items) + 2)))
            item = replace(item, key=next(name for name in names if name not in taken))
            taken.add(item.key)
        keyed.append(item)
    return tuple(keyed)


def unmatched(images: Iterable[str], masks: Iterable[str], what: str = "mask") -> tuple[str, ...]:
    """Faults about images without a mask and masks without an image, by the names that pair them."""
    images, masks = set(images), set(masks)
    bare, orphans = sorted(images - masks), sorted(masks - images)
    faults = []
    if bare:
        faults.append(f"{len(bare)} images have no {what} and are left out: {some(bare)}; add the {what}s, or remove the images")
    if orphans:
        faults.append(f"{len(orphans)} {what}s have no image and are left out: {some(orphans)}; add the images, or remove them")
    return tuple(faults)


def require_items(items: Sequence[Annotated], root: Path, what: str) -> None:
    """Raises :class:`DataError` where nothing was found at all."""
    if not items:
        raise DataError(f"{root} looks like {what}, but no image in it has a mask; check that the download is complete")
