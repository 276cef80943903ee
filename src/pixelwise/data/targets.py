"""From mask files to class indices: what a loader process needs to know, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.image import image_size
from pixelwise.formats.label_png import Color, decode_ids
from pixelwise.formats.raster import read_bytes
from pixelwise.types import ClassTable, Mode, Record

__all__ = ["TargetReader"]


@dataclass(frozen=True)
class TargetReader:
    """Reads the target of a record: (H, W) uint8 class indices with 255 for ignored pixels, or, in multilabel mode,
    (K, H, W) uint8 of 0 and 1. Picklable."""

    classes: ClassTable
    mode: Mode
    threshold: int | None = None
    colors: tuple[tuple[Color, int], ...] = ()

    def __call__(self, record: Record) -> np.ndarray:
        """The target; raises :class:`DataError` that names the mask file when it is missing, damaged, or holds ids that
        are not in the class table."""
        if not record.masks:
            raise DataError(f"{record.image} has no mask; add one of the same name, or move the image out of the data set")
        if self.mode == "multilabel":
            return self._stacked(record)
        path = record.masks[0]
        if path is None:
            raise DataError(f"{record.image} has no mask; add one of the same name, or move the image out of the data set")
        return self.indices(self.ids(path), path)

    def ids(self, path: Path, data: bytes | None = None) -> np.ndarray:
        """(H, W) uint8 or uint16: the mask as stored, colours looked up in the class table."""
        return decode_ids(path, read_bytes(path) if data is None else data, self._color_table)

    def indices(self, ids: np.ndarray, path: Path) -> np.ndarray:
        """(H, W) uint8 class indices of one label map; ``path`` is for messages."""
        if self.threshold is not None:
            return (ids > self.threshold).astype(np.uint8)
        if ids.dtype == np.uint8:
            # a look-up of 256 entries in OpenCV is ten times numpy's; a negative entry marks an id outside the table
            found = cv2.LUT(ids, self._index_of_byte)
            if found.min(initial=0) >= 0:
                return found.astype(np.uint8)
        try:
            return self.classes.to_indices(ids)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    @cached_property
    def _color_table(self) -> dict[Color, int] | None:
        return dict(self.colors) or None

    @cached_property
    def _index_of_byte(self) -> np.ndarray:
        table = np.full(256, -1, np.int16)
        table[255] = 255
        table[[i for i in self.classes.ignore_ids if i < 256]] = 255
        for index, class_id in enumerate(self.classes.ids):
            if class_id < 256:
                table[class_id] = index
        return table

    def _stacked(self, record: Record) -> np.ndarray:
        layers: list[np.ndarray | None] = []
        for path in record.masks:
            layers.append(None if path is None else (self.ids(path) > (self.threshold or 0)).astype(np.uint8))
        size = next((layer.shape for layer in layers if layer is not None), None) or image_size(record.image)
        for path, layer in zip(record.masks, layers, strict=True):
            if layer is not None and layer.shape != size:
                raise DataError(
                    f"{path} is {layer.shape[0]} x {layer.shape[1]}, but another class's mask of the same image is "
                    f"{size[0]} x {size[1]}; all masks of an image must have its size"
                )
        return np.stack([np.zeros(size, np.uint8) if layer is None else layer for layer in layers])
