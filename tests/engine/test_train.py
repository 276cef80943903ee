"""The loop: a resumed run ends like one that was not interrupted, bit for bit; it learns, stops early, and fails in words."""

import json
import math

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from pixelwise.engine import train as train_module
from pixelwise.engine.checkpoint import read_state
from pixelwise.engine.clock import Clock
from pixelwise.engine.evaluate import evaluate
from pixelwise.engine.log import read_rows
from pixelwise.engine.train import train
from pixelwise.engine.watch import Silent
from pixelwise.errors import TrainingError
from tests.engine.make import CPU, TinyNet, make_batch, make_job, make_stream, make_task


class Recorder(Silent):
    """Notes what it is told, and asks to stop after a step, as Ctrl-C would."""

    def __init__(self, monkeypatch=None, stop_after=None):
        self.stop_after, self.steps, self.scores, self.said = stop_after, [], [], []
        if monkeypatch is not None:
            self._agreed = train_module._agreed
            monkeypatch.setattr(train_module, "_agreed", self._ask)

    def _ask(self, progress, interrupt):
        interrupt.asked = interrupt.asked or (bool(self.steps) and self.steps[-1] == self.stop_after)
        return self._agreed(progress, interrupt)

    def step(self, progress, remaining, row):
        self.steps.append(row["step"])

    def validated(self, row, is_best):
        self.scores.append((row["step"], row["val_mean_iou"], is_best))

    def say(self, text):
        self.said.append(text)


def seeded_net(**options):
    torch.manual_seed(1)
    return TinyNet(dropout=0.5, **options)


def whole_state(run):
    """Every tensor of the checkpoint, and its counters without those that are times."""
    state = {key: value for key, value in read_state(run).items() if key != "seconds"}
    return load_file(run / "last" / "checkpoint.safetensors"), state


def assert_equal_runs(one, two):
    (tensors, state), (others, other_state) = whole_state(one), whole_state(two)
    assert tensors.keys() == others.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
    assert state == other_state
    best, other_best = (load_file(run / "model.safetensors") for run in (one, two))
    assert all(torch.equal(tensor, other_best[name]) for name, tensor in best.items())


@pytest.mark.parametrize("cut", [1, 4, 7])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"train.ema": 0.0, "optim.name": "sgd", "train.accumulate": 2},
        {"train.validations": 20, "train.reduce_on_plateau": 1, "train.precision": "bf16"},
    ],
    ids=["adamw and averaging", "sgd in micro-batches", "bf16 with plateau"],
)
def test_a_resumed_run_ends_like_an_uninterrupted_one_bit_for_bit(tmp_path, monkeypatch, settings, cut):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    precision = settings.get("train.precision", "fp32")
    seen = Recorder()
    finished = train(make_job(whole, seeded_net(), settings, precision=precision, watch=seen))
    with monkeypatch.context() as patch:
        first = Recorder(patch, stop_after=cut)
        stopped = train(make_job(parts, seeded_net(), settings, precision=precision, watch=first))
    assert (stopped.stopped, stopped.step) == ("interrupted", cut)
    second = Recorder()
    fresh = TinyNet(dropout=0.5)  # other weights: all must come from the checkpoint
    resumed = train(make_job(parts, fresh, settings, precision=precision, watch=second), resume=True)
    assert (resumed.stopped, resumed.step, resumed.best, resumed.best_step) == ("done", 8, finished.best, finished.best_step)
    assert first.steps + second.steps == seen.steps == list(range(1, 9))
    assert first.scores + second.scores == seen.scores
    assert_equal_runs(whole, parts)


def test_a_run_that_is_killed_between_checkpoints_resumes_from_the_last_one(tmp_path):
    train(make_job(tmp_path / "whole", seeded_net()))

    def dying_stream(step):
        for batch, _ in zip(make_stream(step), range(5), strict=False):
            yield batch
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_job(tmp_path / "killed", seeded_net(), stream=dying_stream))
    assert read_state(tmp_path / "killed")["step"] == 4
    train(make_job(tmp_path / "killed", TinyNet(dropout=0.5)), resume=True)
    assert_equal_runs(tmp_path / "whole", tmp_path / "killed")


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path):
    first = train(make_job(tmp_path, seeded_net()))
    before = whole_state(tmp_path)
    again = train(make_job(tmp_path, TinyNet(dropout=0.5)), resume=True)
    assert (again.stopped, again.step, again.best) == ("done", 8, first.best)
    after = whole_state(tmp_path)
    assert before[1] == after[1]
    assert all(torch.equal(tensor, after[0][name]) for name, tensor in before[0].items())


def test_one_batch_is_learnt(tmp_path):
    def same(step):
        while True:
            yield make_batch()

    def validate(model):
        return evaluate(make_task(), model, [make_batch()], CPU, "fp32"), None

    settings = {"train.steps": 60, "train.validations": 2, "optim.lr": 0.05, "train.ema": 0.9}
    outcome = train(make_job(tmp_path, settings=settings, stream=same, validate=validate))
    assert outcome.best > 0.99


