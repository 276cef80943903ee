"""SegNet-Basic (Badrinarayanan, Kendall and Cipolla 2017, https://arxiv.org/abs/1511.00561, section 3.1): the small SegNet,
trained from nothing.

Four stages of one 7x7 convolution with 64 channels: convolution, BatchNorm, ReLU, pooling on the way down; unpooling by the
indices, convolution and BatchNorm, without ReLU, on the way up; a 1x1 convolution gives the logits. No convolution before a
BatchNorm has a bias, as the paper says. The authors' prototxt has them all the same, and normalises the image locally: both
are options.
"""

from __future__ import annotations

from torch import nn

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.blocks import initialize
from pixelwise.models.heads import classifier
from pixelwise.models.options import check_switch
from pixelwise.models.pyramid import Encoder, per_channel
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.unpooling import PoolingEncoder, UnpoolingDecoder, Upsampling, check_upsampling

__all__ = ["segnet_basic", "segnet_basic_encoder"]

_NAME = "segnet_basic"
_STAGES, _WIDTH = 4, 64
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as in the other networks
_BYTE = 1 / 255


def segnet_basic_encoder(
    name: str = _NAME,
    weights: str | None = None,
    in_channels: int = 3,
    local_response_norm: bool = False,
    bias: bool = False,
) -> PoolingEncoder:
    """Four times 7x7 convolution, BatchNorm, ReLU and pooling with indices, 64 channels each.

    Args:
        name: ``segnet_basic``.
        weights: ``None``, ``none`` or ``auto``; there are none to be had.
        in_channels: channels of the image.
        local_response_norm: the image is divided by (1 + 1e-4 m) ** 0.75, m the mean of squares over five channels, as in
            the authors' prototxt; it is then expected as there, in values from 0 to 255 (``mean`` 0, ``std`` 1 / 255).
        bias: of the convolutions; BatchNorm takes it away again.

    Raises:
        ConfigError: another name, or no channels.
        WeightsError: weights were asked for.
    """
    if name != _NAME:
        raise ConfigError(
            f"segnet_basic has an encoder of its own, got {name!r}; use 'segnet_basic', or the model segnet for a VGG encoder"
        )
    if not isinstance(in_channels, int) or in_channels < 1:
        raise ConfigError(f"in_channels must be a whole number from 1, got {in_channels!r}")
    check_switch("encoder_local_response_norm", local_response_norm)
    check_switch("encoder_bias", bias)
    if weights not in (None, "none", "auto"):
        raise WeightsError(f"segnet_basic has no pretrained weights, got {weights!r}; use --encoder-weights none")
    stages = []
    for index in range(_STAGES):
        convolution = _convolution(_WIDTH if index else in_channels, bias)
        stages.append(nn.Sequential(convolution, nn.BatchNorm2d(_WIDTH), nn.ReLU(inplace=True)))
    if local_response_norm:
        stages[0].insert(0, nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0))
    mean, std = ([0.0], [_BYTE]) if local_response_norm else (_MEAN, _STD)
    made = PoolingEncoder(_NAME, stages, [_WIDTH] * _STAGES, per_channel(mean, in_channels), per_channel(std, in_channels))
    initialize(made)
    return made


def segnet_basic(encoder: Encoder, num_classes: int, upsampling: Upsampling = "indices", bias: bool = False) -> Segmenter:
    """SegNet-Basic: images (B, C, H, W) -> logits (B, ``num_classes``, H, W).

    Args:
        encoder: of :func:`segnet_basic_encoder`.
        num_classes: channels of the logits.
        upsampling: ``indices``, the paper's; ``linear`` upsamples without them, to measure what they are worth.
        bias: of the decoder's convolutions, as in the authors' prototxt; BatchNorm takes it away again.

    Raises:
        ConfigError: another encoder, or an option that is not allowed.
    """
    if not isinstance(encoder, PoolingEncoder) or encoder.name != _NAME:
        raise ConfigError(
            f"segnet_basic mirrors an encoder of its own, got {encoder.name!r}; use 'segnet_basic', or the model segnet for "
            "a VGG encoder"
        )
    check_upsampling(upsampling)
    check_switch("bias", bias)
    stages = [nn.Sequential(_convolution(_WIDTH, bias), nn.BatchNorm2d(_WIDTH)) for _ in encoder.channels]
    decoder = UnpoolingDecoder(stages, upsampling)
    initialize(decoder)
    return Segmenter(encoder, decoder, classifier(encoder.channels[0], num_classes))


def _convolution(in_channels: int, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(in_channels, _WIDTH, 7, padding=3, bias=bias)
