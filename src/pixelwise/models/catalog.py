"""The one visible table of architectures. Adding one: its file, its row here, its parity test.

This module loads neither torch nor timm, so that the command line can list and check names at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pixelwise.errors import ConfigError, nearest

__all__ = ["ARCHITECTURES", "Architecture", "architecture", "builder"]


@dataclass(frozen=True)
class Architecture:
    """One row: ``builder`` is ``module:function``, called as ``builder(encoder, num_classes, **options)``; ``public`` is the
    name in the habit of the field; ``output_stride`` is what the encoder gets unless the options say otherwise."""

    builder: str
    public: str
    task: str
    paper: str
    summary: str
    output_stride: int = 32


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
        output_stride=8,
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
    module, _, function = architecture(name).builder.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
