"""Semantic segmentation: binary, multiclass or multilabel.

The mode decides output channels, activation, loss, metric and decision rule together, so that they cannot disagree:

=========== ======== ========== ================= =============================
mode        channels activation losses            decision
=========== ======== ========== ================= =============================
binary      1        sigmoid    BCE + Dice        foreground where p > threshold
multiclass  K        softmax    CE + Dice         the class of the largest logit
multilabel  K        sigmoid    BCE + Dice        each class where p > threshold
=========== ======== ========== ================= =============================

The arithmetic stands in plain functions on tensors (:func:`semantic_loss`, :func:`decode`) that other tasks call too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import DataError
from pixelwise.losses.border import border_weights
from pixelwise.losses.pixel import binary_cross_entropy, cross_entropy
from pixelwise.losses.region import binary_dice, dice
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.tasks.task import Metric
from pixelwise.types import Batch, ClassTable, LabelMap, Mode

__all__ = ["LossWeights", "SemanticTask", "decode", "normalize", "presence", "semantic_loss"]


@dataclass(frozen=True)
class LossWeights:
    """Factor of each named loss; 0 leaves it out."""

    cross_entropy: float = 1.0
    dice: float = 1.0
    label_smoothing: float = 0.0
    auxiliary: float = 0.4
    image: float = 0.2
    border: float = 0.0
    border_sigma: float = 5.0


class SemanticTask:
    """Turns a :class:`~pixelwise.models.segmenter.Segmenter` into losses, results and scores.

    Args:
        classes: the class table; binary needs exactly two classes, background first.
        mode: binary, multiclass or multilabel.
        mean, std: per input channel, of images scaled to [0, 1]; those of the encoder's weights.
        weights: of the losses.
        threshold: probability above which a sigmoid output counts as there, in (0, 1).
    """

    def __init__(
        self,
        classes: ClassTable,
        mode: Mode,
        mean: Sequence[float],
        std: Sequence[float],
        weights: LossWeights | None = None,
        threshold: float = 0.5,
    ) -> None:
        if mode == "binary" and len(classes) != 2:
            raise DataError(f"binary segmentation needs exactly 2 classes, got {len(classes)}; set data.task=multiclass")
        self.classes, self.mode, self.threshold = classes, mode, threshold
        self.mean, self.std = tuple(mean), tuple(std)
        self.weights = weights or LossWeights()

    @property
    def num_channels(self) -> int:
        """Logit channels that the model must have."""
        return 1 if self.mode == "binary" else len(self.classes)

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.targets is not None
        prediction = model(normalize(batch.images, self.mean, self.std), auxiliary=True)
        losses = semantic_loss(prediction.logits, batch.targets, self.mode, self.weights)
        if prediction.auxiliary and self.weights.auxiliary:
            alone = LossWeights(dice=0, label_smoothing=self.weights.label_smoothing)
            extra = [semantic_loss(logits, batch.targets, self.mode, alone)["cross_entropy"] for logits in prediction.auxiliary]
            losses["auxiliary"] = self.weights.auxiliary * torch.stack(extra).mean()
        if prediction.image is not None and self.weights.image:
            there = presence(batch.targets, self.mode, self.num_channels)
            losses["image"] = self.weights.image * F.binary_cross_entropy_with_logits(prediction.image.float(), there)
        return losses

    def predict(self, model: nn.Module, batch: Batch, scores: bool = False) -> list[LabelMap]:
        logits = model(normalize(batch.images, self.mean, self.std))
        indices, probabilities = decode(logits, self.mode, self.threshold, scores)
        maps = [None] * len(batch) if probabilities is None else list(probabilities.cpu().numpy())
        return [LabelMap(i, self.classes, p) for i, p in zip(indices.cpu().numpy(), maps, strict=True)]

    def metrics(self) -> dict[str, Metric]:
        if self.mode == "multilabel":
            return {"confusion": MultilabelConfusion(len(self.classes), self.classes.names)}
        return {"confusion": ConfusionMatrix(len(self.classes), self.classes.names)}


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(B, C, H, W) uint8 to float: ``(image / 255 - mean) / std``, on the device where the images are."""
    scale = torch.tensor([1 / (255 * s) for s in std], device=images.device).view(1, -1, 1, 1)
    shift = torch.tensor([m / s for m, s in zip(mean, std, strict=True)], device=images.device).view(1, -1, 1, 1)
    return images.float().mul_(scale).sub_(shift)


def semantic_loss(logits: Tensor, targets: Tensor, mode: Mode, weights: LossWeights) -> dict[str, Tensor]:
    """Named, weighted losses of logits (B, K, H, W) and targets (B, H, W), or (B, K, H, W) multilabel; 255 is ignored.

    With ``weights.border`` the cross-entropy counts pixels between objects more; multilabel channels are judged one by one.
    """
    losses = {}
    border = border_weights(targets, weights.border, weights.border_sigma) if weights.border and weights.cross_entropy else None
    if mode == "multiclass":
        if weights.cross_entropy:
            losses["cross_entropy"] = weights.cross_entropy * cross_entropy(logits, targets, weights.label_smoothing, border)
        if weights.dice:
            losses["dice"] = weights.dice * dice(logits, targets)
        return losses
    wanted = targets.unsqueeze(1) if mode == "binary" else targets
    if weights.cross_entropy:
        border = border.view_as(wanted) if border is not None else None
        losses["cross_entropy"] = weights.cross_entropy * binary_cross_entropy(logits, wanted, weights.label_smoothing, border)
    if weights.dice:
        losses["dice"] = weights.dice * binary_dice(logits, wanted)
    return losses


def presence(targets: Tensor, mode: Mode, channels: int) -> Tensor:
    """(B, ``channels``) float: 1 where a class is anywhere in the image, from targets as in :func:`semantic_loss`.

    Binary has the one channel of the foreground; ignored pixels count for no class.
    """
    if mode == "multiclass":
        return torch.stack([(targets == index).flatten(1).any(1) for index in range(channels)], 1).float()
    wanted = targets.unsqueeze(1) if mode == "binary" else targets
    return (wanted == 1).flatten(2).any(2).float()


def decode(logits: Tensor, mode: Mode, threshold: float = 0.5, scores: bool = False) -> tuple[Tensor, Tensor | None]:
    """Class indices as uint8, (B, H, W) or (B, K, H, W) multilabel, and float16 probabilities (B, K, H, W) if asked for.

    Binary probabilities have two channels, background and foreground, as the class table has two rows.
    """
    if mode == "multiclass":
        # max, not argmax: on contiguous logits torch's argmax(1) takes five times as long.
        indices = logits.max(1).indices.to(torch.uint8)
        return indices, logits.float().softmax(1).half() if scores else None
    # The threshold moves to the logits, which spares the sigmoid of every pixel.
    edge = float(np.log(threshold / (1 - threshold)))
    # In fp32: bf16 would round the edge to three digits.
    there = (logits.float() > edge).to(torch.uint8)
    probabilities = logits.float().sigmoid() if scores else None
    if mode == "binary":
        both = None if probabilities is None else torch.cat([1 - probabilities, probabilities], 1).half()
        return there.squeeze(1), both
    return there, None if probabilities is None else probabilities.half()
