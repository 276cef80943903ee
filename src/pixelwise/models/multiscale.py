"""Several looks at the same image: at other scales, and mirrored; their probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.spatial import resize, size_of

__all__ = ["MultiScale"]

_RANGE = (0.1, 4.0)
_LEAST = 1e-7


class MultiScale(nn.Module):
    """A segmenter whose result is the mean over scales and mirror images (Chen et al. 2016, Zhao et al. 2017, section 5).

    Every look gives probabilities at the size of the image; their mean comes back as logits, whose softmax (or sigmoid) is
    that mean, so that whatever takes logits takes these. Costs the square of each scale, twice that with mirroring.

    Args:
        model: (B, C, *size) -> logits (B, K, *size).
        scales: of the image's sides, 0.1 to 4; 1 is the image itself.
        flip: each scale once more, mirrored left to right.
        exclusive: classes exclude each other (softmax), or not (sigmoid).

    Raises:
        ConfigError: no scale, or one that is not allowed.
    """

    def __init__(self, model: nn.Module, scales: Sequence[float] = (1.0,), flip: bool = False, *, exclusive: bool = True) -> None:
        super().__init__()
        low, high = _RANGE
        if not scales or not all(isinstance(scale, (int, float)) and low <= scale <= high for scale in scales):
            raise ConfigError(f"scales must be one or more numbers from {low} to {high}, such as (0.75, 1), got {scales!r}")
        self.model, self.scales, self.flip, self.exclusive = model, tuple(scales), flip, exclusive

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, *size) normalised images -> logits (B, K, *size), float32."""
        total: Tensor | None = None
        for scale in self.scales:
            scaled = resize(images, [max(1, round(length * scale)) for length in size_of(images)])
            for mirrored in (False, True) if self.flip else (False,):
                seen = self._probabilities(scaled.flip(-1) if mirrored else scaled, size_of(images))
                seen = seen.flip(-1) if mirrored else seen
                total = seen if total is None else total + seen
        assert total is not None
        mean = (total / (len(self.scales) * (2 if self.flip else 1))).clamp(_LEAST, 1 - _LEAST)
        return mean.log() if self.exclusive else torch.logit(mean)

    def _probabilities(self, images: Tensor, size: Sequence[int]) -> Tensor:
        logits = resize(self.model(images).float(), size)
        return logits.softmax(1) if self.exclusive else logits.sigmoid()
