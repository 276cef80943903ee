"""Joint random geometry: everything is drawn first, composed into one matrix, and each crop is warped once, crop first.

Only the part of the source that the crop needs is touched, so the cost depends on the crop, not on the photograph.
Images are interpolated linearly (areas are averaged first when zooming out below a half); targets only ever nearest.
A bent crop (see ``distortion``) is still one warp: the bend is composed with the matrix into one look-up of pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pixelwise.data.distortion import Distortion
from pixelwise.types import IGNORE_INDEX, Size

__all__ = ["Geometry", "compose", "sample_nearest", "warp_image", "warp_target"]

_LONGEST = 32_000  # OpenCV warps index pixels with 16-bit numbers
_WARPED_TYPES = (np.uint8, np.uint16, np.int16)  # and know these integers
_MOST_CHANNELS = 4  # and fills borders with four numbers at most


@dataclass(frozen=True, eq=False)
class Geometry:
    """One draw. ``matrix`` (2, 3) maps pixel indices ``(x, y, 1)`` of the crop to pixel indices of the source image; with
    ``tilt`` it is the (3, 3) matrix of a perspective. ``distortion`` bends the crop before the matrix is applied."""

    matrix: np.ndarray
    size: Size  # of the crop
    scale: float = 1.0
    angle: float = 0.0  # degrees, counter-clockwise as seen
    flip: bool = False
    flip_vertical: bool = False
    distortion: Distortion | None = None
    extend: bool = False  # outside of the image its edge goes on, instead of a fill; labels are ignored there either way

    @cached_property
    def bent(self) -> np.ndarray | None:
        """(h, w, 2) float32, the pixels of the crop before the matrix; computed once for image and target."""
        return None if self.distortion is None else self.distortion.positions()


def compose(
    size: Size,
    offset: tuple[float, float],
    *,
    scale: float = 1.0,
    angle: float = 0.0,
    flip: bool = False,
    flip_vertical: bool = False,
    zoom: tuple[float, float] = (1.0, 1.0),
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    tilt: tuple[float, float] = (0.0, 0.0),
    distortion: Distortion | None = None,
    extend: bool = False,
) -> Geometry:
    """The crop of ``size`` whose top left corner lies at ``offset`` (y, x) of the source zoomed by ``scale``, turned by
    ``angle`` degrees about the crop's centre and then flipped.

    Before the turn the view is sheared by ``shear`` degrees and shows ``zoom`` (y, x) times as much along each axis, about
    its centre moved by ``shift`` (y, x) crop pixels: the order of Keras' ``apply_affine_transform``, whose matrix this is for
    a square crop that is the whole image (``theta=angle, tx=shift[1], ty=shift[0], zx=zoom[1], zy=zoom[0]``). ``tilt`` (y, x)
    shows things larger by that share at the lower and right border and smaller at the others, as a tilted camera does.

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
    if shear or zoom != (1.0, 1.0) or shift != (0.0, 0.0):
        turn = np.array([[cosine, -sine], [sine, cosine]]) / scale
        lean = math.radians(shear)
        inner = np.array([[1.0, -math.sin(lean)], [0.0, math.cos(lean)]]) * (zoom[1], zoom[0])
        linear = turn @ inner * (across, down)
        source_center = source_center + turn @ (shift[1], shift[0])
        scale /= math.sqrt(zoom[0] * zoom[1])
    matrix = np.column_stack([linear, linear @ (0.5 - center) + source_center - 0.5])
    if tilt != (0.0, 0.0):
        matrix = np.vstack([matrix, [0.0, 0.0, 1.0]]) @ _tilted(size, tilt)
    return Geometry(matrix, size, scale, angle, flip, flip_vertical, distortion, extend)


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
        return cv2.cvtColor(_warp(padded, matrix, geometry, cv2.INTER_LINEAR, fill), cv2.COLOR_RGBA2RGB)
    warped = [_warp(group, matrix, geometry, cv2.INTER_LINEAR, fill) for group in _channel_groups(region)]
    return np.concatenate([part.reshape(*geometry.size, -1) for part in warped], axis=2)


def warp_target(target: np.ndarray, geometry: Geometry, outside: int = IGNORE_INDEX) -> np.ndarray:
    """The crop of labels (H, W) or (K, H, W) of any integer type, nearest; what lies outside of the image becomes ``outside``,
    by default ignored (255)."""
    if target.ndim == 3:
        return np.stack([warp_target(plane, geometry, outside) for plane in target])
    region, matrix = _region(target, geometry)
    if region.size == 0:
        return np.full(geometry.size, outside, target.dtype)
    if max(region.shape) > _LONGEST or region.dtype not in _WARPED_TYPES:
        rows, columns = (np.arange(length) for length in geometry.size)
        return sample_nearest(target, geometry, rows, columns, outside)
    return _warp(region, matrix, geometry, cv2.INTER_NEAREST, outside)


