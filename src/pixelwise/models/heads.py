"""Dense feature map -> logits."""

from __future__ import annotations

from torch import Tensor, nn

from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.spatial import CONVOLUTIONS

__all__ = ["AuxiliaryHead", "classifier"]


def classifier(in_channels: int, num_classes: int, kernel_size: int = 1, dims: int = 2) -> nn.Module:
    """The last convolution: (B, in_channels, *size) -> logits (B, num_classes, *size), Xavier weights, no bias at first."""
    layer: nn.Conv2d = CONVOLUTIONS[dims](in_channels, num_classes, kernel_size, padding=kernel_size // 2)
    # Not near zero: then the easiest class border grows first and takes all channels, and classes that differ by shape alone
    # are not learned for hundreds of steps, not even on a single batch.
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class AuxiliaryHead(nn.Module):
    """A second head on a map inside the encoder, used in training only (Zhao et al. 2017, section 3.3).

    3x3 convolution to a quarter of the channels, BatchNorm, ReLU, dropout, 1x1 convolution.
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.1, level: int = -2) -> None:
        super().__init__()
        width = max(in_channels // 4, 1)
        self.level = level
        self.reduce = conv_norm_act(in_channels, width)
        initialize(self.reduce)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = classifier(width, num_classes)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """Pyramid -> logits (B, K, h, w) at the size of its level."""
        logits: Tensor = self.classifier(self.dropout(self.reduce(pyramid[self.level])))
        return logits
