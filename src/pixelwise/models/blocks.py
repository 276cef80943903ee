"""Convolution, normalisation, activation: the brick of every decoder, for signals, images and volumes."""

from __future__ import annotations

from math import gcd
from typing import Any, Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.spatial import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS

__all__ = ["Norm", "PooledBatchNorm", "conv_norm_act", "initialize", "normalization", "separable_conv_norm_act"]

Norm = Literal["batch", "group", "instance", "none"]

_BATCH: dict[int, type[Any]] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE: dict[int, type[Any]] = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_CONVOLUTIONS = (*CONVOLUTIONS.values(), *TRANSPOSED_CONVOLUTIONS.values())
_NORMS = (*_BATCH.values(), *_INSTANCE.values(), nn.GroupNorm)


class PooledBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm for maps that were pooled to a few pixels, of any number of dimensions.

    In training with batch 1 a map of 1x1 holds one value per channel, whose variance is zero: torch refuses it, and the
    normalised value would carry nothing. In that one case the running statistics normalise, as in evaluation, and stay
    as they are. In all others it is ``nn.BatchNorm2d``, with the same state dict.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 3:
            raise ValueError(f"a batch of maps has 3 dimensions or more, got {input.ndim}")

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input.shape[0] * input.shape[2:].numel() == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(input)


def normalization(norm: Norm, channels: int, dims: int = 2) -> nn.Module:
    """The normalisation of (B, channels, *size): ``batch``, ``group`` (Wu and He 2018: 32 groups, or the most that divide),
    ``instance``, or ``none``."""
    if norm == "batch":
        batch: nn.Module = _BATCH[dims](channels)
        return batch
    if norm == "group":
        return nn.GroupNorm(gcd(32, channels), channels)
    if norm == "instance":
        instance: nn.Module = _INSTANCE[dims](channels, affine=True)
        return instance
    if norm == "none":
        return nn.Identity()
    raise ConfigError(f"norm must be one of {', '.join(get_args(Norm))}, got {norm!r}")


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    *,
    norm: Norm = "batch",
    dilation: int = 1,
    activation: bool = True,
    pooled: bool = False,
    dims: int = 2,
) -> nn.Sequential:
    """Convolution (stride 1, same size, no bias where a normalisation follows), normalisation, ReLU: (B, in_channels, *size)
    -> (B, out_channels, *size).

    Args:
        in_channels, out_channels: of the maps.
        kernel_size: odd.
        norm: see :func:`normalization`.
        dilation: distance of the kernel's taps.
        activation: without, there is no ReLU.
        pooled: the map may be a single pixel (:class:`PooledBatchNorm`).
        dims: 1 signals, 2 images, 3 volumes.
    """
    padding = dilation * (kernel_size // 2)
    layers = [
        CONVOLUTIONS[dims](in_channels, out_channels, kernel_size, padding=padding, dilation=dilation, bias=norm == "none"),
        PooledBatchNorm(out_channels) if pooled and norm == "batch" else normalization(norm, out_channels, dims),
    ]
    if activation:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def separable_conv_norm_act(
    in_channels: int, out_channels: int, kernel_size: int = 3, *, norm: Norm = "batch", dilation: int = 1, dims: int = 2
) -> nn.Sequential:
    """Depthwise, then pointwise convolution, each with normalisation and ReLU (Chen et al. 2018, section 3.1)."""
    depthwise = CONVOLUTIONS[dims](
        in_channels,
        in_channels,
        kernel_size,
        padding=dilation * (kernel_size // 2),
        dilation=dilation,
        groups=in_channels,
        bias=norm == "none",
    )
    pointwise = conv_norm_act(in_channels, out_channels, 1, norm=norm, dims=dims)
    return nn.Sequential(depthwise, normalization(norm, in_channels, dims), nn.ReLU(inplace=True), *pointwise)


def initialize(module: nn.Module) -> None:
    """He et al. 2015 for convolutions before a ReLU, one and zero for normalisation: for decoders, not for encoders."""
    for layer in module.modules():
        if isinstance(layer, _CONVOLUTIONS):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, (*_NORMS, PooledBatchNorm)):
            for name, value in (("weight", 1.0), ("bias", 0.0)):
                nn.init.constant_(getattr(layer, name), value)
