"""A painted image taken apart again: the pixels of each object, and of each class where objects are not numbered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from pixelwise.data.exporting.exported import Roles
from pixelwise.data.importing.annotated import Painted

__all__ = ["Region", "regions_of"]


class Region(NamedTuple):
    """``mask`` (h, w) bool with its top left corner at ``top``, ``left``. ``is_numbered``: it is one object by its number; else
    all pixels of a class, or one connected part of them."""

    class_id: int
    mask: np.ndarray
    top: int
    left: int
    is_numbered: bool


def regions_of(painted: Painted, roles: Roles, in_parts: bool) -> Iterator[Region]:
    """Every object, in order of their numbers, then what is left of each class that is written, in order of its id.

    ``in_parts``: what has no number comes as its connected parts, pixels that touch at a corner being connected.
    """
    ids = painted.ids
    left_over = np.ones(ids.shape, np.bool_)
    if painted.instances is not None:
        left_over = painted.instances == 0
        for at, where in enumerate(ndimage.find_objects(painted.instances.astype(np.int32, copy=False)), 1):
            if where is None:
                continue
            mask = painted.instances[where] == at
            for class_id in np.unique(ids[where][mask]).tolist():
                if class_id in roles.objects:
                    yield _region(class_id, mask & (ids[where] == class_id), where[0].start, where[1].start, True)
    for class_id in np.unique(ids[left_over]).tolist():
        if class_id not in roles.objects:
            continue
        mask = left_over & (ids == class_id)
        if not in_parts:
            yield _region(class_id, mask, 0, 0, False)
            continue
        parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[1]
        for at, where in enumerate(ndimage.find_objects(parts), 1):
            yield Region(class_id, parts[where] == at, where[0].start, where[1].start, False)


def _region(class_id: int, mask: np.ndarray, top: int, left: int, is_numbered: bool) -> Region:
    """With the mask cut to its pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Region(class_id, cut, top + int(rows[0]), left + int(columns[0]), is_numbered)
