"""``pixelwise split``: who trains, who validates, who tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_call import quoted
from pixelwise.cli_options import Debug, Json, as_numbers

__all__ = ["split"]


def split(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of the data set.")],
    shares: Annotated[
        str, typer.Option(metavar="LIST", help="Shares of train, val and test images; test may be 0.")
    ] = "70,15,15",
    folds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Folds of the images that do not test; then train with --set data.fold=0 ..."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of records.csv with what belongs together, such as the patient.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Finds the same in the names of images: '^(patient\\d+)_'.")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="New file to write; DATA/splits.csv by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the order among equals.")] = 0,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Write splits.csv: every class in every part as far as it goes, and what belongs together never parted."""
    from pixelwise.report.split_table import split_table
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.splitting import split_data

    with Terminal(json_output) as terminal:
        found = split_data(
            data, to, as_numbers("--shares", shares), folds, group, pattern, seed, terminal.progress("reading masks", "images")
        )
        for decision in found.decisions:
            terminal.say(decision)
        terminal.console.print(split_table(found.table))
        terminal.files(splits=found.path, how=found.path.with_suffix(".json"))
        terminal.next(f"pixelwise check {quoted(data)}")
        terminal.json(found.to_json())
