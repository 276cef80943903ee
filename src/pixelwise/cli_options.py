"""Options and arguments that several commands share, under one name and with one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.errors import ConfigError

__all__ = ["Debug", "Device", "Flip", "Json", "RunFolder", "Scales", "as_numbers"]

Json = Annotated[
    bool, typer.Option("--json", help="Last line on standard output is one JSON object; the rest goes to standard error.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Scales = Annotated[
    str, typer.Option(metavar="LIST", help="Look at each image at these scales and take the mean, as 0.75,1,1.25; slower.")
]
Flip = Annotated[bool, typer.Option("--flip", help="Look at the mirror image too and take the mean; takes twice as long.")]


def as_numbers(option: str, text: str) -> tuple[float, ...]:
    """The numbers of ``0.75,1,1.25``. Raises ConfigError that names ``option`` for anything else."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} must be numbers with commas between them, such as 0.75,1,1.25, got {text!r}") from None
