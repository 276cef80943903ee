"""One step: cut into micro-batches it is the same step; it names a loss that is not finite; it survives low memory."""

import copy

import pytest
import torch

from pixelwise.config import OptimConfig
from pixelwise.engine.optim import optimizer
from pixelwise.engine.step import Stepper
from pixelwise.errors import TrainingError
from tests.engine.make import TinyNet, make_batch, make_task


def make_stepper(model=None, task=None, accumulate=1, clip_norm=None, precision="fp32", name="sgd"):
    model = TinyNet(norm=False) if model is None else model
    made = optimizer(model, OptimConfig(name=name, lr=0.1), 1.0)
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "fp16")
    return Stepper(task or make_task(dice=0), model, made, precision, scaler, clip_norm, accumulate)


def weights(stepper):
    return {name: tensor.clone() for name, tensor in stepper.model.state_dict().items()}


class Scarce:
    """A task whose loss runs out of memory on more than ``room`` images."""

    def __init__(self, task, room, error=None):
        self.task, self.room, self.seen = task, room, []
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    def loss(self, model, batch):
        self.seen.append(len(batch))
        losses = self.task.loss(model, batch)
        if len(batch) > self.room:
            raise self.error
        return losses


class Broken:
    def __init__(self, value):
        self.value = value

    def loss(self, model, batch):
        good = model(batch.images.float()).mean()
        return {"cross_entropy": good, "dice": good * self.value}


@pytest.mark.parametrize("accumulate", [2, 3, 4, 9])
def test_micro_batches_make_the_same_update_as_the_whole_batch(accumulate):
    whole = make_stepper()
    cut = make_stepper(copy.deepcopy(whole.model), accumulate=accumulate)
    losses = [stepper.step(make_batch(), 0) for stepper in (whole, cut)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    torch.testing.assert_close(weights(cut), weights(whole), rtol=1e-5, atol=1e-6)


def test_a_step_is_that_of_a_plain_loop():
    stepper = make_stepper(task=make_task(), clip_norm=0.01)
    model = copy.deepcopy(stepper.model)
    plain = optimizer(model, OptimConfig(name="sgd", lr=0.1), 1.0)
    for number in range(3):
        losses = stepper.step(make_batch(number), number)
        expected = make_task().loss(model, make_batch(number))
        sum(expected.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        plain.step()
        plain.zero_grad()
        assert losses == pytest.approx({name: value.item() for name, value in expected.items()})
    torch.testing.assert_close(weights(stepper), model.state_dict())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_is_named_and_the_weights_stay(value):
    stepper = make_stepper(task=Broken(value))
    before = weights(stepper)
    with pytest.raises(
        TrainingError, match=r"the loss 'dice' became -?(nan|inf) at step 17 \(images image-0-0, .*lower optim\.lr"
    ):
        stepper.step(make_batch(), 17)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(stepper).items())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "python"],
)
def test_low_memory_cuts_the_batch_and_makes_the_same_update(error):
    whole = make_stepper()
    task = Scarce(make_task(dice=0), room=1, error=error)
    scarce = make_stepper(copy.deepcopy(whole.model), task)
    for stepper in (whole, scarce):
        stepper.step(make_batch(), 0)
    assert task.seen == [4, 2, 1, 1, 1, 1]
    assert scarce.accumulate == 4
    torch.testing.assert_close(weights(scarce), weights(whole), rtol=1e-5, atol=1e-6)


def test_memory_that_runs_out_in_a_later_micro_batch_counts_nothing_twice():
    whole, task = make_stepper(), Scarce(make_task(dice=0), room=4)
    scarce = make_stepper(copy.deepcopy(whole.model), task, accumulate=2)
    real, calls = task.loss, []

    def second_fails(model, batch):
        calls.append(len(batch))
        if len(calls) == 2:
            raise torch.OutOfMemoryError("out of memory")
        return real(model, batch)

    task.loss = second_fails
    for stepper in (whole, scarce):
        stepper.step(make_batch(), 0)
    assert calls == [2, 2, 1, 1, 1, 1]
    torch.testing.assert_close(weights(scarce), weights(whole), rtol=1e-5, atol=1e-6)


def test_one_image_that_is_too_large_is_an_error_with_a_cure():
    stepper = make_stepper(task=Scarce(make_task(), room=0))
    with pytest.raises(TrainingError, match=r"one image alone does not fit into memory; make augment\.crop smaller"):
        stepper.step(make_batch(), 0)


def test_other_errors_pass_through():
    stepper = make_stepper(task=Scarce(make_task(), 0, RuntimeError("size mismatch")))
    with pytest.raises(RuntimeError, match="size mismatch"):
        stepper.step(make_batch(), 0)


def test_a_bf16_step_is_close_to_an_fp32_step():
    exact = make_stepper()
    rough = make_stepper(copy.deepcopy(exact.model), precision="bf16")
    losses = [stepper.step(make_batch(), 0)["cross_entropy"] for stepper in (exact, rough)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    torch.testing.assert_close(weights(rough), weights(exact), rtol=0.02, atol=5e-3)
