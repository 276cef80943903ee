"""U-Net as it was published (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597).

Valid 3x3 convolutions with ReLU and no normalisation, 2x2 max pooling, 2x2 up-convolutions that halve the channels, skips
cropped at the centre and concatenated, dropout at the end of the contracting path, a 1x1 head; a tile of 572 x 572 pixels
gives logits of its inner 388 x 388. Images of any size are mirrored at their border, as in figure 2, so that every pixel has
the context that the valid convolutions take away.

Where the text and the network that the authors released disagree, this is the text: no ReLU after an up-convolution, and
the last up-convolution too halves the channels. The rate of dropout, 0.5 at the two coarsest levels, is the release's: the
text gives none.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.options import check_count, check_dropout
from pixelwise.models.pyramid import Encoder, per_channel
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS, size_of
from pixelwise.models.weights import load_weights

__all__ = [
    "UnetOriginal",
    "UnetOriginalDecoder",
    "UnetOriginalEncoder",
    "mirrored",
    "unet_original",
    "unet_original_encoder",
    "valid_size",
]

_MAX_POOLINGS: dict[int, type[Any]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_PLAIN: Any = tuple(CONVOLUTIONS.values())
_TRANSPOSED: Any = tuple(TRANSPOSED_CONVOLUTIONS.values())


def unet_original(encoder: Encoder, num_classes: int) -> UnetOriginal:
    """The published U-Net: images (B, C, *size) -> logits (B, ``num_classes``, *size).

    Args:
        encoder: the contracting path, of :func:`unet_original_encoder`; ``encoder_width``, ``encoder_depth``,
            ``encoder_dropout`` and ``dims`` are its options.
        num_classes: channels of the logits.

    Raises:
        ConfigError: another encoder.
    """
    if not isinstance(encoder, UnetOriginalEncoder):
        raise ConfigError(
            f"unet_original has an encoder of its own, 'unet_original', and cannot use {encoder.name!r}; "
            "for a U-Net on that encoder use the model 'unet'"
        )
    decoder = UnetOriginalDecoder(encoder.channels, encoder.dims)
    head = CONVOLUTIONS[encoder.dims](encoder.channels[0], num_classes, 1)
    for part in (decoder, head):
        _initialize(part)
    return UnetOriginal(encoder, decoder, head)


def unet_original_encoder(
    name: str = "unet_original",
    weights: str | None = None,
    in_channels: int = 3,
    width: int = 64,
    depth: int = 5,
    dropout: float = 0.5,
    dims: int = 2,
) -> UnetOriginalEncoder:
    """The contracting path.

    Args:
        name: ``unet_original``.
        weights: ``None``, ``"none"`` or ``"auto"`` (random), or a file of them (``.safetensors``, ``.pth``).
        in_channels: channels of the images.
        width: channels at the finest level, doubled at each coarser one; 64 in the paper.
        depth: number of levels, from 2; 5 in the paper. The margin that is mirrored around an image is
            ``6 * 2 ** (depth - 1) - 4`` pixels wide, 92 with 5 levels.
        dropout: rate at the two coarsest levels.
        dims: 1 for signals, 2 for images, 3 for volumes.

    Raises:
        ConfigError: another name, or an option that is not allowed.
        WeightsError: ``"imagenet"``, or a file that does not fit.
    """
    if name != "unet_original":
        raise ConfigError(
            f"unet_original has an encoder of its own, 'unet_original', and cannot use {name!r}; "
            "for a U-Net on that encoder use the model 'unet'"
        )
    if not isinstance(in_channels, int) or in_channels < 1:
        raise ConfigError(f"in_channels must be a whole number from 1, got {in_channels!r}")
    check_count("encoder_width", width)
    if not isinstance(depth, int) or not 2 <= depth <= 8:
        raise ConfigError(f"encoder_depth must be a whole number from 2 to 8, got {depth!r}")
    check_dropout(dropout, "encoder_dropout")
    if dims not in CONVOLUTIONS:
        raise ConfigError(f"dims must be 1, 2 or 3, got {dims!r}")
    if weights == "imagenet":
        raise WeightsError(
            "nobody has published ImageNet weights of the original U-Net; use --encoder-weights none or a file, or the model "
            "'unet' with a pretrained encoder"
        )
    made = UnetOriginalEncoder(in_channels, [width * 2**level for level in range(depth)], dropout, dims)
    if weights not in (None, "none", "auto"):
        load_weights(made, name, weights, in_channels)
        made.weights = str(weights)
    return made


class UnetOriginalEncoder(Encoder):
    """Contracting path: images of a valid size -> maps at strides 1, 2, 4, ..., each smaller than its share of the image by
    what the valid convolutions took; 572 pixels give 568, 280, 136, 64 and 28."""

    def __init__(self, in_channels: int, channels: list[int], dropout: float, dims: int) -> None:
        strides = [2**level for level in range(len(channels))]
        # The paper does not say how grey values were scaled; without normalisation layers they had better be of unit size.
        mean, std = per_channel([0.5], in_channels), per_channel([0.25], in_channels)
        super().__init__("unet_original", channels, strides, mean, std, dims=dims)
        inputs = [in_channels, *channels[:-1]]
        self.levels = nn.ModuleList(_two_convolutions(i, o, dims) for i, o in zip(inputs, channels, strict=True))
        self.pool = _MAX_POOLINGS[dims](2)
        self.dropout = nn.Dropout(dropout)
        _initialize(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, C, *size) of a :func:`valid_size` -> maps, finest first."""
        features, pyramid = images, []
        for index, level in enumerate(self.levels):
            features = level(self.pool(features) if index else features)
            if index >= len(self.levels) - 2:
                features = self.dropout(features)
            pyramid.append(features)
        return pyramid


