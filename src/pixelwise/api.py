"""The verbs as Python functions. ``pixelwise.train``, ``evaluate``, ``predict``, ``load`` and ``check`` are these."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise import config as configs
from pixelwise.config import RunConfig
from pixelwise.data.problems import CheckReport
from pixelwise.engine import distributed
from pixelwise.engine.watch import Watcher
from pixelwise.errors import ConfigError
from pixelwise.metrics.surface_scores import SurfaceOptions
from pixelwise.verbs.comparing import Comparison, compare_runs
from pixelwise.verbs.device import usable_device
from pixelwise.verbs.evaluating import evaluate_run, own_split
from pixelwise.verbs.loaded import Loaded, load_run
from pixelwise.verbs.measures import Measures
from pixelwise.verbs.predicting import Predicted, images_in, predict_files
from pixelwise.verbs.predictor import Predictor, Segmentation
from pixelwise.verbs.prepare import check_folder, found_dataset
from pixelwise.verbs.run_folder import Run, existing
from pixelwise.verbs.scores import Scores
from pixelwise.verbs.training import Trained, resumable
from pixelwise.verbs.training import train as run_training

__all__ = [
    "Comparison", "Predicted", "Predictor", "Run", "Scores", "Segmentation", "check", "compare", "evaluate", "load", "predict",
    "train",
]  # fmt: skip


def check(
    data: str | Path, source: str = "auto", task: str = "auto", progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Reads every file of a data set and reports what is wrong, each fault with files and cure; changes nothing.

    Raises:
        DataError: there is no data set at ``data``.
        ConfigError: no such source or task.
    """
    return check_folder(data, source, task, progress)


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
        The run; ``run.scores`` holds the final scores, ``run.path`` the folder; ``run.stopped`` is ``"done"``, ``"early"``,
        ``"interrupted"`` (resume it), or ``"unevaluated"`` (interrupted when training was complete: evaluate it).

    Raises:
        PixelwiseError: any of its kinds, each with the cure in its message.
    """
    started = time.monotonic() if started is None else started
    short = {
        "data.path": None if data is None else str(data), "model.name": model, "model.encoder": encoder,
        "model.encoder_weights": encoder_weights, "train.budget": budget, "train.seed": seed, "train.device": device,
    }  # fmt: skip
    settings = {key: value for key, value in short.items() if value is not None}
    folder = None if resume is None else existing(resume)
    if folder is None:
        run_config = _config(config, settings, overrides)
    else:
        _refuse_changes([*settings, *["overrides"] * bool(overrides), *["config"] * bool(config), *["out"] * bool(out)])
        run_config = resumable(folder)
    with distributed.process_group(usable_device(run_config.train.device)):
        trained = run_training(run_config, out, folder, watch, started)
        if trained.outcome.stopped == "interrupted":
            return Run(trained.run, {}, trained.dataset.classes, "interrupted")
        try:
            scores = _final_scores(trained, run_config.train.device, watch, command)
        except KeyboardInterrupt:
            return Run(trained.run, {}, trained.dataset.classes, "unevaluated")
    return Run(trained.run, scores.values, scores.classes, trained.outcome.stopped)


def evaluate(
    run: str | Path | Run,
    data: str | Path | None = None,
    *,
    split: str | None = None,
    metrics: Sequence[str] = (),
    spacing: Sequence[float] = (1.0, 1.0),
    tolerance: float = 1.0,
    group: str | None = None,
    quick: bool = False,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    out: str | Path | None = None,
    device: str = "auto",
    watch: Watcher | None = None,
    command: str = "pixelwise.evaluate(...)",
) -> Scores:
    """Scores a run at the original resolution; writes the report, ``per_image.csv``, ``per_class.csv`` and ``worst/``.

    Args:
        run: a run, or its folder.
        data: a data set with the same classes; the run's own by default.
        split: ``train``, ``val``, ``test`` or ``all``; by default ``test``, or ``val`` where there are no test images.
        metrics: what to measure besides: ``surface``, ``cldice``; for binary runs also ``objects`` and ``membrane``.
        spacing: size of a pixel along rows and columns, for surface distances.
        tolerance: of surface Dice, in the unit of the spacing.
        group: a column of the data's ``splits.csv`` or ``records.csv``, such as the patient; its values are resampled for the
            intervals, not images.
        quick: the confusion matrix and what follows from it, without curves, calibration, boundaries and places of errors.
        scales, flip: the mean over the image at several scales, and over its mirror image; once, as it is, by default.
        out: folder of the report; by default the run folder, or a folder in its ``evaluations/`` where the data, the split or
            the looks are not those of the run's own report.
        device: auto, cpu, cuda, ...
        watch: is told what was decided and how far it is; silent by default.
        command: what the report shows as the command that made it.

    Raises:
        PixelwiseError: no such run, data, split or device; other classes; images without masks.
    """
    with distributed.process_group(usable_device(device)):
        loaded = load_run(run, device).looking(scales, flip)
        settings = _data_settings(loaded, data)
        dataset = found_dataset(settings)
        if watch is not None and data is not None:
            for decision in dataset.decisions:
                watch.say(decision)
        own = own_split(dataset)
        split = split or own
        if out is None and (data is not None or split != own or loaded.looks):
            out = loaded.run / "evaluations" / "-".join([dataset.root.name, split, *[loaded.looks] * bool(loaded.looks)])
        progress = None if watch is None else watch.validating
        measures = Measures(tuple(metrics), SurfaceOptions(tuple(spacing), tolerance), group, quick)
        return evaluate_run(loaded, dataset, split, command, progress, None if out is None else Path(out), measures)


def compare(
    run: str | Path | Run,
    other: str | Path | Run,
    *,
    group: str | None = None,
    level: float = 0.95,
    method: str = "bca",
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compares two evaluated runs on the images that both have: differences of scores, ``other`` minus ``run``, with intervals of
    the paired bootstrap. Images that one run alone has are named in the result and left out.

    Args:
        run, other: runs, their folders, or folders of evaluations.
        group: a column of the first one's ``per_image.csv``, such as the patient; groups are drawn then, not images.
        level, method: of the intervals; ``bca`` or ``percentile``.
        resamples, seed: how many are drawn, and from which seed.

    Raises:
        PixelwiseError: no such run, or not evaluated; other classes or masks; no image in common; no such column.
    """
    return compare_runs(run, other, group, level, method, resamples, seed)


