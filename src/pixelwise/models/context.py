"""Modules that let a pixel see the scene around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.blocks import PooledBatchNorm2d, conv_norm_act

__all__ = ["PyramidPooling"]


class PyramidPooling(nn.Module):
    """Pyramid pooling (Zhao et al. 2017, section 3.2).

    The map is averaged over ``bins`` x ``bins`` regions, once per entry; each average passes a 1x1 convolution to
    ``in_channels / len(bins)`` channels with BatchNorm and ReLU, is brought back to the size of the map (bilinear,
    ``align_corners=True``), and all are put behind the map itself: ``out_channels`` is about twice ``in_channels``.
    """

    def __init__(self, in_channels: int, bins: Sequence[int] = (1, 2, 3, 6)) -> None:
        super().__init__()
        width = max(in_channels // len(bins), 1)
        self.bins = tuple(bins)
        self.out_channels = in_channels + width * len(self.bins)
        self.branches = nn.ModuleList(conv_norm_act(in_channels, width, 1, norm=PooledBatchNorm2d) for _ in self.bins)

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, h, w)."""
        size = features.shape[-2:]
        parts = [features]
        for bins, branch in zip(self.bins, self.branches, strict=True):
            pooled = branch(F.adaptive_avg_pool2d(features, bins))
            parts.append(F.interpolate(pooled, size, mode="bilinear", align_corners=True))
        return torch.cat(parts, 1)
