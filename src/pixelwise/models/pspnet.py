"""PSPNet (Zhao et al. 2017, https://arxiv.org/abs/1612.01105): a dilated encoder and pyramid pooling.

As in the paper and its authors' code: stride 8, average pooling to 1, 2, 3 and 6 bins, BatchNorm and ReLU in every
branch, a 3x3 bottleneck to 512 channels, dropout 0.1, ``align_corners=True``, and an auxiliary head on the stage before
the last (its weight in the loss, 0.4, belongs to the task).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.context import Context, FixedPyramidPooling, PyramidPooling, context_part
from pixelwise.models.dual_attention import Attention, DualAttention
from pixelwise.models.heads import AuxiliaryHead, classifier
from pixelwise.models.image_head import ImageHead
from pixelwise.models.options import check_choice, check_count, check_dropout
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.types import Size

__all__ = ["PSPDecoder", "pspnet"]


_BINS = (1, 2, 3, 6)


def pspnet(
    encoder: Encoder,
    num_classes: int,
    bins: Sequence[int] = _BINS,
    width: int = 512,
    dropout: float = 0.1,
    auxiliary: bool = True,
    context: Context = "ppm",
    kernels: Sequence[int] | None = None,
    attention: Attention = "none",
    image_head: bool = False,
) -> Segmenter:
    """PSPNet: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: best dilated to ``output_stride=8``, as in the paper.
        num_classes: channels of the logits.
        bins: the image is divided into bins x bins regions, once per entry.
        width: channels of the bottleneck; 512 in the paper.
        dropout: before the classifier, for whole channels.
        auxiliary: with a second head on the stage before the last, for training.
        context: what stands in the place of pyramid pooling: ``ppm`` is that, see :func:`pixelwise.models.context.context_part`.
        kernels: pyramid pooling over windows of so many pixels of the map, such as (5, 9, 17), in place of ``bins``.
        attention: ``dual`` sends the coarsest map, reduced to a quarter of its channels, through DANet's position and channel
            attention first; with ``context="none"`` that is DANet but for one more 3x3 convolution, the bottleneck.
        image_head: with a head for "is this class anywhere in the image", for training.

    Raises:
        ConfigError: a value that is not allowed.
    """
    if not _are_counts(bins):
        raise ConfigError(f"bins must be positive whole numbers such as (1, 2, 3, 6), got {bins!r}")
    check_count("width", width)
    check_dropout(dropout)
    check_choice("attention", attention, Attention)
    coarsest = encoder.channels[-1]
    dual = DualAttention(coarsest) if attention == "dual" else None
    pooling = _pooling(context, coarsest if dual is None else dual.out_channels, encoder.strides[-1], bins, kernels)
    decoder = PSPDecoder(pooling, width, dropout, dual)
    second = AuxiliaryHead(encoder.channels[-2], num_classes, dropout) if auxiliary else None
    head = classifier(width, num_classes)
    image = ImageHead(coarsest, num_classes) if image_head else None
    return Segmenter(encoder, decoder, head, second, image_head=image, align_corners=True)


def _are_counts(values: object, least: int = 1) -> bool:
    return isinstance(values, (list, tuple)) and bool(values) and all(isinstance(v, int) and v >= least for v in values)


def _pooling(context: Context, in_channels: int, stride: int, bins: Sequence[int], kernels: Sequence[int] | None) -> nn.Module:
    if kernels is not None:
        if not _are_counts(kernels, least=3) or not all(kernel % 2 for kernel in kernels):
            raise ConfigError(f"kernels must be odd whole numbers from 3, such as (5, 9, 17), got {kernels!r}")
        if context != "ppm":
            raise ConfigError(f"kernels are those of context='ppm', got context={context!r}; leave one of them out")
        return FixedPyramidPooling(in_channels, kernels)
    if context == "ppm":
        return PyramidPooling(in_channels, bins)
    if tuple(bins) != _BINS:
        raise ConfigError(f"bins are those of context='ppm', got context={context!r}; leave one of them out")
    return context_part(context, in_channels, stride)


class PSPDecoder(nn.Module):
    """The coarsest map of the pyramid -> attention, if any -> context -> 3x3 bottleneck -> dropout.

    ``pooling`` is the context, and knows its ``out_channels``.
    """

    def __init__(self, pooling: Any, width: int, dropout: float, attention: nn.Module | None = None) -> None:
        super().__init__()
        self.attention = attention or nn.Identity()
        self.pooling = pooling
        self.bottleneck = conv_norm_act(pooling.out_channels, width)
        self.dropout = nn.Dropout2d(dropout)
        initialize(self)

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first -> (B, width, h, w) at the size of the coarsest; the size of the image plays no part."""
        features: Tensor = self.dropout(self.bottleneck(self.pooling(self.attention(pyramid[-1]))))
        return features
