"""U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) on any encoder.

The decoder is the one that is used with pretrained encoders today and agrees with segmentation-models-pytorch's: nearest
upsampling to the size of the skip, concatenation, two 3x3 convolutions with BatchNorm and ReLU, and a 3x3 head. It
differs from the paper's network in same-size convolutions, BatchNorm, and the encoder's first stride: the last block, at
the size of the image, has no skip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.heads import classifier
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.types import Size

__all__ = ["Skip", "UnetBlock", "UnetDecoder", "unet"]

Skip = Literal["concat", "add", "none"]


def unet(encoder: Encoder, num_classes: int, widths: Sequence[int] = (256, 128, 64, 32, 16), skip: Skip = "concat") -> Segmenter:
    """U-Net: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: any pyramid with at least two different strides.
        num_classes: channels of the logits.
        widths: channels of the decoder's blocks, coarse to fine, each block doubling the size. With all of them (five for
            most encoders) the last block works at the size of the image, and is the dearest one; with fewer the decoder
            stops at a coarser map, does not read the finer levels, and the logits are enlarged bilinearly.
        skip: how a level of the pyramid joins: ``concat``, ``add`` (through a 1x1 convolution), or ``none`` (not at all).

    Raises:
        ConfigError: widths or skip that are not allowed, or an encoder with a single stride.
    """
    if skip not in get_args(Skip):
        raise ConfigError(f"skip must be 'concat', 'add' or 'none', got {skip!r}")
    if len(set(encoder.strides)) < 2:
        raise ConfigError(
            f"encoder {encoder.name!r} has the single stride {encoder.strides[0]}, but unet needs maps of several sizes; "
            "use 'resnet34', 'tf_efficientnet_lite0' or 'convnext_tiny'"
        )
    most = len(_steps(encoder.strides))
    if (
        not isinstance(widths, (list, tuple))
        or not 1 <= len(widths) <= most
        or not all(isinstance(w, int) and w > 0 for w in widths)
    ):
        raise ConfigError(f"widths must be 1 to {most} positive whole numbers for encoder {encoder.name!r}, got {widths!r}")
    decoder = UnetDecoder(encoder.channels, encoder.strides, widths, skip)
    initialize(decoder)
    return Segmenter(encoder, decoder, classifier(widths[-1], num_classes, kernel_size=3))


class UnetDecoder(nn.Module):
    """Pyramid -> one map with ``widths[-1]`` channels. ``steps[i]`` is the stride and the level (``None``: no skip) that
    block ``i`` goes to."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int], widths: Sequence[int], skip: Skip) -> None:
        super().__init__()
        self.steps = _steps(strides)[: len(widths)]
        inputs = [channels[-1], *widths[:-1]]
        self.blocks = nn.ModuleList(
            UnetBlock(coarse, channels[level] if level is not None else 0, width, skip)
            for coarse, width, (_, level) in zip(inputs, widths, self.steps, strict=True)
        )

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first, and the size (H, W) of the image -> (B, widths[-1], ~H / s, ~W / s), s the last step's stride."""
        features = pyramid[-1]
        for block, (stride, level) in zip(self.blocks, self.steps, strict=True):
            finer = pyramid[level] if level is not None else None
            target = finer.shape[-2:] if finer is not None else (-(-size[0] // stride), -(-size[1] // stride))
            features = block(features, finer, target)
        return features


class UnetBlock(nn.Module):
    """Nearest upsampling to the finer map's size, the finer map joined, two 3x3 convolutions."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, skip: Skip) -> None:
        super().__init__()
        self.skip = skip if skip_channels else "none"
        self.match = nn.Conv2d(skip_channels, in_channels, 1) if self.skip == "add" else nn.Identity()
        self.conv1 = conv_norm_act(in_channels + (skip_channels if self.skip == "concat" else 0), out_channels)
        self.conv2 = conv_norm_act(out_channels, out_channels)

    def forward(self, features: Tensor, finer: Tensor | None, size: Sequence[int]) -> Tensor:
        """(B, in, h, w) and the finer map (B, skip, H, W) -> (B, out, H, W)."""
        features = F.interpolate(features, (size[0], size[1]), mode="nearest")
        if finer is not None and self.skip == "concat":
            features = torch.cat([features, finer], 1)
        elif finer is not None and self.skip == "add":
            features = features + self.match(finer)
        features = self.conv2(self.conv1(features))
        return features


def _steps(strides: Sequence[int]) -> list[tuple[int, int | None]]:
    """Where the blocks go, coarse to fine: every finer level of the pyramid, then halved strides down to 1 without a skip."""
    steps: list[tuple[int, int | None]] = [(strides[level], level) for level in range(len(strides) - 2, -1, -1)]
    stride = strides[0]
    while stride > 1:
        stride = stride // 2
        steps.append((stride, None))
    return steps
