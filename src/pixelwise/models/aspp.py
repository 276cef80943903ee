"""Atrous spatial pyramid pooling (Chen et al. 2017, https://arxiv.org/abs/1706.05587, section 3.3): a map seen at several
scales at once, by convolutions whose taps lie far apart, and by its own mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pixelwise.models.blocks import conv_norm_act, separable_conv_norm_act
from pixelwise.models.spatial import adaptive_average_pool

__all__ = ["ASPP", "rates_for"]

_REACH = (96, 192, 288)  # pixels of the image between the taps: rates 6, 12, 18 at stride 16


def rates_for(output_stride: int) -> tuple[int, ...]:
    """The rates that look equally far in the image at any stride of the map: (6, 12, 18) at 16 and (12, 24, 36) at 8 as in the
    paper ("the rates are doubled when output_stride = 8"), and by the same rule (3, 6, 9) at 32."""
    return tuple(max(reach // output_stride, 1) for reach in _REACH)


class ASPP(nn.Module):
    """A 1x1 convolution, a 3x3 convolution for each rate, and the mean of the whole map through a 1x1 convolution, all to
    ``width`` channels with BatchNorm and ReLU, side by side; then a 1x1 convolution of all to ``width`` channels.

    Args:
        in_channels: of the map.
        width: channels of each branch and of the result, ``out_channels``.
        rates: distances of the taps of the 3x3 convolutions; see :func:`rates_for`. None at all leaves the 1x1 convolution and
            the mean, as in the authors' networks on MobileNet.
        separable: depthwise and pointwise convolutions for the 3x3 ones (Chen et al. 2018, https://arxiv.org/abs/1802.02611).
        dropout: at the end, of single values; 0.1 in the authors' code, 0.5 in torchvision.
        dims: 1 signals, 2 images, 3 volumes.

    Where a rate reaches beyond the map only the middle tap meets any of it, and the branch is one more 1x1 convolution. One map
    of a single pixel trains: see :class:`pixelwise.models.blocks.PooledBatchNorm`.
    """

    def __init__(
        self,
        in_channels: int,
        width: int = 256,
        rates: Sequence[int] = (12, 24, 36),
        *,
        separable: bool = False,
        dropout: float = 0.1,
        dims: int = 2,
    ) -> None:
        super().__init__()
        self.out_channels = width
        self.rates = tuple(rates)
        branch = separable_conv_norm_act if separable else conv_norm_act
        self.branches = nn.ModuleList([conv_norm_act(in_channels, width, 1, dims=dims)])
        self.branches.extend(branch(in_channels, width, dilation=rate, dims=dims) for rate in self.rates)
        self.pooled = conv_norm_act(in_channels, width, 1, pooled=True, dims=dims)
        self.projection = conv_norm_act((len(self.rates) + 2) * width, width, 1, dims=dims)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, *size) -> (B, out_channels, *size)."""
        parts = [branch(features) for branch in self.branches]
        # Enlarging a single pixel, in whatever way, is repeating it; here into the memory layout of the other parts.
        mean = self.pooled(adaptive_average_pool(features, 1)).expand_as(parts[0])
        parts.append(torch.empty_like(parts[0]).copy_(mean))
        projected: Tensor = self.dropout(self.projection(torch.cat(parts, 1)))
        return projected