def test_the_saved_model_is_the_best_one_and_the_average(tmp_path):
    job = make_job(tmp_path)
    outcome = train(job)
    model = TinyNet()
    model.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert job.validate(model)[0].scores.mean_iou == outcome.best
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["pixelwise"])
    assert facts == {"step": outcome.best_step, "val_mean_iou": outcome.best}


class _Scripted:
    """Validations whose scores are written beforehand."""

    def __init__(self, job, scores):
        self.job, self.scores = job, list(scores)

    def __call__(self, model):
        evaluation, picture = self.job.validate(model)
        object.__setattr__(evaluation, "scores", type("Scores", (), {"mean_iou": self.scores.pop(0), "accuracy": 0.5}))
        return evaluation, picture


def make_scripted_job(run, scores, settings):
    return make_job(run, settings=settings, validate=_Scripted(make_job(run, settings=settings), scores))


def test_training_stops_early_when_the_score_no_longer_rises_and_a_resume_does_not_go_on(tmp_path):
    settings = {"train.validations": 8, "train.early_stopping": 2}
    outcome = train(make_scripted_job(tmp_path, [0.1, 0.3, 0.2, 0.3, 0.9], settings))
    assert (outcome.stopped, outcome.step, outcome.best, outcome.best_step) == ("early", 4, 0.3, 2)
    again = train(make_scripted_job(tmp_path, [], settings), resume=True)
    assert (again.stopped, again.step, again.best) == ("early", 4, 0.3)


def test_validations_without_any_score_still_leave_the_latest_weights(tmp_path):
    outcome = train(make_scripted_job(tmp_path, [math.nan] * 4, {}))
    assert outcome.best_step == 8
    assert (tmp_path / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "validations, steps", [(1, [8]), (2, [4, 8]), (3, [3, 6, 8]), (4, [2, 4, 6, 8]), (20, list(range(1, 9)))]
)
def test_validations_are_spread_over_the_run_and_the_last_step_has_one(tmp_path, validations, steps):
    seen = Recorder()
    train(make_job(tmp_path, settings={"train.validations": validations}, watch=seen))
    assert [step for step, *_ in seen.scores] == steps
    logged = [row for row in read_rows(tmp_path / "metrics.csv") if "val_mean_iou" in row]
    assert [(row["step"], row["val_mean_iou"]) for row in logged] == [(step, score) for step, score, _ in seen.scores]


def test_weights_that_have_not_been_trained_are_not_scored(tmp_path, monkeypatch):
    now = [19.0]  # start-up took most of the budget: several validations are overdue before the first step
    monkeypatch.setattr(Clock, "elapsed", lambda self: now[0])

    def ticking(step):
        for batch in make_stream(step):
            now[0] += 10
            yield batch

    seen = Recorder()
    train(make_job(tmp_path, settings={"train.budget": "40s"}, clock=Clock(None, 40), stream=ticking, watch=seen))
    assert next(step for step, *_ in seen.scores) == 1


def test_a_budget_ends_training_with_a_validation_and_keeps_time_back(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(Clock, "elapsed", lambda self: now[0])

    def ticking(step):
        for batch in make_stream(step):
            now[0] += 1
            yield batch

    seen = Recorder()
    settings = {"train.budget": "20s", "train.validations": 4}
    job = make_job(
        tmp_path, settings=settings, clock=Clock(None, 20), stream=ticking, watch=seen, evaluation_seconds=lambda _: 5.0
    )
    outcome = train(job)
    assert outcome.stopped == "done"
    assert outcome.step == 15
    assert seen.scores[-1][0] == 15


def test_a_loss_that_is_not_finite_ends_the_run_and_leaves_the_checkpoint(tmp_path):
    class Broken:
        def __init__(self):
            self.task, self.calls = make_task(), 0

        def loss(self, model, batch):
            self.calls += 1
            return {name: value * (math.nan if self.calls > 5 else 1) for name, value in self.task.loss(model, batch).items()}

    with pytest.raises(TrainingError, match="the loss 'cross_entropy' became nan at step 5"):
        train(make_job(tmp_path, task=Broken()))
    assert read_state(tmp_path)["step"] == 4


def test_memory_that_runs_out_is_said_and_remembered(tmp_path):
    class Scarce:
        def loss(self, model, batch):
            if len(batch) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return make_task().loss(model, batch)

    seen = Recorder()
    train(make_job(tmp_path, task=Scarce(), watch=seen))
    assert seen.said == ["memory ran out: each batch is now cut into 2 micro-batches, same batch size"]
    assert read_state(tmp_path)["accumulate"] == 2


def test_a_plateau_lowers_the_learning_rate(tmp_path):
    rates = []

    class Rates(Silent):
        def step(self, progress, remaining, row):
            rates.append(row["lr"])

    settings = {"train.reduce_on_plateau": 1, "train.plateau_factor": 0.5, "optim.schedule": "constant", "optim.warmup": 0.0}
    job = make_scripted_job(tmp_path, [0.5, 0.4, 0.3, 0.2], settings)
    train(make_job(tmp_path, settings=settings, validate=job.validate, watch=Rates()))
    assert rates == pytest.approx([0.01] * 4 + [0.005] * 2 + [0.0025] * 2)
