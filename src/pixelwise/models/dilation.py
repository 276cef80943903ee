"""What timm's dilation leaves to be done: where that of a ResNet is not exact, the repair; and multi-grid rates.

ResNets with an averaging shortcut (``resnet50d``, ``resnet10t``, ...) halve the map there by a mean over 2x2 pixels. When a
stage loses its stride, timm's mean stays over *neighbours*, and at the far edges it counts zeros in. In the first dilated stage
neighbours are right; in the second the map is twice as dense as the weights know it, and the mean must be over every other
pixel. Pixels beyond the edge count in neither, as in the network without dilation.

Multi-grid rates (Chen et al. 2017, section 3.2.1) are an option of DeepLab: blocks of the last stage that look 1, 2 and 4 times
as far as the stage's dilation says.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.layers import AvgPool2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.pyramid import Encoder

__all__ = ["DilatedAveragePool", "with_exact_shortcuts", "with_multi_grid"]

_STRIDE = 32  # of a ResNet without dilation


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


def with_multi_grid(encoder: Encoder, multi_grid: Sequence[int]) -> Encoder:
    """Dilates the 3x3 convolutions of the last stage of a ResNet, one unit rate per block; changes ``encoder`` and returns it.

    The dilation of block i is ``multi_grid[i]`` times that of the stage, 2 at ``output_stride=16`` and 4 at 8: "2 (1, 2, 4) =
    (2, 4, 8)" in the paper. The first block is dilated too, which timm leaves at half of that where the stage lost its stride.
    So the maps are no longer those of the network without dilation: the weights have to be trained further.

    Raises:
        ConfigError: rates that are not allowed, or an encoder without a last stage of as many bottleneck blocks.
    """
    if not isinstance(multi_grid, (list, tuple)) or not all(isinstance(rate, int) and rate > 0 for rate in multi_grid):
        raise ConfigError(f"multi_grid must be positive whole numbers such as (1, 2, 4), got {multi_grid!r}")
    blocks = list(getattr(getattr(encoder, "model", None), "layer4", ()))
    layers = [getattr(block, "conv2", None) if hasattr(block, "conv3") else None for block in blocks]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)]
    if not blocks or len(convolutions) != len(blocks):
        raise ConfigError(
            f"multi_grid is for ResNets of bottleneck blocks, such as 'resnet50', 'resnet101' or 'resnext50_32x4d', "
            f"and encoder {encoder.name!r} is none"
        )
    if len(multi_grid) != len(blocks):
        raise ConfigError(
            f"multi_grid must have one rate for each of the {len(blocks)} blocks in the last stage of encoder "
            f"{encoder.name!r}, got {multi_grid!r}"
        )
    for layer, rate in zip(convolutions, multi_grid, strict=True):
        dilation = rate * _STRIDE // encoder.strides[-1]
        layer.dilation = layer.padding = (dilation, dilation)
    return encoder


def _is_shortcut(layer: nn.AvgPool2d) -> bool:
    return layer.kernel_size in (2, (2, 2)) and layer.stride in (1, (1, 1))
