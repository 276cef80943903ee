"""The fast backward of depthwise convolutions: the same numbers as torch's, and only where it is meant to act."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pixelwise.ops import depthwise
from pixelwise.ops.depthwise import FastDepthwise

CASES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, padding=1, stride=2, bias=False),
    dict(kernel_size=5, padding=2, stride=2),
    dict(kernel_size=3, padding=2, dilation=2),
    dict(kernel_size=(3, 5), padding=(1, 2), stride=(1, 2), bias=False),
]


def run(conv, images):
    """Output and gradients by images and parameters, as float32."""
    images = images.clone().requires_grad_()
    output = conv(images)
    weights = torch.linspace(-1, 1, output.numel()).reshape(output.shape)
    gradients = torch.autograd.grad((output.float() * weights).sum(), [images, *conv.parameters()])
    return output, gradients


@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward_and_backward_agree_with_float32(case):
    conv, images = nn.Conv2d(8, 8, groups=8, **case), torch.randn(2, 8, 13, 11)
    expected, wanted = run(conv, images)
    with FastDepthwise(), torch.autocast("cpu", torch.bfloat16):
        output, gradients = run(conv, images)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), expected, rtol=2e-2, atol=3e-2)
    for ours, theirs in zip(gradients, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 1e-2 * theirs.norm()


@pytest.fixture
def calls(monkeypatch):
    """How many convolutions took the fast way."""
    seen = []
    apply = depthwise._Depthwise.apply
    monkeypatch.setattr(depthwise._Depthwise, "apply", lambda *args: seen.append(1) or apply(*args))
    return seen


def test_a_depthwise_convolution_takes_the_fast_way(calls):
    with FastDepthwise(), torch.autocast("cpu", torch.bfloat16):
        nn.Conv2d(4, 4, 3, groups=4)(torch.randn(1, 4, 8, 8))
        F.conv2d(torch.randn(1, 4, 8, 8), torch.randn(4, 1, 3, 3), groups=4)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(1, 1, 3),
        nn.Conv2d(4, 4, 3, groups=4, padding="same"),
    ],
    ids=str,
)  # fmt: skip
def test_other_convolutions_are_those_of_torch(conv, calls):
    images = torch.randn(1, conv.in_channels, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        expected, wanted = run(conv, images)
        with FastDepthwise():
            output, gradients = run(conv, images)
    assert calls == []
    assert torch.equal(output, expected)
    torch.testing.assert_close(gradients, wanted, rtol=0, atol=0)


def test_without_autocast_without_gradients_or_without_a_batch_it_stays_out(calls):
    conv = nn.Conv2d(4, 4, 3, groups=4)
    with FastDepthwise():
        assert conv(torch.randn(1, 4, 8, 8)).dtype == torch.float32
        with torch.autocast("cpu", torch.bfloat16):
            assert conv(torch.randn(4, 8, 8)).shape == (4, 6, 6)
            with torch.no_grad():
                conv(torch.randn(1, 4, 8, 8))
    assert calls == []
