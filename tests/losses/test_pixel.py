"""The losses per pixel: equal to torch's, blind to ignored pixels, finite in half precision."""

import pytest
import torch
from torch.nn import functional as F

from pixelwise.losses.pixel import binary_cross_entropy, cross_entropy


def draw(num_classes=5, size=(2, 9, 7), ignored=0.3):
    logits = torch.randn(size[0], num_classes, *size[1:], requires_grad=True)
    targets = torch.randint(0, num_classes, size, dtype=torch.uint8)
    targets[torch.rand(size) < ignored] = 255
    return logits, targets


def draw_binary(ignored=0.3):
    logits = torch.randn(2, 3, 9, 7, requires_grad=True)
    targets = torch.randint(0, 2, logits.shape, dtype=torch.uint8)
    targets[torch.rand(logits.shape) < ignored] = 255
    return logits, targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_that_of_torch_with_its_gradient(smoothing):
    logits, targets = draw()
    ours = cross_entropy(logits, targets, smoothing)
    theirs = F.cross_entropy(logits, targets.long(), ignore_index=255, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)))


def test_binary_cross_entropy_equals_that_of_torch_on_the_pixels_that_count():
    logits, targets = draw_binary()
    counted = targets != 255
    theirs = F.binary_cross_entropy_with_logits(logits[counted], targets[counted].float())
    ours = binary_cross_entropy(logits, targets)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)))


def test_binary_label_smoothing_is_that_of_two_classes():
    logits, targets = draw_binary()
    two = torch.stack([torch.zeros_like(logits), logits], 1)
    theirs = F.cross_entropy(two, targets.long(), ignore_index=255, label_smoothing=0.2)
    torch.testing.assert_close(binary_cross_entropy(logits, targets, 0.2), theirs)


@pytest.mark.parametrize("loss, made", [(cross_entropy, draw), (binary_cross_entropy, draw_binary)])
@pytest.mark.parametrize("elsewhere", [-3.0, 6e4, -6e4])
def test_logits_of_ignored_pixels_change_neither_loss_nor_gradient(loss, made, elsewhere):
    logits, targets = made()
    ignored = targets == 255 if targets.dim() == 4 else (targets == 255).unsqueeze(1).expand_as(logits)
    other = logits.detach().masked_fill(ignored, elsewhere).requires_grad_()
    one, two = loss(logits, targets), loss(other, targets)
    assert one == two
    first, second = torch.autograd.grad(one, logits)[0], torch.autograd.grad(two, other)[0]
    assert torch.equal(first, second)
    assert first[ignored].abs().max() == 0


def test_an_infinite_logit_on_an_ignored_pixel_is_no_nan_in_the_binary_loss():
    logits = torch.tensor([[[[float("inf"), 1.0]]]], requires_grad=True)
    loss = binary_cross_entropy(logits, torch.tensor([[[[255, 1]]]], dtype=torch.uint8))
    loss.backward()
    torch.testing.assert_close(loss, F.softplus(torch.tensor(-1.0)))
    assert logits.grad[0, 0, 0, 0] == 0


@pytest.mark.parametrize("loss, made", [(cross_entropy, draw), (binary_cross_entropy, draw_binary)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_batch_of_ignored_pixels_alone_costs_nothing_and_moves_nothing(loss, made, smoothing):
    logits, targets = made(ignored=2)
    value = loss(logits, targets, smoothing)
    value.backward()
    assert value == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("loss, made", [(cross_entropy, draw), (binary_cross_entropy, draw_binary)])
def test_the_order_of_the_pixels_does_not_matter(loss, made):
    logits, targets = made()
    order = torch.randperm(63)
    shuffled = (x.flatten(-2)[..., order].reshape(x.shape) for x in (logits, targets))
    torch.testing.assert_close(loss(*shuffled), loss(logits, targets))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_maps_in_half_precision_give_a_finite_float32_loss(dtype):
    logits = torch.randn(1, 2, 512, 512).to(dtype) * 100
    targets = torch.randint(0, 2, (1, 512, 512), dtype=torch.uint8)
    for loss in (cross_entropy(logits, targets), binary_cross_entropy(logits[:, :1], targets[:, None])):
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)


def test_the_right_answer_with_certainty_costs_nothing():
    targets = torch.randint(0, 4, (2, 5, 5), dtype=torch.uint8)
    certain = 100 * F.one_hot(targets.long(), 4).permute(0, 3, 1, 2).float() - 50
    assert cross_entropy(certain, targets) < 1e-6
    assert binary_cross_entropy(certain, (certain > 0).to(torch.uint8)) < 1e-6


@pytest.mark.parametrize("loss, drawn", [(cross_entropy, draw), (binary_cross_entropy, draw_binary)])
def test_weights_of_one_change_nothing_and_others_count_pixels_that_often(loss, drawn):
    logits, targets = drawn()
    plain = loss(logits, targets, 0.1)
    torch.testing.assert_close(loss(logits, targets, 0.1, torch.ones(targets.shape)), plain)
    torch.testing.assert_close(loss(logits, targets, 0.1, torch.full(targets.shape, 3.0)), 3 * plain)
    one = torch.zeros(targets.shape).flatten()
    place = int((targets.flatten() != 255).nonzero()[0])
    one[place] = 1.0
    alone = torch.full_like(targets, 255).flatten()
    alone[place] = targets.flatten()[place]
    expected = loss(logits, alone.view_as(targets), 0.1) / (targets != 255).sum()
    torch.testing.assert_close(loss(logits, targets, 0.1, one.view_as(targets)), expected)


@pytest.mark.parametrize("loss, drawn", [(cross_entropy, draw), (binary_cross_entropy, draw_binary)])
def test_the_weight_of_an_ignored_pixel_does_not_matter(loss, drawn):
    logits, targets = drawn()
    weights = torch.rand(targets.shape)
    changed = weights.masked_fill(targets == 255, torch.inf)
    torch.testing.assert_close(loss(logits, targets, 0.0, changed), loss(logits, targets, 0.0, weights))
