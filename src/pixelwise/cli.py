"""The command line: thin commands over :mod:`pixelwise.api`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from pixelwise import __version__
from pixelwise.errors import ConfigError, PixelwiseError

__all__ = ["app", "check", "demo", "evaluate", "main", "predict", "train"]

# The budget of a run counts from here: start-up is part of the person's time.
_STARTED = time.monotonic()

app = typer.Typer(
    name="pixelwise",
    help="Image segmentation from a folder of images and masks: check, train, evaluate, predict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: pixelwise demo · pixelwise check DATA · pixelwise train DATA --budget 30m",
)

_Json = Annotated[bool, typer.Option("--json", help="Last line on standard output is one JSON object; the rest goes to standard error.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
_Out = Annotated[Path | None, typer.Option(help="Folder for the results; must be new or empty.")]
_Source = Annotated[str, typer.Option(help="Layout of the data: auto, folders or camvid.")]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the scenes, the run and the predictions.")] = Path("pixelwise-demo"),
    budget: Annotated[str, typer.Option(help="Time for training and evaluation.")] = "150s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json_output: _Json = False,
    debug: _Debug = False,
) -> None:
    """Make a small data set on the spot, train, evaluate and predict; needs nothing from outside."""
    from pixelwise.demo import run_demo
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        run, data = run_demo(out, budget, seed, terminal, _command(), _STARTED)
        terminal.scores(run.scores, run.classes)
        terminal.files(report=run.path / "report.html", overlays=run.path / "worst", scenes=data / "test" / "images")
        terminal.next(f"pixelwise predict {run.path} {data / 'test' / 'images'} --out {out / 'predictions'}")
        terminal.json({"run": str(run.path), "data": str(data), **_split_scores(run.scores)})


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    source: _Source = "auto",
    task: Annotated[str, typer.Option(help="auto, binary, multiclass or multilabel.")] = "auto",
    json_output: _Json = False,
    debug: _Debug = False,
) -> None:
    """Read every image and mask, say what was decided, and name every fault with its files and its cure."""
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        report = api.check(data, source, task, terminal.progress("checking", "images"))
        terminal.check_report(report)
        if report.ok:
            terminal.next(f"pixelwise train {shlex.quote(str(data))} --budget 30m")
        terminal.json(report.to_json())
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def train(
    data: Annotated[Path | None, typer.Argument(help="Folder of the data set; not needed with --resume or --config.")] = None,
    model: Annotated[str | None, typer.Option(help="Architecture: unet or pspnet.  [default: unet]")] = None,
    encoder: Annotated[str | None, typer.Option(help="Any timm encoder.  [default: tf_efficientnet_lite0]")] = None,
    encoder_weights: Annotated[str | None, typer.Option(help="imagenet, none, or a file.  [default: imagenet]")] = None,
    budget: Annotated[str | None, typer.Option(help="Time for everything, as 90s, 30m or 2h.  [default: 30m]")] = None,
    out: _Out = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with an interrupted run.")] = None,
    config: Annotated[Path | None, typer.Option(help="A run file, such as those under configs/.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all random numbers.  [default: 0]")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.  [default: auto]")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any setting, as optim.lr=3e-4; repeatable.")] = None,
    json_output: _Json = False,
    debug: _Debug = False,
) -> None:
    """Check the data, train within a time budget, evaluate, and write a report; Ctrl-C saves, --resume goes on."""
    if data is None and resume is None and config is None:
        raise ConfigError("train needs the folder of a data set, as in: pixelwise train DATA (or --resume RUN, or --config FILE)")
    if resume is not None and any(given is not None for given in (model, encoder, encoder_weights, config, out, seed)):
        raise ConfigError("--resume goes on with the settings of its run; leave out --model, --encoder, --config, --out and --seed")
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        run = api.train(
            data, model=model, encoder=encoder, encoder_weights=encoder_weights, budget=budget, out=out, seed=seed, device=device,
            config=config, overrides=set_ or (), resume=resume, watch=terminal.board(), started=_STARTED, command=_command(),
        )  # fmt: skip
        if run.stopped == "interrupted":
            terminal.say(f"interrupted; everything is saved in {run.path}")
            terminal.next(f"pixelwise train --resume {shlex.quote(str(run.path))}")
            terminal.json({"run": str(run.path), "stopped": "interrupted"})
            raise typer.Exit(130)
        terminal.scores(run.scores, run.classes)
        terminal.files(report=run.path / "report.html", table=run.path / "per_image.csv", worst=run.path / "worst")
        terminal.next(f"pixelwise predict {shlex.quote(str(run.path))} IMAGES")
        terminal.json({"run": str(run.path), **_split_scores(run.scores)})


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    data: Annotated[Path | None, typer.Argument(help="Folder of a data set; the run's own by default.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test.  [default: test, or val where there is none]")] = None,
    device: _Device = "auto",
    json_output: _Json = False,
    debug: _Debug = False,
) -> None:
    """Score a run at the original resolution: table per image, confusion matrix, report, worst cases."""
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        scores = api.evaluate(
            run, data, split=split, device=device, progress=terminal.progress("evaluating", "images"), command=_command()
        )
        terminal.scores(scores.values, scores.classes)
        terminal.files(report=scores.report, table=run / "per_image.csv", worst=run / "worst")
        terminal.next(f"pixelwise predict {shlex.quote(str(run))} IMAGES")
        terminal.json({"run": str(run), **_split_scores(scores.values)})


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    images: Annotated[list[Path], typer.Argument(help="Images, and folders of images.")],
    out: Annotated[Path, typer.Option(help="Folder for masks/, overlays/ and predictions.csv.")] = Path("predictions"),
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also write probabilities/ as float16 .npy.")] = False,
    device: _Device = "auto",
    json_output: _Json = False,
    debug: _Debug = False,
) -> None:
    """Write id masks and colour overlays for images of any size; one bad file loses nothing else."""
    from pixelwise import api
    from pixelwise.terminal import Terminal

    with Terminal(json_output) as terminal:
        start = time.monotonic()
        predicted = api.predict(
            run, images, out=out, probabilities=probabilities, device=device, progress=terminal.progress("predicting", "images")
        )
        for row in predicted.failed:
            terminal.warn(row["error"])
        done = len(predicted.rows) - len(predicted.failed)
        terminal.say(f"{done} of {len(predicted.rows)} images predicted in {time.monotonic() - start:.1f} s")
        terminal.files(masks=out / "masks", overlays=out / "overlays", list=out / "predictions.csv")
        terminal.next(f"pixelwise evaluate {shlex.quote(str(run))} DATA")
        terminal.json({"run": str(run), "out": str(out), "predicted": done, "failed": predicted.failed})
    if predicted.failed:
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(f"pixelwise {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status; ``arguments`` are those of the process by default.

    0 success · 1 something was lost or refused · 2 wrong usage · 130 interrupted.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except PixelwiseError as error:
        return _refuse(error, given, 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # a usage error of the command line itself
            error.show()
            return int(error.exit_code)
        return _refuse(error, given, 70)


def _refuse(error: Exception, given: list[str], status: int) -> int:
    if "--debug" in given:
        raise error
    from rich.console import Console
    from rich.text import Text

    known = isinstance(error, PixelwiseError)
    text = str(error) if known else f"{type(error).__name__}: {error}; this is a fault of pixelwise: --debug shows where"
    Console(stderr=True, soft_wrap=True).print(Text("error: ", "bold red") + Text(text))
    return status


def _command() -> str:
    return shlex.join(["pixelwise", *sys.argv[1:]])


def _split_scores(scores: dict[str, Any]) -> dict[str, Any]:
    """``{"test": {...}}``: the scores under the name of the split they are of."""
    return {str(scores.get("split", "test")): scores}
