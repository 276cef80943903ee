"""Random gamma, noise, blur and loss of resolution of training images, in few passes over uint8.

What depends on a pixel's value alone is a look-up table made from the histogram; noise is a look-up of random bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import ndtri

__all__ = ["Photometric", "add_noise", "gamma_table"]

# A standard normal distribution as the middles of 256 parts that are equally likely, scaled to a variance of 1.
_NORMAL = ndtri((np.arange(256) + 0.5) / 256)
_NORMAL /= _NORMAL.std()
_MOST_CHANNELS = 4  # of OpenCV's resize


@dataclass(frozen=True)
class Photometric:
    """``image = photometric(image, rng)``; each effect has a probability, 0 leaves it out.

    ``gamma`` is the range of the exponent, drawn below 1 as often as above; contrast and mean of the image are kept, as
    nnU-Net does; the inverted form bends the negative. ``noise`` is the largest standard deviation as a share of the grey
    range, ``blur`` the range of sigma in pixels, ``low_resolution`` the range of the factor by which the image is made
    smaller (nearest) and larger again (bicubic). With probability ``per_channel`` an effect is drawn for each channel on its
    own; blur and low resolution then leave out each channel with probability 0.5. A fourth channel (alpha) stays.
    """

    gamma: tuple[float, float] = (0.7, 1.5)
    gamma_probability: float = 0.0
    gamma_inverted_probability: float = 0.0
    noise: float = 0.05
    noise_probability: float = 0.0
    blur: tuple[float, float] = (0.5, 1.0)
    blur_probability: float = 0.0
    low_resolution: tuple[float, float] = (0.5, 1.0)
    low_resolution_probability: float = 0.0
    per_channel: float = 0.0

    @property
    def active(self) -> bool:
        """Whether anything can happen."""
        gamma = self.gamma_probability or self.gamma_inverted_probability
        return bool(gamma or self.noise_probability or self.blur_probability or self.low_resolution_probability)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A changed copy of ``image`` (H, W, C) uint8, or the image itself where nothing was drawn."""
        colors = 3 if image.shape[2] == 4 else image.shape[2]
        given = changed = image[..., :colors]
        if _happens(self.noise_probability, rng):
            sigmas = rng.uniform(0, self.noise, colors if _happens(self.per_channel, rng) else 1)
            changed = add_noise(changed, 255 * sigmas, rng)
        if _happens(self.blur_probability, rng):
            changed = self._by_channel(changed, rng, lambda part: _blurred(part, rng.uniform(*self.blur)))
        if _happens(self.low_resolution_probability, rng):
            changed = self._by_channel(changed, rng, lambda part: _coarse(part, rng.uniform(*self.low_resolution)))
        for inverted, probability in ((True, self.gamma_inverted_probability), (False, self.gamma_probability)):
            if _happens(probability, rng):
                changed = self._bent(changed, inverted, rng)
        if changed is given:
            return image
        return changed if colors == image.shape[2] else np.dstack([changed, image[..., colors:]])

    def _by_channel(self, image: np.ndarray, rng: np.random.Generator, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        if not _happens(self.per_channel, rng):
            groups = [image[..., start : start + _MOST_CHANNELS] for start in range(0, image.shape[2], _MOST_CHANNELS)]
            # the same numbers for all groups
            state = rng.bit_generator.state
            done = []
            for group in groups:
                rng.bit_generator.state = state
                done.append(change(np.ascontiguousarray(group)))
            return done[0] if len(done) == 1 else np.dstack(done)
        channels = [np.ascontiguousarray(image[..., channel : channel + 1]) for channel in range(image.shape[2])]
        return np.dstack([change(channel) if rng.random() < 0.5 else channel for channel in channels])

    def _bent(self, image: np.ndarray, inverted: bool, rng: np.random.Generator) -> np.ndarray:
        parts = np.dsplit(image, image.shape[2]) if _happens(self.per_channel, rng) else [image]
        done = []
        for part in parts:
            flat = np.ascontiguousarray(part).reshape(part.shape[0], -1)
            counts = cv2.calcHist([flat], [0], None, [256], [0, 256]).ravel()
            done.append(cv2.LUT(flat, gamma_table(counts, _exponent(self.gamma, rng), inverted)).reshape(part.shape))
        return done[0] if len(done) == 1 else np.dstack(done)


def gamma_table(counts: np.ndarray, gamma: float, inverted: bool = False) -> np.ndarray:
    """(256,) uint8: the power law over the range of values that occur (``counts`` (256,)), then scaled so that mean and
    standard deviation stay what they were; ``inverted`` bends the negative."""
    present = np.flatnonzero(counts)
    if present.size < 2:
        return np.arange(256, dtype=np.uint8)
    levels = np.arange(256.0)
    share = ((levels - present[0]) / (present[-1] - present[0])).clip(0, 1)
    bent = 1 - (1 - share) ** gamma if inverted else share**gamma
    weights = counts / counts.sum()
    mean, bent_mean = weights @ levels, weights @ bent
    ratio = np.sqrt((weights @ (levels - mean) ** 2) / max(float(weights @ (bent - bent_mean) ** 2), 1e-12))
    return ((bent - bent_mean) * ratio + mean).round().clip(0, 255).astype(np.uint8)


def add_noise(image: np.ndarray, sigmas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``image`` (H, W, C) uint8 with Gaussian noise, drawn anew for each channel, of the standard deviations ``sigmas`` (C,)
    or (1,) in grey levels."""
    random = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(image.shape)
    table = np.rint(_NORMAL[:, None] * sigmas).astype(np.int64)
    up, down = (np.clip(part, 0, 255).astype(np.uint8).reshape(256, 1, -1) for part in (table, -table))
    source = np.ascontiguousarray(image)
    lighter = cv2.add(source, cv2.LUT(random, up).reshape(image.shape))
    return cv2.subtract(lighter.reshape(image.shape), cv2.LUT(random, down).reshape(image.shape)).reshape(image.shape)


def _happens(probability: float, rng: np.random.Generator) -> bool:
    """No number is drawn for what never or always happens."""
    return probability > 0 and (probability >= 1 or bool(rng.random() < probability))


def _exponent(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    low, high = bounds
    if low < 1 and (high <= 1 or rng.random() < 0.5):
        return rng.uniform(low, min(1.0, high))
    return rng.uniform(max(1.0, low), high)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma).reshape(image.shape)


def _coarse(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC).reshape(image.shape)
