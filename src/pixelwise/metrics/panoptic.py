"""Panoptic quality (Kirillov et al. 2019, https://arxiv.org/abs/1801.00868) by the rules of COCO's panopticapi.

A predicted and a target segment of one class match where IoU > 0.5, which makes the match unique. The union leaves out the
part of the prediction that lies on *void* (id 0 in the target). Crowd segments of the target match nothing and are not
missed. A prediction without a match is ignored when more than half of it lies on void and on crowds of its class, and is
a false positive otherwise. Pixels with id 0 in the prediction belong to no segment; target segments there are simply missed.

Per class, SQ is the mean IoU of the matches, RQ = TP / (TP + FP/2 + FN/2), and PQ = SQ * RQ. A class without any TP, FP or FN
is *absent*: nan, in no mean, and listed. A class with errors and no match has SQ 0. With no class left the means are nan,
where panopticapi divides by zero. Where an image has several crowds of one class all of them count; panopticapi keeps the
last. The sums of IoU are exact, so that no order of images or merges changes a digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.contingency import ids_of_masks, shared_pixels
from pixelwise.types import ClassTable

__all__ = ["VOID", "PanopticMap", "PanopticQuality", "PanopticScores"]

VOID = 0
"""The id of pixels that belong to no segment."""

_UNITS = 1 << 53  # every float64 in (0.5, 1] is a whole number of 2^-53: sums of IoU are exact in these units


@dataclass(frozen=True)
class PanopticMap:
    """One image in segments: ``ids`` (H, W) whole numbers, 0 = void; ``labels`` class index by segment id; ``crowd`` ids of
    targets that mark crowds."""

    ids: np.ndarray
    labels: Mapping[int, int]
    crowd: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def from_masks(cls, masks: np.ndarray, labels: Sequence[int], crowd: Iterable[int] = ()) -> PanopticMap:
        """Segments 1 to N from (N, H, W) bool masks that do not overlap, their class indices and the positions of crowds."""
        if len(masks) != len(labels):
            raise DataError(f"labels must be one per mask, {len(masks)}, got {len(labels)}")
        named = {index + 1: int(label) for index, label in enumerate(labels)}
        return cls(ids_of_masks(masks), named, frozenset(index + 1 for index in crowd))


@dataclass(frozen=True)
class PanopticScores:
    """PQ, SQ and RQ in [0, 1], higher is better, over all classes, over things, and over stuff; nan where no class has any
    segment. ``per_class_*`` and the counts have one entry per class, nan for absent ones."""

    class_names: tuple[str, ...]
    pq: float
    sq: float
    rq: float
    pq_things: float
    sq_things: float
    rq_things: float
    pq_stuff: float
    sq_stuff: float
    rq_stuff: float
    per_class_pq: tuple[float, ...]
    per_class_sq: tuple[float, ...]
    per_class_rq: tuple[float, ...]
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...]
    false_negatives: tuple[int, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without TP, FP and FN: in no mean."""
        return tuple(name for name, pq in zip(self.class_names, self.per_class_pq, strict=True) if math.isnan(pq))

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        plain: dict[str, Any] = {}
        for name, value in vars(self).items():
            if name != "class_names":
                is_row = isinstance(value, tuple)
                plain[name] = dict(zip(self.class_names, map(_plain, value), strict=True)) if is_row else _plain(value)
        return plain | {"absent_classes": list(self.absent)}


