"""One spelling for signals (1), images (2) and volumes (3): torch's layers and functions by the number of spatial dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CONVOLUTIONS", "TRANSPOSED_CONVOLUTIONS", "adaptive_average_pool", "continued", "resize", "size_of"]

CONVOLUTIONS: dict[int, type[Any]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED_CONVOLUTIONS: dict[int, type[Any]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_ADAPTIVE: dict[int, Any] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def size_of(images: Tensor) -> tuple[int, ...]:
    """The spatial sizes of (B, C, *size)."""
    return tuple(images.shape[2:])


def resize(
    features: Tensor, size: Sequence[int], mode: Literal["linear", "nearest"] = "linear", align_corners: bool = False
) -> Tensor:
    """(B, C, *old) -> (B, C, *size), linear in every spatial dimension or from the nearest place; itself if it has the size."""
    if size_of(features) == tuple(size):
        return features
    if mode == "nearest":
        return F.interpolate(features, tuple(size), mode="nearest")
    return F.interpolate(features, tuple(size), mode=_LINEAR[features.ndim - 2], align_corners=align_corners)


def adaptive_average_pool(features: Tensor, bins: int) -> Tensor:
    """(B, C, *size) -> (B, C, bins, ...): the mean of each of ``bins`` regions along every spatial dimension."""
    pooled: Tensor = _ADAPTIVE[features.ndim - 2](features, bins)
    return pooled


def continued(images: Tensor, missing: Sequence[int]) -> Tensor:
    """(B, C, *size) with ``missing[i]`` places added at the far end of dimension i, copies of its last one."""
    if not any(missing):
        return images
    # torch lists paddings from the last dimension to the first, near and far end of each.
    return F.pad(images, [side for length in reversed(missing) for side in (0, length)], mode="replicate")
