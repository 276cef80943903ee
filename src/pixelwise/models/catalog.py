"""The one visible table of architectures. Adding one: its file, its row here, its parity test.

This module loads neither torch nor timm, so that the command line can list and check names at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pixelwise.errors import ConfigError, nearest

__all__ = ["ARCHITECTURES", "Architecture", "Published", "architecture", "builder", "encoder_builder"]


@dataclass(frozen=True)
class Published:
    """What a paper or a reference implementation says of the network's size; a test builds the network and compares.

    ``multiply_adds`` are those of one image of ``size`` (height, width), 0 where the source gives none."""

    parameters: int
    source: str
    encoder: str
    classes: int
    size: tuple[int, int] = (0, 0)
    multiply_adds: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """One row.

    ``builder`` is ``module:function``, called as ``builder(encoder, num_classes, **options)``; ``public`` is the name in the
    habit of the field. ``encoder_builder`` is called as ``(name, weights, in_channels, **encoder_options)``; ``encoder`` is
    the name that ``auto`` stands for, and ``encoder_options`` are what the encoder gets unless the user says otherwise.
    """

    builder: str
    public: str
    task: str
    paper: str
    summary: str
    encoder: str = "tf_efficientnet_lite0"
    encoder_builder: str = "pixelwise.models.encoder:encoder"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    published: Published | None = None


ARCHITECTURES: dict[str, Architecture] = {
    "unet": Architecture(
        builder="pixelwise.models.unet:unet",
        public="Unet",
        task="semantic",
        paper="Ronneberger et al. 2015, arXiv:1505.04597",
        summary="encoder-decoder with skips at every level; fine detail, few images",
    ),
    "pspnet": Architecture(
        builder="pixelwise.models.pspnet:pspnet",
        public="PSPNet",
        task="semantic",
        paper="Zhao et al. 2017, arXiv:1612.01105",
        summary="dilated encoder with pyramid pooling; scenes where context decides",
        encoder_options={"output_stride": 8},
    ),
}


def architecture(name: str) -> Architecture:
    """The row of a name; :class:`ConfigError` with the nearest names otherwise."""
    row = ARCHITECTURES.get(name)
    if row is None:
        raise ConfigError(f"unknown model {name!r}; {nearest(str(name).lower(), ARCHITECTURES)}")
    return row


def builder(name: str) -> Callable[..., Any]:
    """The function that builds an architecture; its module is loaded now."""
    return _resolved(architecture(name).builder)


def encoder_builder(name: str) -> Callable[..., Any]:
    """The function that builds the encoder of an architecture; its module is loaded now."""
    return _resolved(architecture(name).encoder_builder)


def _resolved(text: str) -> Callable[..., Any]:
    module, _, function = text.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
