"""``pixelwise import``: other people's formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_call import quoted
from pixelwise.cli_options import Debug, Json

__all__ = ["import_"]

_SHOWN = 8


def import_(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder or annotation file of the data set; never changed.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="New folder for images/, masks/, classes.json and splits.csv.")],
    format: Annotated[str, typer.Option(metavar="NAME", help="Format of the data, where sniffing goes wrong.")] = "auto",
    link: Annotated[bool, typer.Option("--link", help="Symbolic links to the images in place of copies.")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Read a data set of any known format and write it as images and masks; one bad file loses nothing else."""
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.importing import import_data

    with Terminal(json_output) as terminal:
        found = import_data(source, to, format, link, terminal.say, terminal.progress("importing", "images"))
        for sentence in found.losses:
            terminal.say(sentence)
        lost = [*found.faults, *(f"{key}: {why}" for key, why in found.failed.items())]
        for sentence in lost[:_SHOWN]:
            terminal.warn(sentence)
        if len(lost) > _SHOWN:
            terminal.warn(f"and {len(lost) - _SHOWN} more; all of them are in {to / 'import.json'}")
        terminal.say(f"{found.images} of {found.images + len(found.failed)} images imported into {to}")
        terminal.next(f"pixelwise check {quoted(to)}")
        terminal.json(found.to_json())
    if not found.ok:
        raise typer.Exit(1)
