"""``pixelwise compare``: two runs on the same images."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_options import Debug, Json

__all__ = ["compare"]


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an evaluated run, or of one of its evaluations.")],
    second: Annotated[Path, typer.Argument(metavar="OTHER", help="The one to compare with it.")],
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of RUN's per_image.csv, such as the patient: groups are drawn, not images."),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two evaluated runs on the images that both have: differences, OTHER minus RUN, with 95 % intervals.

    The intervals are BCa intervals of the paired bootstrap, 2,000 resamples of the images or groups, always the same for both."""
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.comparing import compare_runs
    from pixelwise.verbs.run_folder import images_scored

    with Terminal(json_output) as terminal:
        found = compare_runs(first, second, group)
        from pixelwise.report.comparison_table import comparison_table

        terminal.say(f"first: {found.first}")
        terminal.say(f"second: {found.second}")
        terminal.console.print(comparison_table(found.to_json()))
        for sentence in found.sentences:
            (terminal.warn if sentence in found.warnings else terminal.say)(sentence)
        better = found.first if found["mean_iou"].interval.value < 0 else found.second
        runs = [folder for folder in (better, *better.parents[:2]) if (folder / "model.json").is_file()]
        if runs:
            terminal.next(f"pixelwise predict {shlex.quote(str(runs[0]))} {shlex.quote(str(images_scored(better)))}")
        terminal.json(found.to_json())
