"""Builders shared by the tests of this room."""

from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.create import create
from pixelwise.models.segmenter import Prediction, Segmenter

__all__ = ["DILATED", "FREE", "LIGHT", "SMALL", "created", "outputs", "randomize_norms", "randomize_zeros", "segmenter", "small"]

# Networks that take encoders of their own: the smallest (encoder, options) that is still the network.
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "fcn32s": ("vgg11_bn", {"encoder_width": 32, "encoder_base_width": 4, "encoder_dropout": 0.0}),
    "fcn16s": ("vgg11_bn", {"encoder_width": 32, "encoder_base_width": 4, "encoder_dropout": 0.0}),
    "fcn8s": ("vgg11_bn", {"encoder_width": 32, "encoder_base_width": 4, "encoder_dropout": 0.0}),
    "segnet": ("vgg11_bn", {"encoder_base_width": 8}),
    "segnet_basic": ("segnet_basic", {}),
    "unet_original": ("unet_original", {"encoder_width": 8, "encoder_depth": 3}),
}

# Networks whose published width makes tests slow; they take any encoder.
LIGHT: dict[str, dict[str, Any]] = {
    "unet3plus": {"width": 16},
    "unetplusplus": {"widths": [64, 48, 32, 24, 16]},
    "upernet": {"width": 32},
    "semantic_fpn": {"pyramid_width": 64, "width": 64},
}

FREE = sorted(set(ARCHITECTURES) - set(SMALL))
"""Architectures that take any encoder."""

DILATED = {name: row.encoder_options.get("output_stride", 32) for name, row in ARCHITECTURES.items()}


def small(name: str) -> tuple[str, dict[str, Any]]:
    """Encoder and options with which tests build an architecture."""
    return SMALL.get(name, ("test_resnet", LIGHT.get(name, {})))


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


def randomize_zeros(model: nn.Module) -> nn.Module:
    """Convolutions that start at zero, as after a first step: until then nothing before them gets a gradient."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=layer.in_channels**-0.5)
    return model


def segmenter(name: str, encoder: str | None = None, in_channels: int = 3, num_classes: int = 5, **options: Any) -> Segmenter:
    """A small network of the catalog in evaluation mode, with BatchNorm and layers that start at zero as after training."""
    torch.manual_seed(0)
    return randomize_zeros(randomize_norms(created(name, encoder, in_channels, num_classes, **options))).eval()
