"""Architectures under the names that the field is used to: ``Unet("resnet34", classes=3)``, ``PSPNet(...)``, one per row of
the catalog."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pixelwise.errors import ConfigError, nearest
from pixelwise.models.catalog import ARCHITECTURES, Architecture, architecture, builder
from pixelwise.models.encoder import encoder
from pixelwise.models.segmenter import Segmenter

__all__ = ["create", "option_names", "public"]


def create(
    name: str,
    encoder_name: str,
    weights: str | None = None,
    in_channels: int = 3,
    num_classes: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Segmenter:
    """Architecture ``name`` of the catalog on an encoder; ``options`` are arguments of its builder, and ``output_stride``.

    Raises:
        ConfigError: unknown name, encoder or option, or a value that the builder does not allow.
        WeightsError: encoder weights that cannot be had or do not fit.
    """
    row = architecture(name)
    build = builder(name)
    given = dict(options or {})
    allowed = option_names(name)
    for option in given:
        if option not in allowed:
            raise ConfigError(f"{name} has no option {option!r}; {nearest(str(option), allowed)}")
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ConfigError(f"classes must be a whole number from 1, got {num_classes!r}")
    stride = given.pop("output_stride", row.output_stride)
    built: Segmenter = build(encoder(encoder_name, weights, in_channels, stride), num_classes, **given)
    return built


def option_names(name: str) -> list[str]:
    """The options of an architecture: its builder's arguments after encoder and classes, and ``output_stride``."""
    return [*list(inspect.signature(builder(name)).parameters)[2:], "output_stride"]


def public(name: str) -> Callable[..., Segmenter]:
    """The callable of a catalog row in the habit of the field: ``public("unet")`` is ``Unet``."""
    row = architecture(name)

    def build(
        encoder: str = "resnet34",
        encoder_weights: str | None = "imagenet",
        in_channels: int = 3,
        classes: int = 1,
        **options: Any,
    ) -> Segmenter:
        return create(name, encoder, encoder_weights, in_channels, classes, options)

    build.__name__ = build.__qualname__ = row.public
    build.__doc__ = _documentation(name, row)
    return build


def _documentation(name: str, row: Architecture) -> str:
    return f"""{row.public}: {row.summary} ({row.paper}).

    Args:
        encoder: name of a timm model that gives features.
        encoder_weights: "imagenet", None, or a file (.safetensors, .pth).
        in_channels: channels of the images.
        classes: channels of the logits.
        **options: {", ".join(option_names(name))}; see ``{row.builder.replace(":", ".")}``.

    Returns:
        A torch module: images (B, in_channels, H, W) -> logits (B, classes, H, W). Images are expected scaled to 0..1, then
        normalised as ``(images - mean) / std`` with the lists ``model.encoder.mean`` and ``model.encoder.std``.
    """


def __getattr__(name: str) -> Any:
    for key, row in ARCHITECTURES.items():
        if row.public == name:
            return public(key)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
