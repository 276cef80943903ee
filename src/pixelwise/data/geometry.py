"""Joint random geometry: everything is drawn first, composed into one matrix, and each crop is warped once, crop first.

Only the part of the source that the crop needs is touched, so the cost depends on the crop, not on the photograph.
Images are interpolated linearly (areas are averaged first when zooming out below a half); targets only ever nearest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["Geometry", "compose", "sample_nearest", "warp_image", "warp_target"]

_LONGEST = 32_000  # OpenCV warps index pixels with 16-bit numbers
_MOST_CHANNELS = 4  # and fills borders with four numbers at most


@dataclass(frozen=True, eq=False)
class Geometry:
    """One draw. ``matrix`` (2, 3) maps pixel indices ``(x, y, 1)`` of the crop to pixel indices of the source image."""

    matrix: np.ndarray
    size: Size  # of the crop
    scale: float = 1.0
    angle: float = 0.0  # degrees, counter-clockwise as seen
    flip: bool = False
    flip_vertical: bool = False


def compose(
    size: Size,
    offset: tuple[float, float],
    *,
    scale: float = 1.0,
    angle: float = 0.0,
    flip: bool = False,
    flip_vertical: bool = False,
) -> Geometry:
    """The crop of ``size`` whose top left corner lies at ``offset`` (y, x) of the source zoomed by ``scale``, turned by
    ``angle`` degrees about the crop's centre and then flipped.

    Pixel centres lie at half-integers of the continuous plane in which the zoom and the turn happen, and OpenCV counts
    from the centre of the first pixel; so a plain crop, a flip and a quarter turn of a square move pixels exactly.
    """
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    if angle % 90 == 0:
        cosine, sine = round(cosine), round(sine)
    across, down = (-1 if flip else 1), (-1 if flip_vertical else 1)
    linear = np.array([[cosine * across, -sine * down], [sine * across, cosine * down]], np.float64) / scale
    center = np.array([size[1] / 2, size[0] / 2])
    source_center = (np.array([offset[1], offset[0]]) + center) / scale
    shift = linear @ (0.5 - center) + source_center - 0.5
    return Geometry(np.column_stack([linear, shift]), size, scale, angle, flip, flip_vertical)


def warp_image(image: np.ndarray, geometry: Geometry, fill: int = 127) -> np.ndarray:
    """The crop (height, width, C) uint8 of an image (H, W, C) uint8; what lies outside of the image becomes ``fill``."""
    region, matrix = _region(image, geometry)
    if region.size == 0:
        return np.full((*geometry.size, image.shape[2]), fill, np.uint8)
    shrink = math.floor(max(1 / geometry.scale, max(region.shape[:2]) / _LONGEST) + 1e-9)
    if shrink >= 2:
        region, matrix = _shrunk(region, matrix, shrink)
    if region.shape[2] == 3:  # OpenCV's linear warp of four channels takes less than half the time of three
        padded = cv2.cvtColor(region, cv2.COLOR_RGB2RGBA)
        return cv2.cvtColor(_warp(padded, matrix, geometry.size, cv2.INTER_LINEAR, fill), cv2.COLOR_RGBA2RGB)
    warped = [_warp(group, matrix, geometry.size, cv2.INTER_LINEAR, fill) for group in _channel_groups(region)]
    return np.concatenate([part.reshape(*geometry.size, -1) for part in warped], axis=2)


def warp_target(target: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The crop of class indices (H, W) or (K, H, W) uint8, nearest; outside of the image everything is ignored (255)."""
    if target.ndim == 3:
        return np.stack([warp_target(plane, geometry) for plane in target])
    region, matrix = _region(target, geometry)
    if region.size == 0:
        return np.full(geometry.size, IGNORE_INDEX, np.uint8)
    if max(region.shape) > _LONGEST:
        rows, columns = (np.arange(length) for length in geometry.size)
        return sample_nearest(target, geometry, rows, columns)
    return _warp(region, matrix, geometry.size, cv2.INTER_NEAREST, IGNORE_INDEX)


def sample_nearest(target: np.ndarray, geometry: Geometry, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The warped target at the given rows and columns of the crop only: (len(rows), len(columns)), or with K in front."""
    (xx, xy, x0), (yx, yy, y0) = geometry.matrix.tolist()
    across, down = columns[None, :], rows[:, None]
    x = np.floor(xx * across + (xy * down + (x0 + 0.5))).astype(np.int64)
    y = np.floor(yx * across + (yy * down + (y0 + 0.5))).astype(np.int64)
    height, width = target.shape[-2:]
    outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    found = target[..., y.clip(0, height - 1), x.clip(0, width - 1)]
    found[..., outside] = IGNORE_INDEX
    return found


def _region(source: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """The view of the source that the crop can touch, and the matrix into it."""
    matrix = geometry.matrix
    bottom, right = geometry.size[0] - 0.5, geometry.size[1] - 0.5  # whole pixels: when zooming out their areas count
    corners = matrix @ np.array([[-0.5, right, -0.5, right], [-0.5, -0.5, bottom, bottom], [1, 1, 1, 1]], np.float64)
    (x0, y0), (x1, y1) = np.floor(corners.min(axis=1)) - 1, np.ceil(corners.max(axis=1)) + 2
    left, top = max(int(x0), 0), max(int(y0), 0)
    region = source[top : max(int(y1), 0), left : max(int(x1), 0)]
    moved = matrix.copy()
    moved[:, 2] -= (left, top)
    return region, moved


def _shrunk(region: np.ndarray, matrix: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Averages areas so that the warp that follows zooms out by less than two and does not alias."""
    height, width = region.shape[:2]
    small = (math.ceil(height / factor), math.ceil(width / factor))
    averaged = [cv2.resize(group, small[::-1], interpolation=cv2.INTER_AREA) for group in _channel_groups(region)]
    ratio = np.array([[small[1] / width], [small[0] / height]])
    moved = matrix * ratio
    moved[:, 2:] += 0.5 * ratio - 0.5  # the half pixel between indices and the continuous plane
    return np.concatenate([part.reshape(*small, -1) for part in averaged], axis=2), moved


def _channel_groups(image: np.ndarray) -> list[np.ndarray]:
    return [image[..., start : start + _MOST_CHANNELS] for start in range(0, image.shape[2], _MOST_CHANNELS)]


def _warp(source: np.ndarray, matrix: np.ndarray, size: Size, interpolation: int, fill: int) -> np.ndarray:
    return cv2.warpAffine(
        source,
        matrix,
        size[::-1],
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(fill,) * _MOST_CHANNELS,
    )
