"""``pixelwise augment``: what training will see."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli_call import quoted
from pixelwise.cli_options import Debug, Json

__all__ = ["augment"]


def augment(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of the data set.")],
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Policy: recommended, keras, nnunet or none; recommended by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Picture to write, .png or .jpg; augment-PRESET.png by default.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, metavar="N", help="Images, spread evenly over those for training.")] = 4,
    draws: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs of each.")] = 5,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the training.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as augment.rotation=90; repeatable.")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Draw some images and their masks as the first epochs of a training will see them; nothing is trained."""
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.augmenting import augment_sheet

    with Terminal(json_output) as terminal:
        sheet = augment_sheet(data, preset, out, images, draws, set_ or (), seed, terminal.progress("drawing", "images"))
        for decision in sheet.decisions:
            terminal.say(decision)
        terminal.files(picture=sheet.path)
        chosen = [*([] if preset is None else [f"augment.preset={preset}"]), *(set_ or ())]
        terminal.next(f"pixelwise train {quoted(data)}" + "".join(f" --set {shlex.quote(text)}" for text in chosen))
        terminal.json(sheet.to_json())
