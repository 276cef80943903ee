"""VGG (Simonyan and Zisserman 2015) as Long, Shelhamer and Darrell made it fully convolutional: the encoder of the FCN papers.

The two fully connected layers of the classifier, fc6 and fc7, are a 7x7 and a 1x1 convolution. The 7x7 one is not padded;
instead the image gets a border of 100 zeros in the first convolution, so that an image of any size, even of one pixel,
leaves something after it. Pooling rounds sizes up, as Caffe does. Layers carry the names that they have in timm's VGG, which
keeps fc6 and fc7 as convolutions too, so that its weights fit one to one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import timm
from torch import Tensor, nn

from pixelwise.errors import ConfigError, WeightsError, nearest
from pixelwise.models.blocks import initialize
from pixelwise.models.options import check_count, check_dropout
from pixelwise.models.pyramid import Encoder, per_channel
from pixelwise.models.weights import load_weights

__all__ = ["PADDING", "VGGEncoder", "vgg"]

PADDING = 100
"""Zeros around the image, in pixels."""

_BLOCKS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_NAMES = [f"{depth}{norm}" for norm in ("", "_bn") for depth in _BLOCKS]
_WIDTH, _BASE_WIDTH = 4096, 64  # those of the paper, for which there are ImageNet weights


class VGGEncoder(Encoder):
    """(B, C, H, W) -> pool3, pool4 and fc7, at strides 8, 16 and 32. Their sizes are those of a bordered image:
    ceil((H + 198) / 8), ceil((H + 198) / 16) and ceil((H + 198) / 32) - 6; where they lie is for the decoder to know."""

    def __init__(self, name: str, in_channels: int, width: int, base_width: int, dropout: float) -> None:
        plain = name.partition(".")[0]
        facts: Any = timm.get_pretrained_cfg(plain)
        mean, std = per_channel(facts.mean, in_channels), per_channel(facts.std, in_channels)
        super().__init__(name, [4 * base_width, 8 * base_width, width], [8, 16, 32], mean, std)
        blocks, has_norm = _BLOCKS[plain.removesuffix("_bn")], plain.endswith("_bn")
        layers: list[nn.Module] = []
        channels, padding = in_channels, PADDING
        for convolutions, factor in zip(blocks, (1, 2, 4, 8, 8), strict=True):
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, factor * base_width, 3, padding=padding))
                channels, padding = factor * base_width, 1
                layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)] if has_norm else [nn.ReLU(inplace=True)]
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.pre_logits = nn.Sequential(
            OrderedDict(
                fc1=nn.Conv2d(channels, width, 7),
                act1=nn.ReLU(inplace=True),
                drop1=nn.Dropout(dropout),
                fc2=nn.Conv2d(width, width, 1),
                act2=nn.ReLU(inplace=True),
                drop2=nn.Dropout(dropout),
            )
        )
        initialize(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        pools, features = [], images
        for layer in self.features:
            features = layer(features)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(features)
        return [pools[2], pools[3], self.pre_logits(pools[4])]


def vgg(
    name: str,
    weights: str | None = None,
    in_channels: int = 3,
    width: int = _WIDTH,
    base_width: int = _BASE_WIDTH,
    dropout: float = 0.5,
) -> VGGEncoder:
    """Builds a fully convolutional VGG.

    Args:
        name: ``vgg11``, ``vgg13``, ``vgg16`` (the paper's) or ``vgg19``, or one of them with BatchNorm (``vgg16_bn``).
        weights: ``None`` or ``"none"`` (random), ``"imagenet"``, a file (``.safetensors``, ``.pth``) of timm's network, or
            ``"auto"`` (ImageNet's where there are any for these widths).
        in_channels: channels of the image.
        width: channels of fc6 and fc7; 4096 in the paper, where fc6 alone has 103 million of 134 million weights.
        base_width: channels of the first block, 64 in the paper; later blocks have 2, 4, 8 and 8 times as many.
        dropout: after fc6 and after fc7.

    Raises:
        ConfigError: a network that is no VGG, or an option that is not allowed.
        WeightsError: weights that cannot be had here or do not fit, such as ImageNet's for other widths.
    """
    _check_name(name)
    for option, value in (("in_channels", in_channels), ("width", width), ("base_width", base_width)):
        check_count(option, value)
    check_dropout(dropout)
    is_of_paper = (width, base_width) == (_WIDTH, _BASE_WIDTH)
    if weights == "auto":
        weights = "imagenet" if is_of_paper else "none"
    if weights == "imagenet" and not is_of_paper:
        raise WeightsError(
            f"the ImageNet weights of {name!r} are for {_WIDTH} channels in fc6 and fc7 and {_BASE_WIDTH} in the first block, "
            f"not for encoder_width={width} and encoder_base_width={base_width}; leave these out, or use encoder weights 'none'"
        )
    made = VGGEncoder(name, in_channels, width, base_width, dropout)
    load_weights(made, name, weights, in_channels)
    made.weights = weights or "none"
    return made


def _check_name(name: str) -> None:
    plain, _, tag = str(name).partition(".")
    if plain not in _NAMES:
        raise ConfigError(
            f"encoder {name!r} is no VGG, of whose layers fcn32s, fcn16s and fcn8s are made; use 'vgg16', 'vgg11', 'vgg13', "
            "'vgg19', or one of them with BatchNorm such as 'vgg16_bn'; model 'fcn' takes any encoder"
        )
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{plain}.*")]
    if tag and tag not in tags:
        raise ConfigError(f"encoder {plain!r} has no weights tagged {tag!r}; {nearest(tag, tags)}")
