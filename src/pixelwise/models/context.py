"""Modules that let a pixel see the scene around it: parts that every decoder takes by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.aspp import ASPP, rates_for
from pixelwise.models.blocks import conv_norm_act
from pixelwise.models.spatial import adaptive_average_pool, resize, size_of

__all__ = ["Context", "FixedPyramidPooling", "NoContext", "PyramidPooling", "SpatialPyramidPooling", "context_part"]

Context = Literal["none", "ppm", "spp", "aspp"]

_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def context_part(name: Context, in_channels: int, stride: int = 16, dims: int = 2) -> nn.Module:
    """The part of a name: (B, ``in_channels``, *size) -> (B, ``part.out_channels``, *size).

    Args:
        name: ``none`` (the map itself), ``ppm`` (:class:`PyramidPooling`), ``spp`` (:class:`SpatialPyramidPooling`) or ``aspp``
            (:class:`pixelwise.models.aspp.ASPP`).
        in_channels: of the map.
        stride: of the map in the image; the rates of ``aspp`` go by it.
        dims: 1 signals, 2 images, 3 volumes.

    Raises:
        ConfigError: a name that is none of these.
    """
    if name == "none":
        return NoContext(in_channels)
    if name == "ppm":
        return PyramidPooling(in_channels, dims=dims)
    if name == "spp":
        return SpatialPyramidPooling(in_channels)
    if name == "aspp":
        return ASPP(in_channels, rates=rates_for(stride), dims=dims)
    raise ConfigError(f"context must be one of {', '.join(get_args(Context))}, got {name!r}")


class NoContext(nn.Identity):
    """The map as it is."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.out_channels = in_channels


class PyramidPooling(nn.Module):
    """Pyramid pooling (Zhao et al. 2017, section 3.2).

    The map is averaged over ``bins`` x ``bins`` regions, once per entry; each average passes a 1x1 convolution to ``width``
    channels (``in_channels / len(bins)`` unless given) with BatchNorm and ReLU, is brought back to the size of the map
    (linear), and all are put behind the map itself: ``out_channels`` is about twice ``in_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        bins: Sequence[int] = (1, 2, 3, 6),
        dims: int = 2,
        *,
        width: int | None = None,
        align_corners: bool = True,
    ) -> None:
        super().__init__()
        width = width or max(in_channels // len(bins), 1)
        self.bins = tuple(bins)
        self.align_corners = align_corners
        self.out_channels = in_channels + width * len(self.bins)
        self.branches = nn.ModuleList(conv_norm_act(in_channels, width, 1, pooled=True, dims=dims) for _ in self.bins)

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, *size) -> (B, out_channels, *size)."""
        parts, size = [features], size_of(features)
        for bins, branch in zip(self.bins, self.branches, strict=True):
            parts.append(resize(branch(adaptive_average_pool(features, bins)), size, align_corners=self.align_corners))
        return torch.cat(parts, 1)


class FixedPyramidPooling(nn.Module):
    """Pyramid pooling with kernels of fixed size, the pooling of DAPPM (Hong et al. 2021, arXiv:2101.06085).

    Where :class:`PyramidPooling` divides any map into the same number of regions, these regions have the same number of
    pixels on any map: averages over ``kernel`` pixels, ``kernel // 2`` apart, of the pixels that there are. The branches are
    otherwise those of :class:`PyramidPooling`.
    """

    def __init__(
        self, in_channels: int, kernels: Sequence[int] = (5, 9, 17), dims: int = 2, *, align_corners: bool = True
    ) -> None:
        super().__init__()
        width = max(in_channels // len(kernels), 1)
        self.kernels = tuple(kernels)
        self.align_corners = align_corners
        self.out_channels = in_channels + width * len(self.kernels)
        self.branches = nn.ModuleList(conv_norm_act(in_channels, width, 1, pooled=True, dims=dims) for _ in self.kernels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, *size) -> (B, out_channels, *size)."""
        parts, size = [features], size_of(features)
        average = _AVERAGE_POOL[len(size)]
        for kernel, branch in zip(self.kernels, self.branches, strict=True):
            pooled = average(features, kernel, kernel // 2, padding=kernel // 2, count_include_pad=False)
            parts.append(resize(branch(pooled), size, align_corners=self.align_corners))
        return torch.cat(parts, 1)


class SpatialPyramidPooling(nn.Module):
    """Spatial pyramid pooling that keeps the map: its maxima over windows of ``kernels`` pixels, behind the map itself.

    The dense form of He et al. 2014 (arXiv:1406.4729) that YOLOv3-SPP made known; it has no weights, and ``out_channels`` is
    ``in_channels * (1 + len(kernels))``. The form that gives a vector is
    :class:`pixelwise.models.image_head.SpatialPyramidVector`.

    Args:
        in_channels: of the map, of any number of dimensions.
        kernels: sides of the windows, odd and growing.
    """

    def __init__(self, in_channels: int, kernels: Sequence[int] = (5, 9, 13)) -> None:
        super().__init__()
        self.kernels = tuple(kernels)
        self.out_channels = in_channels * (1 + len(self.kernels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, in_channels, *size) -> (B, out_channels, *size)."""
        parts, reached = [features], 1
        pool = _MAX_POOL[features.ndim - 2]
        for kernel in self.kernels:
            # The maximum over a window is one over maxima of smaller windows: what the last kernel did is not done again.
            step = kernel - reached + 1
            parts.append(pool(parts[-1], step, 1, padding=step // 2))
            reached = kernel
        return torch.cat(parts, 1)
