"""``pixelwise fetch``: public data sets by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_call import quoted
from pixelwise.cli_options import Debug, Json

__all__ = ["fetch"]


def fetch(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Data set; without it, all are listed.")] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="New folder; data/NAME by default.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the downloaded archives, in DIR/downloads.")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Fetch a public data set: its licence is shown, an interrupted download goes on, and every file is verified."""
    from pixelwise.data.fetching.catalog import DATASETS, public_dataset
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.fetching import fetch_data

    with Terminal(json_output) as terminal:
        if name is None:
            for row in DATASETS.values():
                terminal.say(f"{row.name}: {row.title}, {row.contents}; licence: {row.licence}; {row.page}")
            terminal.next(f"pixelwise fetch {next(iter(DATASETS))}")
            terminal.json({row.name: {"title": row.title, "licence": row.licence, "page": row.page} for row in DATASETS.values()})
            return
        dataset = public_dataset(name)
        move = terminal.progress("fetching", "MB")
        folder = fetch_data(name, to, keep, terminal.say, lambda done, total: move(done >> 20, max(1, (total or done) >> 20)))
        if dataset.task == "segmentation":
            terminal.next(f"pixelwise check {quoted(folder)}")
        else:
            terminal.say(f"{dataset.title} holds classified images, in {folder}")
            terminal.next("pixelwise fetch")
        terminal.json({"name": name, "path": str(folder)})
