"""Random colour of training images: brightness, contrast, saturation and hue as one matrix, one pass over uint8."""

from __future__ import annotations

import math

import cv2
import numpy as np

__all__ = ["color_matrix", "jitter_colors"]

_LUMA = np.array([0.299, 0.587, 0.114])
# rows: luma, and two chroma axes at a right angle (YIQ), in which hue is an angle and saturation a radius
_TO_YIQ = np.array([_LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_TO_RGB = np.linalg.inv(_TO_YIQ)


def jitter_colors(
    image: np.ndarray,
    rng: np.random.Generator,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    probability: float = 1.0,
) -> np.ndarray:
    """A copy of ``image`` (H, W, C) uint8 with factors drawn from ``1 ± strength`` and the hue turned by up to ``hue`` of
    the colour circle, each with ``probability``. Contrast keeps the mean. With C other than 3 or 4 there is no hue; a fourth
    channel (alpha) stays.
    """
    if probability < 1:
        drawn = (strength * (rng.random() < probability) for strength in (brightness, contrast, saturation, hue))
        brightness, contrast, saturation, hue = drawn
    strengths = (brightness, contrast, saturation)
    bright, contrasted, saturated = (rng.uniform(max(0.0, 1 - strength), 1 + strength) for strength in strengths)
    turn = rng.uniform(-hue, hue)
    if not any(strengths) and not hue:
        return image
    colors = 3 if image.shape[2] in (3, 4) else image.shape[2]
    gain = bright * contrasted
    lift = float(image[::8, ::8, :colors].mean()) * bright * (1 - contrasted)
    if colors != 3 or (saturation == 0 and hue == 0):
        table = np.clip(np.arange(256) * gain + lift, 0, 255).round().astype(np.uint8)
        out = cv2.LUT(image[..., :colors], table).reshape(*image.shape[:2], colors)
        return out if colors == image.shape[2] else np.concatenate([out, image[..., 3:]], axis=2)
    matrix = np.zeros((image.shape[2], image.shape[2] + 1))
    matrix[:3, :3] = gain * color_matrix(saturated, turn)
    matrix[:3, -1] = lift
    if image.shape[2] == 4:
        matrix[3, 3] = 1
    return cv2.transform(image, matrix)


def color_matrix(saturation: float, hue: float) -> np.ndarray:
    """(3, 3) from RGB to RGB: chroma times ``saturation``, turned by ``hue`` (1.0 is the whole circle); luma stays."""
    cosine, sine = math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue)
    chroma = np.array([[1, 0, 0], [0, saturation * cosine, -saturation * sine], [0, saturation * sine, saturation * cosine]])
    return _TO_RGB @ chroma @ _TO_YIQ
