"""Joint random transforms of a training sample: geometry for image and target together, then colour for the image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pixelwise.data.color import jitter_colors
from pixelwise.data.deformation import Deformation
from pixelwise.data.erasing import Erasing
from pixelwise.data.foreground import around, rare_pixel
from pixelwise.data.geometry import Geometry, compose, sample_nearest, warp_image, warp_target
from pixelwise.data.mixing import Mixing, Pair
from pixelwise.data.photometric import Photometric
from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["Augmenter"]

_GRID = 16  # rows and columns at which the share of a class is estimated
_TRIES = 4  # places drawn at most for one crop


@dataclass(frozen=True)
class Augmenter:
    """Random zoom, turn, flip, crop and colour: ``augmenter(image, target, rng)``, deterministic for a given ``rng``.

    ``crop`` (height, width) is the size of every result; what lies outside of the image is ``fill``, or with ``extend`` the
    image's edge gone on, and ignored in the target. ``scale`` is drawn log-uniformly, ``rotation`` is the largest angle in
    degrees, ``flip`` and ``flip_vertical`` are probabilities, the colour strengths are those of ``jitter_colors``. With
    probability ``foreground`` the crop shows a pixel of a class drawn at random among all but the image's commonest; else,
    where one class has more than ``max_class_fraction`` of a crop, up to three other places are tried and the most mixed one
    is taken. ``mixing`` is for a loader: it needs other samples.
    """

    crop: Size
    scale: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    flip: float = 0.0
    flip_vertical: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    max_class_fraction: float | None = 0.75
    fill: int = 127
    extend: bool = False
    scale_probability: float = 1.0
    rotation_probability: float = 1.0
    jitter_probability: float = 1.0
    foreground: float = 0.0
    deformation: Deformation | None = None
    photometric: Photometric | None = None
    erasing: Erasing | None = None
    mixing: Mixing | None = None

    def __call__(
        self, image: np.ndarray, target: np.ndarray | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """``image`` (H, W, C) uint8 and ``target`` (H, W) or (K, H, W) uint8 of the same size, or None: both cropped."""
        changed, moved, _ = self.with_maps(image, target, rng)
        return changed, moved

    def with_maps(
        self,
        image: np.ndarray,
        target: np.ndarray | None,
        rng: np.random.Generator,
        maps: Mapping[str, np.ndarray] | None = None,
        outside: int = 0,
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
        """The same, with further ``maps`` (H, W) or (N, H, W) of any integer type moved like the target: instance ids, the
        labels of several raters. Outside of the image they are ``outside``."""
        geometry = self.draw((image.shape[0], image.shape[1]), target, rng)
        warped = warp_image(image, geometry, self.fill)
        strengths = (self.brightness, self.contrast, self.saturation, self.hue)
        changed = jitter_colors(warped, rng, *strengths, self.jitter_probability)
        if self.photometric is not None:
            changed = self.photometric(changed, rng)
        moved = None if target is None else warp_target(target, geometry)
        if self.erasing is not None:
            changed, moved = self.erasing(changed, moved, rng, self.fill)
        return changed, moved, {name: warp_target(plane, geometry, outside) for name, plane in (maps or {}).items()}

    def cut(self, pair: Pair, size: Size, rng: np.random.Generator) -> Pair:
        """A random crop of another ``size`` (height, width), for :class:`Mixing`."""
        image, target = dataclasses.replace(self, crop=size)(*pair, rng)
        assert target is not None
        return image, target

    def draw(self, size: Size, target: np.ndarray | None, rng: np.random.Generator) -> Geometry:
        """The geometry for an image of ``size``; the target is only looked at, coarsely, to choose the place."""
        scale = math.exp(rng.uniform(math.log(self.scale[0]), math.log(self.scale[1])))
        scale = 1.0 if abs(scale - 1) < 1e-9 or not _happens(self.scale_probability, rng) else scale
        angle = rng.uniform(-self.rotation, self.rotation) * _happens(self.rotation_probability, rng)
        flip, flip_vertical = bool(rng.random() < self.flip), bool(rng.random() < self.flip_vertical)
        shape = {} if self.deformation is None else self.deformation.draw(size, self.crop, scale, rng)
        shape |= {"scale": scale, "angle": angle, "flip": flip, "flip_vertical": flip_vertical, "extend": self.extend}
        if target is not None and self.foreground and rng.random() < self.foreground:
            pixel = rare_pixel(target, rng)
            if pixel is not None:
                return compose(self.crop, around(pixel, size, self.crop, scale, angle), **shape)
        best, least = None, math.inf
        for _ in range(_TRIES):
            offset = _place(size, self.crop, scale, angle, rng)
            drawn = compose(self.crop, offset, **shape)
            if target is None or self.max_class_fraction is None:
                return drawn
            fraction = _largest_fraction(target, drawn)
            if fraction < least:
                best, least = drawn, fraction
            if fraction <= self.max_class_fraction:
                break
        assert best is not None
        return best


def _happens(probability: float, rng: np.random.Generator) -> bool:
    return probability >= 1 or bool(rng.random() < probability)


def _place(size: Size, crop: Size, scale: float, angle: float, rng: np.random.Generator) -> tuple[float, float]:
    """Top left corner (y, x) of the crop in the zoomed image, before it is turned about its own centre.

    Where the image is larger than the crop, the crop lies anywhere within; where it is smaller, the image lies anywhere
    within the crop. The turned crop always shows a part of the image.
    """
    zoomed = (size[0] * scale, size[1] * scale)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    first, second = rng.uniform(-0.5, 0.5, 2).tolist()
    y, x = (first * max(0.0, zoomed[0] - crop[0]), second * max(0.0, zoomed[1] - crop[1]))
    # the same point, and the box around the turned image, as seen in the crop
    seen_y, seen_x = cosine * y - sine * x, sine * y + cosine * x
    box = (zoomed[0] * abs(cosine) + zoomed[1] * abs(sine), zoomed[0] * abs(sine) + zoomed[1] * abs(cosine))
    slack_y = max(0.0, crop[0] - box[0] - 2 * abs(seen_y))
    slack_x = max(0.0, crop[1] - box[1] - 2 * abs(seen_x))
    first, second = rng.uniform(-0.5, 0.5, 2).tolist()
    move_y, move_x = first * slack_y, second * slack_x
    y, x = y + cosine * move_y + sine * move_x, x - sine * move_y + cosine * move_x
    return round((zoomed[0] - crop[0]) / 2 + y), round((zoomed[1] - crop[1]) / 2 + x)


def _largest_fraction(target: np.ndarray, geometry: Geometry) -> float:
    """About the share that the most frequent class has of the crop's valid pixels; 2 where none is valid. In multilabel
    targets the two classes are: something is marked, nothing is."""
    height, width = geometry.size
    rows = ((np.arange(_GRID) + 0.5) * (height / _GRID)).astype(np.int64)
    columns = ((np.arange(_GRID) + 0.5) * (width / _GRID)).astype(np.int64)
    found = sample_nearest(target, geometry, rows, columns)
    if found.ndim == 3:
        found = np.where((found == IGNORE_INDEX).all(axis=0), IGNORE_INDEX, (found == 1).any(axis=0)).astype(np.uint8)
    counts = np.bincount(found.ravel(), minlength=IGNORE_INDEX + 1)[:IGNORE_INDEX]
    valid = int(counts.sum())
    return float(counts.max()) / valid if valid else 2.0
