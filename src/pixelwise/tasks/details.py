"""What an evaluation measures beside the confusion matrix, streamed image by image and merged over processes like it.

Each metric gets its own *view* of a result: class indices, scores, or connected components. Scores of an image take two bytes
per class and pixel; images with more than :data:`MOST_SCORES` of them are left out of the metrics of scores, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pixelwise.tasks.task import Metric
from pixelwise.types import IGNORE_INDEX, LabelMap

__all__ = ["MOST_SCORES", "Detail", "Details", "foreground_objects", "foreground_scores", "label_view", "score_view"]

MOST_SCORES = 1 << 30
"""Classes times pixels of an image, as float16: 2 GiB."""

_View = Callable[[LabelMap, np.ndarray], tuple[np.ndarray, np.ndarray]]


def label_view(result: LabelMap, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class indices of result and target."""
    return result.indices, target


def score_view(result: LabelMap, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the result, and class indices of the target."""
    assert result.scores is not None
    return result.scores, target


def foreground_scores(result: LabelMap, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of class 1, (H, W) float32, and class indices of the target."""
    assert result.scores is not None
    return result.scores[1].astype(np.float32), target


def foreground_objects(result: LabelMap, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected components (8 neighbours) of class 1, (H, W) int32, 0 elsewhere and where the target is ignored."""
    counted = target != IGNORE_INDEX
    found, expected = (((indices == 1) & counted).astype(np.uint8) for indices in (result.indices, target))
    return cv2.connectedComponents(found, connectivity=8)[1], cv2.connectedComponents(expected, connectivity=8)[1]


@dataclass(frozen=True)
class Detail:
    """A metric and what it looks at; ``of_scores`` where that is probabilities."""

    metric: Metric
    view: _View = label_view
    of_scores: bool = False


class Details:
    """Metrics by name. ``images_without_scores`` counts the images that had too many scores to hold."""

    def __init__(self, parts: Mapping[str, Detail], num_classes: int, most_scores: int = MOST_SCORES) -> None:
        self.parts, self.num_classes, self.most_scores = dict(parts), num_classes, most_scores
        self.images_without_scores = 0

    def wants_scores(self, height: int, width: int) -> bool:
        """Whether results of this size should come with scores."""
        needed = any(part.of_scores for part in self.parts.values())
        return needed and self.num_classes * height * width <= self.most_scores

    def update(self, result: LabelMap, target: np.ndarray) -> None:
        """Adds one image. Raises :class:`DataError` as the metrics do."""
        for part in self.parts.values():
            if not part.of_scores or result.scores is not None:
                part.metric.update(*part.view(result, target))
        if result.scores is None and any(part.of_scores for part in self.parts.values()):
            self.images_without_scores += 1

    def merge(self, other: Details) -> None:
        """Adds what another process measured."""
        for name, part in self.parts.items():
            part.metric.merge(other.parts[name].metric)
        self.images_without_scores += other.images_without_scores

    def __getitem__(self, name: str) -> Any:
        """The metric of that name."""
        return self.parts[name].metric

    def __contains__(self, name: str) -> bool:
        return name in self.parts
