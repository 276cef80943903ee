"""Position and channel attention (DANet, Fu et al. 2019, https://arxiv.org/abs/1809.02983): every pixel looks at every other,
and every channel at every other."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.blocks import conv_norm_act
from pixelwise.models.spatial import CONVOLUTIONS

__all__ = ["Attention", "ChannelAttention", "DualAttention", "PositionAttention"]

Attention = Literal["none", "dual"]


class PositionAttention(nn.Module):
    """``x + scale * sum over pixels j of softmax_j(query_i . key_j) value_j``; ``scale`` is learned and starts at 0.

    (B, channels, *size) -> the same shape. Queries and keys have an eighth of the channels (where 8 does not divide them, the
    largest divisor below), values have all. What a pixel gets does not depend on where it stands.

    Memory grows with the number of pixels, not with its square: torch's fused attention never holds the N x N weights. Time
    does grow with the square; on maps of stride 8, images above about 1000 pixels a side are better cut into tiles.
    """

    def __init__(self, channels: int, dims: int = 2) -> None:
        super().__init__()
        self.key_channels = max(size for size in range(1, max(channels // 8, 1) + 1) if channels % size == 0)
        convolution = CONVOLUTIONS[dims]
        self.query = convolution(channels, self.key_channels, 1)
        self.key = convolution(channels, self.key_channels, 1)
        self.value = convolution(channels, channels, 1)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        groups = features.shape[1] // self.key_channels
        query, key, value = (self._in_groups(layer(features)) for layer in (self.query, self.key, self.value))
        query, key = query.expand(-1, groups, -1, -1), key.expand(-1, groups, -1, -1)
        seen = F.scaled_dot_product_attention(query, key, value, scale=1.0)[..., : self.key_channels]
        return features + self.scale * seen.transpose(2, 3).reshape(features.shape)

    def weights(self, features: Tensor) -> Tensor:
        """(B, channels, *size) -> (B, N, N), N pixels: how much pixel i (row) takes from pixel j; every row sums to 1."""
        query, key = self.query(features).flatten(2), self.key(features).flatten(2)
        return (query.transpose(1, 2) @ key).softmax(2)

    def _in_groups(self, features: Tensor) -> Tensor:
        """(B, C, *size) -> (B, C / key_channels, N, key_channels and zeros up to a multiple of 8).

        So the fused kernels want it: values as wide as keys, a multiple of 8, and side by side in memory. All groups of
        the values have the same weights, and zeros change no product.
        """
        beside = features.flatten(2).transpose(1, 2).contiguous()
        groups = beside.unflatten(2, (-1, self.key_channels)).transpose(1, 2)
        return F.pad(groups, (0, -self.key_channels % 8))


class ChannelAttention(nn.Module):
    """``x + scale * sum over channels j of softmax_j(x_i . x_j) x_j``; ``scale`` is learned and starts at 0.

    (B, channels, *size) -> the same shape, as in equations 3 and 4 of the paper: products over all pixels, and no other weights.
    (The authors' code takes the softmax of the largest product minus each one, which turns likeness around.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        flat = features.flatten(2)
        return features + self.scale * (self.weights(features).to(flat.dtype) @ flat).reshape(features.shape)

    def weights(self, features: Tensor) -> Tensor:
        """(B, C, *size) -> (B, C, C): how much channel i (row) takes from channel j; every row sums to 1."""
        flat = features.flatten(2)
        # Sums over all pixels pass the largest number of fp16 on maps of ordinary size.
        with torch.autocast(features.device.type, enabled=False):
            flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
            return (flat @ flat.transpose(1, 2)).softmax(2)


class DualAttention(nn.Module):
    """DANet's head without its classifier: (B, in_channels, *size) -> (B, out_channels, *size), a quarter of the channels.

    Two branches, each a 3x3 convolution to a quarter of the channels with BatchNorm and ReLU, the attention, and another such
    3x3 convolution; their sum.
    """

    def __init__(self, in_channels: int, dims: int = 2) -> None:
        super().__init__()
        self.out_channels = width = max(in_channels // 4, 1)
        self.position, self.channel = (
            nn.Sequential(conv_norm_act(in_channels, width, dims=dims), attention, conv_norm_act(width, width, dims=dims))
            for attention in (PositionAttention(width, dims), ChannelAttention())
        )

    def forward(self, features: Tensor) -> Tensor:
        attended: Tensor = self.position(features) + self.channel(features)
        return attended
