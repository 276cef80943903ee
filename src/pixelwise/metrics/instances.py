"""The instances of one image as plain arrays: what the detection scores compare, whatever format they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.rle import RunLengths, encode

__all__ = ["Instances"]


@dataclass(frozen=True, eq=False)
class Instances:
    """N instances of one image; they may overlap. Raises :class:`DataError` for arrays that do not fit each other.

    Args:
        labels: (N,) class indices.
        scores: (N,) confidence, any finite numbers, for predictions.
        boxes: (N, 4) x1, y1, x2, y2 in pixels, half-open: the width is x2 - x1, and may be 0.
        masks: (N, H, W) bool or uint8, or a sequence of N :class:`~pixelwise.formats.rle.RunLengths`.
        crowd: (N,) true where a target marks a crowd of uncounted instances; default: none.
        areas: (N,) annotated area in pixels, which decides what is small, medium or large; default: that of the mask, or of
            the box where there is no mask.
    """

    labels: np.ndarray
    scores: np.ndarray | None = None
    boxes: np.ndarray | None = None
    masks: np.ndarray | Sequence[RunLengths] | None = None
    crowd: np.ndarray | None = None
    areas: np.ndarray | None = None

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
            raise DataError(f"labels of instances must be a row of class indices from 0 on, got {labels.dtype} of {labels.shape}")
        if labels.size and int(labels.min()) < 0:
            raise DataError(
                f"labels of instances must be class indices from 0 on, got {int(labels.min())}; leave out what has no class"
            )
        self._set("labels", labels.astype(np.int64))
        self._set("scores", self._numbers("scores", (len(labels),)))
        self._set("boxes", self._numbers("boxes", (len(labels), 4)))
        self._set("areas", self._numbers("areas", (len(labels),)))
        crowd = np.zeros(len(labels), bool) if self.crowd is None else np.asarray(self.crowd).astype(bool)
        if crowd.shape != labels.shape:
            raise DataError(f"crowd must have one flag per instance, {len(labels)}, got {crowd.shape}")
        self._set("crowd", crowd)
        if self.masks is not None:
            runs = encode(self.masks) if isinstance(self.masks, np.ndarray) else tuple(self.masks)
            if len(runs) != len(labels):
                raise DataError(f"masks must be one per instance, {len(labels)}, got {len(runs)}")
            self._set("masks", tuple(runs))
        if self.areas is not None and (self.areas < 0).any():
            raise DataError(f"areas must not be negative, got {float(self.areas.min())} pixels")
        if self.boxes is not None:
            self._check_boxes(self.boxes)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def runs(self) -> Sequence[RunLengths]:
        """The masks as run lengths; none where there are no masks."""
        return () if self.masks is None else tuple(self.masks)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _numbers(self, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """Float64 of the right shape without nan or infinity."""
        if getattr(self, name) is None:
            return None
        values = np.asarray(getattr(self, name))
        values = values.reshape(shape) if values.size == 0 and shape[0] == 0 else values
        if values.shape != shape or values.dtype.kind not in "iuf":
            raise DataError(
                f"{name} must be numbers of shape {shape} for {shape[0]} instances, got {values.dtype} of {values.shape}"
            )
        if not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))
            raise DataError(f"{name} must be finite, got nan or infinity at instance {bad[:8].tolist()}; did training diverge?")
        return values.astype(np.float64)

    @staticmethod
    def _check_boxes(boxes: np.ndarray) -> None:
        negative = np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(1))
        if len(negative):
            raise DataError(
                f"boxes must be x1, y1, x2, y2 with x2 >= x1 and y2 >= y1, got {boxes[negative[0]].tolist()} at instance "
                f"{int(negative[0])}; COCO's own boxes are x, y, width, height"
            )
