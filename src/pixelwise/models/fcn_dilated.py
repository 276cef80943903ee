"""FCN as libraries have it today: a dilated encoder, a small convolutional head, and a second one for training.

It is torchvision's ``fcn_resnet50`` on ``resnet50``. The name is that of Shelhamer, Long and Darrell 2017
(https://arxiv.org/abs/1605.06211), whose own networks are in :mod:`pixelwise.models.fcn`; it shares with them that the
scores are made by convolutions and enlarged bilinearly, and has no skips.
"""

from __future__ import annotations

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.heads import AuxiliaryHead, classifier
from pixelwise.models.options import check_dropout
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.types import Size

__all__ = ["DilatedFCNDecoder", "fcn"]


def fcn(encoder: Encoder, num_classes: int, dropout: float = 0.1, auxiliary: bool = True) -> Segmenter:
    """FCN on a dilated encoder: images (B, C, H, W) -> logits (B, ``num_classes``, H, W), enlarged with
    ``align_corners=False``.

    Args:
        encoder: best dilated to ``output_stride=8``.
        num_classes: channels of the logits.
        dropout: before the classifiers, for single values.
        auxiliary: with a second head on the stage before the last, for training.

    Raises:
        ConfigError: dropout that is not allowed, or an encoder of a single map where there is to be a second head.
    """
    check_dropout(dropout)
    if auxiliary and len(encoder.channels) < 2:
        raise ConfigError(
            f"encoder {encoder.name!r} gives a single map, but the second head of fcn reads the one before the last; "
            "use auxiliary=False, or 'resnet50' or 'tf_efficientnet_lite0'"
        )
    second = None
    if auxiliary:
        second = AuxiliaryHead(encoder.channels[-2], num_classes, dropout)
        second.dropout = nn.Dropout(dropout)  # type: ignore[assignment]  # torchvision's drops single values too
    decoder = DilatedFCNDecoder(encoder.channels[-1], dropout)
    return Segmenter(encoder, decoder, classifier(decoder.out_channels, num_classes), second)


class DilatedFCNDecoder(nn.Module):
    """The coarsest map of the pyramid -> 3x3 convolution to a quarter of its channels, BatchNorm, ReLU, dropout."""

    def __init__(self, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.out_channels = max(in_channels // 4, 1)
        self.reduce = conv_norm_act(in_channels, self.out_channels)
        self.dropout = nn.Dropout(dropout)
        initialize(self)

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first -> (B, out_channels, h, w) at the size of the coarsest; the size of the image plays no part."""
        features: Tensor = self.dropout(self.reduce(pyramid[-1]))
        return features
