"""Schedules agree with torch's schedulers, groups with the rules of the config, the plateau with a hand-made history."""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from pixelwise.config import OptimConfig
from pixelwise.engine.optim import Plateau, optimizer, schedule_factor, set_learning_rate
from tests.engine.make import TinyNet

STEPS = 20


def factors_of(make_scheduler):
    """The learning rates that a scheduler of torch gives at steps 0 to STEPS, from 1."""
    sgd = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make_scheduler(sgd)
    found = []
    for _ in range(STEPS + 1):
        found.append(sgd.param_groups[0]["lr"])
        sgd.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    "settings, make_scheduler",
    [
        ({"schedule": "poly", "power": 0.9}, lambda o: lr_scheduler.PolynomialLR(o, STEPS, power=0.9)),
        ({"schedule": "poly", "power": 2.0}, lambda o: lr_scheduler.PolynomialLR(o, STEPS, power=2.0)),
        ({"schedule": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        ({"schedule": "exponential", "gamma": 0.1}, lambda o: lr_scheduler.ExponentialLR(o, 0.1 ** (1 / STEPS))),
        ({"schedule": "step", "gamma": 0.2, "milestones": (0.5, 0.75)}, lambda o: lr_scheduler.MultiStepLR(o, [10, 15], 0.2)),
        ({"schedule": "constant"}, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    ],
)
def test_schedules_equal_those_of_torch(settings, make_scheduler):
    config = OptimConfig(warmup=0, **settings)
    ours = [schedule_factor(config, step / STEPS) for step in range(STEPS + 1)]
    assert ours == pytest.approx(factors_of(make_scheduler), abs=1e-9)


@pytest.mark.parametrize("schedule", ["poly", "cosine", "step", "exponential", "constant"])
def test_the_warm_up_rises_in_a_line_and_meets_the_schedule_at_its_top(schedule):
    config = OptimConfig(schedule=schedule, warmup=0.2)
    assert schedule_factor(config, 0) == pytest.approx(0.05)
    assert schedule_factor(config, 0.1) == pytest.approx(0.525)
    assert schedule_factor(config, 0.2 - 1e-9) == pytest.approx(1, abs=1e-6)
    assert schedule_factor(config, 0.2) == 1
    whole = OptimConfig(schedule=schedule, warmup=0)
    assert schedule_factor(config, 0.6) == pytest.approx(schedule_factor(whole, 0.5))
    assert schedule_factor(config, 1) == pytest.approx(schedule_factor(whole, 1))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_biases_and_normalisation_are_not_decayed_and_the_encoder_has_its_own_rate(name):
    model = TinyNet()
    made = optimizer(model, OptimConfig(name=name, lr=0.1, weight_decay=0.02), encoder_factor=0.3)
    set_learning_rate(made, 1.0)
    found = {id(p): (group["lr"], group["weight_decay"]) for group in made.param_groups for p in group["params"]}
    expected = {
        "encoder.0.weight": (0.3, 0.02), "encoder.0.bias": (0.3, 0), "encoder.1.weight": (0.3, 0),
        "encoder.1.bias": (0.3, 0), "head.weight": (1.0, 0.02), "head.bias": (1.0, 0),
    }  # fmt: skip
    assert {key: found[id(p)] for key, p in model.named_parameters()} == expected


def test_frozen_parameters_are_left_out():
    model = TinyNet()
    model.encoder.requires_grad_(False)
    made = optimizer(model, OptimConfig(), 1.0)
    assert {id(p) for group in made.param_groups for p in group["params"]} == {id(p) for p in model.head.parameters()}


def test_a_model_without_an_encoder_can_be_optimised():
    made = optimizer(nn.Conv2d(1, 1, 1), OptimConfig(), 0.1)
    assert [group["lr_factor"] for group in made.param_groups] == [1.0, 1.0]


def test_the_plateau_reduces_and_stops_after_so_many_validations_without_a_better_score():
    plateau = Plateau(reduce_after=2, stop_after=4, factor=0.5)
    history = [(0.3, True, 1, False), (0.2, False, 1, False), (0.3, False, 0.5, False), (0.4, True, 0.5, False)]
    history += [(0.1, False, 0.5, False), (math.nan, False, 0.25, False), (0.4, False, 0.25, False), (0, False, 0.125, True)]
    for score, is_best, scale, stops in history:
        assert (plateau.update(score), plateau.scale, plateau.should_stop) == (is_best, scale, stops)
    assert plateau.best == 0.4


def test_a_plateau_goes_on_from_its_state():
    first, second = Plateau(2, 4, 0.5), Plateau(2, 4, 0.5)
    for score in (0.5, 0.1):
        first.update(score)
    second.load(first.state())
    for score in (0.2, 0.6, 0.1, 0.1):
        assert first.update(score) == second.update(score)
        assert first.state() == second.state()


def test_a_plateau_without_limits_never_acts():
    plateau = Plateau(None, None, 0.5)
    for _ in range(50):
        plateau.update(0.0)
    assert plateau.scale == 1
    assert not plateau.should_stop
