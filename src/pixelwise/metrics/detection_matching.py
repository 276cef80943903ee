"""Which detection of an image matches which target, by COCO's rules, at ten IoU thresholds and four ranges of size at once.

Detections of a class are served in the order of their scores (equal scores: in the order given), at most 100 per class and
image. Each takes, among the targets of its class with IoU >= threshold that are still free, the one with the highest IoU
(equal IoU: the last); a target that counts goes before one that is ignored. Ignored are crowds, which any number of
detections may match (their IoU is intersection over the detection's own area), and targets whose annotated area is
outside the range. A detection is ignored when what it matched is, or when it matched nothing and its own area is outside.

Targets are known by position, so an annotation id of 0 is a target like any other; in pycocotools it counts as unmatched.
"""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pixelwise.errors import DataError
from pixelwise.formats.rle import table
from pixelwise.formats.run_table import RunTable
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
    shapes = (_mask_table if region == "mask" else _box_table)(prediction, target)
    areas = shapes.areas.astype(np.float64)
    detection_area, target_area = areas[order], areas[len(prediction) :]
    annotated = target_area if target.areas is None else target.areas
    crowd = np.asarray(target.crowd)

    labels = prediction.labels[order]
    detection, index = np.nonzero(labels[:, None] == target.labels)
    pairs = np.stack((order[detection], index + len(prediction)), axis=1)  # in the table
    ours, theirs = shapes.boxes[pairs[:, 0]], shapes.boxes[pairs[:, 1]]
    touching = (np.minimum(ours[:, 2:], theirs[:, 2:]) > np.maximum(ours[:, :2], theirs[:, :2])).all(1)
    detection, index, common = detection[touching], index[touching], shapes.intersections(pairs[touching])
    area = detection_area[detection]
    union = np.where(crowd[index], area, area + target_area[index] - common)
    iou = np.divide(common, union, out=np.zeros(len(index)), where=union > 0)
    reaches = (iou[:, None] >= _REACHED_FROM) @ _BITS
    kept = reaches > 0

    target_ignored = crowd | (annotated < _LOWS) | (annotated > _HIGHS)
    detection_outside = (detection_area < _LOWS) | (detection_area > _HIGHS)
    pairs = np.stack((detection, index), axis=1)[kept]
    matched, ignored = _match_greedily(pairs, iou[kept], reaches[kept], crowd, target_ignored, len(order))
    ignored |= np.where(detection_outside, ~matched & _ALL, 0).astype(np.uint16)
    return DetectionMatches(labels, prediction.scores[order], ranks, matched, ignored, target.labels, ~target_ignored)


def _match_greedily(
    pairs: np.ndarray, iou: np.ndarray, reaches: np.ndarray, crowd: np.ndarray, target_ignored: np.ndarray, detections: int
) -> tuple[np.ndarray, np.ndarray]:
    """(areas, D) matched and ignored bits, for all ranges and thresholds at once: a set of them is a whole number with one bit
    each. A detection asks its targets, the best first, in two rounds: in the ranges in which they count, then in those in which
    they are ignored."""
    areas, targets = target_ignored.shape
    shifts = len(_BITS) * np.arange(areas)
    order = np.lexsort((-pairs[:, 1], -iou, pairs[:, 0]))
    rows = zip(*pairs[order].T.tolist(), (reaches[order] * int((1 << shifts).sum())).tolist(), strict=True)
    unwanted, is_crowd = ((_ALL << shifts) @ target_ignored).tolist(), crowd.tolist()
    matched, ignored, taken = [0] * detections, [0] * detections, [0] * targets
    for one, candidates in itertools.groupby(rows, key=operator.itemgetter(0)):
        seen = list(candidates)
        for is_ignored in (False, True):
            for _, other, reached in seen:
                gained = reached & (unwanted[other] if is_ignored else ~unwanted[other]) & ~matched[one]
                if not is_crowd[other]:
                    gained &= ~taken[other]
                    taken[other] |= gained
                matched[one] |= gained
                if is_ignored:
                    ignored[one] |= gained
    sets = np.array((matched, ignored), np.int64)[:, None] >> shifts[:, None] & _ALL
    return sets[0].astype(np.uint16), sets[1].astype(np.uint16)


def _ranked(labels: np.ndarray, scores: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions by class and falling score, ties in the order given, and the rank of each within its class; at most
    ``limit`` per class."""
    order = np.lexsort((-scores, labels))
    sorted_labels = labels[order]
    ranks = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
    return order[ranks < limit], ranks[ranks < limit]


@dataclass(frozen=True, eq=False)
class _BoxTable:
    """Boxes measured like the masks of a :class:`RunTable`."""

    boxes: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """(N,) in pixels."""
        area: np.ndarray = (self.boxes[:, 2] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 1])
        return area

    def intersections(self, pairs: np.ndarray) -> np.ndarray:
        """(P,) common areas of the boxes i and j, which touch, for each row (i, j) of ``pairs`` (P, 2)."""
        ours, theirs = self.boxes[pairs[:, 0]], self.boxes[pairs[:, 1]]
        sides = np.minimum(ours[:, 2:], theirs[:, 2:]) - np.maximum(ours[:, :2], theirs[:, :2])
        common: np.ndarray = sides[:, 0] * sides[:, 1]
        return common


def _mask_table(prediction: Instances, target: Instances) -> RunTable:
    """The masks of both sides, one after the other."""
    if prediction.masks is None or target.masks is None:
        raise DataError("mask average precision needs masks; pass masks to Instances, or score boxes with region='box'")
    return table([*prediction.runs, *target.runs])


def _box_table(prediction: Instances, target: Instances) -> _BoxTable:
    """The boxes of both sides, one after the other."""
    if prediction.boxes is None or target.boxes is None:
        raise DataError("box average precision needs boxes; pass boxes to Instances, or score masks with region='mask'")
    return _BoxTable(np.concatenate((prediction.boxes, target.boxes)))
