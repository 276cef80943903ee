"""PSPNet (Zhao et al. 2017, https://arxiv.org/abs/1612.01105): a dilated encoder and pyramid pooling.

As in the paper and its authors' code: stride 8, average pooling to 1, 2, 3 and 6 bins, BatchNorm and ReLU in every
branch, a 3x3 bottleneck to 512 channels, dropout 0.1, ``align_corners=True``, and an auxiliary head on the stage before
the last (its weight in the loss, 0.4, belongs to the task).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.context import PyramidPooling
from pixelwise.models.heads import AuxiliaryHead, classifier
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.types import Size

__all__ = ["PSPDecoder", "pspnet"]


def pspnet(
    encoder: Encoder,
    num_classes: int,
    bins: Sequence[int] = (1, 2, 3, 6),
    width: int = 512,
    dropout: float = 0.1,
    auxiliary: bool = True,
) -> Segmenter:
    """PSPNet: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: best dilated to ``output_stride=8``, as in the paper.
        num_classes: channels of the logits.
        bins: the image is divided into bins x bins regions, once per entry.
        width: channels of the bottleneck; 512 in the paper.
        dropout: before the classifier, for whole channels.
        auxiliary: with a second head on the stage before the last, for training.

    Raises:
        ConfigError: bins, width or dropout that are not allowed.
    """
    if not isinstance(bins, (list, tuple)) or not bins or not all(isinstance(b, int) and b > 0 for b in bins):
        raise ConfigError(f"bins must be positive whole numbers such as (1, 2, 3, 6), got {bins!r}")
    if not isinstance(width, int) or width < 1:
        raise ConfigError(f"width must be a positive whole number, got {width!r}")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout must be at least 0 and less than 1, got {dropout!r}")
    decoder = PSPDecoder(encoder.channels[-1], bins, width, dropout)
    second = AuxiliaryHead(encoder.channels[-2], num_classes, dropout) if auxiliary else None
    return Segmenter(encoder, decoder, classifier(width, num_classes), second, align_corners=True)


class PSPDecoder(nn.Module):
    """The coarsest map of the pyramid -> pyramid pooling -> 3x3 bottleneck -> dropout."""

    def __init__(self, in_channels: int, bins: Sequence[int], width: int, dropout: float) -> None:
        super().__init__()
        self.pooling = PyramidPooling(in_channels, bins)
        self.bottleneck = conv_norm_act(self.pooling.out_channels, width)
        self.dropout = nn.Dropout2d(dropout)
        initialize(self)

    def forward(self, pyramid: list[Tensor], size: Size) -> Tensor:
        """Maps finest first -> (B, width, h, w) at the size of the coarsest; the size of the image plays no part."""
        features: Tensor = self.dropout(self.bottleneck(self.pooling(pyramid[-1])))
        return features
