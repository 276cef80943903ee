"""Builders shared by the tests of this room."""

from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.create import create
from pixelwise.models.segmenter import Prediction, Segmenter

__all__ = ["DILATED", "FREE", "SMALL", "created", "outputs", "randomize_norms", "segmenter", "small"]

# Networks that take encoders of their own: the smallest (encoder, options) that is still the network.
SMALL: dict[str, tuple[str, dict[str, Any]]] = {}

FREE = sorted(set(ARCHITECTURES) - set(SMALL))
"""Architectures that take any encoder."""

DILATED = {name: row.encoder_options.get("output_stride", 32) for name, row in ARCHITECTURES.items()}


def small(name: str) -> tuple[str, dict[str, Any]]:
    """Encoder and options with which tests build an architecture."""
    return SMALL.get(name, ("test_resnet", {}))


def created(name: str, encoder: str | None = None, in_channels: int = 3, num_classes: int = 5, **options: Any) -> Segmenter:
    """A small network of the catalog, as it is made."""
    own, defaults = small(name)
    return create(name, encoder or own, None, in_channels, num_classes, {**defaults, **options})


def outputs(prediction: Prediction) -> list[Tensor]:
    """All that a network gives in training, image-level logits last."""
    extra = [] if prediction.image is None else [prediction.image]
    return [prediction.logits, *prediction.auxiliary, *extra]


def randomize_norms(model: nn.Module) -> nn.Module:
    """BatchNorm as after training: nothing is zero, so that no branch of a network drops out of a comparison unseen."""
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return model


def segmenter(name: str, encoder: str | None = None, in_channels: int = 3, num_classes: int = 5, **options: Any) -> Segmenter:
    """A small network of the catalog in evaluation mode, with BatchNorm as after training."""
    torch.manual_seed(0)
    return randomize_norms(created(name, encoder, in_channels, num_classes, **options)).eval()