class PanopticQuality:
    """Panoptic quality over a data set. ``classes`` names the classes and says which are things."""

    def __init__(self, classes: ClassTable) -> None:
        self.classes = classes
        self._iou = [0] * len(classes)  # in units of 2^-53, whole numbers of any size
        self._counts = np.zeros((len(classes), 3), np.int64)

    def update(self, prediction: PanopticMap, target: PanopticMap) -> np.ndarray:
        """Adds one image and returns its own (K, 4) float64: sum of IoU, TP, FP and FN per class.

        Raises :class:`DataError` where the maps differ in size, where a segment in a map has no label or a label no pixels,
        for labels outside the classes, and for crowds in the prediction.
        """
        if prediction.crowd:
            raise DataError(f"segments {sorted(prediction.crowd)[:8]} of the prediction are crowds; only targets can mark crowds")
        target_ids, prediction_ids, shared = shared_pixels(target.ids, prediction.ids)
        theirs = _Segments.of(target, target_ids, shared, len(self.classes), "target")
        ours = _Segments.of(prediction, prediction_ids, shared, len(self.classes), "prediction")
        places = ours.places(prediction_ids), theirs.places(target_ids)
        labels, ious, extra, missed = _match(ours, theirs, *places, shared)
        counts = np.stack([np.bincount(found, minlength=len(self.classes)) for found in (labels, extra, missed)], axis=1)
        sums = np.bincount(labels, ious, minlength=len(self.classes))
        for label, value in zip(labels.tolist(), ious.tolist(), strict=True):
            self._iou[label] += int(value * _UNITS)
        self._counts += counts
        return np.column_stack((sums, counts))

    def merge(self, other: PanopticQuality) -> None:
        """Adds the counts of another one, such as another process's."""
        if self.classes != other.classes:
            raise DataError("panoptic qualities of different classes cannot be merged")
        self._iou = [ours + theirs for ours, theirs in zip(self._iou, other._iou, strict=True)]
        self._counts += other._counts

    def compute(self) -> PanopticScores:
        """Scores over everything seen so far."""
        iou = np.array([units / _UNITS for units in self._iou])
        hits, extra, missed = self._counts.T
        weight = hits + 0.5 * extra + 0.5 * missed
        present = weight > 0
        sq = np.where(present, np.divide(iou, hits, out=np.zeros(len(iou)), where=hits > 0), np.nan)
        pq, rq = (np.divide(part, weight, out=np.full(len(iou), np.nan), where=present) for part in (iou, hits))
        things = np.array([info.is_thing for info in self.classes.classes], bool)
        means = {
            f"{name}{suffix}": _mean(values[present & chosen])
            for suffix, chosen in (("", np.ones_like(things)), ("_things", things), ("_stuff", ~things))
            for name, values in (("pq", pq), ("sq", sq), ("rq", rq))
        }
        return PanopticScores(
            class_names=tuple(self.classes.names),
            **means,
            per_class_pq=tuple(pq.tolist()),
            per_class_sq=tuple(sq.tolist()),
            per_class_rq=tuple(rq.tolist()),
            true_positives=tuple(hits.tolist()),
            false_positives=tuple(extra.tolist()),
            false_negatives=tuple(missed.tolist()),
        )


@dataclass(frozen=True)
class _Segments:
    """The segments of one map by rising id; place 0 stands for void: label -1, never a crowd."""

    ids: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray

    @classmethod
    def of(cls, given: PanopticMap, met: np.ndarray, shared: np.ndarray, num_classes: int, what: str) -> _Segments:
        """``met`` and ``shared``: ids of the map, with repeats, and the pixels of each."""
        ids = np.unique(np.append(met, VOID))
        areas = np.bincount(np.searchsorted(ids, met), shared, minlength=len(ids)).astype(np.int64)
        known, here = set(given.labels), set(ids[1:].tolist())
        if here - known:
            raise DataError(f"the {what} holds segments {sorted(here - known)[:8]} without a label; give every id but 0 a class")
        if known - here:
            raise DataError(f"the {what} labels segments {sorted(known - here)[:8]} that have no pixels; leave them out")
        if given.crowd - known:
            raise DataError(f"the {what} calls {sorted(given.crowd - known)[:8]} crowds, but has no such segments")
        labels = np.array([-1, *(given.labels[index] for index in ids[1:].tolist())], np.int64)
        odd = labels[1:][(labels[1:] < 0) | (labels[1:] >= num_classes)]
        if odd.size:
            raise DataError(
                f"{what} labels must be class indices 0 to {num_classes - 1}, got {odd[0]}; map category ids to indices first"
            )
        crowd = np.array([index in given.crowd for index in ids.tolist()], bool)
        return cls(ids, labels, areas, crowd)

    def places(self, ids: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.ids, ids)


def _match(
    ours: _Segments, theirs: _Segments, our_place: np.ndarray, their_place: np.ndarray, shared: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels and IoU (M,) of the matches, labels of the false positives and of the false negatives. ``*_place`` and ``shared``
    list the pairs that meet."""
    on_void = np.zeros(len(ours.ids), np.int64)
    is_void = their_place == 0
    on_void[our_place[is_void]] = shared[is_void]
    same = (ours.labels[our_place] == theirs.labels[their_place]) & (our_place > 0) & (their_place > 0)
    counted = same & ~theirs.crowd[their_place]
    first, second, common = our_place[counted], their_place[counted], shared[counted]
    iou = common / (ours.areas[first] + theirs.areas[second] - common - on_void[first])
    matched = iou > 0.5
    first, second, iou = first[matched], second[matched], iou[matched]
    missed, extra = ~theirs.crowd, np.ones(len(ours.ids), bool)
    missed[0], missed[second], extra[0], extra[first] = False, False, False, False
    crowded = same & theirs.crowd[their_place]
    excused = on_void + np.bincount(our_place[crowded], shared[crowded], minlength=len(ours.ids))
    extra &= ~(2 * excused > ours.areas)
    return ours.labels[first], iou, ours.labels[extra], theirs.labels[missed]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan


def _plain(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
