"""FCN-32s, 16s and 8s (Shelhamer, Long and Darrell 2017, https://arxiv.org/abs/1605.06211): the networks of the paper.

As in the networks that the authors published (``voc-fcn32s``, ``voc-fcn16s``, ``voc-fcn8s``): class scores by 1x1
convolutions that start at zero, from fc7 and from the pools that are skipped to; bilinear deconvolutions without bias, which
are not trained; and crops in place of padding. What libraries call FCN today is :mod:`pixelwise.models.fcn_dilated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.options import check_switch
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import resize, size_of
from pixelwise.models.vgg import VGGEncoder
from pixelwise.types import Size

__all__ = ["BilinearDeconvolution", "CroppedSegmenter", "FCNDecoder", "fcn8s", "fcn16s", "fcn32s"]


class _Skip(NamedTuple):
    level: int  # of the pyramid
    offset: int  # first row and column of it that lies under the enlarged coarser scores
    scale: float  # of its features where all is trained at once


# Offsets follow from the border of 100 pixels, the 7x7 kernel without padding, and the kernels of the deconvolutions.
_SKIPS = (_Skip(level=-2, offset=5, scale=0.01), _Skip(level=-3, offset=9, scale=0.0001))
_IMAGE_OFFSETS = {32: 19, 16: 27, 8: 31}


def fcn32s(encoder: Encoder, num_classes: int) -> Segmenter:
    """FCN-32s: images (B, C, H, W) -> logits (B, ``num_classes``, H, W) from the scores of fc7 alone.

    Args:
        encoder: of :func:`pixelwise.models.vgg.vgg`.
        num_classes: channels of the logits.

    Raises:
        ConfigError: another encoder.
    """
    return _built(encoder, num_classes, 32, False, False)


def fcn16s(encoder: Encoder, num_classes: int, all_at_once: bool = False, learned_upsampling: bool = False) -> Segmenter:
    """FCN-16s: FCN-32s with the scores of pool4 added to those of fc7.

    Args:
        encoder: of :func:`pixelwise.models.vgg.vgg`.
        num_classes: channels of the logits.
        all_at_once: as in ``fcn8s``; there is no pool3.
        learned_upsampling: as in ``fcn8s``.
    """
    return _built(encoder, num_classes, 16, all_at_once, learned_upsampling)


def fcn8s(encoder: Encoder, num_classes: int, all_at_once: bool = False, learned_upsampling: bool = False) -> Segmenter:
    """FCN-8s: FCN-16s with the scores of pool3 added too: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: of :func:`pixelwise.models.vgg.vgg`.
        num_classes: channels of the logits.
        all_at_once: multiplies pool4 by 0.01 and pool3 by 0.0001, as ``voc-fcn8s-atonce`` does to train 32s, 16s and 8s
            together. The factors fit Caffe's VGG on colours of 0 to 255, whose pools are that much larger than fc7; where
            images are normalised, as here, the three are of one magnitude and the factors hold the skips back.
        learned_upsampling: trains the 2x deconvolutions from their bilinear start, between all classes; the last one stays
            bilinear (Long et al. 2015, section 4.3). Published networks do not.

    Raises:
        ConfigError: another encoder, or an option that is not allowed.
    """
    return _built(encoder, num_classes, 8, all_at_once, learned_upsampling)


def _built(encoder: Encoder, num_classes: int, stride: int, all_at_once: bool, learned: bool) -> Segmenter:
    if not isinstance(encoder, VGGEncoder):
        raise ConfigError(
            f"encoder {encoder.name!r} is no fully convolutional VGG, of which fcn{stride}s is made; use 'vgg16' or 'vgg11' of "
            "pixelwise.models.vgg; model 'fcn' takes any encoder"
        )
    for option, value in (("all_at_once", all_at_once), ("learned_upsampling", learned)):
        check_switch(option, value)
    decoder = FCNDecoder(encoder.channels, num_classes, {32: 0, 16: 1, 8: 2}[stride], all_at_once, learned)
    return CroppedSegmenter(encoder, decoder, BilinearDeconvolution(stride), _IMAGE_OFFSETS[stride])


class FCNDecoder(nn.Module):
    """pool3, pool4 and fc7 -> class scores at the stride of the finest of them that is read: the number of ``skips`` says
    which. ``scores`` are the 1x1 convolutions, coarse to fine."""

    def __init__(self, channels: Sequence[int], num_classes: int, skips: int, all_at_once: bool, learned: bool) -> None:
        super().__init__()
        self.skips = _SKIPS[:skips]
        self.all_at_once = all_at_once
        levels = [-1, *(skip.level for skip in self.skips)]
        self.scores = nn.ModuleList(_from_zero(nn.Conv2d(channels[level], num_classes, 1)) for level in levels)
        self.upsamplings = nn.ModuleList(
            _learned_deconvolution(num_classes) if learned else BilinearDeconvolution(2) for _ in self.skips
        )

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first -> (B, classes, h, w), logits of the bordered image; the size of the image plays no part."""
        fused: Tensor = self.scores[0](pyramid[-1])
        for skip, score, upsampling in zip(self.skips, list(self.scores)[1:], self.upsamplings, strict=True):
            fused = upsampling(fused)
            finer = _cropped(pyramid[skip.level], skip.offset, size_of(fused))
            fused = fused + score(finer * skip.scale if self.all_at_once else finer)
        return fused


class BilinearDeconvolution(nn.Module):
    """The transposed convolution of kernel 2 ``stride`` with the fixed bilinear kernel, channel by channel: (B, K, h, w) ->
    (B, K, (h + 1) * stride, (w + 1) * stride).

    It is bilinear interpolation of the map in a border of zeros, and computed as such.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, scores: Tensor) -> Tensor:
        bordered = F.pad(scores, (1, 1, 1, 1))
        enlarged = resize(bordered, [length * self.stride for length in size_of(bordered)])
        return _cropped(enlarged, self.stride // 2, [(length + 1) * self.stride for length in size_of(scores)])

    def extra_repr(self) -> str:
        return f"stride={self.stride}"


class CroppedSegmenter(Segmenter):
    """A segmenter whose encoder borders the image itself, so that images need no frame: the logits of the image are cut out
    of those of the bordered image, from row and column ``offset`` on."""

    def __init__(self, encoder: Encoder, decoder: nn.Module, head: nn.Module, offset: int) -> None:
        super().__init__(encoder, decoder, head)
        self.offset = offset

    def frame(self, images: Tensor) -> Tensor:
        return images

    def to_image(self, logits: Tensor, framed: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        return _cropped(logits, self.offset, size).clone(memory_format=torch.preserve_format)


def _cropped(features: Tensor, offset: int, size: Sequence[int]) -> Tensor:
    """(B, C, H, W) -> (B, C, *size) from row and column ``offset`` on."""
    return features[:, :, offset : offset + size[0], offset : offset + size[1]]


def _from_zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _learned_deconvolution(channels: int) -> nn.ConvTranspose2d:
    """Doubles the size; each class on its own and bilinear at first."""
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, bias=False)
    side = torch.tensor([0.25, 0.75, 0.75, 0.25])
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(channels), range(channels)] = torch.outer(side, side)
    return layer
