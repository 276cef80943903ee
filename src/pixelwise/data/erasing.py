"""Random erasing (Zhong et al., Random Erasing Data Augmentation, AAAI 2020): boxes of the image are painted over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["Box", "Erasing"]

Box = tuple[slice, slice]  # rows, columns

_TRIES = 100


@dataclass(frozen=True)
class Erasing:
    """With ``probability``, one to ``count`` boxes are erased; 0 leaves it out.

    ``area`` is the range of a box's share of the crop, ``ratio`` that of height by width. ``law`` says how a box is drawn:

    - ``uniform``: the paper's and the article's: ratio uniform, the corner anywhere, and all of it drawn anew where the box
      does not fit. So large boxes come less often than ``area`` says.
    - ``log``: torchvision's: ratio log-uniform, drawn anew where the box is larger than the crop, then placed anywhere within.

    ``fill``: ``random`` paints each box in one grey level drawn at random, ``noise`` draws every pixel and channel, ``grey``
    takes the fill of the padding. With ``ignore`` the labels of an erased area are ignored; else they stay, and the network
    learns to guess what is hidden.
    """

    probability: float = 0.0
    count: int = 1
    area: tuple[float, float] = (0.02, 0.4)
    ratio: tuple[float, float] = (0.3, 1 / 0.3)
    law: Literal["uniform", "log"] = "log"
    fill: Literal["random", "noise", "grey"] = "random"
    ignore: bool = False

    def draw(self, size: Size, rng: np.random.Generator) -> list[Box]:
        """The boxes for one crop of ``size``; fewer where none was found in a hundred tries, as in a very long crop."""
        if not self.probability or rng.random() >= self.probability:
            return []
        count = int(rng.integers(1, self.count + 1))
        return [box for box in (self._box(size, rng) for _ in range(count)) if box is not None]

    def __call__(
        self, image: np.ndarray, target: np.ndarray | None, rng: np.random.Generator, grey: int = 127
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Copies of ``image`` (H, W, C) uint8 and ``target`` (..., H, W) with boxes erased, or what came where none was drawn."""
        boxes = self.draw((image.shape[0], image.shape[1]), rng)
        if not boxes:
            return image, target
        image, target = image.copy(), target.copy() if target is not None and self.ignore else target
        for box in boxes:
            image[box] = self._paint(image[box].shape, rng, grey)
            if target is not None and self.ignore:
                target[(..., *box)] = IGNORE_INDEX
        return image, target

    def _box(self, size: Size, rng: np.random.Generator) -> Box | None:
        for _ in range(_TRIES):
            area = rng.uniform(*self.area) * size[0] * size[1]
            if self.law == "uniform":
                ratio = rng.uniform(*self.ratio)
                height, width = int(math.sqrt(area * ratio)), int(math.sqrt(area / ratio))
                top, left = int(rng.integers(size[0])), int(rng.integers(size[1]))
            else:
                ratio = math.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
                height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
                if height >= size[0] or width >= size[1]:
                    continue
                top, left = int(rng.integers(size[0] - height + 1)), int(rng.integers(size[1] - width + 1))
            if top + height <= size[0] and left + width <= size[1]:
                return slice(top, top + height), slice(left, left + width)
        return None

    def _paint(self, shape: tuple[int, ...], rng: np.random.Generator, grey: int) -> np.ndarray | int:
        if self.fill == "noise":
            return np.frombuffer(rng.bytes(math.prod(shape)), np.uint8).reshape(shape)
        return grey if self.fill == "grey" else int(rng.integers(256))
