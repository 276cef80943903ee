"""Scenes of digits, from any scans of digits: scikit-learn's, or MNIST's files. The digit is the class, each one an object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pixelwise.data.generated.scene import Scene, SceneObject
from pixelwise.errors import DataError
from pixelwise.types import ClassTable

__all__ = ["DIGIT_CLASSES", "DigitScenes"]

DIGIT_CLASSES = ClassTable.from_json(
    [{"id": 0, "name": "background", "color": "#3a3f4b"}, *({"id": digit + 1, "name": f"digit {digit}"} for digit in range(10))]
)

_INK = 0.45  # share of full ink from which a pixel belongs to its digit


@dataclass(frozen=True)
class DigitScenes:
    """Scenes by number, each of 5 to 9 digits in the cells of a grid on a textured background.

    Args:
        scans: (N, h, w) floats from 0 (paper) to 1 (ink).
        digits: (N,) whole numbers 0 to 9, which digit each scan is.
        side: of a scene, pixels.
        grid: cells along a side.
        seed: of all scenes.

    Raises:
        DataError: scans and digits that do not fit each other or are out of range.
    """

    scans: np.ndarray
    digits: np.ndarray
    side: int = 128
    grid: int = 3
    seed: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        if self.scans.ndim != 3 or len(self.scans) != len(self.digits) or not len(self.scans):
            raise DataError(f"scans must be (N, h, w) and digits (N,), got {self.scans.shape} and {np.shape(self.digits)}")
        if self.scans.min() < 0 or self.scans.max() > 1 or not np.isin(self.digits, range(10)).all():
            raise DataError("scans must be from 0 to 1 and digits from 0 to 9; divide bytes by 255")

    @property
    def classes(self) -> ClassTable:
        """Background, and one class per digit."""
        return DIGIT_CLASSES

    def __getitem__(self, number: int) -> Scene:
        seed = self.seed if isinstance(self.seed, tuple) else (self.seed,)
        rng = np.random.default_rng([*seed, number])
        chosen = rng.choice(len(self.scans), size=int(rng.integers(5, 10)))
        image = _texture(self.side, rng)
        cell, objects = self.side // self.grid, []
        for place, at in zip(rng.permutation(self.grid**2), chosen, strict=False):
            size = int(rng.integers(4 * cell // 5, cell + 1))
            ink = cv2.resize(self.scans[at].astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
            turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(-6, 6)), 1.0)
            ink = np.clip(cv2.warpAffine(ink, turn, (size, size)), 0, 1)
            top, left = (int(cell * corner + rng.integers(0, cell - size + 1)) for corner in divmod(int(place), self.grid))
            here = np.s_[top : top + size, left : left + size]
            cover = np.clip((ink[..., None] - 0.25) * 2.5, 0, 1)
            image[here] = image[here] * (1 - cover) + rng.uniform(170, 255, 3) * cover
            mask = np.zeros((self.side, self.side), np.uint8)
            mask[here] = ink > _INK
            objects.append(SceneObject(int(self.digits[at]) + 1, _signed_distance(mask)))
        noisy = image + rng.normal(0, 5, image.shape)
        return Scene(np.clip(noisy, 0, 255).astype(np.uint8), tuple(objects))

    def scenes(self, how_many: int) -> Iterator[Scene]:
        """The first so many scenes."""
        return (self[number] for number in range(how_many))


def _signed_distance(mask: np.ndarray) -> np.ndarray:
    """To the edge between the pixels of the mask and the others, in pixels, negative inside; far away where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.float32(np.hypot(*mask.shape)))
    outside, inside = (cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for part in (1 - mask, mask))
    return np.asarray(np.where(mask > 0, 0.5 - inside, outside - 0.5), np.float32)


def _texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """A background (side, side, 3) float, darker than any ink: noise at two scales in a random colour, with stripes."""
    base = rng.uniform(30, 110, 3)
    field = np.zeros((side, side, 3), np.float32)
    for cells, strength in ((4, 22), (24, 12)):
        coarse = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        field += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    angle, wave = rng.uniform(0, np.pi), rng.uniform(0.1, 0.5)
    rows, columns = np.mgrid[:side, :side]
    stripes = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * wave) * rng.uniform(0, 14)
    return np.asarray(np.clip(base + field + stripes[..., None], 0, 150))
