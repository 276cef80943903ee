"""Which detection of an image matches which target, by COCO's rules, at ten IoU thresholds and four ranges of size at once.

Detections of a class are served in the order of their scores (equal scores: in the order given), at most 100 per class and
image. Each takes, among the targets of its class with IoU >= threshold that are still free, the one with the highest IoU
(equal IoU: the last); a target that counts goes before one that is ignored. Ignored are crowds, which any number of
detections may match (their IoU is intersection over the detection's own area), and targets whose annotated area is
outside the range. A detection is ignored when what it matched is, or when it matched nothing and its own area is outside.

Targets are known by position, so an annotation id of 0 is a target like any other; in pycocotools it counts as unmatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.rle import RunLengths, boxes_around, intersections
from pixelwise.metrics.instances import Instances

__all__ = ["AREA_RANGES", "IOU_THRESHOLDS", "DetectionMatches", "Region", "match_detections"]

Region = Literal["mask", "box"]
"""What overlaps are taken of."""

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""0.50, 0.55, ... 0.95, the very floats of COCO's ``linspace``."""

AREA_RANGES: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""Ranges of annotated area in square pixels, both ends included, so that 32 x 32 is small and medium."""

_BITS = 1 << np.arange(len(IOU_THRESHOLDS))  # bit t stands for the t-th threshold
_ALL = int(_BITS.sum())
_REACHED_FROM = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
_LOWS, _HIGHS = np.array(list(AREA_RANGES.values())).T[:, :, None]


@dataclass(frozen=True, eq=False)
class DetectionMatches:
    """One image's share of the average precision: D detections that count, by class and falling score.

    ``labels`` and ``scores`` are (D,), ``ranks`` (D,) the place among the image's detections of that class from 0 on.
    ``matched`` and ``ignored`` are (4, D) uint16 per area range, bit t for the t-th IoU threshold. ``positives`` is (4, G)
    bool: which targets count in which range; ``target_labels`` (G,) are their classes.
    """

    labels: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    target_labels: np.ndarray
    positives: np.ndarray


def match_detections(prediction: Instances, target: Instances, region: Region, max_detections: int = 100) -> DetectionMatches:
    """Matches the detections of one image; raises :class:`DataError` where scores, masks or boxes are missing."""
    if prediction.scores is None:
        raise DataError("predicted instances need scores to be ranked by; pass scores to Instances")
    order, ranks = _ranked(prediction.labels, prediction.scores, max_detections)
    overlap = _mask_overlap if region == "mask" else _box_overlap
    detection_area, target_area = _areas(prediction, region)[order], _areas(target, region)
    annotated = target_area if target.areas is None else target.areas
    pairs = np.argwhere(prediction.labels[order][:, None] == target.labels[None])
    pairs, common = overlap(prediction, target, order, pairs)
    crowd = np.asarray(target.crowd)
    detected = detection_area[pairs[:, 0]]
    union = np.where(crowd[pairs[:, 1]], detected, detected + target_area[pairs[:, 1]] - common)
    iou = np.divide(common, union, out=np.zeros(len(pairs)), where=union > 0)
    reaches = (iou[:, None] >= _REACHED_FROM) @ _BITS
    kept = reaches > 0
    pairs, iou, reaches = pairs[kept], iou[kept], reaches[kept]

    target_ignored = crowd | (annotated < _LOWS) | (annotated > _HIGHS)
    detection_outside = (detection_area < _LOWS) | (detection_area > _HIGHS)
    matched, ignored = _match_greedily(pairs, iou, reaches, crowd, target_ignored, len(order))
    ignored |= np.where(detection_outside, ~matched & _ALL, 0).astype(np.uint16)
    labels, scores = prediction.labels[order], prediction.scores[order]
    return DetectionMatches(labels, scores, ranks, matched, ignored, target.labels, ~target_ignored)


def _match_greedily(
    pairs: np.ndarray, iou: np.ndarray, reaches: np.ndarray, crowd: np.ndarray, target_ignored: np.ndarray, detections: int
) -> tuple[np.ndarray, np.ndarray]:
    """(areas, D) matched and ignored bits. All ranges and thresholds in one pass over (detection, target) pairs, best first:
    each range has detections and targets of its own, and a set of thresholds is a whole number with one bit each."""
    areas, targets = target_ignored.shape
    area = np.repeat(np.arange(areas), len(pairs))
    detection, index = np.tile(pairs.T, areas)
    is_crowd, is_ignored = crowd[index], target_ignored[area, index]
    detection, numbered = detection + area * detections, index + area * targets
    best_first = np.lexsort((-index, -np.tile(iou, areas), is_ignored, detection))
    rows = np.stack((detection, numbered, np.tile(reaches, areas), is_crowd, is_ignored))[:, best_first]
    matched, ignored, taken = [0] * (areas * detections), [0] * (areas * detections), [0] * (areas * targets)
    for one, other, reached, among_crowd, unwanted in zip(*rows.tolist(), strict=True):
        gained = reached & ~matched[one]
        if not among_crowd:
            gained &= ~taken[other]
            taken[other] |= gained
        matched[one] |= gained
        if unwanted:
            ignored[one] |= gained
    shape = (areas, detections)
    return np.array(matched, np.uint16).reshape(shape), np.array(ignored, np.uint16).reshape(shape)


def _ranked(labels: np.ndarray, scores: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions by class and falling score, ties in the order given, and the rank of each within its class; at most
    ``limit`` per class."""
    order = np.lexsort((-scores, labels))
    sorted_labels = labels[order]
    ranks = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
    return order[ranks < limit], ranks[ranks < limit]


def _areas(instances: Instances, region: Region) -> np.ndarray:
    """(N,) own areas in pixels, of the masks or the boxes."""
    if region == "mask":
        return np.array([runs.area for runs in _runs(instances)], np.float64)
    boxes = _boxes(instances)
    area: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _box_overlap(prediction: Instances, target: Instances, order: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that touch, and their common area."""
    ours, theirs = _boxes(prediction)[order][pairs[:, 0]], _boxes(target)[pairs[:, 1]]
    sides = np.minimum(ours[:, 2:], theirs[:, 2:]) - np.maximum(ours[:, :2], theirs[:, :2])
    touching = (sides > 0).all(1)
    return pairs[touching], sides[touching].prod(1)


def _mask_overlap(
    prediction: Instances, target: Instances, order: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs whose boxes touch, and their common pixels."""
    ours, theirs = [_runs(prediction)[index] for index in order], _runs(target)
    chosen, first = np.unique(pairs[:, 0], return_inverse=True)  # masks without a partner of their class need no box
    others, second = np.unique(pairs[:, 1], return_inverse=True)
    first = boxes_around([ours[index] for index in chosen.tolist()])[first]
    second = boxes_around([theirs[index] for index in others.tolist()])[second]
    touching = (np.minimum(first, second)[:, 2:] > np.maximum(first, second)[:, :2]).all(1)
    return pairs[touching], intersections(ours, theirs, pairs[touching])


def _runs(instances: Instances) -> Sequence[RunLengths]:
    if instances.masks is None:
        raise DataError("mask average precision needs masks; pass masks to Instances, or score boxes with region='box'")
    return instances.runs


def _boxes(instances: Instances) -> np.ndarray:
    if instances.boxes is None:
        raise DataError("box average precision needs boxes; pass boxes to Instances, or score masks with region='mask'")
    return instances.boxes
