"""What an encoder is to a decoder: images in, a pyramid of feature maps out, and the facts about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from torch import Tensor, nn

__all__ = ["Encoder", "per_channel"]


class Encoder(nn.Module):
    """Base of all encoders. ``forward``: (B, C, *size) normalised images -> maps (B, channels[i], ~size / strides[i]).

    Args:
        name: by which it is built again.
        channels, strides: of the maps that ``forward`` returns, finest first.
        mean, std: per input channel, for images scaled to 0..1: the normalisation that is expected of them.
        divisor: what every side of the image must be a multiple of for no pixel to be dropped.
        dims: 1 for signals, 2 for images, 3 for volumes.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[int],
        strides: Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
        *,
        divisor: int = 1,
        dims: int = 2,
    ) -> None:
        super().__init__()
        self.name = name
        self.channels, self.strides = list(channels), list(strides)
        self.mean, self.std = list(mean), list(std)
        self.divisor, self.dims = divisor, dims
        self.weights = "none"  # what its weights came from; the builder that loads some says so
        self.is_frozen = False

    def forward(self, images: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def freeze(self) -> Self:
        """No gradient, and evaluation mode for good: BatchNorm keeps its running statistics and dropout stays off even
        after ``train()`` on the encoder or on a model that holds it."""
        self.is_frozen = True
        self.requires_grad_(False)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode and not self.is_frozen)
        return self


def per_channel(values: Sequence[float], in_channels: int) -> list[float]:
    """Normalisation constants for any number of channels: the mean for one, else the given ones in turn."""
    if in_channels == 1:
        return [sum(values) / len(values)]
    return [float(values[channel % len(values)]) for channel in range(in_channels)]