class UnetOriginalDecoder(nn.Module):
    """Expansive path: pyramid -> (B, channels[0], *inner), the valid part of the finest map; 572 pixels give 388."""

    def __init__(self, channels: list[int], dims: int) -> None:
        super().__init__()
        steps = [(coarse, fine) for fine, coarse in pairwise(channels)][::-1]
        self.ups = nn.ModuleList(TRANSPOSED_CONVOLUTIONS[dims](coarse, fine, 2, stride=2) for coarse, fine in steps)
        self.blocks = nn.ModuleList(_two_convolutions(2 * fine, fine, dims) for _, fine in steps)

    def forward(self, pyramid: list[Tensor], size: tuple[int, ...]) -> Tensor:
        """Maps finest first; the size of the image plays no part."""
        features = pyramid[-1]
        for up, block, finer in zip(self.ups, self.blocks, reversed(pyramid[:-1]), strict=True):
            features = up(features)
            features = block(torch.cat([_center(finer, size_of(features)), features], 1))
        return features


class UnetOriginal(Segmenter):
    """The published network behind the contract of a :class:`~pixelwise.models.segmenter.Segmenter`: images of any size are
    mirrored by the margin on all sides, and at the far ends up to the next size that the network can take."""

    def frame(self, images: Tensor) -> Tensor:
        depth = len(self.encoder.channels)
        for dimension, length in enumerate(size_of(images), start=2):
            before = _margin(depth)
            images = mirrored(images, dimension, before, valid_size(length, depth) - length - before)
        return images

    def to_image(self, logits: Tensor, framed: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        for dimension, length in enumerate(size, start=2):
            logits = logits.narrow(dimension, 0, length)
        return logits.clone()  # dense again, in the layout that it had


def valid_size(length: int, depth: int = 5) -> int:
    """The side of the smallest tile whose logits have ``length`` pixels or more along that side; 572 for 388 and 5 levels."""
    step = 2 ** (depth - 1)
    # n pixels at the coarsest level give step * (n - 4) + 4 of the logits.
    coarsest = max(-(-(length - 4) // step), 0) + 4
    return step * (coarsest - 4) + 4 + 2 * _margin(depth)


def mirrored(images: Tensor, dimension: int, before: int, after: int) -> Tensor:
    """Images continued by reflection at the first and the last place of ``dimension``, which are not repeated.

    ``before`` and ``after`` may be larger than the image: what was reflected is reflected again.
    """
    length = images.shape[dimension]
    period = max(2 * (length - 1), 1)
    place = torch.arange(-before, length + after, device=images.device) % period
    return images.index_select(dimension, torch.minimum(place, period - place))


def _margin(depth: int) -> int:
    """Pixels on each side of a tile that its logits lack: 2 per pair of convolutions, down and up, in pixels of its level."""
    return 6 * 2 ** (depth - 1) - 4


def _two_convolutions(in_channels: int, out_channels: int, dims: int) -> nn.Sequential:
    return nn.Sequential(
        CONVOLUTIONS[dims](in_channels, out_channels, 3),
        nn.ReLU(inplace=True),
        CONVOLUTIONS[dims](out_channels, out_channels, 3),
        nn.ReLU(inplace=True),
    )


def _center(features: Tensor, size: tuple[int, ...]) -> Tensor:
    for dimension, length in enumerate(size, start=2):
        features = features.narrow(dimension, (features.shape[dimension] - length) // 2, length)
    return features


def _initialize(module: nn.Module) -> None:
    """Normal with standard deviation sqrt(2 / N), N the number of values that one output is computed from (section 3)."""
    for layer in module.modules():
        if isinstance(layer, _PLAIN):
            values = layer.weight[0].numel()
        elif isinstance(layer, _TRANSPOSED):
            values = layer.in_channels  # the 2x2 windows do not overlap: one value of each input channel
        else:
            continue
        nn.init.normal_(layer.weight, std=sqrt(2 / values))
        nn.init.zeros_(layer.bias)
