"""COCO average precision and recall of masks or boxes, in numpy alone and equal to pycocotools.

AP is the mean precision at 101 recalls (0, 0.01, ... 1), where the precision at a recall is the best one at that recall or
above, and 0 where that recall is never reached; then over ten IoU thresholds (0.50 to 0.95), then over classes. AR is the mean
over thresholds and classes of the highest recall with so many detections per class and image. A class without a target that
counts is *absent*: its scores are nan, it is in no mean, and it is listed; its false positives then cost nothing (COCO's
rule). With no class left, a mean is nan, where pycocotools prints -1. What matches what is in
:mod:`pixelwise.metrics.detection_matching`.

Detections of equal score on different images are ranked in the order of the image keys, where ``update`` was given keys, so
that the result does not depend on who scored which image; pycocotools orders by image id. Without keys the order is that of
the updates and merges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.detection_matching import AREA_RANGES, IOU_THRESHOLDS, DetectionMatches, Region, match_detections
from pixelwise.metrics.instances import Instances

__all__ = ["AveragePrecision", "AveragePrecisionScores"]

_RECALLS = np.linspace(0.0, 1.0, 101)
_LIMITS = (1, 10, 100)
_TINY = np.spacing(1)  # as in COCO: keeps 0 / 0 at 0 before the first detection that counts


@dataclass(frozen=True)
class AveragePrecisionScores:
    """COCO's twelve figures, all in [0, 1], nan where undefined, and AP per class.

    ``ap`` is over IoU 0.50 to 0.95, ``ap_50`` and ``ap_75`` at one threshold, ``ap_small``, ``ap_medium`` and ``ap_large`` over
    targets up to 32², up to 96² and above; ``ar_N`` is the recall with N detections per class and image.
    """

    class_names: tuple[str, ...]
    region: Region
    images: int
    ap: float
    ap_50: float
    ap_75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar_1: float
    ar_10: float
    ar_100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    per_class_ap: tuple[float, ...]
    per_class_ap_50: tuple[float, ...]
    targets: tuple[int, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without a target that counts: in no mean."""
        return tuple(name for name, ap in zip(self.class_names, self.per_class_ap, strict=True) if math.isnan(ap))

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name."""
        plain = asdict(self)
        names = plain.pop("class_names")
        for key in ("per_class_ap", "per_class_ap_50", "targets"):
            plain[key] = {name: _plain(value) for name, value in zip(names, plain[key], strict=True)}
        return {key: _plain(value) for key, value in plain.items()} | {"absent_classes": list(self.absent)}


class AveragePrecision:
    """Average precision over a data set of instances; ``region`` says whether masks or boxes are compared."""

    def __init__(self, num_classes: int, region: Region = "mask", class_names: Sequence[str] | None = None) -> None:
        names = [f"class_{index}" for index in range(num_classes)] if class_names is None else list(class_names)
        if num_classes < 1 or len(names) != num_classes:
            raise DataError(f"class_names must hold one name per class, at least one, got {len(names)} for {num_classes} classes")
        if region not in ("mask", "box"):
            raise DataError(f"region must be 'mask' or 'box', got {region!r}")
        self.class_names = tuple(names)
        self.region: Region = region
        self._images: list[tuple[str | int | None, DetectionMatches]] = []

    def update(self, prediction: Instances, target: Instances, key: str | int | None = None) -> DetectionMatches:
        """Matches one image and returns its own matches. ``key`` names the image: see the module's text."""
        for what, instances in (("predicted", prediction), ("target", target)):
            if len(instances) and int(instances.labels.max()) >= len(self.class_names):
                raise DataError(
                    f"{what} labels must be class indices 0 to {len(self.class_names) - 1}, got {int(instances.labels.max())}; "
                    "map category ids to class indices first"
                )
        sizes = {runs.size for runs in (*prediction.runs, *target.runs)}
        if len(sizes) > 1:
            raise DataError(
                f"masks of prediction and target must be of one size, got {sorted(sizes)[:4]}; scores are taken at the original "
                "size of the image"
            )
        matches = match_detections(prediction, target, self.region, _LIMITS[-1])
        self._images.append((key, matches))
        return matches

    def merge(self, other: AveragePrecision) -> None:
        """Adds the images of another one, such as another process's."""
        if (self.class_names, self.region) != (other.class_names, other.region):
            raise DataError("average precisions of different classes, or of masks and boxes, cannot be merged")
        self._images.extend(other._images)

    def compute(self) -> AveragePrecisionScores:
        """Scores over everything seen so far; raises :class:`DataError` where an image was seen twice."""
        precision, recall, targets = _curves(self._in_order(), len(self.class_names))
        whole, small, medium, large = range(len(AREA_RANGES))
        aps = {"ap": precision[whole], "ap_50": precision[whole, 0], "ap_75": precision[whole, 5]}
        aps |= {f"ap_{n}": precision[a] for n, a in (("small", small), ("medium", medium), ("large", large))}
        ars = {f"ar_{limit}": recall[index, whole] for index, limit in enumerate(_LIMITS)}
        ars |= {f"ar_{n}": recall[-1, a] for n, a in (("small", small), ("medium", medium), ("large", large))}
        ap, ap_50 = precision[whole].mean((0, 1)), precision[whole, 0].mean(0)
        return AveragePrecisionScores(
            class_names=self.class_names,
            region=self.region,
            images=len(self._images),
            **{name: _mean(values) for name, values in (aps | ars).items()},
            per_class_ap=tuple(ap.tolist()),
            per_class_ap_50=tuple(ap_50.tolist()),
            targets=tuple(targets.tolist()),
        )

    def _in_order(self) -> list[DetectionMatches]:
        """The images by key where all have one, else as they came."""
        keys = [key for key, _ in self._images if key is not None]
        if len(set(keys)) != len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DataError(f"image {twice!r} was scored twice; a merged score must hold every image once")
        if len(keys) < len(self._images) or len({type(key) for key in keys}) > 1:
            return [matches for _, matches in self._images]
        return [matches for _, matches in sorted(self._images, key=lambda image: image[0])]  # type: ignore[arg-type, return-value]


