"""The command line: thin commands over :mod:`pixelwise.api`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelwise import (
    __version__,
    cli_augment,
    cli_catalog,
    cli_check,
    cli_compare,
    cli_evaluate,
    cli_fetch,
    cli_import,
    cli_split,
)
from pixelwise import cli_call as call
from pixelwise.cli_call import command, quoted, split_scores, started
from pixelwise.cli_options import Debug, Device, Flip, Json, RunFolder, Scales, as_numbers
from pixelwise.errors import ConfigError

if TYPE_CHECKING:
    from pixelwise.terminal import Terminal
    from pixelwise.verbs.run_folder import Run

__all__ = ["app", "demo", "main", "predict", "train"]

app = typer.Typer(
    name="pixelwise",
    help="Image segmentation from a folder of images and masks: check, train, evaluate, predict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: pixelwise demo · pixelwise check DATA · pixelwise train DATA --budget 30m",
)


@app.command(short_help="Scenes made on the spot, trained on and scored in minutes.")
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the scenes and the run.")] = Path("pixelwise-demo"),
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Time for everything: set-up, training, evaluation and report.")
    ] = "165s",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the scenes and of all else that is random.")] = 0,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Make a small data set on the spot, train on it, evaluate and report; needs nothing from outside."""
    from pixelwise.demo import run_demo
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        run, data = run_demo(out, budget, seed, terminal, command(), started())
        _finish(terminal, run, {"data": str(data)})


app.command("check", short_help="Find every fault of a data set, each with its cure.")(cli_check.check)
app.command("import", short_help="Any known format as images and masks.")(cli_import.import_)
app.command("fetch", short_help="A public data set by name.")(cli_fetch.fetch)
app.command("augment", short_help="A picture of what training will see.")(cli_augment.augment)
app.command("split", short_help="Who trains, who validates, who tests.")(cli_split.split)


@app.command(short_help="Check, train within a time budget, evaluate, report.")
def train(
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Folder of the data set; not needed with --resume or --config.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Architecture, one of pixelwise list; unet by default.")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Any timm encoder; by default the architecture's own, mostly tf_efficientnet_lite0."),
    ] = None,
    encoder_weights: Annotated[
        str | None, typer.Option(metavar="WEIGHTS", help="imagenet, none, or a file; by default imagenet where there are any.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Time for everything, as 90s, 30m or 2h; 30m by default. A --set train.steps=N replaces it."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run, new or empty; runs/MODEL-ENCODER-TIME by default.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A run file, such as a run's config.yaml.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="N", help="Of all random numbers; 0 by default.")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps; auto by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as optim.lr=3e-4; repeatable.")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Check the data, train within a time budget, evaluate, and write a report; Ctrl-C saves, --resume goes on."""
    if data is None and resume is None and config is None:
        raise ConfigError("train needs the folder of a data set, as in: pixelwise train DATA (or --resume RUN, or --config FILE)")
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        run = api.train(
            data, model=model, encoder=encoder, encoder_weights=encoder_weights, budget=budget, out=out, seed=seed, device=device,
            config=config, overrides=set_ or (), resume=resume, watch=terminal.board(),
            started=started(), command=command(),
        )  # fmt: skip
        _finish(terminal, run)


app.command("evaluate", short_help="Score a run: table per image, report, worst cases.")(cli_evaluate.evaluate)


@app.command(short_help="Masks and overlays for any number of images.")
def predict(
    run: RunFolder,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Images, and folders of images.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for masks/, overlays/ and predictions.csv.")] = Path(
        "predictions"
    ),
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also write probabilities/ as float16 .npy.")] = False,
    scales: Scales = "1",
    flip: Flip = False,
    device: Device = "auto",
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Write id masks and colour overlays for images of any size; one bad file loses nothing else."""
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        start = time.monotonic()
        progress = terminal.progress("predicting", "images")
        predicted = api.predict(
            run, images, out=out, probabilities=probabilities, scales=as_numbers("--scales", scales), flip=flip, device=device,
            progress=progress,
        )  # fmt: skip
        for row in predicted.failed:
            terminal.warn(row["error"])
        done = len(predicted.rows) - len(predicted.failed)
        terminal.say(f"{done} of {len(predicted.rows)} images predicted in {time.monotonic() - start:.1f} s")
        terminal.files(
            masks=out / "masks", overlays=out / "overlays", probabilities=out / "probabilities", list=out / "predictions.csv"
        )
        terminal.next(f"pixelwise evaluate {quoted(run)}")
        terminal.json({"run": str(run), "out": str(out), "predicted": done, "failed": predicted.failed})
    if predicted.failed:
        raise typer.Exit(1)


app.command("compare", short_help="Which of two runs is better, and how sure that is.")(cli_compare.compare)
app.command("list", short_help="Architectures, and the encoders they stand on.")(cli_catalog.list_)
app.command("show", short_help="Parts, sizes and receptive fields of a network; a diagram.")(cli_catalog.show)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(f"pixelwise {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; ``arguments`` are those of the process by default.

    0 success · 1 something was lost or refused · 2 wrong usage · 70 a fault of ours · 130 interrupted.
    """
    call.begin(None if arguments is None else list(arguments))
    if arguments is None:
        for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter gets a question mark
            with contextlib.suppress(AttributeError, OSError):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        threading.excepthook = _thread_failed
    given = call.arguments()
    try:
        code = app(given, prog_name="pixelwise", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # a usage error of the command line itself
            error.show()
            _say_in_json(given, str(error))
            return int(error.exit_code)
        return _refuse(error, given)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread fails first on a full disk; the main thread meets the same error and says it in words."""
    if not isinstance(failed.exc_value, OSError):
        threading.__excepthook__(failed)


def _refuse(error: Exception, given: list[str]) -> int:
    if "--debug" in given:
        import traceback

        traceback.print_exception(error)
    from rich.console import Console
    from rich.text import Text

    from pixelwise.report.sentences import hanging
    from pixelwise.terminal import sentence

    text, status = sentence(error)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text("error: ", "bold red") + Text(hanging(console, text, 7)))
    _say_in_json(given, text)
    return status


def _say_in_json(given: list[str], text: str) -> None:
    if "--json" in given:
        print(json.dumps({"error": text}), flush=True)


def _finish(terminal: Terminal, run: Run, facts: dict[str, Any] | None = None) -> None:
    """The end of a training, whole or interrupted."""
    told = {"run": str(run.path), **(facts or {})}
    if run.stopped in ("interrupted", "unevaluated"):
        when, verb = ("", "train --resume") if run.stopped == "interrupted" else (" after training was complete", "evaluate")
        terminal.say(f"interrupted{when}; everything is saved in {run.path}")
        terminal.next(f"pixelwise {verb} {quoted(run.path)}")
        terminal.json({**told, "stopped": run.stopped})
        raise typer.Exit(130)
    from pixelwise.verbs.run_folder import images_scored

    if run.stopped == "early":
        terminal.say("stopped early: the validation score did not get better any more")
    terminal.scores(run.scores, run.classes)
    terminal.files(report=run.path / "report.html", table=run.path / "per_image.csv", worst=run.path / "worst")
    terminal.next(f"pixelwise predict {quoted(run.path)} {quoted(images_scored(run.path))}")
    terminal.json({**told, **split_scores(run.scores)})
