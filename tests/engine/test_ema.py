"""The average equals its formula, BatchNorm's statistics with it."""

import pytest
import torch

from pixelwise.engine.ema import Average
from tests.engine.make import TinyNet


def walk(model, steps):
    """Moves all that is float by random amounts and counts batches, as training does."""
    for step in range(steps):
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.add_(torch.rand_like(tensor) if tensor.is_floating_point() else 1)
        yield step


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_the_average_equals_the_formula(decay):
    model = TinyNet()
    average = Average(model, decay)
    expected = {name: tensor.double().clone() for name, tensor in model.state_dict().items()}
    for step in walk(model, 12):
        average.update(model, step)
        kept = min(decay, (1 + step) / (10 + step))
        for name, tensor in model.state_dict().items():
            expected[name] = kept * expected[name] + (1 - kept) * tensor if tensor.is_floating_point() else tensor.double()
    for name, tensor in average.model.state_dict().items():
        torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert average.model.encoder[1].num_batches_tracked == 12


def test_without_decay_it_is_a_copy_of_the_last_weights():
    model = TinyNet()
    average = Average(model, 0)
    for step in walk(model, 3):
        average.update(model, step)
    assert all(torch.equal(tensor, average.model.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_it_is_in_eval_mode_learns_nothing_and_leaves_the_model_alone():
    model = TinyNet().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    average = Average(model, 0.9)
    average.update(model, 0)
    assert model.training
    assert not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())
    assert all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
