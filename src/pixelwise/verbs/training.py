"""``train``: check, build, train; resumable. What follows, the evaluation, is a verb of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pixelwise import build
from pixelwise import config as configs
from pixelwise.config import RunConfig
from pixelwise.data.dataset import Dataset
from pixelwise.data.facts import intensity_window
from pixelwise.data.loader import Reading, eval_batches, train_stream
from pixelwise.data.transforms import Augmenter
from pixelwise.engine import distributed, precision
from pixelwise.engine.allocator import keep_freed_memory
from pixelwise.engine.checkpoint import read_spec, read_state, write_spec
from pixelwise.engine.clock import Clock
from pixelwise.engine.evaluate import Evaluation, ImageCounts, evaluate, shard
from pixelwise.engine.train import Job, Outcome
from pixelwise.engine.train import train as run_training
from pixelwise.engine.watch import Silent, Watcher
from pixelwise.errors import CheckpointError, ConfigError
from pixelwise.formats.image import image_size, write_image
from pixelwise.models.catalog import architecture
from pixelwise.models.segmenter import Segmenter
from pixelwise.report.overlay import batch_picture, contact_sheet, overlay
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.types import Batch, LabelMap, Record
from pixelwise.verbs.device import usable_device
from pixelwise.verbs.loaded import built
from pixelwise.verbs.prepare import checked_dataset
from pixelwise.verbs.reserve import evaluation_seconds, report_seconds
from pixelwise.verbs.run_folder import create, existing, refuse_taken, removed_unless_saved, sweep

__all__ = ["Trained", "resumable", "train"]


@dataclass(frozen=True)
class Trained:
    """What training left: the run folder, how it ended, and the data set it saw."""

    run: Path
    outcome: Outcome
    dataset: Dataset


@dataclass(frozen=True)
class _Plan:
    """What the data decide before there is a model."""

    config: RunConfig  # crop and window filled in
    dataset: Dataset
    reading: Reading
    augmenter: Augmenter
    device: torch.device
    watch: Watcher

    @property
    def train_records(self) -> tuple[Record, ...]:
        return self.dataset.split("train")

    def stream(self, step: int) -> Generator[Batch, None, None]:
        settings = self.config.train
        workers = settings.workers
        if workers < 0:
            # On a CPU the cores belong to the network: one thread that reads ahead costs it least.
            workers = 0 if self.device.type == "cpu" else min(8, max(1, (os.cpu_count() or 2) // 2))
        batch, rank, world = settings.batch_size, distributed.rank(), distributed.world_size()
        return train_stream(self.train_records, self.reading, self.augmenter, batch, settings.seed, step, workers, rank, world)


def train(
    config: RunConfig, out: str | Path | None = None, resume: str | Path | None = None, watch: Watcher | None = None,
    started: float | None = None,
) -> Trained:  # fmt: skip
    """Trains one run to its end, or resumes one.

    Args:
        config: the run; with ``resume`` that of :func:`resumable`.
        out: folder of the new run; must not exist or be empty.
        resume: folder of an interrupted run.
        watch: who is told what happens.
        started: ``time.monotonic()`` at which the budget began; now by default.
    """
    started = time.monotonic() if started is None else started
    # What costs nothing to refuse is refused before the data are read.
    if resume is None and distributed.is_main():
        refuse_taken(out)
    architecture(config.model.name)
    device = usable_device(config.train.device)
    keep_freed_memory()
    with distributed.process_group(device), contextlib.ExitStack() as undo:
        plan = _plan(config, device, watch if watch is not None and distributed.is_main() else Silent())
        job = _new_job(plan, out, started, undo) if resume is None else _resumed_job(plan, existing(resume), started)
        outcome = run_training(job, resume=resume is not None)
        distributed.broadcast(None)  # the first process has written the weights by now
        return Trained(job.run, outcome, plan.dataset)


def resumable(run: Path) -> RunConfig:
    """The config of a run that can be resumed; raises CheckpointError where there is no checkpoint."""
    read_state(run)
    return configs.load(run / "config.yaml")


def _plan(config: RunConfig, device: torch.device, watch: Watcher) -> _Plan:
    world = distributed.world_size()
    if config.train.batch_size % world:
        raise ConfigError(
            f"train.batch_size counts the images of all processes and must be a multiple of their number, {world}, "
            f"got {config.train.batch_size}; choose {world * -(-config.train.batch_size // world)}"
        )
    torch.manual_seed(config.train.seed)
    dataset = checked_dataset(config.data, watch.say)
    records = dataset.split("train")
    crop, why = build.crop_size(config.augment, [image_size(record.image) for record in records], device)
    watch.say(f"training crops of {crop[0]}x{crop[1]} (height x width): {why}")
    window = config.data.window or intensity_window(records)
    if window is not None:
        watch.say(f"images have more than 8 bits: grey values {window[0]:g} to {window[1]:g} become 0 to 255")
    # Absolute, so that a resume or an evaluation from another folder finds the data.
    path = str(Path(config.data.path).resolve())
    resolved = {"data.path": path, "data.window": window and list(window), "augment.crop": list(crop)}
    config = configs.with_overrides(config, resolved)
    reading = Reading(config.model.in_channels, window, config.data.max_pixels, dataset.targets)
    return _Plan(config, dataset, reading, build.augmenter(config.augment, crop), device, watch)


def _new_job(plan: _Plan, out: str | Path | None, started: float, undo: contextlib.ExitStack) -> Job:
    config, dataset = plan.config, plan.dataset
    channels = 1 if dataset.mode == "binary" else len(dataset.classes)
    model = precision.prepared(build.model_from_config(config.model, channels), plan.device, config.train.channels_last)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    name, weights = model.encoder.name, model.encoder.weights
    plan.watch.say(f"{config.model.name} on {name} ({millions:.1f} M parameters), encoder weights: {weights}")
    config = configs.with_overrides(config, {"model.encoder": name, "model.encoder_weights": weights})
    task = build.task_from_config(config.loss, dataset.classes, dataset.mode, model.encoder.mean, model.encoder.std)
    stream = plan.stream(0)
    first = next(stream)
    stream.close()
    arithmetic, why = _arithmetic(config, model, task, first.to(plan.device), plan.device)
    plan.watch.say(f"arithmetic {arithmetic}: {why}")
    plan = dataclasses.replace(plan, config=configs.with_overrides(config, {"train.precision": arithmetic}))
    clock = _clock(plan, time.monotonic() - started)
    if clock.progress(0) >= 1:
        needed = clock.elapsed()
        raise ConfigError(
            f"the budget of {config.train.budget} was over before the first step: start, check and set-up took {needed:.0f} s; "
            f"give at least {max(30, round(4 * needed))}s"
        )
    run = Path()
    if distributed.is_main():
        run = create(plan.config, out)
        undo.enter_context(removed_unless_saved(run))
        write_spec(run, build.spec(plan.config, task, plan.reading.window))
        pictures = first.images.permute(0, 2, 3, 1).numpy()
        write_image(run / "train_batch.png", batch_picture(pictures, _numpy_targets(first), dataset.classes))
        plan.watch.say(f"run folder {run}; look at {run / 'train_batch.png'}: it is what the network sees")
    return _job(plan, model, task, distributed.broadcast(run), clock)


def _resumed_job(plan: _Plan, run: Path, started: float) -> Job:
    state = read_state(run)
    if state["records"] != _fingerprint(plan.train_records):
        raise CheckpointError(
            f"the training images of {plan.dataset.root} are not those of {run}; restore them, or start a new run"
        )
    model, task = built(run, read_spec(run), plan.config.loss)
    if plan.dataset.classes.ids != task.classes.ids or plan.dataset.mode != task.mode:
        raise CheckpointError(
            f"{plan.dataset.root} is now {plan.dataset.mode} with the class ids {plan.dataset.classes.ids}, but {run} was "
            f"trained as {task.mode} on {task.classes.ids}; restore masks and classes.json, or start a new run"
        )
    model = precision.prepared(model, plan.device, plan.config.train.channels_last)
    if distributed.is_main():
        sweep(run)
    plan.watch.say(f"resuming {run} at step {state['step']}, best mIoU so far {max(0.0, state['plateau']['best']):.4f}")
    return _job(plan, model, task, run, _clock(plan, state["seconds"] + time.monotonic() - started))


def _clock(plan: _Plan, spent: float) -> Clock:
    """How long the run is: so many steps, so many epochs, or a budget; and says so."""
    settings, images = plan.config.train, len(plan.train_records)
    steps = settings.steps
    if steps is None and settings.epochs is not None:
        steps = max(1, round(settings.epochs * images / settings.batch_size))
    if steps is not None:
        plan.watch.say(
            f"training for {steps} step{'s' * (steps > 1)} of {settings.batch_size} images, "
            f"{steps * settings.batch_size / images:.3g} epochs, however long that takes (no time budget)"
        )
        return Clock(steps, None, spent)
    budget = settings.budget or "30m"
    clock = Clock(None, configs.parse_duration(budget), spent)
    clock.keep_back(report_seconds(clock.seconds) + 0.02 * (clock.seconds or 0))
    plan.watch.say(f"time budget {budget}, evaluation and report included: the learning rate falls by the clock to its end")
    return clock


def _job(plan: _Plan, model: Segmenter, task: SemanticTask, run: Path, clock: Clock) -> Job:
    config = plan.config
    if config.train.freeze_encoder:
        model.encoder.freeze()
    return Job(
        config=config, task=task, model=model, stream=plan.stream, run=run, clock=clock, device=plan.device,
        precision=config.train.precision,  # type: ignore[arg-type]  # auto was resolved
        validate=functools.partial(_validate, plan, task),
        evaluation_seconds=functools.partial(evaluation_seconds, plan.dataset, task, clock.seconds), watch=plan.watch,
        images_per_epoch=len(plan.train_records),
        encoder_factor=1.0 if config.model.encoder_weights == "none" else config.optim.encoder_lr,
        facts={"records": _fingerprint(plan.train_records)},
    )  # fmt: skip


def _validate(plan: _Plan, task: SemanticTask, model: nn.Module) -> tuple[Evaluation, np.ndarray | None]:
    records = plan.dataset.split("val")
    pictures: list[tuple[np.ndarray, str]] = []
    done = 0

    def see(image: np.ndarray, target: np.ndarray, result: LabelMap, counts: ImageCounts) -> None:
        nonlocal done
        done += 1
        plan.watch.validating(done * distributed.world_size(), len(records))
        if len(pictures) < 4:
            pictures.append((overlay(image, result.indices, plan.dataset.classes.colors), counts.record.key))

    mine = shard(records, distributed.rank(), distributed.world_size())
    batches = eval_batches(mine, plan.reading, batch_size=4)
    evaluation = evaluate(task, model, batches, plan.device, plan.config.train.precision, see)  # type: ignore[arg-type]
    return evaluation, contact_sheet(pictures) if pictures else None


def _arithmetic(
    config: RunConfig, model: Segmenter, task: SemanticTask, batch: Batch, device: torch.device
) -> tuple[precision.Precision, str]:
    if config.train.precision != "auto":
        return config.train.precision, "as configured"
    return distributed.broadcast(precision.choose(model, task, batch, device))  # type: ignore[no-any-return]


def _fingerprint(records: tuple[Record, ...]) -> str:
    return hashlib.sha256("\n".join(record.key for record in records).encode()).hexdigest()[:16]


def _numpy_targets(batch: Batch) -> np.ndarray:
    assert batch.targets is not None
    return batch.targets.numpy()
