"""Dice: equal to a loop written from its definition, blind to ignored pixels, finite in half precision."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pixelwise.losses.region import binary_dice, dice


def draw(num_classes=4, ignored=0.3):
    logits = torch.randn(2, num_classes, 6, 5, requires_grad=True)
    targets = torch.randint(0, num_classes, (2, 6, 5), dtype=torch.uint8)
    targets[torch.rand(targets.shape) < ignored] = 255
    return logits, targets


def draw_binary(num_classes=3, ignored=0.3):
    logits = torch.randn(2, num_classes, 6, 5, requires_grad=True)
    targets = torch.randint(0, 2, logits.shape, dtype=torch.uint8)
    targets[torch.rand(logits.shape) < ignored] = 255
    return logits, targets


def dice_by_loops(probabilities, wanted, valid):
    """One class: arrays of any shape."""
    overlap = predicted = there = 0.0
    for p, w, v in zip(probabilities.flat, wanted.flat, valid.flat, strict=True):
        if v:
            overlap, predicted, there = overlap + p * w, predicted + p, there + w
    return 1 - (2 * overlap + 1) / (predicted + there + 1)


def test_dice_equals_a_loop_over_pixels_and_the_classes_that_are_there():
    logits, targets = draw(num_classes=6)
    targets[targets == 2] = 3  # class 2 is absent
    probabilities, plain = logits.double().softmax(1).detach().numpy(), targets.numpy()
    each = [dice_by_loops(probabilities[:, k], plain == k, plain != 255) for k in np.unique(plain[plain != 255])]
    assert dice(logits, targets).item() == pytest.approx(np.mean(each), abs=1e-6)


def test_binary_dice_equals_a_loop_over_pixels_and_all_channels():
    logits, targets = draw_binary()
    targets[:, 1][targets[:, 1] == 1] = 0  # an absent class counts
    probabilities, plain = logits.double().sigmoid().detach().numpy(), targets.numpy()
    each = [dice_by_loops(probabilities[:, k], plain[:, k] == 1, plain[:, k] != 255) for k in range(3)]
    assert binary_dice(logits, targets).item() == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize("loss, made", [(dice, draw), (binary_dice, draw_binary)])
def test_the_gradient_is_the_slope_of_the_loss(loss, made):
    logits, targets = made()
    (gradient,) = torch.autograd.grad(loss(logits, targets), logits)
    direction = torch.randn_like(logits)
    with torch.no_grad():
        slope = (loss(logits + 0.05 * direction, targets) - loss(logits - 0.05 * direction, targets)) / 0.1
    torch.testing.assert_close(slope, (gradient * direction).sum(), rtol=2e-2, atol=2e-4)


@pytest.mark.parametrize("loss, made", [(dice, draw), (binary_dice, draw_binary)])
@pytest.mark.parametrize("elsewhere", [-3.0, 6e4])
def test_logits_of_ignored_pixels_change_neither_loss_nor_gradient(loss, made, elsewhere):
    logits, targets = made()
    ignored = targets == 255 if targets.dim() == 4 else (targets == 255).unsqueeze(1).expand_as(logits)
    other = logits.detach().masked_fill(ignored, elsewhere).requires_grad_()
    one, two = loss(logits, targets), loss(other, targets)
    assert one == two
    first, second = torch.autograd.grad(one, logits)[0], torch.autograd.grad(two, other)[0]
    assert torch.equal(first, second)
    assert first[ignored].abs().max() == 0


@pytest.mark.parametrize("loss, made", [(dice, draw), (binary_dice, draw_binary)])
def test_a_batch_of_ignored_pixels_alone_costs_nothing_and_moves_nothing(loss, made):
    logits, targets = made(ignored=2)
    value = loss(logits, targets)
    value.backward()
    assert value == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("loss, made", [(dice, draw), (binary_dice, draw_binary)])
def test_the_order_of_the_pixels_does_not_matter(loss, made):
    logits, targets = made()
    order = torch.randperm(30)
    shuffled = (x.flatten(-2)[..., order].reshape(x.shape) for x in (logits, targets))
    torch.testing.assert_close(loss(*shuffled), loss(logits, targets))


@pytest.mark.parametrize("loss, made", [(dice, draw), (binary_dice, draw_binary)])
def test_the_order_of_the_classes_does_not_matter(loss, made):
    logits, targets = made()
    order = torch.tensor([2, 0, 1] + [3] * (logits.shape[1] == 4))
    if targets.dim() == 4:
        renamed = targets[:, order]
    else:
        renamed = torch.full_like(targets, 255)
        for new, old in enumerate(order.tolist()):
            renamed[targets == old] = new
    torch.testing.assert_close(loss(logits[:, order], renamed), loss(logits, targets))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_maps_in_half_precision_give_a_finite_float32_loss(dtype):
    logits = torch.randn(1, 2, 512, 512).to(dtype) * 100
    targets = torch.randint(0, 2, (1, 512, 512), dtype=torch.uint8)
    for loss in (dice(logits, targets), binary_dice(logits[:, :1], targets[:, None])):
        assert loss.dtype == torch.float32
        assert 0 <= loss <= 1


def test_the_right_answer_with_certainty_costs_nothing_and_the_wrong_one_nearly_everything():
    targets = torch.randint(0, 4, (2, 16, 16), dtype=torch.uint8)
    certain = 100 * F.one_hot(targets.long(), 4).permute(0, 3, 1, 2).float() - 50
    wanted = (certain > 0).to(torch.uint8)
    assert dice(certain, targets) < 1e-6
    assert binary_dice(certain, wanted) < 1e-6
    assert dice(certain.roll(1, 1), targets) > 0.98
    assert binary_dice(-certain, wanted) > 0.98
