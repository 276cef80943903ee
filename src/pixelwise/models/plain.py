"""The contracting path of the U-Net itself, as an encoder for signals, images and volumes.

Ronneberger et al. 2015, arXiv:1505.04597, with same-size convolutions and a normalisation; ``encoder("plain", ...)`` builds it.
There are no pretrained weights of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.blocks import Norm, conv_norm_act, initialize, normalization
from pixelwise.models.options import check_choice
from pixelwise.models.pyramid import Encoder
from pixelwise.models.spatial import CONVOLUTIONS, continued
from pixelwise.models.unet_blocks import Block, BlockStyle, ConvBlock
from pixelwise.models.weights import load_weights

__all__ = ["BlurPool", "PlainEncoder", "Pool", "plain_encoder"]

Pool = Literal["max", "average", "stride", "blur"]

_MAX: dict[int, type[Any]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVERAGE: dict[int, type[Any]] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_CONVOLVE: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def plain_encoder(
    weights: str | None = None, in_channels: int = 3, output_stride: int = 32, dims: int = 2, **options: Any
) -> PlainEncoder:
    """:class:`PlainEncoder` with its weights: ``None``, ``"none"`` and ``"auto"`` are random ones, else a file of them.

    Raises:
        ConfigError: an option that is not allowed, or more stages than ``output_stride`` lets in (it is never dilated).
        WeightsError: ``"imagenet"``, which there is not, or a file that cannot be read or does not fit.
    """
    if weights == "imagenet":
        raise WeightsError(
            "encoder 'plain' has no pretrained weights; use --encoder-weights none or a file of weights, or an encoder that "
            "has some, such as 'tf_efficientnet_lite0'"
        )
    made = PlainEncoder(in_channels, dims=dims, **options)
    if made.strides[-1] > output_stride:
        most = output_stride.bit_length()
        raise ConfigError(
            f"encoder 'plain' of {len(made.strides)} widths has stride {made.strides[-1]} where output_stride={output_stride} "
            f"was asked for, and it is never dilated; give it at most {most} widths, or use encoder_output_stride=32"
        )
    if weights not in (None, "none", "auto"):
        load_weights(made, "plain", weights, in_channels)
        made.weights = str(weights)
    return made


class PlainEncoder(Encoder):
    """Stages of two convolutions with normalisation and ReLU, and between them a pooling that halves every side.

    The maps have strides 1, 2, 4, ...; sides that are odd are rounded up, so that no pixel of any size is dropped. Images
    are expected as ``(images - 0.5) / 0.25``: centred, and of a deviation of about one.

    Args:
        in_channels: of the images.
        widths: channels of the stages. The paper's are 64 to 1024; these are half as wide, for a quarter of the multiply-adds,
            as in nnU-Net (Isensee et al. 2021): no weights exist that a width would have to fit.
        kernels: of the convolutions, odd: one for all stages or one per stage.
        block: ``plain``; ``residual`` or ``separable`` (all but the first convolution, as in Xception); see
            :class:`pixelwise.models.unet_blocks.ConvBlock`.
        pool: ``max`` (the paper's) or ``average`` of 2 pixels along each side, ``stride`` (a 3x3 convolution of stride 2,
            Springenberg et al. 2015), or ``blur`` (maximum, then a fixed binomial filter; Zhang 2019, arXiv:1904.11486).
        norm: ``batch``, ``group``, ``instance`` or ``none``.
        dims: 1 signals, 2 images, 3 volumes.

    Raises:
        ConfigError: an option that is not allowed.
    """

    def __init__(
        self,
        in_channels: int = 3,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        kernels: int | Sequence[int] = 3,
        *,
        block: Block = "plain",
        pool: Pool = "max",
        norm: Norm = "batch",
        dims: int = 2,
    ) -> None:
        if dims not in CONVOLUTIONS:
            raise ConfigError(f"dims must be 1 (signals), 2 (images) or 3 (volumes), got {dims!r}")
        if not isinstance(widths, (list, tuple)) or len(widths) < 2 or not all(isinstance(w, int) and w > 0 for w in widths):
            raise ConfigError(f"widths of encoder 'plain' must be 2 or more positive whole numbers, got {widths!r}")
        for option, value, choices in (("block", block, Block), ("pool", pool, Pool), ("norm", norm, Norm)):
            check_choice(f"{option} of encoder 'plain'", value, choices)
        per_stage = _per_stage(kernels, len(widths))
        half, quarter = [0.5] * in_channels, [0.25] * in_channels
        super().__init__("plain", widths, [2**stage for stage in range(len(widths))], half, quarter, dims=dims)
        style = BlockStyle(block=block, norm=norm, dims=dims)
        inputs = [in_channels, *widths[:-1]]
        self.pools = nn.ModuleList(_pooling(pool, width, norm, dims) for width in widths[:-1])
        self.stages = nn.ModuleList(
            ConvBlock(entering, width, style, kernel) for entering, width, kernel in zip(inputs, widths, per_stage, strict=True)
        )
        if block == "separable":
            # A depthwise convolution of an image could not compare its colours.
            self.stages[0].conv1 = conv_norm_act(in_channels, widths[0], per_stage[0], norm=norm, dims=dims)
        initialize(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        pyramid = [self.stages[0](images)]
        for pool, stage in zip(self.pools, self.stages[1:], strict=True):
            pyramid.append(stage(pool(pyramid[-1])))
        return pyramid


class BlurPool(nn.Module):
    """Maximum of neighbours, then the binomial filter 1 2 1 at every second place: pooling that a shift of the image changes
    less (Zhang 2019). (B, channels, *size) -> (B, channels, *ceil(size / 2)); beyond the border, its pixels go on."""

    kernel: Tensor

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        self.dims = dims
        line = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.ones(())
        for _ in range(dims):
            kernel = kernel.unsqueeze(-1) * line
        self.maximum = _MAX[dims](2, stride=1)
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        channels = features.shape[1]
        peaks = self.maximum(continued(features, [1] * self.dims))
        peaks = F.pad(peaks, [1] * (2 * self.dims), mode="replicate")
        weight = self.kernel.expand(channels, *self.kernel.shape[1:])
        blurred: Tensor = _CONVOLVE[self.dims](peaks, weight, stride=2, groups=channels)
        return blurred


def _per_stage(kernels: int | Sequence[int], stages: int) -> list[int]:
    values = [kernels] * stages if isinstance(kernels, int) else kernels
    good = isinstance(values, (list, tuple)) and len(values) == stages
    if not good or not all(isinstance(value, int) and value > 0 and value % 2 for value in values):
        raise ConfigError(
            f"kernels of encoder 'plain' must be one odd whole number, or {stages}, one per stage, such as [3, 3, 1, 1, 1]; "
            f"got {kernels!r}"
        )
    return list(values)


def _pooling(pool: Pool, channels: int, norm: Norm, dims: int) -> nn.Module:
    if pool == "stride":
        convolution = CONVOLUTIONS[dims](channels, channels, 3, stride=2, padding=1, bias=norm == "none")
        return nn.Sequential(convolution, normalization(norm, channels, dims), nn.ReLU(inplace=True))
    if pool == "blur":
        return BlurPool(dims)
    kinds = _MAX if pool == "max" else _AVERAGE
    made: nn.Module = kinds[dims](2, ceil_mode=True)
    return made
