"""All metrics in one table, with images for each: what the tests of their common laws and of bad input go through."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

import pixelwise.metrics
from pixelwise.metrics.average_precision import AveragePrecision
from pixelwise.metrics.boundary import BoundaryIoU
from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.error_places import ErrorPlaces
from pixelwise.metrics.instances import Instances
from pixelwise.metrics.membrane import MembraneMetrics
from pixelwise.metrics.object_matching import ObjectMatching
from pixelwise.metrics.panoptic import PanopticMap, PanopticQuality
from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.metrics.skeleton import ClDice
from pixelwise.metrics.strata import Strata
from pixelwise.metrics.surface_scores import SurfaceMetrics
from pixelwise.types import ClassInfo, ClassTable

K = 3
SIZE = (18, 22)
CLASSES = ClassTable(tuple(ClassInfo(index, f"c{index}", (0, 0, 0), index > 1) for index in range(4)))
Image = tuple[Any, ...]
"""What ``update`` is given: prediction, target, and for average precision the key of the image."""


@dataclass(frozen=True)
class Subject:
    """A metric, an image by its seed, the perfect prediction of an image, and what the metric then says, by key of its JSON.

    ``spoil`` gives another prediction where the target is ignored; ``is_pixelwise``: pixels may change places.
    """

    make: Callable[[], Any]
    draw: Callable[[int], Image]
    perfect: Callable[[Image], Image]
    best: dict[str, float]
    spoil: Callable[[Image], Image] | None = None
    is_pixelwise: bool = False


def result(metric: Any) -> dict[str, Any]:
    """What a metric says so far, in plain data: equal results are equal to the last digit."""
    found: dict[str, Any] = metric.compute().to_json()
    return found


def count(name: str, images: Iterable[Image]) -> Any:
    metric = SUBJECTS[name].make()
    for image in images:
        metric.update(*image)
    return metric


def count_seeds(name: str, seeds: Iterable[int]) -> Any:
    return count(name, [SUBJECTS[name].draw(seed) for seed in seeds])


def merged(name: str, parts: Iterable[Any]) -> Any:
    whole = SUBJECTS[name].make()
    for part in parts:
        whole.merge(part)
    return whole


def regions(rng: np.random.Generator, count: int = K) -> np.ndarray:
    """(H, W) uint8: smooth regions of ``count`` labels."""
    field = ndimage.gaussian_filter(rng.normal(size=SIZE), 2)
    return np.searchsorted(np.quantile(field, np.arange(1, count) / count), field).astype(np.uint8)


def draw_labels(seed: int, count: int = K) -> Image:
    rng = np.random.default_rng(seed)
    target = regions(rng, count)
    prediction = np.where(rng.random() < 0.5, np.roll(target, 1, 1), regions(rng, count)).astype(np.uint8)
    target[rng.integers(0, 12) :, : rng.integers(1, 6)] = 255
    return prediction, target


def draw_planes(seed: int) -> Image:
    pairs = [draw_labels(seed + index, 2) for index in range(K)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def draw_scores(seed: int) -> Image:
    """float16 or float32 by the seed; the scores know something of the target."""
    rng = np.random.default_rng(seed)
    target = draw_labels(seed)[1]
    logits = rng.normal(size=(K, *SIZE)) + 2 * (np.arange(K)[:, None, None] == target)
    scores = np.exp(logits) / np.exp(logits).sum(0)
    return scores.astype(np.float16 if seed % 3 else np.float32), target


def draw_cells(seed: int) -> Image:
    rng = np.random.default_rng(seed)
    target = draw_labels(seed, 2)[1]
    return np.clip(0.3 * (target == 1) + ndimage.gaussian_filter(rng.random(SIZE), 1) - 0.2, 0, 1), target


def draw_ids(seed: int, count: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ids = np.zeros(SIZE, np.int32)
    for index in range(1, count + 1):
        top, left = rng.integers(0, 12), rng.integers(0, 14)
        ids[top : top + rng.integers(2, 9), left : left + rng.integers(2, 9)] = index
    return ids


def draw_objects(seed: int) -> Image:
    target = draw_ids(seed)
    return (np.roll(target, 1, 1) if seed % 2 else draw_ids(seed + 99)), target


def to_panoptic(ids: np.ndarray, crowd: frozenset[int] = frozenset()) -> PanopticMap:
    there = np.unique(ids[ids > 0]).tolist()
    return PanopticMap(ids, {index: index % 4 for index in there}, crowd & frozenset(there))


def draw_panoptic(seed: int) -> Image:
    prediction, target = draw_objects(seed)
    return to_panoptic(prediction), to_panoptic(target, frozenset({seed % 7}))


def perfect_panoptic(image: Image) -> Image:
    target = image[1]
    return to_panoptic(np.where(np.isin(target.ids, list(target.crowd)), 0, target.ids)), target


def draw_instances(seed: int) -> Image:
    """Boxes and their filled masks; nearly all scores are tied."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 9, (rng.integers(1, 6), 2))
    boxes = np.concatenate([corner, corner + rng.integers(2, 9, corner.shape)], 1)
    labels = rng.integers(0, K, len(boxes))
    moved = boxes + rng.integers(-1, 2, (len(boxes), 1)) * (boxes.min(1, keepdims=True) > 0)
    scores = rng.integers(1, 3, len(boxes)) / 2
    crowd = np.arange(len(boxes)) == 3
    return to_instances(moved, labels, scores=scores), to_instances(boxes, labels, crowd=crowd), seed


