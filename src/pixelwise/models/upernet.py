"""UPerNet (Xiao et al. 2018, https://arxiv.org/abs/1807.10221): pyramid pooling on top of a feature pyramid, whose skips are
added.

As in the paper and its authors' code: pyramid pooling of the coarsest map through a 3x3 convolution, 1x1 convolutions on the
finer ones, sums from the coarsest down, a 3x3 convolution on each sum but the coarsest, and all of them enlarged to stride 4,
put side by side and fused by a 3x3 convolution; 512 channels everywhere, BatchNorm and ReLU after every convolution. Enlarging
is bilinear with ``align_corners=False``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.context import Context, PyramidPooling, context_part
from pixelwise.models.fpn import levels_from_stride_4
from pixelwise.models.heads import AuxiliaryHead, classifier
from pixelwise.models.image_head import ImageHead
from pixelwise.models.options import check_count, check_dropout
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import resize, size_of
from pixelwise.types import Size

__all__ = ["UPerNetDecoder", "upernet"]


def upernet(
    encoder: Encoder,
    num_classes: int,
    width: int = 512,
    context: Context = "ppm",
    bins: Sequence[int] = (1, 2, 3, 6),
    dropout: float = 0.1,
    auxiliary: bool = True,
    image_head: bool = False,
) -> Segmenter:
    """UPerNet: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: a pyramid with maps of stride 4 and coarser; finer ones are not read. Best without dilation.
        num_classes: channels of the logits.
        width: channels of every map of the decoder; 512 in the paper, and most of the network's work.
        context: what stands on the coarsest map: ``ppm`` is pyramid pooling, see :func:`pixelwise.models.context.context_part`.
        bins: of pyramid pooling.
        dropout: before the classifier, for whole channels.
        auxiliary: with a second head on the stage before the last, for training.
        image_head: with a head for "is this class anywhere in the image", for training.

    Raises:
        ConfigError: a value that is not allowed, or an encoder without such maps.
    """
    check_count("width", width)
    if not isinstance(bins, (list, tuple)) or not bins or not all(isinstance(b, int) and b > 0 for b in bins):
        raise ConfigError(f"bins must be positive whole numbers such as (1, 2, 3, 6), got {bins!r}")
    check_dropout(dropout)
    levels = levels_from_stride_4(encoder, "upernet")
    coarsest = encoder.channels[-1]
    if context == "ppm":
        part: nn.Module = PyramidPooling(coarsest, bins, width=width, align_corners=False)
    else:
        part = context_part(context, coarsest, encoder.strides[-1])
    decoder = UPerNetDecoder([encoder.channels[level] for level in levels], part, width, dropout)
    second = AuxiliaryHead(encoder.channels[-2], num_classes, dropout) if auxiliary else None
    head = classifier(width, num_classes)
    return Segmenter(encoder, decoder, head, second, image_head=ImageHead(coarsest, num_classes) if image_head else None)


class UPerNetDecoder(nn.Module):
    """The last ``len(channels)`` levels of the pyramid -> (B, width, h, w) at the size of the finest of them.

    ``context`` is what stands on the coarsest level, and knows its ``out_channels``.
    """

    def __init__(self, channels: Sequence[int], context: Any, width: int, dropout: float) -> None:
        super().__init__()
        self.context = context
        self.bottleneck = conv_norm_act(context.out_channels, width)
        self.laterals = nn.ModuleList(conv_norm_act(given, width, 1) for given in channels[:-1])
        self.outputs = nn.ModuleList(conv_norm_act(width, width) for _ in channels[:-1])
        self.fuse = conv_norm_act(len(channels) * width, width)
        self.dropout = nn.Dropout2d(dropout)
        initialize(self)

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first; the size of the image plays no part."""
        *finer, coarsest = pyramid[-len(self.laterals) - 1 :]
        sums = [lateral(level) for lateral, level in zip(self.laterals, finer, strict=True)]
        sums.append(self.bottleneck(self.context(coarsest)))
        for level in range(len(sums) - 2, -1, -1):
            sums[level] = sums[level] + resize(sums[level + 1], size_of(sums[level]))
        maps = [output(total) for output, total in zip(self.outputs, sums, strict=False)] + sums[-1:]
        fused: Tensor = self.dropout(self.fuse(torch.cat([resize(one, size_of(maps[0])) for one in maps], 1)))
        return fused
