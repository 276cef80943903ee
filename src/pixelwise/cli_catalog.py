"""The commands that look at architectures: ``pixelwise list`` and ``pixelwise show``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from pixelwise.cli_options import Debug, Json

__all__ = ["list_", "show"]


def list_(
    encoders: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Encoders of this name instead, such as 'efficientnet*'.")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Name the architectures with their tasks, papers and sizes, or with --encoders the encoders that they can stand on.

    Parameters are those with the architecture's own encoder, for colour images and 21 classes."""
    from pixelwise.terminal import Terminal
    from pixelwise.verbs import showing

    with Terminal(json_output) as terminal:
        if encoders is not None:
            names = showing.encoders(encoders)
            for name in names:
                terminal.console.print(name, markup=False)
            terminal.next(f"pixelwise show unet --encoder {shlex.quote(names[0])}")
            terminal.json({"encoders": names})
            return
        from pixelwise.report.anatomy_table import catalog_table

        rows = showing.architectures()
        terminal.console.print(catalog_table(rows))
        terminal.next(f"pixelwise show {rows[0]['name']}")
        terminal.json({"architectures": rows})


def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Architecture, one of pixelwise list.")],
    encoder: Annotated[str, typer.Option(metavar="NAME", help="Any timm encoder; auto is the architecture's own.")] = "auto",
    size: Annotated[str, typer.Option(metavar="HxW", help="Size of the image in pixels.")] = "256x256",
    channels: Annotated[int, typer.Option(min=1, metavar="N", help="Channels of the image.")] = 3,
    classes: Annotated[int, typer.Option(min=1, metavar="N", help="Channels of the logits.")] = 2,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model, as model.options.skip=add.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, max=9, metavar="N", help="1 for the main parts, 2 for theirs too, ...")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw it: .png, .svg, or .html with the table.")] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Take a network apart: shapes, parameters, multiply-adds and receptive fields of its parts, and with --out a diagram.

    A multiply-add counts once; counted are convolutions, linear layers and the products of attention. What a part sees is its
    receptive field, in pixels of the image along each side."""
    from pixelwise.terminal import Terminal
    from pixelwise.verbs import showing

    with Terminal(json_output) as terminal:
        pixels = showing.size_from(size)
        if out is not None:
            showing.check_picture(out)
        found = showing.shown(model, pixels, encoder, channels, classes, set_ or (), depth)
        from pixelwise.report.anatomy_table import anatomy_table

        data: dict[str, Any] = {"model": model, **found.to_json()}
        terminal.console.print(anatomy_table(data))
        for sentence in _sentences(data):
            terminal.say(sentence)
        if out is not None:
            words = ["pixelwise", "show", model, *(["--encoder", encoder] * (encoder != "auto")), "--size", size]
            showing.write_picture(out, found, f"{model} for {size} pixels", shlex.join(words))
            terminal.files(picture=out)
        if len(data["logits_stride"]) == 2:
            terminal.next(f"pixelwise train DATA --model {model}" + (f" --encoder {encoder}" if encoder != "auto" else ""))
        else:  # training reads images alone
            terminal.say("signals and volumes are for a loop of your own, as in pixelwise.Unet('plain', dims=3)")
            terminal.next("pixelwise list")
        terminal.json(data)


def _sentences(data: dict[str, Any]) -> list[str]:
    """What the table does not say by itself."""
    from pixelwise.report.anatomy_table import short, sight

    stride = " × ".join(map(str, dict.fromkeys(data["logits_stride"])))
    seen = sight(data["receptive_field"])
    field = "the whole image" if seen == "whole image" else f"the image up to a width of {seen} pixels around it"
    said = [f"the logits are computed at stride {stride}; each sees {field}"]
    if data["training_parameters"]:
        count, work = f"{data['training_parameters']:,}", short(data["training_multiply_adds"])
        said.append(f"{count} parameters and {work} multiply-adds of these serve training alone")
    return said
