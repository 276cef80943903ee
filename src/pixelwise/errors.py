"""The exceptions a person can meet: each message names what is wrong, what came, what is allowed and the cure.

The command line prints the message alone; a traceback is for mistakes of ours, and for ``--debug``.
"""

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "PixelwiseError",
    "StorageError",
    "TrainingError",
    "WeightsError",
    "first_line",
    "nearest",
]


class PixelwiseError(Exception):
    """Root of all errors that a user can cause and cure."""


class ConfigError(PixelwiseError, ValueError):
    """A setting, an option or an argument is not allowed."""


class DataError(PixelwiseError, ValueError):
    """Images, masks or their folders are missing, damaged or contradict each other."""


class WeightsError(PixelwiseError):
    """Pretrained weights cannot be had or do not fit."""


class CheckpointError(PixelwiseError):
    """A run folder or checkpoint is missing, incomplete or belongs to something else."""


class TrainingError(PixelwiseError):
    """Training cannot go on: a loss that is not finite, or memory that does not suffice."""


class StorageError(PixelwiseError, OSError):
    """A file cannot be written: disk full, no permission. What was there before is unharmed."""


def first_line(error: BaseException | None) -> str:
    """What another library's error says, short enough to stand inside a sentence of ours; its class where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__


def nearest(name: str, allowed: Iterable[str], how_many: int = 3) -> str:
    """The end of a message about an unknown name: the nearest allowed names, or all of them when none is near.

    >>> nearest("resnet43", ["resnet34", "resnet50", "vgg16"])
    "did you mean 'resnet34' or 'resnet50'?"
    """
    choices = list(allowed)
    near = difflib.get_close_matches(name, choices, n=how_many, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(choice) for choice in near) + "?"
    shown = ", ".join(repr(choice) for choice in choices[:20])
    return f"allowed: {shown}" + (", ..." if len(choices) > 20 else "")
