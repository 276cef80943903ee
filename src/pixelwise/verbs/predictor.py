"""A trained run as a function from an image to a result that people can use."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from pixelwise.data.loader import Reading
from pixelwise.engine.predict import predict_batch
from pixelwise.errors import DataError
from pixelwise.formats.image import write_image
from pixelwise.formats.label_png import write_ids
from pixelwise.report.overlay import overlay
from pixelwise.types import Batch, LabelMap, Record
from pixelwise.verbs.loaded import Loaded

__all__ = ["Predictor", "Segmentation"]


class Segmentation(LabelMap):
    """A label map that knows its image: ``ids`` in the user's numbers, ``scores`` (K, H, W) probabilities, ``classes``."""

    image: np.ndarray

    def overlay(self, alpha: float = 0.5) -> np.ndarray:
        """The image with class colours over it, (H, W, 3) uint8."""
        return overlay(self.image, self.indices, self.classes.colors, alpha)

    def save(self, path: str | Path) -> Path:
        """Writes the id mask (``.png``), or the overlay where the suffix is another image's; atomic."""
        path = Path(path)
        if path.suffix.lower() == ".png" and not self.is_multilabel:
            write_ids(path, self.ids)
        else:
            write_image(path, self.overlay())
        return path

    def polygons(self) -> dict[str, list[np.ndarray]]:
        """Outer borders of each class's regions by class name, each (N, 2) x, y in pixels of the image; holes are left out."""
        found = {}
        for index, name in enumerate(self.classes.names):
            there = self.indices[index] == 1 if self.is_multilabel else self.indices == index
            contours, _ = cv2.findContours(there.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            found[name] = [contour.reshape(-1, 2) for contour in contours]
        return found


class Predictor:
    """Call it with the path of an image or an array (H, W, C) uint8, (H, W) grey."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    @property
    def classes(self) -> list[str]:
        return self.loaded.task.classes.names

    def __call__(self, image: str | Path | np.ndarray, scores: bool = False) -> Segmentation:
        """Predicts one image of any size, at its own size.

        Raises:
            DataError: the file cannot be read, or the array is not uint8 with the run's channels.
        """
        loaded = self.loaded
        if isinstance(image, np.ndarray):
            record, pixels = Record("array", Path("array")), self._checked(image)
        else:
            record = Record(Path(image).stem, Path(image))
            pixels = Reading(loaded.in_channels, loaded.window, loaded.max_pixels).load_sample(record).image
        pixels = np.require(pixels, requirements=["C", "W"])  # torch warns of arrays that are not writable
        images = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)
        (result,) = predict_batch(
            loaded.task, loaded.model, Batch(images, None, (record,)), loaded.device, loaded.precision, scores
        )
        segmentation = Segmentation(result.indices, result.classes, result.scores)
        object.__setattr__(segmentation, "image", pixels)
        return segmentation

    def _checked(self, image: np.ndarray) -> np.ndarray:
        channels = self.loaded.in_channels
        if image.ndim == 2:
            image = image[:, :, None]
        if image.ndim == 3 and image.shape[2] == 1:
            image = np.repeat(image, channels, 2)
        if image.ndim != 3 or image.shape[2] != channels or image.dtype != np.uint8 or not image.size:
            raise DataError(
                f"image must be a (H, W, {channels}) or (H, W) uint8 array in RGB order, got shape {image.shape} {image.dtype}; "
                f"convert it, or give the path of the file"
            )
        return image
