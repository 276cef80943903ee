"""How good a result is: each metric has ``update(result, target)``, ``merge(other)`` and ``compute()``."""

from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.scores import (
    ImageScores,
    SegmentationScores,
    image_scores,
    mean_iou_per_image,
    scores_from_matrix,
    scores_from_multilabel,
)

__all__ = [
    "ConfusionMatrix",
    "ImageScores",
    "MultilabelConfusion",
    "SegmentationScores",
    "image_scores",
    "mean_iou_per_image",
    "scores_from_matrix",
    "scores_from_multilabel",
]