def to_instances(boxes: np.ndarray, labels: np.ndarray, **more: Any) -> Instances:
    masks = np.zeros((len(boxes), *SIZE), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    return Instances(labels, boxes=boxes.astype(float), masks=masks, **more)


def perfect_instances(image: Image) -> Image:
    target = image[1]
    count = ~target.crowd
    masks = [runs for runs, is_counted in zip(target.runs, count, strict=True) if is_counted]
    return Instances(target.labels[count], np.ones(count.sum()), target.boxes[count], masks), target, image[2]


def perfect_labels(image: Image) -> Image:
    return np.where(image[1] == 255, 0, image[1]).astype(np.uint8), image[1]


def perfect_scores(image: Image) -> Image:
    labels = perfect_labels(image)[0]
    return (labels == np.arange(K)[:, None, None]).astype(np.float16), image[1]


def perfect_cells(image: Image) -> Image:
    return (image[1] == 1).astype(float), image[1]


def perfect_ids(image: Image) -> Image:
    return 7 * image[1], image[1]


def spoil_labels(image: Image) -> Image:
    prediction, target = image
    top = 1 if target.ndim == 3 else K - 1
    return np.where(target == 255, top - prediction, prediction).astype(np.uint8), target


def spoil_scores(image: Image) -> Image:
    return np.where(image[1] == 255, image[0][::-1], image[0]), image[1]


def spoil_cells(image: Image) -> Image:
    return np.where(image[1] == 255, 1 - image[0], image[0]), image[1]


_LABELS = (draw_labels, perfect_labels)
_OVERLAP = {"mean_iou": 1, "accuracy": 1, "mean_dice": 1, "fwiou": 1, "balanced_accuracy": 1, "cohen_kappa": 1, "mcc": 1}
_DISTANCES = {f"mean_{name}": 0 for name in ("hausdorff", "hausdorff_percentile", "assd", "masd")}

SUBJECTS: dict[str, Subject] = {
    "ConfusionMatrix": Subject(lambda: ConfusionMatrix(K), *_LABELS, _OVERLAP, spoil_labels, True),
    "MultilabelConfusion": Subject(lambda: MultilabelConfusion(K), draw_planes, perfect_labels, _OVERLAP, spoil_labels, True),
    "BoundaryIoU": Subject(lambda: BoundaryIoU(K, dilation_ratio=0.1), *_LABELS, {"mean_boundary_iou": 1}, spoil_labels),
    "SurfaceMetrics": Subject(lambda: SurfaceMetrics(K), *_LABELS, _DISTANCES | {"mean_surface_dice": 1}, spoil_labels),
    "ClDice": Subject(lambda: ClDice(K), *_LABELS, {"mean_cldice": 1}, spoil_labels),
    "ErrorPlaces": Subject(
        lambda: ErrorPlaces(K), *_LABELS, {"places.inside.error_rate": 0, "places.boundary.error_rate": 0}, spoil_labels
    ),
    "MembraneMetrics": Subject(
        lambda: MembraneMetrics(thresholds=(0.3, 0.5)), draw_cells, perfect_cells, {"v_rand": 1, "v_info": 1}, spoil_cells
    ),
    "ScoreHistograms": Subject(
        lambda: ScoreHistograms(K),
        draw_scores,
        perfect_scores,
        {f"{how}_{area}": 1 for how in ("macro", "micro") for area in ("auroc", "average_precision")},
        spoil_scores,
        True,
    ),
    "Calibration": Subject(
        lambda: Calibration(K, strata=None),
        draw_scores,
        perfect_scores,
        {"classwise_ece": 0, "classwise_ace": 0, "brier": 0, "nll": 0, "top_label.ece": 0, "top_label.mce": 0},
        spoil_scores,
        True,
    ),
    "Calibration with strata": Subject(
        lambda: Calibration(K, strata=Strata(radius=1, areas=(20, 60))),
        draw_scores,
        perfect_scores,
        {"strata.boundary.ece": 0, "strata.inside.ece": 0},
        spoil_scores,
    ),
    "PanopticQuality": Subject(
        lambda: PanopticQuality(CLASSES), draw_panoptic, perfect_panoptic, {"pq": 1, "sq": 1, "rq": 1}, None, True
    ),
    "AveragePrecision of masks": Subject(lambda: AveragePrecision(K), draw_instances, perfect_instances, {"ap": 1, "ar_100": 1}),
    "AveragePrecision of boxes": Subject(
        lambda: AveragePrecision(K, "box"), draw_instances, perfect_instances, {"ap": 1, "ar_100": 1}
    ),
    "ObjectMatching": Subject(
        ObjectMatching, draw_objects, perfect_ids, {"mean_average_precision": 1, "panoptic_quality": 1}, None, True
    ),
}


def look_up(found: dict[str, Any], key: str) -> list[float]:
    """The numbers under a key; dots lead inside."""
    value: Any = found
    for part in key.split("."):
        value = value[part]
    return [math.nan if number is None else number for number in (value if isinstance(value, list) else [value])]


def metric_classes() -> set[str]:
    """Names of all classes of the package that can update, merge and compute."""
    modules = [
        importlib.import_module(info.name) for info in pkgutil.iter_modules(pixelwise.metrics.__path__, "pixelwise.metrics.")
    ]
    found = {thing for module in modules for _, thing in inspect.getmembers(module, inspect.isclass)}
    return {thing.__name__ for thing in found if all(hasattr(thing, verb) for verb in ("update", "merge", "compute"))}
