"""Modules that let a pixel see the scene around it: parts that every decoder takes by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from pixelwise.models.blocks import conv_norm_act
from pixelwise.models.spatial import adaptive_average_pool, resize, size_of

__all__ = ["Context", "PyramidPooling"]

Context = Literal["none", "ppm", "spp", "aspp"]


class PyramidPooling(nn.Module):
    """Pyramid pooling (Zhao et al. 2017, section 3.2).

    The map is averaged over ``bins`` x ``bins`` regions, once per entry; each average passes a 1x1 convolution to
    ``in_channels / len(bins)`` channels with BatchNorm and ReLU, is brought back to the size of the map (bilinear,
    ``align_corners=True``), and all are put behind the map itself: ``out_channels`` is about twice ``in_channels``.
    """

    def __init__(self, in_channels: int, bins: Sequence[int] = (1, 2, 3, 6), dims: int = 2) -> None:
        super().__init__()
        width = max(in_channels // len(bins), 1)
        self.bins = tuple(bins)
        self.out_channels = in_channels + width * len(self.bins)
        self.branches = nn.ModuleList(conv_norm_act(in_channels, width, 1, pooled=True, dims=dims) for _ in self.bins)

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, *size) -> (B, out_channels, *size)."""
        parts = [features]
        for bins, branch in zip(self.bins, self.branches, strict=True):
            parts.append(resize(branch(adaptive_average_pool(features, bins)), size_of(features), align_corners=True))
        return torch.cat(parts, 1)
