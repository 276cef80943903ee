"""Where timm's dilation of a ResNet is not exact, and the repair.

ResNets with an averaging shortcut (``resnet50d``, ``resnet10t``, ...) halve the map there by a mean over 2x2 pixels. When a
stage loses its stride, timm's mean stays over *neighbours*, and at the far edges it counts zeros in. In the first dilated stage
neighbours are right; in the second the map is twice as dense as the weights know it, and the mean must be over every other
pixel. Pixels beyond the edge count in neither, as in the network without dilation.
"""

from __future__ import annotations

import torch
from timm.layers import AvgPool2dSame
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["DilatedAveragePool", "with_exact_shortcuts"]


class DilatedAveragePool(nn.Module):
    """Mean of the pixels at (y, x), (y, x + rate), (y + rate, x) and (y + rate, x + rate), of those inside the map."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w)."""
        rate, (height, width) = self.rate, features.shape[-2:]
        padded = F.pad(features, (0, rate, 0, rate))
        rows = padded[..., :height, :] + padded[..., rate:, :]
        total = rows[..., :width] + rows[..., rate:]
        return total / (self._counts(height, total)[:, None] * self._counts(width, total))

    def _counts(self, length: int, like: Tensor) -> Tensor:
        """How many of the two pixels along one side are inside: 2, and 1 at the far end."""
        return torch.where(torch.arange(length, device=like.device) + self.rate < length, 2, 1).to(like.dtype)


def with_exact_shortcuts(model: nn.Module) -> nn.Module:
    """Replaces the mean in the shortcuts of dilated stages; nothing else changes, and no parameter is there."""
    dilated = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, AvgPool2dSame) and _is_shortcut(layer)]
    for stage, (name, _) in enumerate(dilated):
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, DilatedAveragePool(2**stage))
    return model


def _is_shortcut(layer: nn.AvgPool2d) -> bool:
    return layer.kernel_size in (2, (2, 2)) and layer.stride in (1, (1, 1))
