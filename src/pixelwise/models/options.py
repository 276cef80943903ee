"""Checks of what users give as options, in the same words for every architecture."""

from __future__ import annotations

from typing import Any, get_args

from pixelwise.errors import ConfigError
from pixelwise.models.pyramid import Encoder

__all__ = ["check_choice", "check_count", "check_dropout", "check_strides", "check_switch"]


def check_choice(option: str, value: object, choices: Any) -> None:
    """Refuses a value that is none of a ``Literal``'s."""
    allowed = get_args(choices)
    if value not in allowed:
        listed = ", ".join(repr(choice) for choice in allowed[:-1])
        raise ConfigError(f"{option} must be {listed} or {allowed[-1]!r}, got {value!r}")


def check_count(option: str, value: object) -> None:
    """Refuses what is no whole number from 1."""
    if not isinstance(value, int) or value < 1:
        raise ConfigError(f"{option} must be a positive whole number, got {value!r}")


def check_dropout(value: object, option: str = "dropout") -> None:
    """Refuses what is no probability below 1."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ConfigError(f"{option} must be at least 0 and less than 1, got {value!r}")


def check_switch(option: str, value: object) -> None:
    """Refuses what is neither true nor false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{option} must be true or false, got {value!r}")


def check_strides(encoder: Encoder, network: str) -> None:
    """Refuses an encoder whose maps are all of one size, such as a plain ViT, for a ``network`` that joins several."""
    if len(set(encoder.strides)) < 2:
        raise ConfigError(
            f"encoder {encoder.name!r} has the single stride {encoder.strides[0]}, but {network} needs maps of several sizes; "
            "use 'resnet34', 'tf_efficientnet_lite0' or 'convnext_tiny'"
        )
