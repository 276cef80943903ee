"""Architectures under the names that the field is used to: ``Unet("resnet34", classes=3)``, ``PSPNet(...)``, one per row of
the catalog."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pixelwise.models.catalog import ARCHITECTURES, Architecture, architecture
from pixelwise.models.create import create, option_names
from pixelwise.models.pretrained import from_pretrained
from pixelwise.models.segmenter import Segmenter

__all__ = ["public"]


def public(name: str) -> Callable[..., Segmenter]:
    """The callable of a catalog row in the habit of the field: ``public("unet")`` is ``Unet``."""
    row = architecture(name)

    def build(
        encoder_name: str = row.encoder,
        encoder_weights: str | None = "auto",
        in_channels: int = 3,
        classes: int = 1,
        **options: Any,
    ) -> Segmenter:
        return create(name, encoder_name, encoder_weights, in_channels, classes, options)

    build.__name__ = build.__qualname__ = row.public
    build.__doc__ = _documentation(name, row)
    build.from_pretrained = functools.partial(from_pretrained, architecture=name)  # type: ignore[attr-defined]
    return build


def _documentation(name: str, row: Architecture) -> str:
    return f"""{row.public}: {row.summary} ({row.paper}).

    Args:
        encoder_name: a timm model that gives features, or what this architecture takes instead.
        encoder_weights: "imagenet", None, or a file (.safetensors, .pth); "auto" is ImageNet's where the encoder has any.
        in_channels: channels of the images.
        classes: channels of the logits.
        **options: {", ".join(option_names(name))}; see ``{row.builder.replace(":", ".")}``.

    Returns:
        A torch module: images (B, in_channels, H, W) -> logits (B, classes, H, W). Images are expected scaled to 0..1, then
        normalised as ``(images - mean) / std`` with the lists ``model.encoder.mean`` and ``model.encoder.std``.
        ``model.save_pretrained(folder)`` saves it, ``{row.public}.from_pretrained(folder)`` loads it.
    """


def __getattr__(name: str) -> Any:
    for key, row in ARCHITECTURES.items():
        if row.public == name:
            return public(key)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
