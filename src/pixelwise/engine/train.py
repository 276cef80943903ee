"""The training loop, to be read from top to bottom."""

import contextlib
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from pixelwise.config import RunConfig
from pixelwise.engine.checkpoint import resume_into, save_for_resume, save_model
from pixelwise.engine.clock import Clock
from pixelwise.engine.distributed import broadcast, is_main, rank, replicated
from pixelwise.engine.ema import Average
from pixelwise.engine.evaluate import Evaluation
from pixelwise.engine.interrupt import Interrupt, catching_interrupts
from pixelwise.engine.log import RunLog
from pixelwise.engine.optim import Plateau, optimizer, schedule_factor, set_learning_rate
from pixelwise.engine.precision import Precision
from pixelwise.engine.step import Stepper
from pixelwise.engine.watch import Watcher
from pixelwise.tasks.task import Task
from pixelwise.types import Batch

__all__ = ["Job", "Outcome", "train"]

# Share of a time budget that validations may take, all together.
_VALIDATION_SHARE = 0.06


@dataclass(frozen=True)
class Job:
    """Everything that one training run needs, already built.

    ``stream(step)`` yields the training batches from that optimiser step on; ``validate(model)`` scores a model and
    returns the evaluation and a picture of predictions; ``evaluation_seconds(evaluation)`` says how long the final evaluation
    will take, judged by this one.
    """

    config: RunConfig
    task: Task
    model: nn.Module
    stream: Callable[[int], Generator[Batch, None, None]]
    validate: Callable[[nn.Module], tuple[Evaluation, np.ndarray | None]]
    evaluation_seconds: Callable[[Evaluation], float]
    run: Path
    clock: Clock
    device: torch.device
    precision: Precision
    watch: Watcher
    images_per_epoch: int
    encoder_factor: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``best`` is the validation score of the saved model, at step ``best_step``."""

    stopped: Literal["done", "early", "interrupted"]
    step: int
    best: float
    best_step: int
    seconds: float


def train(job: Job, resume: bool = False) -> Outcome:
    """Trains until the clock says so, the score no longer improves, or somebody interrupts; the best weights are in
    ``model.safetensors``, and everything that a resume needs in ``last/``.

    An interrupted run that is resumed ends with the same weights, bit for bit, as one that was not, on a CPU and when its
    length is given in steps or epochs.
    """
    config = job.config
    average = Average(job.model, config.train.ema)
    scaler = torch.amp.GradScaler(job.device.type, enabled=job.precision == "fp16")
    adam = optimizer(job.model, config.optim, job.encoder_factor)
    model = replicated(job.model, job.device)
    stepper = Stepper(job.task, model, adam, job.precision, scaler, config.optim.clip_norm, config.train.accumulate)
    state = _State(job, stepper, average)
    start = state.resume() if resume else 0
    log = RunLog(job.run, start) if is_main() else None
    meter = _Meter(log, state, start)
    stopped: Literal["done", "early", "interrupted"] = "early" if state.plateau.should_stop else "done"
    step = start
    with contextlib.closing(job.stream(start)) as stream, catching_interrupts() as interrupt:
        model.train()
        while True:
            progress = _agreed(job.clock.progress(step), interrupt)
            # Not before the first step: start-up alone may have used up the time until the first validation.
            if state.validation_due(progress) and (step > 0 or progress >= 1):
                state.validate(step, progress, log)
                stopped = "early" if state.plateau.should_stop else "done"
            if progress >= 1 or stopped == "early" or interrupt.asked:
                break
            batch = next(stream).to(job.device)
            set_learning_rate(adam, config.optim.lr * schedule_factor(config.optim, progress) * state.plateau.scale)
            # Each step has its own random numbers (dropout), so that a resumed run draws the same ones.
            torch.manual_seed(((config.train.seed << 40) ^ (rank() << 32) ^ step) % (1 << 63))
            before = stepper.accumulate
            losses = stepper.step(batch, step)
            if stepper.accumulate != before:
                job.watch.say(f"memory ran out: each batch is now cut into {stepper.accumulate} micro-batches, same batch size")
            average.update(job.model, step)
            step += 1
            meter.count(step, losses, len(batch), adam.param_groups[-1]["lr"])
            state.save_if_due(step)
    if interrupt.asked and stopped == "done" and job.clock.progress(step) < 1:
        stopped = "interrupted"
    state.save(step)
    if log is not None:
        log.close()
    return Outcome(stopped, step, state.plateau.best, state.best_step, job.clock.elapsed())


def _agreed(progress: float, interrupt: Interrupt) -> float:
    """Rank 0's clock and rank 0's interruption, on every rank."""
    progress, asked = broadcast((progress, interrupt.asked))
    interrupt.asked = asked
    return float(progress)


class _State:
    """What a resume needs beside the tensors, and when validations and checkpoints are due."""

    def __init__(self, job: Job, stepper: Stepper, average: Average) -> None:
        self.job, self.stepper, self.average = job, stepper, average
        settings = job.config.train
        self.plateau = Plateau(settings.reduce_on_plateau, settings.early_stopping, settings.plateau_factor)
        self.interval = self.next_validation = 1 / settings.validations
        self.best_step = 0
        self.saved_at = time.monotonic()

    def validation_due(self, progress: float) -> bool:
        # A tolerance, as 1/3 + 1/3 + 1/3 need not be 1.
        return progress >= self.next_validation - 1e-9

    def validate(self, step: int, progress: float, log: RunLog | None) -> None:
        job = self.job
        evaluation, picture = job.validate(self.average.model)
        score = float(evaluation.scores.mean_iou)
        is_best = self.plateau.update(score)
        row = {"step": step, "epoch": self.epoch(step), "time_s": job.clock.elapsed(), "val_mean_iou": score}
        row["val_accuracy"] = float(evaluation.scores.accuracy)
        # Without any score that is a number, the latest weights are kept: a run always leaves a model.
        kept = is_best or self.plateau.best == -math.inf
        if kept:
            self.best_step = step
        if log is not None:
            log.add(row)
            if picture is not None:
                log.picture("predictions", picture, step)
            if kept:
                save_model(job.run, self.average.model, {"step": step, "val_mean_iou": score, **job.facts})
        job.watch.validated(row, is_best)
        job.clock.keep_back(job.evaluation_seconds(evaluation))
        self._plan_next(progress, evaluation.seconds)
        self.save(step)

    def _plan_next(self, progress: float, seconds: float) -> None:
        if progress >= 1:
            self.next_validation = float("inf")
            return
        if self.job.clock.seconds is not None:
            self.interval = max(self.interval, min(1 / 3, seconds / (_VALIDATION_SHARE * self.job.clock.seconds)))
        # By steps: the next multiple of the interval that is still to come, so that no step is scored twice, resumed or not.
        coming = (math.floor(progress / self.interval + 1e-9) + 1) * self.interval
        self.next_validation = broadcast(progress + self.interval if self.job.clock.seconds is not None else coming)
        if self.next_validation > 1 - self.interval / 2:
            self.next_validation = 1.0

    def epoch(self, step: int) -> float:
        return step * self.job.config.train.batch_size / self.job.images_per_epoch

    def save_if_due(self, step: int) -> None:
        if time.monotonic() - self.saved_at > 60 * self.job.config.train.checkpoint_minutes:
            self.save(step)

    def save(self, step: int) -> None:
        self.saved_at = time.monotonic()
        if not is_main():
            return
        counters = {
            "step": step,
            "seconds": self.job.clock.elapsed(),
            "plateau": self.plateau.state(),
            "best_step": self.best_step,
            "interval": self.interval,
            "next_validation": self.next_validation,
            "accumulate": self.stepper.accumulate,
            "scaler": self.stepper.scaler.state_dict(),
            **self.job.facts,
        }
        save_for_resume(self.job.run, self.job.model, self.average.model, self.stepper.optimizer, counters)

    def resume(self) -> int:
        counters = resume_into(self.job.run, self.job.model, self.average.model, self.stepper.optimizer)
        self.plateau.load(counters["plateau"])
        self.best_step, self.interval = counters["best_step"], counters["interval"]
        self.next_validation, self.stepper.accumulate = counters["next_validation"], counters["accumulate"]
        if counters["scaler"]:
            self.stepper.scaler.load_state_dict(counters["scaler"])
        return int(counters["step"])


class _Meter:
    """Running means of losses and speed; a row for the log about every hundredth of the run, and at most five a second."""

    sums: dict[str, float]
    steps: int
    images: int
    since: float

    def __init__(self, log: RunLog | None, state: _State, step: int) -> None:
        self.log, self.state, self.job = log, state, state.job
        self._clear()
        self._logged_progress = self.job.clock.progress(step)

    def count(self, step: int, losses: dict[str, float], images: int, lr: float) -> None:
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.steps, self.images = self.steps + 1, self.images + images
        seconds = time.monotonic() - self.since
        means = {f"loss_{name}": value / self.steps for name, value in self.sums.items()}
        row = {"step": step, "epoch": self.state.epoch(step), "time_s": self.job.clock.elapsed(), "lr": lr}
        row |= {"images_per_s": self.images / max(seconds, 1e-9), "loss": sum(means.values()), **means}
        progress = self.job.clock.progress(step)
        self.job.watch.step(progress, self.job.clock.remaining(step), row)
        if self.log is not None and (progress - self._logged_progress >= 0.01 or progress >= 1) and seconds >= 0.2:
            self.log.add(row)
            self._logged_progress = progress
            self._clear()

    def _clear(self) -> None:
        self.sums = {}
        self.steps = self.images = 0
        self.since = time.monotonic()