def _curves(images: Sequence[DetectionMatches], num_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision (areas, thresholds, 101 recalls, classes), recall (limits, areas, thresholds, classes), targets (classes,)
    without crowds. Absent classes are nan."""
    areas, thresholds = len(AREA_RANGES), len(IOU_THRESHOLDS)
    precision = np.full((areas, thresholds, len(_RECALLS), num_classes), np.nan)
    recall = np.full((len(_LIMITS), areas, thresholds, num_classes), np.nan)
    positives = np.zeros((areas, num_classes), np.int64)
    if not images:
        return precision, recall, positives[0]
    expected, counted = np.concatenate([i.target_labels for i in images]), np.concatenate([i.positives for i in images], axis=1)
    for area in range(areas):
        positives[area] = np.bincount(expected[counted[area]], minlength=num_classes)
    labels, scores, ranks = (np.concatenate([getattr(i, name) for i in images]) for name in ("labels", "scores", "ranks"))
    matched, ignored = (np.concatenate([getattr(i, name) for i in images], axis=1) for name in ("matched", "ignored"))
    order = np.lexsort((-scores, labels))  # stable, so that equal scores stay in the order of the images
    ends = np.searchsorted(labels[order], np.arange(num_classes), side="right")
    bits = np.arange(thresholds, dtype=np.uint16)[:, None]
    for label, chosen in enumerate(np.split(order, ends[:-1])):
        present = np.flatnonzero(positives[:, label])
        if not len(present):
            continue
        is_ignored = ignored[present][:, None, chosen] >> bits & 1 == 1
        is_matched = matched[present][:, None, chosen] >> bits & 1 == 1
        hits, misses = is_matched & ~is_ignored, ~is_matched & ~is_ignored
        precision[present, ..., label] = _precision_at_recalls(hits, misses, positives[present, label])
        for position, limit in enumerate(_LIMITS):
            found = (hits & (ranks[chosen] < limit)).sum(-1)
            recall[position, present, :, label] = found / positives[present, label][:, None]
    return precision, recall, positives[0]


def _precision_at_recalls(hits: np.ndarray, misses: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """(areas, thresholds, 101) from (areas, thresholds, D) hits and misses by falling score and (areas,) targets."""
    areas, thresholds, detections = hits.shape
    right, wrong = np.cumsum(hits, axis=-1), np.cumsum(misses, axis=-1)
    padded = np.zeros((areas, thresholds, detections + 1))
    precision = right / (wrong + right + _TINY)
    np.maximum.accumulate(precision[..., ::-1], axis=-1, out=padded[..., -2::-1])
    reached = np.full((areas, thresholds, int(positives.max(initial=0)) + 1), detections)  # where the n-th hit is
    reached[..., 0] = 0
    area, threshold, place = np.nonzero(hits)
    reached[area, threshold, right[area, threshold, place]] = place
    area, threshold = np.arange(areas)[:, None, None], np.arange(thresholds)[None, :, None]
    needed = np.array([_hits_needed(count) for count in positives.tolist()]).reshape(areas, 1, -1)
    found: np.ndarray = padded[area, threshold, reached[area, threshold, needed]]
    return found


@lru_cache(maxsize=4096)
def _hits_needed(targets: int) -> np.ndarray:
    """(101,) how many of so many targets must be found for each recall."""
    return np.searchsorted(np.arange(targets + 1) / targets, _RECALLS)


def _mean(values: np.ndarray) -> float:
    """Mean of what is not nan; nan when all is."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else math.nan


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
