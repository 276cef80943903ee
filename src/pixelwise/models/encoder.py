"""The one door to encoders: image -> pyramid of feature maps, finest first.

Every ``features_only`` network of timm comes in here, and timm's words are turned into ours at this door: its
``reduction`` is our *stride*, NHWC maps become NCHW, and its errors become sentences.

Encoder names: any timm name, with or without a tag (``resnet50``, ``resnet50.a1_in1k``), and ``plain``, the contracting path
of the U-Net (:mod:`pixelwise.models.plain`), the one that also takes signals and volumes.

Dilation (``output_stride`` 8 or 16) is timm's: the convolution that loses its stride keeps the dilation it had, later
ones are dilated. So the dilated maps hold the undilated ones: ``f_os8(x)[..., ::4, ::4] == f_os32(x)``. Where it ends:
networks with TensorFlow's "SAME" padding (names that begin with ``tf_``) pad by the size of the map, so that the two grids
coincide only where both sides are 32 n + 1 pixels long; and squeeze-and-excitation takes a mean over the whole map, which
is a slightly different one on a denser map.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import timm
from torch import Tensor, nn

from pixelwise.errors import ConfigError, first_line, nearest
from pixelwise.models.depthwise import with_fast_depthwise
from pixelwise.models.dilation import with_exact_shortcuts
from pixelwise.models.plain import plain_encoder
from pixelwise.models.pyramid import Encoder, per_channel
from pixelwise.models.weights import load_weights

__all__ = ["OUTPUT_STRIDES", "TimmEncoder", "encoder"]

OUTPUT_STRIDES = (8, 16, 32)

_SIZE_OPTIONS: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},  # plain ViTs
    {"strict_img_size": False},  # Swin and its kin
)
_DILATABLE = "use one that can, such as 'resnet50', 'mobilenetv2_100' or 'tf_efficientnet_lite0', or encoder_output_stride=32"


class TimmEncoder(Encoder):
    """A timm feature extractor with its facts; ``mean`` and ``std`` are those that its named weights expect."""

    def __init__(self, name: str, model: nn.Module, mean: list[float], std: list[float]) -> None:
        info: Any = model.feature_info
        strides = list(info.reduction())
        # Networks that halve the map with padded convolutions drop no pixel of any size; others cut the image into patches.
        super().__init__(name, list(info.channels()), strides, mean, std, divisor=1 if strides[0] == 2 else max(strides))
        self.model = model
        self._is_nhwc = str(getattr(model, "output_fmt", "NCHW")).endswith("NHWC")

    def forward(self, images: Tensor) -> list[Tensor]:
        pyramid = self.model(images)
        return [level.permute(0, 3, 1, 2) for level in pyramid] if self._is_nhwc else list(pyramid)


def encoder(
    name: str,
    weights: str | None = None,
    in_channels: int = 3,
    output_stride: int = 32,
    dims: int = 2,
    *,
    widths: Sequence[int] | None = None,
    kernels: int | Sequence[int] | None = None,
    block: str | None = None,
    pool: str | None = None,
    norm: str | None = None,
) -> Encoder:
    """Builds the encoder ``name``.

    Args:
        name: any timm model that can give features, such as ``resnet34`` or ``tf_efficientnet_lite0``, or ``plain``.
        weights: ``None`` or ``"none"`` (random; never touches the network), ``"imagenet"`` (``"auto"`` too), or a file
            (``.safetensors``, ``.pth``); see :mod:`pixelwise.models.weights`.
        in_channels: channels of the image. The first convolution of pretrained weights is adapted by timm's rule: summed
            over colours for one channel, repeated and rescaled for others.
        output_stride: 8, 16 or 32: stride of the coarsest map, lowered by dilation.
        dims: 2 for images; ``plain`` also takes 1 for signals and 3 for volumes.
        widths, kernels, block, pool, norm: of ``plain`` alone; see :class:`pixelwise.models.plain.PlainEncoder`.

    Raises:
        ConfigError: unknown name (with the nearest ones), a network that gives no features or takes no dilation, or options
            that this encoder does not take.
        WeightsError: weights that cannot be had here or do not fit.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ConfigError(f"output_stride must be 8, 16 or 32, got {output_stride!r}")
    if not isinstance(in_channels, int) or in_channels < 1:
        raise ConfigError(f"in_channels must be a whole number from 1, got {in_channels!r}")
    own = {"widths": widths, "kernels": kernels, "block": block, "pool": pool, "norm": norm}
    given = {option: value for option, value in own.items() if value is not None}
    if name == "plain":
        return plain_encoder(weights, in_channels, output_stride, dims, **given)
    facts = _known(name)
    _check_is_plain(name, dims, given)
    model = _feature_extractor(name, facts, in_channels, output_stride)
    weights = "imagenet" if weights == "auto" else weights
    load_weights(model, name, weights, in_channels)
    mean, std = per_channel(facts.mean, in_channels), per_channel(facts.std, in_channels)
    made = TimmEncoder(name, with_fast_depthwise(model), mean, std)
    made.weights = weights or "none"
    return made


