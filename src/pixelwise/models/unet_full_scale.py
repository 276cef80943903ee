"""UNet 3+ (Huang et al. 2020, https://arxiv.org/abs/2004.08790) on any encoder: full-scale skips and full-scale supervision.

Every map of the decoder is made from all scales: the encoder's finer levels, max-pooled to its size, the encoder's level of
the same size, and the decoder's coarser maps, enlarged linearly. Each passes a 3x3 convolution to 64 channels with BatchNorm
and ReLU; all are concatenated (320 channels of five scales) and pass another such convolution. The coarsest map of the
decoder is the encoder's. Encoders here start at stride 2 or 4, not 1 as the paper's, so that logits are enlarged to the size
of the image.

Of the classification-guided module the image-level branch is here, as an option; that its answer is multiplied with the
segmentation is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.heads import classifier
from pixelwise.models.options import check_count, check_strides
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import resize, size_of

__all__ = ["FullScaleDecoder", "PresenceHead", "unet3plus"]

_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def unet3plus(
    encoder: Encoder, num_classes: int, width: int = 64, deep_supervision: bool = True, image_head: bool = False
) -> Segmenter:
    """UNet 3+: images (B, C, *size) -> logits (B, ``num_classes``, *size).

    Args:
        encoder: any pyramid with at least two different strides.
        num_classes: channels of the logits.
        width: channels of each branch; a map of the decoder has as many times that as the pyramid has levels. 64 in the
            paper.
        deep_supervision: with a 3x3 head on every map of the decoder, the coarsest too, for training (section 2.2).
        image_head: with a head for the classes that are anywhere in the image, on the coarsest map, for training
            (section 2.4, without its product with the segmentation).

    Raises:
        ConfigError: a width that is not allowed, or an encoder with a single stride.
    """
    check_strides(encoder, "unet3plus")
    check_count("width", width)
    decoder = FullScaleDecoder(encoder.channels, encoder.strides, width, encoder.dims)
    initialize(decoder)
    *coarser, finest = (
        classifier(channels, num_classes, kernel_size=3, dims=encoder.dims)
        for channels in [encoder.channels[-1], *[decoder.out_channels] * (len(encoder.channels) - 1)]
    )
    return Segmenter(
        encoder,
        decoder,
        finest,
        deep=nn.ModuleList(coarser) if deep_supervision else None,
        image_head=PresenceHead(encoder.channels[-1], num_classes, dims=encoder.dims) if image_head else None,
    )


class FullScaleDecoder(nn.Module):
    """Pyramid -> one map with ``width`` times as many channels as there are levels, at the size of the finest.

    ``branches[i][k]`` takes scale k to level i, and ``fuse[i]`` what they give together.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 64, dims: int = 2) -> None:
        super().__init__()
        self.strides = list(strides)
        self.out_channels = width * len(channels)
        last = len(channels) - 1
        self.branches = nn.ModuleList(
            nn.ModuleList(
                conv_norm_act(self.out_channels if level < scale < last else channels[scale], width, dims=dims)
                for scale in range(last + 1)
            )
            for level in range(last)
        )
        self.fuse = nn.ModuleList(conv_norm_act(self.out_channels, self.out_channels, dims=dims) for _ in range(last))

    def forward(self, pyramid: list[Tensor], size: tuple[int, ...]) -> Tensor:
        """Maps finest first -> (B, out_channels, *size of the finest); the size of the image plays no part."""
        return self.maps(pyramid, size)[-1]

    def maps(self, pyramid: list[Tensor], size: tuple[int, ...]) -> list[Tensor]:
        """The decoder's maps at all levels, coarsest first; that one is the encoder's own."""
        scales = list(pyramid)  # below the level at work these are the encoder's, above it the decoder's
        for level in reversed(range(len(pyramid) - 1)):
            branches: Any = self.branches[level]
            size = size_of(pyramid[level])
            parts = [branch(self._brought(scales[scale], scale, level, size)) for scale, branch in enumerate(branches)]
            scales[level] = self.fuse[level](torch.cat(parts, 1))
        return scales[::-1]

    def _brought(self, features: Tensor, scale: int, level: int, size: tuple[int, ...]) -> Tensor:
        """A map of one scale at the size of a level."""
        step = self.strides[level] // self.strides[scale]
        if step > 1:
            features = _MAX_POOL[len(size)](features, step, ceil_mode=True)
        return resize(features, size)


class PresenceHead(nn.Module):
    """Pyramid -> logits (B, K) of the classes that are anywhere in the image: dropout, 1x1 convolution, the largest value."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.5, dims: int = 2) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifier = classifier(in_channels, num_classes, dims=dims)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(pyramid[-1]))
        return logits.flatten(2).amax(2)
