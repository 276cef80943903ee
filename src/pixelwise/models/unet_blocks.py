"""The blocks of U-Nets: convolutions in three styles, and what a decoder's block does with its skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.attention import AttentionGate, ConcurrentSqueezeExcite, SqueezeExcite
from pixelwise.models.blocks import Norm, conv_norm_act, separable_conv_norm_act
from pixelwise.models.options import check_choice
from pixelwise.models.spatial import CONVOLUTIONS, resize

__all__ = ["Attention", "Block", "BlockStyle", "ConvBlock", "Skip", "UnetBlock"]

Skip = Literal["concat", "add", "gated", "none"]
Block = Literal["plain", "residual", "separable"]
Attention = Literal["none", "se", "scse"]

_ATTENTION: dict[str, type[Any]] = {"se": SqueezeExcite, "scse": ConcurrentSqueezeExcite}


@dataclass(frozen=True)
class BlockStyle:
    """How the blocks of a decoder are made; see :func:`pixelwise.models.unet.unet` for what the values mean.

    Raises:
        ConfigError: a value that is not allowed.
    """

    skip: Skip = "concat"
    block: Block = "plain"
    attention: Attention = "none"
    convs_per_block: int = 2
    norm: Norm = "batch"
    dims: int = 2

    def __post_init__(self) -> None:
        check_choice("skip", self.skip, Skip)
        check_choice("block", self.block, Block)
        check_choice("attention", self.attention, Attention)
        check_choice("norm", self.norm, Norm)
        if not isinstance(self.convs_per_block, int) or self.convs_per_block < 1:
            raise ConfigError(f"convs_per_block must be a whole number from 1, got {self.convs_per_block!r}")
        if self.block == "residual" and self.convs_per_block < 2:
            raise ConfigError(
                "block='residual' needs convs_per_block of 2 or more, got 1: the last convolution of a residual block has "
                "no ReLU; use convs_per_block=2 or block='plain'"
            )


class ConvBlock(nn.Module):
    """A run of convolutions of the same size: (B, in_channels, *size) -> (B, out_channels, *size).

    ``plain``: convolution, normalisation, ReLU, each time. ``separable``: each convolution is a depthwise and a pointwise
    one (Chollet 2017, arXiv:1610.02357). ``residual``: ``y = x + f(x, W)``, ``f`` being the plain run without its last ReLU,
    and ``x`` passing a 1x1 convolution where the widths differ. No ReLU follows the sum, so that with ``f = 0`` the block
    is the identity for every ``x`` (He et al. 2016, arXiv:1603.05027).

    Args:
        in_channels, out_channels: of the maps.
        style: block, convs_per_block, norm and dims of it are read.
        kernel_size: odd.
    """

    def __init__(self, in_channels: int, out_channels: int, style: BlockStyle, kernel_size: int = 3) -> None:
        super().__init__()
        self.convs = style.convs_per_block
        norm, dims = style.norm, style.dims
        for number in range(1, self.convs + 1):
            entering = in_channels if number == 1 else out_channels
            if style.block == "separable":
                conv = separable_conv_norm_act(entering, out_channels, kernel_size, norm=norm, dims=dims)
            else:
                activation = style.block == "plain" or number < self.convs
                conv = conv_norm_act(entering, out_channels, kernel_size, norm=norm, activation=activation, dims=dims)
            self.add_module(f"conv{number}", conv)
        self.shortcut: nn.Module | None = None
        if style.block == "residual":
            same = in_channels == out_channels
            reach = conv_norm_act(in_channels, out_channels, 1, norm=norm, activation=False, dims=dims)
            self.shortcut = nn.Identity() if same else reach

    def forward(self, features: Tensor) -> Tensor:
        main = features
        for number in range(1, self.convs + 1):
            main = self.get_submodule(f"conv{number}")(main)
        return main if self.shortcut is None else self.shortcut(features) + main


class UnetBlock(ConvBlock):
    """Nearest upsampling to the finer map's size, the finer map joined, a run of convolutions; attention where something was
    joined and at the end.

    Args:
        in_channels: of the coarser map.
        skip_channels: of the finer map, 0 for none.
        out_channels: of the result.
        style: see :func:`pixelwise.models.unet.unet`.
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, style: BlockStyle) -> None:
        skip = style.skip if skip_channels else "none"
        joined = in_channels + (skip_channels if skip in ("concat", "gated") else 0)
        super().__init__(joined, out_channels, style)
        self.skip = skip
        self.match = CONVOLUTIONS[style.dims](skip_channels, in_channels, 1) if skip == "add" else nn.Identity()
        self.gate = AttentionGate(skip_channels, in_channels, style.dims) if skip == "gated" else nn.Identity()
        self.attention1 = _attention(style, joined) if skip != "none" else nn.Identity()
        self.attention2 = _attention(style, out_channels)

    def forward(self, features: Tensor, finer: Tensor | None = None, size: Sequence[int] = ()) -> Tensor:
        """(B, in_channels, *coarse) and the finer map (B, skip_channels, *size) -> (B, out_channels, *size)."""
        larger = resize(features, size, mode="nearest")
        if finer is not None and self.skip == "add":
            larger = larger + self.match(finer)
        elif finer is not None and self.skip != "none":
            passed = self.gate(finer, features) if self.skip == "gated" else finer
            larger = torch.cat([larger, passed], 1)
        joined: Tensor = self.attention2(super().forward(self.attention1(larger)))
        return joined


def _attention(style: BlockStyle, channels: int) -> nn.Module:
    kind = _ATTENTION.get(style.attention)
    made: nn.Module = nn.Identity() if kind is None else kind(channels, dims=style.dims)
    return made