def _known(name: str) -> Any:
    """timm's facts about a name, or a refusal that offers the nearest names."""
    if not isinstance(name, str) or ":" in name or not timm.is_model(name):
        names = ["plain", *timm.list_models()]
        raise ConfigError(f"unknown encoder {name!r}; {nearest(str(name).lower().split('.')[0], names)}")
    try:
        facts = timm.get_pretrained_cfg(name)
    except RuntimeError:
        plain, _, tag = name.partition(".")
        tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{plain}.*")]
        raise ConfigError(f"encoder {plain!r} has no weights tagged {tag!r}; {nearest(tag, tags)}") from None
    if facts is None:  # a name of former times, which timm builds but tells nothing about
        raise ConfigError(f"encoder {name!r} is an old name of timm's; {_new_name(name)}")
    return facts


def _new_name(name: str) -> str:
    """What to use in place of a name that timm has given up; it says so in a warning alone."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        timm.create_model(name, pretrained=False)
    found = re.search(r"to current (\S+?)\.?$", " ".join(str(warning.message) for warning in caught).strip())
    return f"use {found[1]!r}" if found else "see pixelwise list --encoders"


def _check_is_plain(name: str, dims: int, given: dict[str, Any]) -> None:
    """Refuses, for a network of timm, what only our own one can do."""
    if dims != 2:
        raise ConfigError(f"encoder {name!r} is for images; dims={dims!r} needs encoder 'plain'")
    for option in given:
        raise ConfigError(
            f"encoder {name!r} has no option {option!r}: widths, kernels, block, pool and norm are those of encoder 'plain'; "
            f"leave encoder_{option} out, or use encoder 'plain'"
        )


def _feature_extractor(name: str, facts: Any, in_channels: int, output_stride: int) -> nn.Module:
    options: dict[str, Any] = {"features_only": True, "pretrained": False, "in_chans": in_channels}
    if output_stride != 32:
        options["output_stride"] = output_stride
    refusal: Exception | None = None
    # A network made for one size can be opened for all by one of two switches, depending on its family.
    for switch in _SIZE_OPTIONS if facts.fixed_input_size else ({},):
        try:
            model: nn.Module = timm.create_model(name, **options, **switch)
        except Exception as error:  # timm answers with TypeError, AssertionError, RuntimeError or AttributeError
            refusal = refusal or error
            continue
        return _with_stride(model, name, output_stride)
    raise _refused(name, options, facts, refusal) from refusal


def _with_stride(model: nn.Module, name: str, output_stride: int) -> nn.Module:
    got = max(model.feature_info.reduction())  # type: ignore[union-attr,operator]
    if output_stride != 32 and got != output_stride:
        raise ConfigError(f"encoder {name!r} has stride {got} where output_stride={output_stride} was asked for; {_DILATABLE}")
    return with_exact_shortcuts(model)


def _refused(name: str, options: dict[str, Any], facts: Any, refusal: Exception | None) -> ConfigError:
    """Which of three reasons it was, found by leaving them out one after the other."""
    plain = {key: value for key, value in options.items() if key != "output_stride"}
    for switch in _SIZE_OPTIONS if facts.fixed_input_size else ({},):
        if len(plain) < len(options) and _can_be_built(name, {**plain, **switch}):
            stride = options["output_stride"]
            return ConfigError(f"encoder {name!r} cannot be dilated to output_stride={stride}; {_DILATABLE}")
    if facts.fixed_input_size and _can_be_built(name, plain):
        height, width = facts.input_size[-2:]
        return ConfigError(
            f"encoder {name!r} takes images of {height}x{width} pixels only; use one that takes any size, such as "
            "'resnet34', 'convnext_tiny' or 'swin_tiny_patch4_window7_224'"
        )
    return ConfigError(
        f"encoder {name!r} cannot give a pyramid of feature maps (timm: {first_line(refusal)}); "
        "use one that can, such as 'resnet34', 'tf_efficientnet_lite0' or 'convnext_tiny'"
    )


def _can_be_built(name: str, options: dict[str, Any]) -> bool:
    try:
        timm.create_model(name, **options)
    except Exception:
        return False
    return True
