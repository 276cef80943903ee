"""The device that a person named, or a sentence about why it cannot be used."""

from __future__ import annotations

import torch

from pixelwise.engine import distributed
from pixelwise.errors import ConfigError

__all__ = ["usable_device"]


def usable_device(name: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises:
        ConfigError: another name, or a device that this machine does not have.
    """
    allowed = "allowed: auto, cpu, cuda, cuda:1 and so on, mps"
    try:
        device = distributed.local_device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; {allowed}") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise ConfigError(f"device {name!r}: torch {torch.__version__} finds no usable GPU here; take --device cpu or auto")
        if (device.index or 0) >= count:
            raise ConfigError(f"device {name!r}: this machine has {count}, so the last one is cuda:{count - 1}")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise ConfigError("device 'mps': torch finds no Apple GPU here; take --device cpu or auto")
    elif device.type != "cpu":
        raise ConfigError(f"unknown device {name!r}; {allowed}")
    return device
