"""COCO panoptic: a PNG per image whose colours number segments, and the class of each in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Painted
from pixelwise.data.importing.coco_objects import turned_size
from pixelwise.errors import DataError
from pixelwise.formats.panoptic_png import read_segments
from pixelwise.formats.raster import oriented
from pixelwise.types import Size

__all__ = ["Segments", "paint_segments", "segments_of"]

_MOST_SEGMENTS = 65535
_MOST_ID = (1 << 24) - 1  # three bytes


class Segments(NamedTuple):
    """The segments of one image: ``ids`` (N,) uint32 rising, their ``categories``, and whether each is an object that can be
    counted (not stuff, not a crowd)."""

    ids: np.ndarray
    categories: tuple[int, ...]
    is_thing: tuple[bool, ...]


def segments_of(annotation: Mapping[str, Any], categories: Mapping[int, bool]) -> Segments:
    """The ``segments_info`` of one annotation. ``categories``: known ones, and whether each is a thing.

    Raises :class:`DataError` for a list that is none, ids that three bytes do not hold or that stand twice, and categories that
    are not known.
    """
    rows = annotation.get("segments_info")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows) or len(rows) > _MOST_SEGMENTS:
        raise DataError(f"segments_info must be a list of at most {_MOST_SEGMENTS:,} segments; export the annotation again")
    numbers = [row.get("id") for row in rows]
    if not all(type(number) is int and 0 < number <= _MOST_ID for number in numbers) or len(set(numbers)) != len(numbers):
        raise DataError(f"ids of segments must be different whole numbers from 1 to {_MOST_ID:,}; export the annotation again")
    found = [row.get("category_id") for row in rows]
    unknown = [number for number in found if type(number) is not int or number not in categories]
    if unknown:
        raise DataError(f"a segment is of category {unknown[0]!r:.40}, which is not in the file; add it to its categories")
    order = np.argsort(np.array(numbers, np.int64))
    rows, found = [rows[at] for at in order], [found[at] for at in order]
    things = tuple(categories[number] and row.get("iscrowd") not in (1, True) for number, row in zip(found, rows, strict=True))
    return Segments(np.sort(np.array(numbers, np.uint32)), tuple(found), things)


def paint_segments(
    image: Path, png: Path, declared: Size | None, segments: Segments, ids: Mapping[int, int], unlabeled: int
) -> Painted:
    """The label map and numbered objects of one image, from its PNG. Pixels of no segment, and of segments that the JSON does not
    list, are ``unlabeled``; the latter are counted.

    Raises :class:`DataError` where the PNG is of another size than the image.
    """
    size, orientation = turned_size(image, declared)
    numbers = read_segments(png)
    if numbers.shape != size:
        raise DataError(
            f"{png.name} has {numbers.shape[0]} x {numbers.shape[1]} pixels, its image {size[0]} x {size[1]}; export it again"
        )
    place = np.searchsorted(segments.ids, numbers)
    is_known = np.append(segments.ids, 0)[place] == numbers
    place[~is_known] = len(segments.ids)
    class_ids = [*(ids[number] for number in segments.categories), unlabeled]
    of_objects = np.cumsum(segments.is_thing, dtype=np.int64) * segments.is_thing
    painted = np.array(class_ids, np.uint8 if max(class_ids) < 256 else np.uint16)[place]
    instances = np.append(of_objects, 0).astype(np.uint16)[place]
    is_shown = np.bincount(place.reshape(-1), minlength=len(class_ids))[:-1] > 0
    losses = {
        "pixels of segments that are not in the JSON file": int((~is_known & (numbers > 0)).sum()),
        "segments of the JSON file without a pixel": int((~is_shown).sum()),
    }
    return Painted(
        oriented(painted, orientation),
        oriented(instances, orientation),
        {what: count for what, count in losses.items() if count},
    )
