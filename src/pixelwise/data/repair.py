"""One image and its masks made right, as far as that takes no guessing; what was done is told, with counts of pixels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from pixelwise.data.closeup import stray_values
from pixelwise.data.dataset import Dataset
from pixelwise.data.snapping import snap
from pixelwise.data.wording import sized
from pixelwise.errors import DataError
from pixelwise.formats.raster import Raster, open_raster, oriented, raw_pixels, read_bytes
from pixelwise.types import IGNORE_INDEX, Record, Size

__all__ = ["LEFT_OUT", "Repair", "Repaired", "Repairer", "is_jpeg"]

LEFT_OUT = "left out"
_SMALLEST = 8  # pixels of a side
_NEARLY_WHITE = 250
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width

_T = TypeVar("_T")


@dataclass(frozen=True)
class Repair:
    """One thing that was done to one file. ``fault`` is the code that the check gives it, ``pixels`` how many were changed."""

    file: Path
    fault: str
    action: str
    pixels: int = 0
    detail: str = ""


@dataclass
class Repaired:
    """What is to be written of one record: whole files, with their suffixes. Nothing where it is left out."""

    record: Record
    image: tuple[bytes, str] | None = None
    masks: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    digest: bytes = b""
    repairs: list[Repair] = field(default_factory=list)


class _LeaveOut(Exception):
    """This record cannot be used; holds the reason."""


@dataclass(frozen=True)
class Repairer:
    """Repairs the records of one data set. ``ignore_id`` is written where a mask holds what is no class."""

    dataset: Dataset
    ignore_id: int

    def __call__(self, record: Record) -> Repaired:
        """The files to write; never raises :class:`DataError`, but tells it."""
        done = Repaired(record)
        try:
            self._repair(record, done)
        except _LeaveOut as reason:
            fault, file, detail = reason.args
            done.image, done.masks = None, {}
            done.repairs = [Repair(file, fault, LEFT_OUT, 0, detail)]
        return done

    def _repair(self, record: Record, done: Repaired) -> None:
        data = _or_leave_out("unreadable_image", record.image, lambda: read_bytes(record.image))
        raster = _or_leave_out("unreadable_image", record.image, lambda: open_raster(record.image, io.BytesIO(data)))
        pixels = _or_leave_out("unreadable_image", record.image, lambda: raw_pixels(raster, data))
        if not record.masks or (self.dataset.mode != "multilabel" and record.masks[0] is None):
            raise _LeaveOut("missing_mask", record.image, "no mask of this name")
        if min(raster.size) < _SMALLEST:
            raise _LeaveOut("image_too_small", record.image, sized(raster.size))
        done.digest = hashlib.blake2b(data, digest_size=16).digest()
        for place, path in enumerate(record.masks):
            if path is not None:
                done.masks[place] = self._mask(path, raster, done.repairs)
        done.image = (data, record.image.suffix)
        if raster.orientation != 1 and pixels.dtype == np.uint8:
            done.image = (_png(pixels), ".png")
            done.repairs.append(Repair(record.image, "exif_orientation", "written upright, as PNG"))

    def _mask(self, path: Path, raster: Raster, repairs: list[Repair]) -> tuple[bytes, str]:
        data = _or_leave_out("unreadable_mask", path, lambda: read_bytes(path))
        before = len(repairs)
        ids = self._true_ids(path, data, repairs)
        stored = (raster.image.size[1], raster.image.size[0])
        if raster.orientation in _TURNED and ids.shape == stored != raster.size:
            ids = oriented(ids, raster.orientation)
            repairs.append(Repair(path, "size_mismatch", "turned like its image", ids.size))
        if ids.shape != raster.size:
            ids = _scaled(ids, raster.size, path)
            repairs.append(Repair(path, "size_mismatch", f"resized to {sized(raster.size)}, nearest neighbour", ids.size))
        if len(repairs) == before:
            return data, path.suffix
        return _png(ids), ".png"

    def _true_ids(self, path: Path, data: bytes, repairs: list[Repair]) -> np.ndarray:
        """The ids of a mask, all of them in the class table or ignored."""
        if is_jpeg(data):
            return self._of_jpeg(path, data, repairs)
        ids = _or_leave_out("unreadable_mask", path, lambda: self.dataset.targets.ids(path, data))
        if self.dataset.threshold == 0 and self.dataset.mode != "multilabel":
            return ids  # numbers of objects
        if self.dataset.threshold is not None:
            hard = np.where(ids > self.dataset.threshold, 255, 0).astype(np.uint8)
            return _changed(ids, hard, path, "soft_mask", "made 0 or 255", repairs) if self.dataset.threshold else ids
        strays = stray_values(ids)
        if len(strays) > 2 * len(strays.keys() & self._stated_ids):  # else the classes were read off such masks
            known, values = self._values(ids)
            snapped = _or_leave_out("damaged_mask", path, lambda: snap(ids, known, values))
            ids = _changed(ids, snapped, path, "damaged_mask", "set to the nearest ids", repairs)
        known_ids = np.zeros(65536, bool)
        known_ids[self._known_ids] = True
        if known_ids[ids].all():
            return ids
        kept = ids if self.ignore_id < 256 else ids.astype(np.uint16)
        return _changed(ids, np.where(known_ids[ids], kept, self.ignore_id), path, "unknown_ids", "ignored", repairs)

    def _of_jpeg(self, path: Path, data: bytes, repairs: list[Repair]) -> np.ndarray:
        raster = _or_leave_out("unreadable_mask", path, lambda: open_raster(path, io.BytesIO(data)))
        pixels = _or_leave_out("unreadable_mask", path, lambda: raw_pixels(raster, data))
        if self.dataset.mode != "multilabel" and self.dataset.threshold == 0:
            raise _LeaveOut("jpeg_mask", path, "it numbers objects, and JPEG changes numbers; export it again as PNG")
        is_grey = pixels.ndim == 2 or bool((pixels == pixels[..., :1]).all())
        seen = (pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 0])) if is_grey else pixels
        if is_grey and self._class_ids == [0, 255]:
            hard = np.where(seen > 127, 255, 0).astype(np.uint8)
            return _changed(seen, hard, path, "jpeg_mask", "made 0 or 255", repairs, is_told=True)
        known, values = self._values(seen) if is_grey else self._colors
        if not known:
            raise _LeaveOut("jpeg_mask", path, "it is a colour mask, and classes.json has no colours")
        ids = _or_leave_out("jpeg_mask", path, lambda: snap(seen, known, values))
        off = int(np.count_nonzero((seen.reshape(*ids.shape, -1) != values[np.searchsorted(known, ids)]).any(2)))
        repairs.append(Repair(path, "jpeg_mask", "set to the nearest ids", off))
        return ids

    @cached_property
    def _class_ids(self) -> list[int]:
        return [0, 255] if self.dataset.threshold is not None or self.dataset.mode == "multilabel" else self.dataset.classes.ids

    @cached_property
    def _known_ids(self) -> list[int]:
        return sorted({*self._stated_ids, IGNORE_INDEX})

    @cached_property
    def _stated_ids(self) -> set[int]:
        return {*self._class_ids, *self.dataset.classes.ignore_ids}

    def _values(self, ids: np.ndarray) -> tuple[list[int], np.ndarray]:
        """The ids that a damaged grey mask may hold, and their values (K, 1). 255, where it stands for ignored pixels without
        being in the table, only if a hundredth of the mask has it or nearly: JPEG makes single pixels as bright as that."""
        known = [value for value in self._known_ids if value < IGNORE_INDEX]
        if IGNORE_INDEX in self._stated_ids or np.count_nonzero(ids >= _NEARLY_WHITE) > ids.size // 100:
            known.append(IGNORE_INDEX)
        return known, np.array(known)[:, None]

    @cached_property
    def _colors(self) -> tuple[list[int], np.ndarray]:
        """The ids that a damaged colour mask may hold, and their colours (K, 3)."""
        pairs = sorted((class_id, color) for color, class_id in self.dataset.colors)
        return [class_id for class_id, _ in pairs], np.array([color for _, color in pairs])


def is_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG, whatever its name."""
    return data.startswith(b"\xff\xd8\xff")


