"""Boundary IoU: the IoU of the pixels near the edges of the masks (Cheng et al. 2021).

The boundary of a mask is the mask minus its erosion: the pixels of the mask within d of its edge, d = 2 % of the image's
diagonal, rounded, at least 1, in the chessboard metric (d erosions by 3 x 3). Outside of the image there is nothing, so a
mask that is cut off by the border of the image has its boundary there too. Boundary IoU of a class is
|B_t and B_p| / |B_t or B_p|, B_t and B_p the boundaries of the target's and of the prediction's mask.

d grows with the image, so figures of the same masks at different sizes differ. Ignored pixels leave both masks before the
boundary is taken (:mod:`pixelwise.metrics.pairs` says why): taken afterwards, a perfect prediction would score below 1 beside
ignored regions, because only the target's mask ends at them.

A class without a boundary pixel in target and prediction is *absent*: nan, in no mean. A class in only one of them has 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.bitmaps import dilated, mixed_squares, mixed_squares_of, packed_classes
from pixelwise.metrics.pairs import check_class_names, check_same_classes, without_ignored
from pixelwise.types import IGNORE_INDEX

__all__ = [
    "BoundaryIoU",
    "BoundaryScores",
    "boundary_band",
    "boundary_distance",
    "boundary_iou",
    "boundary_iou_per_image",
]

_FEW = 8  # classes: one mask for each is faster than histograms of the labels
_EXACT_PIXELS = 1 << 24  # OpenCV hands the counts out as float32, which holds whole numbers exactly up to here


@dataclass(frozen=True)
class BoundaryScores:
    """Boundary IoU over a data set, in [0, 1], higher is better; nan where undefined. Tuples have one entry per class.

    ``boundary_iou`` divides the sums over all images; ``mean_boundary_iou`` is over the classes that are not absent.
    ``dilation_ratio`` is d as a share of the image's diagonal.
    """

    class_names: tuple[str, ...]
    mean_boundary_iou: float
    boundary_iou: tuple[float, ...]
    intersection: tuple[int, ...]
    union: tuple[int, ...]
    dilation_ratio: float

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without any boundary pixel: in no mean."""
        return tuple(name for name, union in zip(self.class_names, self.union, strict=True) if not union)

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        return {
            "mean_boundary_iou": _plain(self.mean_boundary_iou),
            "per_class_boundary_iou": {n: _plain(v) for n, v in zip(self.class_names, self.boundary_iou, strict=True)},
            "absent_classes": list(self.absent),
            "dilation_ratio": self.dilation_ratio,
        }


class BoundaryIoU:
    """Boundary pixels over a data set. ``counts`` is (K, 2) int64: intersection and union of each class."""

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None, dilation_ratio: float = 0.02) -> None:
        if not 0 < dilation_ratio <= 1:
            raise ConfigError(f"dilation_ratio must be above 0 and at most 1 (a share of the diagonal), got {dilation_ratio}")
        self.class_names = check_class_names(num_classes, class_names)
        self.dilation_ratio = dilation_ratio
        self.counts = np.zeros((num_classes, 2), np.int64)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, 2) int64 counts.

        ``prediction`` and ``target`` are (H, W) uint8 class indices or, multilabel, (K, H, W) of 0 and 1; 255 in ``target``
        is ignored. Raises :class:`DataError` for other shapes, types or values.
        """
        found, expected = without_ignored(prediction, target, len(self.class_names))
        distance = boundary_distance(expected.shape[-2], expected.shape[-1], self.dilation_ratio)
        if expected.ndim == 3:
            planes = zip(found, expected, strict=True)
            counts = np.concatenate([_counts(f, e, (1,), distance) for f, e in planes])
        else:
            counts = _counts(found, expected, range(len(self.class_names)), distance)
        self.counts += counts
        return counts

    def merge(self, other: BoundaryIoU) -> None:
        """Adds the counts of another one, such as another process's."""
        check_same_classes(self.class_names, other.class_names, "boundary counts")
        if self.dilation_ratio != other.dilation_ratio:
            raise DataError(
                f"boundary counts of dilation_ratio {self.dilation_ratio} and {other.dilation_ratio} cannot be merged; "
                "evaluate both with the same ratio"
            )
        self.counts += other.counts

    def compute(self) -> BoundaryScores:
        """Scores over everything seen so far."""
        ratios = boundary_iou(self.counts)
        intersection, union = self.counts.T.tolist()
        return BoundaryScores(
            self.class_names, _mean(ratios), tuple(ratios.tolist()), tuple(intersection), tuple(union), self.dilation_ratio
        )


