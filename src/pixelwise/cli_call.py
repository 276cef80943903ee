"""The command line that this process was called with, and words that several commands need at their end."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["arguments", "begin", "command", "quoted", "split_scores", "started"]

# The budget of a run counts from here: start-up is part of the person's time.
_call: dict[str, Any] = {"started": time.monotonic(), "arguments": sys.argv[1:]}


def begin(given: list[str] | None) -> None:
    """Notes the arguments of a command, ``None`` for those of the process; the clock of any others starts now."""
    if given is not None:
        _call["started"] = time.monotonic()
    _call["arguments"] = sys.argv[1:] if given is None else given


def started() -> float:
    """``time.monotonic()`` at which the command began."""
    return float(_call["started"])


def arguments() -> list[str]:
    """What stands after ``pixelwise``."""
    return list(_call["arguments"])


def command() -> str:
    """The whole command, as one could type it again."""
    return shlex.join(["pixelwise", *arguments()])


def quoted(path: Path) -> str:
    """A path as it stands in a command."""
    return shlex.quote(str(path))


def split_scores(scores: dict[str, Any]) -> dict[str, Any]:
    """``{"test": {...}}``: the scores under the name of the split they are of."""
    return {str(scores.get("split", "test")): scores}
