"""A close look at one image and its mask: what the fingerprint and the finer faults are made of. It costs more than the check
before training, so only ``pixelwise check`` takes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from pixelwise.data.levels import histogram
from pixelwise.data.likeness import thumbnail
from pixelwise.data.objects import Objects, numbered_objects, objects_by_class
from pixelwise.data.targets import TargetReader
from pixelwise.types import ClassTable, Mode

__all__ = [
    "Channel",
    "Closeup",
    "ImageLook",
    "MaskLook",
    "background_of",
    "look_at_image",
    "look_at_layers",
    "look_at_mask",
    "stray_values",
]

_SAMPLED = 100_000  # pixels of images deeper than 8 bits, for percentiles
_LEAST_VALUES = 10  # in a mask: so few cannot be eight stray ones beside two classes
_LEAST_STRAY = 8
_LONELY = 0.3  # of the pixels of a value have no neighbour of the same value

_PERCENTILES = (1, 50, 99)

_BACKGROUNDS = {"background", "bg", "class_0", "unlabeled", "unlabelled", "nothing", "none", "other"}


@dataclass(frozen=True)
class Channel:
    """One channel of one image, in the file's own units: mean, mean of the squares, and percentiles 1, 50 and 99."""

    mean: float
    power: float
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class ImageLook:
    """``thumbnail``: see :func:`pixelwise.data.likeness.thumbnail`."""

    thumbnail: bytes = b""
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True)
class MaskLook:
    """Of a mask, or all masks of an image where there is one per class.

    ``digest`` of the pixels, whatever the file; ``objects`` by class index; ``strays``: how many values look like the traces of
    JPEG or of smoothing, see :func:`stray_values`, and ``stray_pixels`` of them; ``soft_pixels`` lie between 0 and 255 in masks
    that are read at a threshold.
    """

    digest: bytes = b""
    objects: Mapping[int, Objects] = field(default_factory=dict)
    strays: int = 0
    stray_pixels: int = 0
    soft_pixels: int = 0


@dataclass(frozen=True)
class Closeup:
    """Both, each empty where the file cannot be read."""

    image: ImageLook = field(default_factory=ImageLook)
    mask: MaskLook = field(default_factory=MaskLook)


def look_at_image(pixels: np.ndarray) -> ImageLook:
    """The look at (H, W) or (H, W, C) pixels of any depth; alpha, the second of two or the fourth of four channels, is none."""
    image = pixels if pixels.ndim == 3 else pixels[..., None]
    how_many = image.shape[2] - (image.shape[2] in (2, 4))
    return ImageLook(thumbnail(pixels), tuple(_channel(image, number) for number in range(how_many)))


def look_at_mask(ids: np.ndarray, indices: np.ndarray, targets: TargetReader) -> MaskLook:
    """The look at a mask: ``ids`` (H, W) uint8 or uint16 as stored, ``indices`` (H, W) uint8 class indices with 255 for pixels
    that count for nothing."""
    if targets.threshold == 0:  # the ids number objects
        return MaskLook(_digest([ids]), numbered_objects(ids, indices))
    background = background_of(targets.classes, targets.mode)
    objects = objects_by_class(indices, () if background is None else (background,))
    if targets.threshold is not None:
        return MaskLook(_digest([ids]), objects, soft_pixels=_between(ids))
    strays = stray_values(ids)
    return MaskLook(_digest([ids]), objects, len(strays), sum(strays.values()))


def look_at_layers(layers: Mapping[int, np.ndarray], threshold: int) -> MaskLook:
    """The look at one mask (H, W) per class index, whose values above ``threshold`` are the class."""
    objects = {index: objects_by_class((ids > threshold).astype(np.uint8), {0}).get(1) for index, ids in layers.items()}
    return MaskLook(
        _digest(layers.values(), layers),
        {index: found for index, found in objects.items() if found is not None},
        soft_pixels=sum(map(_between, layers.values())) if threshold else 0,
    )


def background_of(classes: ClassTable, mode: Mode) -> int | None:
    """The class that stands for the absence of all others, by its index: the first of two; of several the one with id 0, if its
    name says so or nobody gave it one."""
    if mode == "multilabel" or not len(classes):
        return None
    first = classes.classes[0]
    return 0 if mode == "binary" or (first.id == 0 and first.name.lower() in _BACKGROUNDS) else None


def stray_values(ids: np.ndarray) -> dict[int, int]:
    """Values with their pixels that stand alone in a map (H, W): where of a value three pixels in ten have no neighbour of the
    same value above, below, left or right. Classes are regions, and have none; JPEG and smoothing leave dozens along every edge.
    Empty where they are fewer than eight, since a class of thin diagonal lines may look the same.

    All of 400 masks of CamVid, COCO, nuclei and membranes have at most one, and each of them saved as JPEG of quality 50 to 95,
    with ids 20 apart, at least 13.
    """
    if ids.dtype != np.uint8:
        return {}
    counts = histogram(ids)
    if np.count_nonzero(counts) < _LEAST_VALUES:
        return {}
    alone = np.ones(ids.shape, bool)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    alone[:, 1:] &= across
    alone[:, :-1] &= across
    alone[1:] &= down
    alone[:-1] &= down
    lonely = np.bincount(ids[alone], minlength=256)
    strays = np.flatnonzero((counts > 0) & (lonely >= _LONELY * counts)).tolist()
    return {value: int(counts[value]) for value in strays} if len(strays) >= _LEAST_STRAY else {}


def _digest(maps: Iterable[np.ndarray], names: Iterable[int] = ()) -> bytes:
    digest = hashlib.blake2b(repr(list(names)).encode(), digest_size=16)
    for ids in maps:
        digest.update(repr((ids.shape, ids.dtype.str)).encode())
        digest.update(np.ascontiguousarray(ids).data)
    return digest.digest()


def _between(ids: np.ndarray) -> int:
    """Pixels of a map of 0 and 255 that are neither."""
    counts = histogram(ids)
    return int(counts[1:255].sum())


def _channel(image: np.ndarray, number: int) -> Channel:
    if image.dtype == np.uint8 and image[..., 0].size < 1 << 24:  # as far as OpenCV counts exactly
        counts = cv2.calcHist([image], [number], None, [256], [0, 256]).ravel().astype(np.float64)
        values = np.arange(256)
        total = counts.sum()
        low, median, high = np.searchsorted(np.cumsum(counts), np.array(_PERCENTILES) / 100 * total).tolist()
        return Channel(float(counts @ values / total), float(counts @ values**2 / total), low, median, high)
    flat = image[..., number].reshape(-1)
    flat = flat[:: max(1, flat.size // _SAMPLED)].astype(np.float64)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return Channel(0.0, 0.0, 0.0, 0.0, 0.0)
    low, median, high = np.percentile(flat, _PERCENTILES).tolist()
    return Channel(float(flat.mean()), float(np.mean(flat**2)), low, median, high)
