"""SegNet (Badrinarayanan, Kendall and Cipolla 2017, https://arxiv.org/abs/1511.00561): a VGG without its fully connected
layers, and a decoder that mirrors it and puts every value back where the maximum stood.

As in the paper and its authors' prototxt: convolutions with bias, BatchNorm and ReLU everywhere but behind the last
convolution, which gives the logits; the last convolution of a decoder stage goes to the channels of the next stage; no
features pass from encoder to decoder but the coarsest map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import timm
from torch import nn

from pixelwise.errors import ConfigError, WeightsError, nearest
from pixelwise.models.blocks import initialize
from pixelwise.models.heads import classifier
from pixelwise.models.pyramid import Encoder, per_channel
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.unpooling import PoolingEncoder, UnpoolingDecoder, Upsampling, check_upsampling
from pixelwise.models.weights import load_weights

__all__ = ["ENCODERS", "segnet", "segnet_encoder"]

_DEPTHS = {"vgg11_bn": (1, 1, 2, 2, 2), "vgg13_bn": (2, 2, 2, 2, 2), "vgg16_bn": (2, 2, 3, 3, 3), "vgg19_bn": (2, 2, 4, 4, 4)}
_BASE_WIDTH = 64  # the paper's, for which there are ImageNet weights

ENCODERS = tuple(_DEPTHS)
"""Encoders whose stages end with a max pooling each, and have BatchNorm."""


def segnet_encoder(name: str, weights: str | None = None, in_channels: int = 3, base_width: int = _BASE_WIDTH) -> PoolingEncoder:
    """VGG with BatchNorm as in timm, with poolings that round up and remember.

    Args:
        name: one of :data:`ENCODERS`; ``vgg16_bn`` is the paper's.
        weights: ``None`` or ``"none"`` (random), ``"imagenet"``, a file (``.safetensors``, ``.pth``) of timm's network, or
            ``"auto"`` (ImageNet's where there are any for this width).
        in_channels: channels of the image.
        base_width: channels of the first stage, 64 in the paper; later stages have 2, 4, 8 and 8 times as many.

    Raises:
        ConfigError: another encoder, or an option that is not allowed.
        WeightsError: weights that cannot be had here or do not fit, such as ImageNet's for another width.
    """
    facts = _facts(name)
    for option, value in (("in_channels", in_channels), ("encoder_base_width", base_width)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{option} must be a whole number from 1, got {value!r}")
    if weights == "auto":
        weights = "imagenet" if base_width == _BASE_WIDTH else "none"
    if weights == "imagenet" and base_width != _BASE_WIDTH:
        raise WeightsError(
            f"the ImageNet weights of {name!r} are for {_BASE_WIDTH} channels in the first stage, not for "
            f"encoder_base_width={base_width}; leave it out, or use encoder weights 'none'"
        )
    depths = _DEPTHS[name.partition(".")[0]]
    channels = [base_width * factor for factor in (1, 2, 4, 8, 8)]
    stages = list(_stages(in_channels, channels, depths))
    # With a pooling, which holds no weights, behind each stage the layers have timm's numbers.
    vgg = nn.ModuleDict({"features": nn.Sequential(*(layer for stage in stages for layer in (*stage, nn.Identity())))})
    initialize(vgg)
    load_weights(vgg, name, weights, in_channels)
    made = PoolingEncoder(name, stages, channels, per_channel(facts.mean, in_channels), per_channel(facts.std, in_channels))
    made.weights = weights or "none"
    return made


def segnet(encoder: Encoder, num_classes: int, upsampling: Upsampling = "indices") -> Segmenter:
    """SegNet: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: of :func:`segnet_encoder`.
        num_classes: channels of the logits.
        upsampling: ``indices``, the paper's; ``linear`` upsamples without them, to measure what they are worth.

    Raises:
        ConfigError: an encoder without pooling indices, or an upsampling that is not allowed.
    """
    if not isinstance(encoder, PoolingEncoder):
        raise ConfigError(_no_mirror(encoder.name))
    check_upsampling(upsampling)
    depths = [sum(isinstance(layer, nn.Conv2d) for layer in stage.modules()) for stage in encoder.stages]
    decoder = UnpoolingDecoder(_mirrored(encoder.channels, depths), upsampling)
    initialize(decoder)
    return Segmenter(encoder, decoder, classifier(encoder.channels[0], num_classes, kernel_size=3))


def _mirrored(channels: Sequence[int], depths: Sequence[int]) -> Iterator[nn.Module]:
    """Coarse to fine: as many convolutions as the encoder's stage has, the last to the channels of the next stage. The last of
    all is the head, not here. ``channels[i]`` and ``depths[i]``: width and number of convolutions of encoder stage i."""
    for index in reversed(range(len(channels))):
        width, last = channels[index], [channels[index - 1]] if index else []
        outputs = [width] * (depths[index] - 1) + last
        yield nn.Sequential(*(_conv_norm_relu(width, out_channels) for out_channels in outputs))


def _stages(in_channels: int, channels: Sequence[int], depths: Sequence[int]) -> Iterator[nn.Sequential]:
    """The encoder's, fine to coarse."""
    for width, depth in zip(channels, depths, strict=True):
        inputs = [in_channels] + [width] * (depth - 1)
        yield nn.Sequential(*(layer for before in inputs for layer in _conv_norm_relu(before, width)))
        in_channels = width


def _conv_norm_relu(in_channels: int, out_channels: int) -> nn.Sequential:
    """With a bias before BatchNorm, as timm's VGG and the paper's network have it."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _no_mirror(name: object) -> str:
    allowed = ", ".join(repr(encoder) for encoder in ENCODERS)
    return f"segnet mirrors the stages and poolings of a VGG with BatchNorm, which {name!r} is not; use one of {allowed}"


def _facts(name: str) -> Any:
    """timm's facts about a name."""
    plain, _, tag = str(name).partition(".")
    if plain not in _DEPTHS:
        raise ConfigError(_no_mirror(name))
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{plain}.*")]
    if tag and tag not in tags:
        raise ConfigError(f"encoder {plain!r} has no weights tagged {tag!r}; {nearest(tag, tags)}")
    return timm.get_pretrained_cfg(name)
