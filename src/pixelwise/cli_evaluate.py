"""``pixelwise evaluate``: scores of a run, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_call import command, quoted, split_scores
from pixelwise.cli_options import Debug, Device, Flip, Json, RunFolder, Scales, as_numbers

__all__ = ["evaluate"]


def evaluate(
    run: RunFolder,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Folder of a data set; the run's own by default.")] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="train, val, test or all; by default test, or val if there is none.")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Measure these too: surface, cldice; for binary runs also objects, membrane."),
    ] = None,
    spacing: Annotated[
        str, typer.Option(metavar="Y,X", help="Size of a pixel along rows and columns, for surface distances.")
    ] = "1,1",
    tolerance: Annotated[float, typer.Option(metavar="D", help="Of surface Dice, in the unit of --spacing.")] = 1.0,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of splits.csv or records.csv, such as the patient: groups are drawn, not images."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The confusion matrix alone: no curves, calibration, boundaries or error places.")
    ] = False,
    scales: Scales = "1",
    flip: Flip = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the report; RUN, or below RUN/evaluations for other data, splits and looks."),
    ] = None,
    device: Device = "auto",
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Score a run at the original resolution: intervals, curves, calibration, tables per image and class, report, worst cases."""
    from pixelwise import api
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.run_folder import images_scored

    with Terminal(json_output) as terminal:
        scores = api.evaluate(
            run, data, split=split, metrics=[name.strip() for name in metrics.split(",")] if metrics else (),
            spacing=as_numbers("--spacing", spacing), tolerance=tolerance, group=group, quick=quick,
            scales=as_numbers("--scales", scales), flip=flip, out=out, device=device, watch=terminal.board(), command=command(),
        )  # fmt: skip
        folder = scores.report.parent
        terminal.scores(scores.values, scores.classes)
        terminal.subgroups(scores.details.get("subgroups", {}))
        terminal.files(report=scores.report, table=folder / "per_image.csv", worst=folder / "worst")
        terminal.next(f"pixelwise predict {quoted(scores.run)} {quoted(images_scored(folder))}")
        terminal.json({"run": str(scores.run), **split_scores(scores.values)})
