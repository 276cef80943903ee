"""Encoder, decoder and head as one network that takes images of any size."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.encoder import Encoder
from pixelwise.types import Size

__all__ = ["Prediction", "Segmenter"]


class Prediction(NamedTuple):
    """What a segmenter gives in training: both are (B, K, H, W) logits of the size of the images."""

    logits: Tensor
    auxiliary: Tensor | None


class Segmenter(nn.Module):
    """(B, C, H, W) normalised images -> (B, K, H, W) logits of the same size, from 1x1 pixels up.

    Args:
        encoder: images -> pyramid; its ``mean`` and ``std`` are the normalisation that is expected of the images.
        decoder: called as ``decoder(pyramid, size)``, gives one map (B, D, h, w); ``size`` is that of the padded images.
        head: map -> logits (B, K, h, w), brought to the size of the image bilinearly where they are smaller.
        auxiliary: pyramid -> logits of a second head, used in training only.
        align_corners: how logits are enlarged. It is a property of the trained network and goes into its checkpoint.

    Images whose sides are no multiple of ``encoder.divisor``, or so small that the coarsest map would be a single pixel,
    are continued to the right and below by their last column and row; the logits of what was added are cut off again.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: nn.Module,
        head: nn.Module,
        auxiliary: nn.Module | None = None,
        *,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head
        self.auxiliary = auxiliary
        self.align_corners = align_corners

    def forward(self, images: Tensor, auxiliary: bool = False) -> Any:
        """Logits (B, K, H, W); with ``auxiliary=True`` a :class:`Prediction` of logits and auxiliary logits (or ``None``)."""
        padded = self._padded(images)
        pyramid = self.encoder(padded)
        logits = self._to_image(self.head(self.decoder(pyramid, _size(padded))), _size(padded), _size(images))
        if not auxiliary:
            return logits
        second = None if self.auxiliary is None else self.auxiliary(pyramid)
        return Prediction(logits, None if second is None else self._to_image(second, _size(padded), _size(images)))

    def _padded(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        below, right = self._missing(height), self._missing(width)
        return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images

    def _missing(self, length: int) -> int:
        """Pixels to add to one side: two pixels of the coarsest map at least, and a multiple of the divisor."""
        needed = max(length, max(self.encoder.strides) + 1)
        return -(-needed // self.encoder.divisor) * self.encoder.divisor - length

    def _to_image(self, logits: Tensor, padded: Size, size: Size) -> Tensor:
        if _size(logits) != padded:
            logits = F.interpolate(logits, padded, mode="bilinear", align_corners=self.align_corners)
        return logits if padded == size else logits[..., : size[0], : size[1]]


def _size(images: Tensor) -> Size:
    return images.shape[-2], images.shape[-1]
