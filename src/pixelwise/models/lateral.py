"""The 1x1 "middle connection": every level of the pyramid, brought to a common width and size, and summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from pixelwise.models.spatial import CONVOLUTIONS, resize

__all__ = ["LateralNeck", "Neck"]

Neck = Literal["none", "lateral"]


class LateralNeck(nn.Module):
    """Lateral 1x1 convolutions: maps of any widths and sizes -> one map, the sum of all.

    A 1x1 convolution and a linear enlargement commute, so the convolution works on the small map: the same values for
    ``1 / s**2`` of the multiply-adds on an image, ``s`` being the factor of enlargement.

    Args:
        channels: of the maps.
        width: of the sum.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(self, channels: Sequence[int], width: int, dims: int = 2) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(CONVOLUTIONS[dims](entering, width, 1) for entering in channels)
        for lateral in self.laterals:
            # Not by the width that leaves, as before a ReLU: wide maps would come out many times larger than they went in.
            nn.init.xavier_uniform_(lateral.weight)  # type: ignore[arg-type]
            nn.init.zeros_(lateral.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Maps (B, channels[i], *) -> (B, width, *size)."""
        total, *others = [resize(lateral(features), size) for lateral, features in zip(self.laterals, maps, strict=True)]
        for other in others:
            total = total + other
        return total