def boundary_iou(counts: np.ndarray) -> np.ndarray:
    """Boundary IoU (K,) of (K, 2) counts of an image or of a data set; nan for absent classes."""
    part, whole = counts[:, 0], counts[:, 1]
    return np.divide(part, whole, out=np.full(len(counts), np.nan), where=whole > 0)


def boundary_iou_per_image(counts: Iterable[np.ndarray]) -> float:
    """Mean over images of each image's own mean boundary IoU; images without any boundary are left out."""
    return _mean(np.array([_mean(boundary_iou(own)) for own in counts], np.float64))


def boundary_distance(height: int, width: int, dilation_ratio: float = 0.02) -> int:
    """d in pixels: ``dilation_ratio`` of the diagonal, rounded (half to even), at least 1."""
    return max(1, round(dilation_ratio * math.hypot(height, width)))


def boundary_band(labels: np.ndarray, distance: int) -> np.ndarray:
    """Boolean (H, W): pixels within ``distance`` (chessboard) of a pixel with another label, or of the image's outside.

    For each class at once this is its mask minus the mask eroded ``distance`` times by 3 x 3 with nothing around the image:
    a pixel survives the erosion exactly when the square of 2 d + 1 pixels around it holds its class alone, which is when
    all squares of 2 x 2 pixels inside that square are of one label. So the map of mixed 2 x 2 squares is dilated once by
    2 d x 2 d, by doubling the window: about 2 log2(2 d) passes, whatever the number of classes. Passes run on bits, 64 pixels
    a word.
    """
    band = np.ascontiguousarray(dilated(mixed_squares(labels), labels.shape[1], distance)).view(np.uint8)
    return np.unpackbits(band, axis=1, count=labels.shape[1], bitorder="little").view(np.bool_)


def _counts(found: np.ndarray, expected: np.ndarray, classes: Sequence[int], distance: int) -> np.ndarray:
    """(K, 2) intersections and unions of one pair of label maps, for all its classes or for some."""
    if len(classes) > _FEW:
        return _counts_of_labels(found, expected, len(classes), distance)
    sides, is_whole = [], len(classes) > 1 and int(expected.max(initial=0)) != IGNORE_INDEX  # then the last class is the rest
    for labels in (found, expected):
        masks = packed_classes(labels, classes, is_whole)
        band = dilated(mixed_squares_of(masks[:-1] if is_whole else masks), labels.shape[1], distance)
        masks &= band
        sides.append(masks)
    counts, either = [], np.empty_like(sides[0][0])
    for ours, theirs in zip(*sides, strict=True):
        pair = np.bitwise_or(ours, theirs, out=either), np.bitwise_and(ours, theirs, out=ours)
        counts.append([int(np.bitwise_count(bits).sum(dtype=np.int64)) for bits in reversed(pair)])
    return np.array(counts, np.int64)


def _counts_of_labels(found: np.ndarray, expected: np.ndarray, num_classes: int, distance: int) -> np.ndarray:
    """The same by histograms of the labels, whose time hardly depends on the number of classes."""
    edge_found = _only(found, boundary_band(found, distance))
    edge_expected = _only(expected, boundary_band(expected, distance))
    both = _only(edge_found, edge_found == edge_expected)
    intersection = _histogram(both, num_classes)
    union = _histogram(edge_found, num_classes) + _histogram(edge_expected, num_classes) - intersection
    return np.stack([intersection, union], 1)


def _only(labels: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The labels where ``kept``, 255 elsewhere: 1 - 1 is 0 and 0 - 1 is 255 in uint8, ten times as fast as ``numpy.where``."""
    return labels | (kept.view(np.uint8) - np.uint8(1))


def _histogram(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """(K,) int64: pixels of each label below ``num_classes``."""
    total = np.zeros(num_classes, np.int64)
    flat = labels.reshape(1, -1)
    for start in range(0, flat.size, _EXACT_PIXELS):
        part = flat[:, start : start + _EXACT_PIXELS]
        total += cv2.calcHist([part], [0], None, [num_classes], [0.0, float(num_classes)]).ravel().astype(np.int64)
    return total


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan when all are."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