def _final_scores(trained: Trained, device: str, watch: Watcher | None, command: str) -> Scores:
    split = own_split(trained.dataset)
    if split == "val" and watch is not None:
        watch.say("warning: no test images, so the scores are on the validation images, which chose the weights: they flatter")
    progress = None if watch is None else watch.validating
    return evaluate_run(load_run(trained.run, device), trained.dataset, split, command, progress)


def _config(
    config: RunConfig | str | Path | None, settings: Mapping[str, Any], overrides: Mapping[str, Any] | Sequence[str]
) -> RunConfig:
    """The config of a new run: that given or the defaults, then settings by their short names, then overrides."""
    if config is None and "data.path" not in settings:
        raise ConfigError("train needs the folder of a data set, as in: pixelwise train DATA (or --resume RUN, or --config FILE)")
    given = config if isinstance(config, RunConfig) else RunConfig() if config is None else configs.load(config)
    return configs.with_overrides(configs.with_overrides(given, settings), overrides)


def _refuse_changes(names: Sequence[str]) -> None:
    if names:
        raise ConfigError(
            f"a resumed run goes on with its own data and settings; leave out {', '.join(names)}, or start a new run"
        )


def _data_settings(loaded: Loaded, data: str | Path | None) -> configs.DataConfig:
    """How the run's own data were read, or the defaults for other data."""
    if data is None:
        return configs.load(loaded.run / "config.yaml").data
    return configs.DataConfig(path=str(data))


def predict(
    run: str | Path | Run | Loaded,
    images: Sequence[str | Path] | str | Path,
    *,
    out: str | Path = "predictions",
    probabilities: bool = False,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Writes id masks, overlays and, if asked for, probabilities of images and folders of images into ``out``; with ``scales``
    or ``flip`` they are means over several looks, as in :func:`evaluate`."""
    loaded = (run if isinstance(run, Loaded) else load_run(run, device)).looking(scales, flip)
    records = images_in([images] if isinstance(images, (str, Path)) else images)
    return predict_files(loaded, records, Path(out), probabilities, progress)


def load(run: str | Path | Run, device: str = "auto", *, scales: Sequence[float] = (1.0,), flip: bool = False) -> Predictor:
    """A trained run as a function: ``load("runs/NAME")("image.jpg")`` gives a :class:`Segmentation`. Downloads nothing."""
    return Predictor(load_run(run, device).looking(scales, flip))
