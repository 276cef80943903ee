"""Data for whole pages: scores measured by the real metrics on maps made on the spot, and names that try to break the page."""

import cv2
import numpy as np

from pixelwise.metrics.boundary import BoundaryIoU
from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.error_places import ErrorPlaces
from pixelwise.metrics.intervals import enough, score_intervals
from pixelwise.metrics.scores import image_scores, scores_from_matrix, scores_from_multilabel
from pixelwise.metrics.stacks import class_counts
from pixelwise.metrics.subgroups import subgroup_scores
from pixelwise.metrics.surface_scores import SurfaceMetrics
from pixelwise.report.page_data import Example, ReportData
from pixelwise.types import ClassInfo, ClassTable, distinct_colors

HOSTILE = (
    "<script>alert(1)</script>",
    'a"b & c',
    "a $b$ ${c} class with a name that goes on and on, beyond every column of every table",
    "Donaudampfschifffahrtsgesellschaftskapitaenskajuetentuerklinke",
    "--> ]]> <svg onload=x>",
    "|pipe",
)


def class_table(num_classes, names=HOSTILE):
    """Hostile names first; one class is white and one black, which no paper shows both of."""
    colors = [tuple(color) for color in distinct_colors(num_classes)]
    colors[:2] = [(255, 255, 255), (0, 0, 0)][:num_classes]
    shown = [*names, *(f"class {index}" for index in range(len(names), num_classes))][:num_classes]
    return ClassTable(tuple(ClassInfo(index, shown[index], colors[index]) for index in range(num_classes)))


def measured(num_classes=11, images=4, size=(48, 64), multilabel=False, seed=0):
    """A page with every section of which the last class is absent (where there are more than three)."""
    rng = np.random.default_rng(seed)
    table = class_table(num_classes)
    present = num_classes - (num_classes > 3)
    samples = [
        _layered(rng, num_classes, size) if multilabel else _sample(rng, present, num_classes, size) for _ in range(images)
    ]
    return _page(table, samples, multilabel)


def _page(table, samples, multilabel):
    names, count = table.names, len(table)
    calibration = Calibration(count, names, multilabel=multilabel)
    others = [BoundaryIoU(count, names), ErrorPlaces(count, names, multilabel=multilabel), SurfaceMetrics(count, names)]
    matrices, rows, examples = [], [], []
    for number, (scores, target) in enumerate(samples):
        found = (scores > 0.5).astype(np.uint8) if multilabel else scores.argmax(0).astype(np.uint8)
        calibration.update(scores, target)
        for metric in others:
            metric.update(found, target)
        matrices.append(_matrix(found, target, count))
        own = image_scores(matrices[-1])
        rows.append({"key": f"image <{number}>", **own.to_row(names)})
        image = np.random.default_rng(number).integers(0, 256, (*target.shape[-2:], 3), dtype=np.uint8)
        examples.append(Example(rows[-1]["key"], image, target, found, own.mean_iou))
    whole = (scores_from_multilabel if multilabel else scores_from_matrix)(sum(matrices), names)
    counts = class_counts(matrices)
    intervals = score_intervals(counts, names, resamples=100, is_binary=count == 2)
    said = {"intervals": intervals.to_json(), "intervals_rule": intervals.rule, "too_small": enough(intervals.means["mean_iou"])}
    boundary, places, surface = (metric.compute().to_json() for metric in others)
    examples.sort(key=lambda example: example.mean_iou)
    return ReportData(
        title="unet on <data> & $more", command="pixelwise evaluate 'runs/<a>' --set x=${y} " + "data/very/long/" * 12,
        scores={**whole.to_json(), **said}, class_table=table, confusion=None if multilabel else sum(matrices),
        history=[{"step": s, "loss": 1 / (s + 1), "lr": 1e-3, "val_mean_iou": 0.02 * s} for s in range(30)],
        per_image=rows, worst=examples, best=examples[-1:], random=examples[:3],
        facts={"device": "cpu <2 cores>", "Data": {"folder": "/" + "a-long-name-without-a-space" * 9}}, decisions=["crop <320>"],
        subtitle="a <subtitle>", ranking=calibration.histograms.compute().to_json(), calibration=calibration.compute().to_json(),
        boundary=boundary, errors=places, extra={"Surface <distances>": surface}, notes=["one image <was> left out"],
        subgroups={"<scanner>": subgroup_scores(counts, [f"<{n % 2}>" for n in range(len(rows))], names, resamples=100)},
    )  # fmt: skip


def _sample(rng, present, num_classes, size):
    """(K, H, W) probabilities that are right in most places, and (H, W) targets with an ignored strip."""
    field = cv2.resize(rng.random((5, 6), dtype=np.float32), size[::-1], interpolation=cv2.INTER_CUBIC)
    target = np.clip(field * present, 0, present - 1).astype(np.uint8)
    logits = 3.0 * np.stack([cv2.blur((target == index).astype(np.float32), (5, 5)) for index in range(num_classes)])
    logits += rng.normal(0, 0.7, logits.shape)
    scores = np.exp(logits - logits.max(0))
    target[:2] = 255
    return (scores / scores.sum(0)).astype(np.float32), target


def _layered(rng, num_classes, size):
    """(K, H, W) probabilities and targets of classes that overlap."""
    fields = [
        cv2.resize(rng.random((4, 5), dtype=np.float32), size[::-1], interpolation=cv2.INTER_CUBIC) for _ in range(num_classes)
    ]
    target = (np.stack(fields) > 0.6).astype(np.uint8)
    scores = np.clip(0.2 + 0.6 * target + rng.normal(0, 0.2, target.shape), 0, 1).astype(np.float32)
    target[:, :2] = 255
    return scores, target


def _matrix(found, target, count):
    if target.ndim == 3:
        return np.stack([_matrix(*pair, 2) for pair in zip(found, target, strict=True)])
    kept = target != 255
    pairs = np.bincount(target[kept].astype(int) * count + found[kept], minlength=count * count)
    return pairs.reshape(count, count)