def sample_nearest(
    target: np.ndarray, geometry: Geometry, rows: np.ndarray, columns: np.ndarray, outside: int = IGNORE_INDEX
) -> np.ndarray:
    """The warped target at the given rows and columns of the crop only: (len(rows), len(columns)), or with K in front."""
    across, down = columns[None, :], rows[:, None]
    if geometry.bent is not None:
        across, down = np.moveaxis(geometry.bent[rows][:, columns].astype(np.float64), 2, 0)
    (xx, xy, x0), (yx, yy, y0) = geometry.matrix[:2].tolist()
    if len(geometry.matrix) == 3:
        wx, wy, w0 = geometry.matrix[2].tolist()
        depth = wx * across + wy * down + w0
        x, y = (xx * across + xy * down + x0) / depth + 0.5, (yx * across + yy * down + y0) / depth + 0.5
    else:
        x, y = xx * across + (xy * down + (x0 + 0.5)), yx * across + (yy * down + (y0 + 0.5))
    x, y = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    height, width = target.shape[-2:]
    beyond = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    found = target[..., y.clip(0, height - 1), x.clip(0, width - 1)]
    found[..., beyond] = outside
    return found


def _tilted(size: Size, tilt: tuple[float, float]) -> np.ndarray:
    """(3, 3) from the crop to the crop as a tilted camera sees it; its centre stays."""
    center = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = -center, center
    perspective = np.eye(3)
    perspective[2, :2] = 2 * tilt[1] / size[1], 2 * tilt[0] / size[0]
    return back @ perspective @ there


def _region(source: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """The view of the source that the crop can touch, and the matrix into it."""
    matrix = geometry.matrix
    bottom, right = geometry.size[0] - 0.5, geometry.size[1] - 0.5  # whole pixels: when zooming out their areas count
    corners = np.array([[-0.5, right, -0.5, right], [-0.5, -0.5, bottom, bottom], [1, 1, 1, 1]], np.float64)
    if geometry.distortion is not None:
        top, left, bottom, right = geometry.distortion.bounds()
        corners[:2] = np.array([[left, right, left, right], [top, top, bottom, bottom]])
        corners[:2] += [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]]
    corners = matrix @ corners
    if len(matrix) == 3:
        corners = corners[:2] / corners[2]
    (x0, y0), (x1, y1) = np.floor(corners.min(axis=1)) - 1, np.ceil(corners.max(axis=1)) + 2
    left, top, right, bottom = max(int(x0), 0), max(int(y0), 0), max(int(x1), 0), max(int(y1), 0)
    if geometry.extend:  # an edge is needed even where the crop lies outside altogether
        left, top = min(left, source.shape[1] - 1), min(top, source.shape[0] - 1)
        right, bottom = max(right, 1), max(bottom, 1)
    region = source[top:bottom, left:right]
    moved = matrix.copy()
    moved[:2] -= np.outer((left, top), matrix[2] if len(matrix) == 3 else (0.0, 0.0, 1.0))
    return region, moved


def _shrunk(region: np.ndarray, matrix: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Averages areas so that the warp that follows zooms out by less than two and does not alias."""
    height, width = region.shape[:2]
    small = (math.ceil(height / factor), math.ceil(width / factor))
    averaged = [cv2.resize(group, small[::-1], interpolation=cv2.INTER_AREA) for group in _channel_groups(region)]
    ratio = np.array([[small[1] / width], [small[0] / height]])
    moved = matrix.copy()
    moved[:2] *= ratio
    # the half pixel between indices and the continuous plane
    moved[:2] += (0.5 * ratio - 0.5) * (matrix[2] if len(matrix) == 3 else (0.0, 0.0, 1.0))
    return np.concatenate([part.reshape(*small, -1) for part in averaged], axis=2), moved


def _channel_groups(image: np.ndarray) -> list[np.ndarray]:
    return [image[..., start : start + _MOST_CHANNELS] for start in range(0, image.shape[2], _MOST_CHANNELS)]


def _warp(source: np.ndarray, matrix: np.ndarray, geometry: Geometry, interpolation: int, fill: int) -> np.ndarray:
    border = cv2.BORDER_CONSTANT
    if geometry.extend and interpolation == cv2.INTER_LINEAR:
        border = cv2.BORDER_REPLICATE
    value = (fill,) * _MOST_CHANNELS
    if geometry.bent is not None:
        apply = cv2.transform if len(matrix) == 2 else cv2.perspectiveTransform
        looked_up = apply(geometry.bent, matrix)
        # OpenCV 4 wants a second map, or None; the stubs of OpenCV 5 know neither
        return cv2.remap(source, looked_up, None, interpolation, borderMode=border, borderValue=value)  # type: ignore[call-overload]
    warp = cv2.warpAffine if len(matrix) == 2 else cv2.warpPerspective
    flags = interpolation | cv2.WARP_INVERSE_MAP
    return warp(source, matrix, geometry.size[::-1], flags=flags, borderMode=border, borderValue=value)
