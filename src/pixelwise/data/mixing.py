"""Training samples made of several: CutMix, mosaic, and objects pasted from another image. Every pixel keeps its own label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["Mixing", "Pair", "objects"]

Pair = tuple[np.ndarray, np.ndarray]  # image (H, W, C) uint8, target (H, W) or (K, H, W) uint8

_SMALLEST = 16  # pixels of an object worth pasting


@dataclass(frozen=True)
class Mixing:
    """Probabilities of the three ways; their sum is at most 1 and a sample is mixed in one way at most.

    ``cutmix``: a box of another crop, with a share of the area that is uniform (Yun et al. 2019 with alpha 1), covers this
    one. ``mosaic``: four crops meet at a point in the middle half (Bochkovskiy et al. 2020). ``copy_paste``: up to ``objects``
    connected regions of classes other than the commonest of another crop are pasted, at their place there (Ghiasi et al. 2021).
    """

    cutmix: float = 0.0
    mosaic: float = 0.0
    copy_paste: float = 0.0
    objects: int = 5

    def draw(self, rng: np.random.Generator) -> str:
        """``cutmix``, ``mosaic``, ``copy_paste``, or an empty string for none."""
        ways = [("cutmix", self.cutmix), ("mosaic", self.mosaic), ("copy_paste", self.copy_paste)]
        left = rng.random()
        for name, probability in ways:
            if left < probability:
                return name
            left -= probability
        return ""

    def __call__(
        self,
        pair: Pair,
        crop: Size,
        cut: Callable[[Pair, Size, np.random.Generator], Pair],
        partner: Callable[[np.random.Generator], Pair],
        rngs: tuple[np.random.Generator, np.random.Generator],
    ) -> Pair:
        """A crop of ``pair``, perhaps mixed.

        Args:
            pair: a whole image and its target.
            crop: (height, width) of the result.
            cut: gives a random crop of the size asked for, as ``Augmenter`` does.
            partner: draws another whole image and its target.
            rngs: of the pair's own crop, which thus is the one it would be without mixing (but in a mosaic), and of the rest.
        """
        own, rng = rngs
        way = self.draw(rng)
        if way == "mosaic":
            return _mosaic(pair, crop, cut, partner, rng)
        image, target = cut(pair, crop, own)
        if not way:
            return image, target
        other = cut(partner(rng), crop, rng)
        if way == "cutmix":
            rows, columns = _share(crop, rng)
            return _replaced((image, target), other, rows, columns)
        return _pasted((image, target), other, self.objects, rng)


def objects(target: np.ndarray) -> list[np.ndarray]:
    """Masks (H, W) bool of the connected regions of every class but the commonest; in multilabel targets (K, H, W), of every
    class. Regions of less than 16 pixels and ignored ones are left out."""
    if target.ndim == 3:
        layers = [plane == 1 for plane in target]
    else:
        counts = np.bincount(target.ravel(), minlength=IGNORE_INDEX + 1)[:IGNORE_INDEX]
        layers = [target == index for index in np.flatnonzero(counts) if index != counts.argmax()]
    found = []
    for layer in layers:
        _, regions, facts, _ = cv2.connectedComponentsWithStats(layer.astype(np.uint8))
        found += [regions == number for number in range(1, len(facts)) if facts[number, cv2.CC_STAT_AREA] >= _SMALLEST]
    return found


def _share(crop: Size, rng: np.random.Generator) -> tuple[slice, slice]:
    """A box of a uniform share of the crop and of its shape, about a random pixel, cut off at the border."""
    side = float(np.sqrt(rng.random()))
    parts = []
    for length in crop:
        middle, half = rng.integers(length), side * length / 2
        parts.append(slice(max(0, round(middle - half)), min(length, round(middle + half))))
    return parts[0], parts[1]


def _replaced(pair: Pair, other: Pair, rows: slice, columns: slice) -> Pair:
    image, target = pair[0].copy(), pair[1].copy()
    image[rows, columns] = other[0][rows, columns]
    target[..., rows, columns] = other[1][..., rows, columns]
    return image, target


def _mosaic(
    pair: Pair,
    crop: Size,
    cut: Callable[[Pair, Size, np.random.Generator], Pair],
    partner: Callable[[np.random.Generator], Pair],
    rng: np.random.Generator,
) -> Pair:
    down, across = (int(rng.integers(length // 4, length - length // 4 + 1)) for length in crop)
    image = np.empty((*crop, pair[0].shape[2]), np.uint8)
    target = np.empty((*pair[1].shape[:-2], *crop), np.uint8)
    for number in range(4):
        rows = slice(0, down) if number < 2 else slice(down, crop[0])
        columns = slice(0, across) if number % 2 == 0 else slice(across, crop[1])
        size = (rows.stop - rows.start, columns.stop - columns.start)
        part = cut(pair if number == 0 else partner(rng), size, rng)
        image[rows, columns], target[..., rows, columns] = part
    return image, target


def _pasted(pair: Pair, other: Pair, most: int, rng: np.random.Generator) -> Pair:
    found = objects(other[1])
    if not found:
        return pair
    image, target = pair[0].copy(), pair[1].copy()
    count = int(rng.integers(1, min(most, len(found)) + 1))
    for index in rng.choice(len(found), count, replace=False):
        image[found[index]] = other[0][found[index]]
        target[..., found[index]] = other[1][..., found[index]]
    return image, target
