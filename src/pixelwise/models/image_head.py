"""Is a class anywhere in the image: spatial pyramid pooling to a vector of fixed length (He et al. 2014,
https://arxiv.org/abs/1406.4729), and a linear layer on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ImageHead", "SpatialPyramidVector"]

_ADAPTIVE_MAX: dict[int, Any] = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


class SpatialPyramidVector(nn.Module):
    """(B, C, *size) -> (B, C * (sum of ``level ** dims``)), the same length for any size: the map is divided into ``level``
    regions along every dimension, once per entry of ``levels``, and the maximum of every region is kept."""

    def __init__(self, levels: Sequence[int] = (1, 2, 4)) -> None:
        super().__init__()
        self.levels = tuple(levels)

    def length(self, channels: int, dims: int = 2) -> int:
        """Of the vector of a map with so many channels."""
        return channels * sum(level**dims for level in self.levels)

    def forward(self, features: Tensor) -> Tensor:
        pool = _ADAPTIVE_MAX[features.ndim - 2]
        return torch.cat([pool(features, level).flatten(1) for level in self.levels], 1)


class ImageHead(nn.Module):
    """The coarsest map of the pyramid -> logits (B, ``num_classes``) of "this class is anywhere in the image", one sigmoid each.

    Args:
        in_channels: of the coarsest map.
        num_classes: as the dense head has.
        levels: of :class:`SpatialPyramidVector`.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(self, in_channels: int, num_classes: int, levels: Sequence[int] = (1, 2, 4), dims: int = 2) -> None:
        super().__init__()
        self.vector = SpatialPyramidVector(levels)
        self.classifier = nn.Linear(self.vector.length(in_channels, dims), num_classes)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        logits: Tensor = self.classifier(self.vector(pyramid[-1]))
        return logits
