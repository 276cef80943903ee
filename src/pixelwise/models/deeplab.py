"""DeepLabv3 (Chen et al. 2017, https://arxiv.org/abs/1706.05587) and DeepLabv3+ (Chen et al. 2018,
https://arxiv.org/abs/1802.02611): a dilated encoder, atrous spatial pyramid pooling, and in v3+ a decoder at stride 4.

Defaults are the papers' and, where these are silent, those of the authors' TensorFlow code: rates that belong to the stride of
the encoder, dropout 0.1, ``align_corners=True``, no auxiliary head. torchvision's ``deeplabv3_resnet50(aux_loss=True)`` is
``deeplabv3`` on ``resnet50`` at ``output_stride=8`` with ``bottleneck=True, dropout=0.5, auxiliary=True, align_corners=False``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.aspp import ASPP, rates_for
from pixelwise.models.blocks import conv_norm_act, initialize, separable_conv_norm_act
from pixelwise.models.depthwise import with_fast_depthwise
from pixelwise.models.dilation import with_multi_grid
from pixelwise.models.heads import AuxiliaryHead, classifier
from pixelwise.models.options import check_count, check_dropout, check_switch
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import resize, size_of

__all__ = ["DeepLabV3Decoder", "DeepLabV3PlusDecoder", "deeplabv3", "deeplabv3plus"]

_LOW_STRIDE = 4
_LOW_WIDTH = 48


def deeplabv3(
    encoder: Encoder,
    num_classes: int,
    rates: Sequence[int] | None = None,
    width: int = 256,
    dropout: float = 0.1,
    multi_grid: Sequence[int] | None = None,
    bottleneck: bool = False,
    auxiliary: bool = False,
    align_corners: bool = True,
) -> Segmenter:
    """DeepLabv3: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: dilated to ``output_stride`` 16, at which the paper trains, or 8, which costs four times as much in the last
            stages and gains about one percent.
        num_classes: channels of the logits.
        rates: of the atrous convolutions; ``None``: those that belong to the encoder's stride, see
            :func:`pixelwise.models.aspp.rates_for`.
        width: channels of the pyramid pooling; 256 in the paper.
        dropout: of single values, after the pyramid pooling.
        multi_grid: unit rates of the last stage's blocks, (1, 2, 4) in the paper; for ResNets of bottleneck blocks. See
            :func:`pixelwise.models.dilation.with_multi_grid`, which changes ``encoder``.
        bottleneck: with a 3x3 convolution, BatchNorm and ReLU after the pyramid pooling, as torchvision has; not in the paper.
        auxiliary: with a second head on the stage before the last, for training, as torchvision has; not in the paper.
        align_corners: how the logits are enlarged; ``False`` in torchvision.

    Raises:
        ConfigError: an option that is not allowed, or an encoder without the blocks for ``multi_grid``.
    """
    rates = _checked_rates(encoder, rates)
    _check(width=width, dropout=dropout, bottleneck=bottleneck, auxiliary=auxiliary, align_corners=align_corners)
    if multi_grid is not None:
        with_multi_grid(encoder, multi_grid)
    aspp = ASPP(encoder.channels[-1], width, rates, dropout=dropout, dims=encoder.dims)
    decoder = DeepLabV3Decoder(aspp, bottleneck, encoder.dims)
    initialize(decoder)
    second = AuxiliaryHead(encoder.channels[-2], num_classes) if auxiliary else None
    return Segmenter(encoder, decoder, classifier(width, num_classes, dims=encoder.dims), second, align_corners=align_corners)


def deeplabv3plus(
    encoder: Encoder,
    num_classes: int,
    rates: Sequence[int] | None = None,
    width: int = 256,
    separable: bool = True,
    dropout: float = 0.1,
    multi_grid: Sequence[int] | None = None,
    align_corners: bool = True,
) -> Segmenter:
    """DeepLabv3+: images (B, C, H, W) -> logits (B, ``num_classes``, H, W), computed at stride 4 and enlarged.

    Args:
        encoder: dilated to ``output_stride`` 16 or 8, with a map of stride 4; aligned Xception (``xception65``) in the paper.
        num_classes: channels of the logits.
        rates: of the atrous convolutions; ``None``: those that belong to the encoder's stride, see
            :func:`pixelwise.models.aspp.rates_for`.
        width: channels of pyramid pooling and decoder; 256 in the paper.
        separable: depthwise and pointwise in place of full 3x3 convolutions, in the pyramid pooling and the decoder.
        dropout: of single values, after the pyramid pooling.
        multi_grid: unit rates of the last stage's blocks, such as (1, 2, 4); for ResNets of bottleneck blocks. See
            :func:`pixelwise.models.dilation.with_multi_grid`, which changes ``encoder``.
        align_corners: how the pyramid pooling's map and the logits are enlarged; ``False`` in most other libraries.

    Raises:
        ConfigError: an option that is not allowed, or an encoder without a map of stride 4 or the blocks for ``multi_grid``.
    """
    rates = _checked_rates(encoder, rates)
    _check(width=width, dropout=dropout, separable=separable, align_corners=align_corners)
    if _LOW_STRIDE not in encoder.strides[:-1]:
        raise ConfigError(
            f"encoder {encoder.name!r} gives maps of stride {', '.join(map(str, sorted(set(encoder.strides))))}, but "
            "deeplabv3plus joins one of stride 4 to a coarser one; use 'resnet50', 'mobilenetv2_100' or 'xception65'"
        )
    if multi_grid is not None:
        with_multi_grid(encoder, multi_grid)
    aspp = ASPP(encoder.channels[-1], width, rates, separable=separable, dropout=dropout, dims=encoder.dims)
    level = max(level for level, stride in enumerate(encoder.strides[:-1]) if stride == _LOW_STRIDE)
    decoder = DeepLabV3PlusDecoder(aspp, encoder.channels[level], level, separable, align_corners, encoder.dims)
    initialize(decoder)
    head = classifier(width, num_classes, dims=encoder.dims)
    return Segmenter(encoder, with_fast_depthwise(decoder), head, align_corners=align_corners)


class DeepLabV3Decoder(nn.Module):
    """The coarsest map of the pyramid -> pyramid pooling -> with ``bottleneck`` a 3x3 convolution."""

    def __init__(self, aspp: ASPP, bottleneck: bool = False, dims: int = 2) -> None:
        super().__init__()
        self.aspp = aspp
        self.bottleneck = conv_norm_act(aspp.out_channels, aspp.out_channels, dims=dims) if bottleneck else nn.Identity()

    def forward(self, pyramid: list[Tensor], size: Sequence[int]) -> Tensor:
        """Maps finest first -> (B, width, *) at the size of the coarsest; the size of the image plays no part."""
        features: Tensor = self.bottleneck(self.aspp(pyramid[-1]))
        return features


class DeepLabV3PlusDecoder(nn.Module):
    """The pyramid pooling's map, enlarged, behind 48 channels of the map at ``level``; two 3x3 convolutions of both.

    Args:
        aspp: for the coarsest map.
        low_channels, level: of the fine map.
        separable: of the two convolutions.
        align_corners: of the enlargement.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(
        self, aspp: ASPP, low_channels: int, level: int, separable: bool = True, align_corners: bool = True, dims: int = 2
    ) -> None:
        super().__init__()
        width = aspp.out_channels
        convolution = separable_conv_norm_act if separable else conv_norm_act
        self.level = level
        self.align_corners = align_corners
        self.aspp = aspp
        self.low = conv_norm_act(low_channels, _LOW_WIDTH, 1, dims=dims)
        self.fuse = nn.Sequential(convolution(width + _LOW_WIDTH, width, dims=dims), convolution(width, width, dims=dims))

    def forward(self, pyramid: list[Tensor], size: Sequence[int]) -> Tensor:
        """Maps finest first -> (B, width, *) at the size of the map at ``level``; the size of the image plays no part."""
        low = self.low(pyramid[self.level])
        coarse = resize(self.aspp(pyramid[-1]), size_of(low), align_corners=self.align_corners)
        features: Tensor = self.fuse(torch.cat([coarse, low], 1))
        return features


def _checked_rates(encoder: Encoder, rates: Sequence[int] | None) -> Sequence[int]:
    if rates is None:
        return rates_for(encoder.strides[-1])
    if not isinstance(rates, (list, tuple)) or not all(isinstance(rate, int) and rate > 0 for rate in rates):
        raise ConfigError(
            f"rates must be positive whole numbers such as {rates_for(encoder.strides[-1])}, which belong to the stride "
            f"{encoder.strides[-1]} of encoder {encoder.name!r}, got {rates!r}"
        )
    return rates


def _check(width: int, dropout: float, **switches: bool) -> None:
    check_count("width", width)
    check_dropout(dropout)
    for name, value in switches.items():
        check_switch(name, value)
