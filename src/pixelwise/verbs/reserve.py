"""How much of a budget is kept back for what follows training: scoring the test images, and writing the report."""

from __future__ import annotations

import functools
import math
import time

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.engine import distributed
from pixelwise.engine.evaluate import Evaluation
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.tasks.semantic_details import semantic_details
from pixelwise.types import ClassTable, LabelMap, Mode
from pixelwise.verbs.evaluating import own_split

__all__ = ["details_seconds", "evaluation_seconds", "report_seconds"]

# For the report, beside the evaluation itself: a share of the budget, and at most so many seconds.
_REPORT_SHARE, _REPORT_SECONDS = 0.08, 10.0


def evaluation_seconds(dataset: Dataset, task: SemanticTask, budget: float | None, validation: Evaluation) -> float:
    """How long scoring the test images and the report will take, judged by a validation, which measures no details."""
    if budget is None or not validation.images:
        return 0.0
    sizes = sorted((image.size for image in validation.images), key=math.prod)
    each = validation.seconds / len(sizes)
    each += details_seconds(task.classes, task.mode, sizes[len(sizes) // 2]) / distributed.world_size()
    return report_seconds(budget) + 1.1 * each * len(dataset.split(own_split(dataset)))


def report_seconds(budget: float | None) -> float:
    """For the files of an evaluation."""
    return min(_REPORT_SECONDS, _REPORT_SHARE * (budget or 0))


@functools.lru_cache(maxsize=8)
def details_seconds(classes: ClassTable, mode: Mode, size: tuple[int, int]) -> float:
    """How long the details of one image of ``size`` take, tried out on blocks of random labels and scores."""
    details = semantic_details(classes, mode)
    if not details.wants_scores(*size):
        return 0.0
    random = np.random.default_rng(0)
    scores = random.random((len(classes), *size), np.float32)
    scores /= scores.sum(0)
    blocks = random.integers(0, len(classes), (-(-size[0] // 16), -(-size[1] // 16)), np.uint8)
    target = blocks.repeat(16, 0).repeat(16, 1)[: size[0], : size[1]]
    indices = scores.argmax(0).astype(np.uint8)
    if mode == "multilabel":
        target, indices = (
            np.stack([part == index for index in range(len(classes))]).astype(np.uint8) for part in (target, indices)
        )
    result = LabelMap(indices, classes, scores.astype(np.float16))
    details.update(result, target)  # the first call also makes tables and takes memory
    start = time.monotonic()
    details.update(result, target)
    return time.monotonic() - start
