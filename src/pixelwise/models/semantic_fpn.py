"""Semantic FPN (Kirillov et al. 2019, https://arxiv.org/abs/1901.02446, section 3.1 and figure 3): the semantic branch of
Panoptic FPN on a feature pyramid network.

As in the paper: a feature pyramid of 256 channels with its 3x3 output convolutions; every level is brought to stride 4 in
steps of 3x3 convolution to 128 channels, GroupNorm with 32 groups, ReLU and twofold bilinear enlarging; the sum of all levels
passes a 1x1 convolution and is enlarged four times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.fpn import FeaturePyramid, levels_from_stride_4
from pixelwise.models.heads import classifier
from pixelwise.models.options import check_count, check_dropout
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import resize, size_of
from pixelwise.types import Size

__all__ = ["SemanticBranch", "SemanticFPNDecoder", "semantic_fpn"]


def semantic_fpn(
    encoder: Encoder, num_classes: int, pyramid_width: int = 256, width: int = 128, dropout: float = 0.0
) -> Segmenter:
    """Semantic FPN: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: a pyramid with maps of stride 4 and coarser; finer ones are not read.
        num_classes: channels of the logits.
        pyramid_width: channels of the feature pyramid; 256 in the paper.
        width: channels of the semantic branch; 128 in the paper.
        dropout: before the classifier, for whole channels; none in the paper.

    Raises:
        ConfigError: a value that is not allowed, or an encoder without such maps.
    """
    check_count("pyramid_width", pyramid_width)
    check_count("width", width)
    check_dropout(dropout)
    levels = levels_from_stride_4(encoder, "semantic_fpn")
    channels, strides = ([facts[level] for level in levels] for facts in (encoder.channels, encoder.strides))
    decoder = SemanticFPNDecoder(channels, strides, pyramid_width, width, dropout)
    return Segmenter(encoder, decoder, classifier(width, num_classes))


class SemanticFPNDecoder(nn.Module):
    """The levels of stride 4 and coarser -> (B, width, h, w) at the size of the finest of them."""

    def __init__(
        self, channels: Sequence[int], strides: Sequence[int], pyramid_width: int, width: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.levels = len(channels)
        self.neck = FeaturePyramid(channels, pyramid_width)
        self.branch = SemanticBranch(strides, pyramid_width, width)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first; the size of the image plays no part."""
        features: Tensor = self.dropout(self.branch(self.neck(pyramid[-self.levels :])))
        return features


class SemanticBranch(nn.Module):
    """Maps of a feature pyramid, finest first, (B, in_channels, *size_i) -> their sum (B, width, *size_0) after the steps.

    A level of stride s has log2(s / strides[0]) steps, each followed by enlarging, and the finest one step without.
    """

    def __init__(self, strides: Sequence[int], in_channels: int = 256, width: int = 128, dims: int = 2) -> None:
        super().__init__()
        self.doublings = [(stride // strides[0]).bit_length() - 1 for stride in strides]
        self.scales = nn.ModuleList()
        for doublings in self.doublings:
            inputs = [in_channels] + [width] * (max(doublings, 1) - 1)
            self.scales.append(nn.Sequential(*(conv_norm_act(given, width, norm="group", dims=dims) for given in inputs)))
        initialize(self)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        finest, maps = size_of(pyramid[0]), []
        for features, blocks, doublings in zip(pyramid, self.scales, self.doublings, strict=True):
            for step, block in enumerate(cast(nn.Sequential, blocks), start=1):
                left = 2 ** max(doublings - step, 0)  # how much coarser than the finest map it then is
                features = resize(block(features), [-(-length // left) for length in finest])
            maps.append(features)
        return sum(maps[1:], start=maps[0])
