"""From names and options to a network: the row of the catalog, its encoder, its builder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pixelwise.errors import ConfigError, nearest
from pixelwise.models.catalog import ARCHITECTURES, architecture, builder, encoder_builder
from pixelwise.models.segmenter import Segmenter

__all__ = ["create", "option_names"]


def create(
    name: str,
    encoder_name: str = "auto",
    weights: str | None = None,
    in_channels: int = 3,
    num_classes: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Segmenter:
    """Architecture ``name`` of the catalog on an encoder.

    Args:
        name: a row of the catalog.
        encoder_name: ``auto`` is the architecture's own.
        weights: of the encoder: ``None`` or ``none``, ``imagenet``, a file, or ``auto`` (ImageNet's where there are any).
        in_channels, num_classes: channels of images and logits.
        options: arguments of the architecture's builder, and of its encoder's with ``encoder_`` before them, such as
            ``encoder_output_stride``; ``dims`` is the encoder's too.

    Raises:
        ConfigError: unknown name, encoder or option, or a value that the builder does not allow.
        WeightsError: encoder weights that cannot be had or do not fit.
    """
    row = architecture(name)
    own, of_encoder = _option_places(name)
    given, for_encoder = {}, dict(row.encoder_options)
    for option, value in (options or {}).items():
        if option in of_encoder:
            for_encoder[of_encoder[option]] = value
        elif option in own:
            given[option] = value
        else:
            raise ConfigError(f"{name} has no option {option!r}; {nearest(str(option), option_names(name))}")
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ConfigError(f"classes must be a whole number from 1, got {num_classes!r}")
    encoder_name = row.encoder if encoder_name == "auto" else encoder_name
    encoder = encoder_builder(name)(encoder_name, weights, in_channels, **for_encoder)
    if encoder.dims not in row.dims:
        able = ", ".join(other for other, entry in ARCHITECTURES.items() if encoder.dims in entry.dims)
        raise ConfigError(f"{name} is for images (dims=2), got dims={encoder.dims}; these take them: {able}")
    built: Segmenter = builder(name)(encoder, num_classes, **given)
    built.origin = {
        "model": name,
        "encoder": encoder_name,
        "in_channels": in_channels,
        "channels": num_classes,
        "options": dict(options or {}),
    }
    return built


def option_names(name: str) -> list[str]:
    """The options of an architecture: its builder's arguments after encoder and classes, then its encoder's."""
    own, of_encoder = _option_places(name)
    return [*own, *of_encoder]


def _option_places(name: str) -> tuple[list[str], dict[str, str]]:
    """The builder's own options, and the encoder's: option -> argument of the encoder's builder."""
    own = list(inspect.signature(builder(name)).parameters)[2:]
    arguments = list(inspect.signature(encoder_builder(name)).parameters)[3:]
    return own, {argument if argument == "dims" else f"encoder_{argument}": argument for argument in arguments}
