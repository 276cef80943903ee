"""Builders shared by the tests of this room."""

import torch
from torch import nn

__all__ = ["randomize_norms", "segmenter"]


def randomize_norms(model: nn.Module) -> nn.Module:
    """BatchNorm as after training: nothing is zero, so that no branch of a network drops out of a comparison unseen."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return model


def segmenter(name: str, encoder: str = "test_resnet", in_channels: int = 3, num_classes: int = 5, **options) -> nn.Module:
    """A small network of the catalog in evaluation mode, with BatchNorm as after training."""
    from pixelwise.models.face import create

    torch.manual_seed(0)
    return randomize_norms(create(name, encoder, None, in_channels, num_classes, options)).eval()
