"""What mask values mean, decided once for a whole data set from the values of all its masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.label_png import read_ids
from pixelwise.types import MAX_CLASSES, ClassTable

__all__ = ["Levels", "Reading", "decide", "histogram", "histogram_or_error", "scan", "thread_count"]

_SOFT_LEVELS = 16  # that many grey levels between 0 and 255, a quarter of them bright, are edges and not classes
_SOFT_SHARE = 0.9  # at least this share of all pixels is 0 or 255


@dataclass(frozen=True)
class Levels:
    """The values of many masks: ``counts`` (65536,) int64 pixels per value, ``files`` how many masks hold each value."""

    counts: np.ndarray
    files: np.ndarray
    masks: int

    @property
    def values(self) -> list[int]:
        return np.flatnonzero(self.counts).tolist()


@dataclass(frozen=True)
class Reading:
    """The decision: the class table, the threshold where values are soft, and the sentence that says so."""

    classes: ClassTable
    threshold: int | None
    decision: str


def thread_count() -> int:
    """Threads for decoding files: the processors this process may use, 16 at most."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, available))


def histogram(ids: np.ndarray) -> np.ndarray:
    """Pixels per value of a uint8 (256,) or uint16 (65536,) map, int64."""
    if ids.dtype == np.uint8:
        if ids.size < 1 << 24:  # OpenCV counts in float32, which is exact below that
            return cv2.calcHist([ids], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        return np.bincount(ids.ravel(), minlength=256)
    return np.bincount(ids.ravel(), minlength=65536)


def scan(masks: Sequence[Path], histogram_of: Callable[[Path], np.ndarray | DataError] | None = None) -> Levels:
    """Reads all masks. Files that cannot be read are left to the check, which names them all; if none can be read, the
    first one's error is raised. ``histogram_of`` gives the pixels per value of a file, where they are known from before."""
    counts, files = np.zeros(65536, np.int64), np.zeros(65536, np.int64)
    errors: list[DataError] = []
    readable = 0
    with ThreadPoolExecutor(thread_count()) as pool:
        for found in pool.map(histogram_of or histogram_or_error, masks):
            if isinstance(found, DataError):
                errors.append(found)
                continue
            readable += 1
            counts[: len(found)] += found
            files[: len(found)] += found > 0
    if errors and (not readable or any("colour table" in str(error) for error in errors)):
        raise next((error for error in errors if "colour table" in str(error)), errors[0])
    return Levels(counts, files, readable)


def decide(levels: Levels) -> Reading:
    """Binary 0/255, soft edges, or plain ids: with the evidence in the sentence.

    Raises :class:`DataError` where there is only one class, or more than can be classes.
    """
    values = levels.values
    if _is_soft(levels):
        mixed = int(levels.counts[1:255].sum())
        share = 100 * mixed / int(levels.counts.sum())
        return Reading(
            ClassTable.from_ids([0, 255]),
            127,
            f"masks hold 0, 255 and soft edges between them ({share:.2g} % of the pixels, {len(values) - 2} grey levels): "
            f"read as binary, above 127 is foreground",
        )
    if len(values) == 2 and values[0] == 0:
        high = values[1]
        both = f"{levels.masks} masks agree, {int(levels.files[high])} of them hold {high}"
        note = ", and 255 is the foreground here, not ignored" if high == 255 else ""
        return Reading(ClassTable.from_ids(values), None, f"masks hold only 0 and {high}: read as binary ({both}){note}")
    ids = [value for value in values if value != 255]
    if len(ids) < 2:
        held = ", ".join(map(str, values)) or "nothing"
        raise DataError(
            f"the masks hold one class only (values: {held}); segmentation needs at least two, such as background 0 "
            f"and object 1: check that the right masks were exported"
        )
    if len(ids) > MAX_CLASSES:
        raise DataError(
            f"the masks hold {len(ids):,} different values (up to {ids[-1]}), more than the {MAX_CLASSES} classes supported; if "
            f"they number objects, put them in instances/ instead of masks/; if they are photographs, give the masks' folder"
        )
    ignored = f"; 255 is ignored (in {int(levels.files[255])} masks)" if levels.counts[255] else ""
    shown = ", ".join(map(str, ids[:30])) + (", ..." if len(ids) > 30 else "")
    return Reading(ClassTable.from_ids(ids), None, f"no classes.json: {len(ids)} classes from the masks, ids {shown}{ignored}")


def histogram_or_error(path: Path) -> np.ndarray | DataError:
    """Pixels per value of a mask file, or why it cannot be read."""
    try:
        return histogram(read_ids(path))
    except DataError as error:
        return error


def _is_soft(levels: Levels) -> bool:
    counts = levels.counts
    if not (counts[0] and counts[255]) or counts[256:].any():
        return False
    between, bright = np.count_nonzero(counts[1:255]), np.count_nonzero(counts[128:255])
    extreme = int(counts[0] + counts[255])
    return bool(between >= _SOFT_LEVELS and bright >= _SOFT_LEVELS // 4 and extreme >= _SOFT_SHARE * int(counts.sum()))
