"""The verbs as Python functions. ``pixelwise.train``, ``evaluate``, ``predict``, ``load`` and ``check`` are these."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


from pixelwise import config as configs
from pixelwise.config import RunConfig
from pixelwise.data.check import check as check_dataset
from pixelwise.data.problems import CheckReport
from pixelwise.engine.watch import Watcher
from pixelwise.verbs.evaluating import Scores, evaluate_run
from pixelwise.verbs.loaded import Loaded, load_run
from pixelwise.verbs.predicting import Predicted, images_in, predict_files
from pixelwise.verbs.predictor import Predictor, Segmentation
from pixelwise.verbs.prepare import found_dataset
from pixelwise.verbs.run_folder import Run, existing
from pixelwise.verbs.training import train as run_training

__all__ = ["Predicted", "Predictor", "Run", "Scores", "Segmentation", "check", "evaluate", "load", "predict", "train"]


def check(data: str | Path, source: str = "auto", task: str = "auto", progress: Callable[[int, int], None] | None = None) -> CheckReport:
    """Reads every file of a data set and reports what is wrong, each fault with files and cure; changes nothing.

    Raises:
        DataError: there is no data set at ``data``.
    """
    dataset = found_dataset(configs.DataConfig(path=str(data), source=source, task=task))  # type: ignore[arg-type]
    return check_dataset(dataset, progress)


def train(
    data: str | Path | None = None,
    *,
    model: str | None = None,
    encoder: str | None = None,
    encoder_weights: str | None = None,
    budget: str | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    device: str | None = None,
    config: RunConfig | str | Path | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    resume: str | Path | Run | None = None,
    watch: Watcher | None = None,
    started: float | None = None,
    command: str = "pixelwise.train(...)",
) -> Run:
    """Checks the data, trains, and evaluates the best weights on the test images (or the validation images, if there are none).

    Args:
        data: folder of the data set; may be left out with ``config`` or ``resume``.
        model, encoder, encoder_weights, budget, seed, device: settings by their short names, over those of ``config``.
        out: folder of the new run; ``runs/...`` by default.
        config: a run, or the path of a run file.
        overrides: any other settings by dotted key: ``{"optim.lr": 3e-4}`` or ``["optim.lr=3e-4"]``.
        resume: an interrupted run to go on with, settings unchanged.
        watch: is told what happens; silent by default.
        started: ``time.monotonic()`` at which the budget began.
        command: what the report shows as the command that made it.

    Returns:
        The run; ``run.scores`` holds the final scores, ``run.path`` the folder.

    Raises:
        PixelwiseError: any of its kinds, each with the cure in its message.
    """
    started = time.monotonic() if started is None else started
    settings = {
        "data.path": None if data is None else str(data), "model.name": model, "model.encoder": encoder,
        "model.encoder_weights": encoder_weights, "train.budget": budget, "train.seed": seed, "train.device": device,
    }  # fmt: skip
    run_config = config if isinstance(config, RunConfig) else RunConfig() if config is None else configs.load(config)
    run_config = configs.with_overrides(run_config, {key: value for key, value in settings.items() if value is not None})
    run_config = configs.with_overrides(run_config, overrides)
    folder = None if resume is None else existing(resume)
    trained = run_training(run_config, out, folder, watch, started)
    if trained.outcome.stopped == "interrupted":
        return Run(trained.run, {}, trained.dataset.classes, "interrupted")
    loaded = load_run(trained.run, run_config.train.device)
    split = "test" if trained.dataset.split("test") else "val"
    scores = evaluate_run(loaded, trained.dataset, split, command, None if watch is None else watch.validating)
    return Run(trained.run, scores.values, scores.classes, trained.outcome.stopped)


def evaluate(
    run: str | Path | Run,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    command: str = "pixelwise.evaluate(...)",
) -> Scores:
    """Scores a run on ``split`` of ``data`` (by default its own data's test images), at the original resolution; writes the
    report, ``per_image.csv`` and ``worst/`` into the run folder."""
    loaded = load_run(run, device)
    settings = configs.load(loaded.run / "config.yaml").data
    if data is not None:
        settings = settings.model_copy(update={"path": str(data)})
    dataset = found_dataset(settings)
    if split is None:
        split = "test" if dataset.split("test") else "val"
    return evaluate_run(loaded, dataset, split, command, progress)


def predict(
    run: str | Path | Run | Loaded,
    images: Sequence[str | Path] | str | Path,
    *,
    out: str | Path = "predictions",
    probabilities: bool = False,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Writes id masks, overlays and, if asked for, probabilities of images and folders of images into ``out``."""
    loaded = run if isinstance(run, Loaded) else load_run(run, device)
    records = images_in([images] if isinstance(images, (str, Path)) else images)
    return predict_files(loaded, records, Path(out), probabilities, progress)


def load(run: str | Path | Run, device: str = "auto") -> Predictor:
    """A trained run as a function: ``load("runs/NAME")("image.jpg")`` gives a :class:`Segmentation`. Downloads nothing."""
    return Predictor(load_run(run, device))