def _or_leave_out(fault: str, path: Path, step: Callable[[], _T]) -> _T:
    """The result of ``step``; its :class:`DataError` becomes the reason to leave the record out."""
    try:
        return step()
    except DataError as error:
        raise _LeaveOut(fault, path, str(error)) from None


def _changed(
    before: np.ndarray, after: np.ndarray, path: Path, fault: str, action: str, repairs: list[Repair], is_told: bool = False
) -> np.ndarray:
    """``after``, with the repair noted if any pixel changed, or ``is_told``."""
    pixels = int(np.count_nonzero(before != after))
    if pixels or is_told:
        repairs.append(Repair(path, fault, action, pixels))
    return after


def _scaled(ids: np.ndarray, size: Size, path: Path) -> np.ndarray:
    """A mask that is a whole number of times larger or smaller than its image, at the image's size."""
    height, width = ids.shape
    larger, smaller = height // size[0], size[0] // height
    if larger > 1 and (height, width) == (larger * size[0], larger * size[1]):
        return np.ascontiguousarray(ids[larger // 2 :: larger, larger // 2 :: larger])
    if smaller > 1 and size == (smaller * height, smaller * width):
        return np.repeat(np.repeat(ids, smaller, axis=0), smaller, axis=1)
    raise _LeaveOut("size_mismatch", path, f"{sized(ids.shape)}, its image {sized(size)}")  # type: ignore[arg-type]


def _png(pixels: np.ndarray) -> bytes:
    """A PNG of (H, W) ids or (H, W, C) RGB pixels."""
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = codes.get(pixels.shape[2]) if pixels.ndim == 3 else None
    ordered = np.ascontiguousarray(pixels) if code is None else cv2.cvtColor(np.ascontiguousarray(pixels), code)
    return bytes(cv2.imencode(".png", ordered)[1])
