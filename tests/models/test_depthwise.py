"""The fast depthwise convolutions are the plain ones: same outputs, same gradients."""

import copy

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from pixelwise.models.depthwise import DepthwiseConv2d, DepthwiseConv2dSame, with_fast_depthwise

LAYERS = {
    "3x3": (nn.Conv2d, 3, 1, 1, 1),
    "3x3 stride 2": (nn.Conv2d, 3, 2, 1, 1),
    "5x5": (nn.Conv2d, 5, 1, 2, 1),
    "5x5 stride 2": (nn.Conv2d, 5, 2, 2, 1),
    "5x5 stride 2 as TensorFlow pads": (Conv2dSame, 5, 2, 0, 1),
    "3x3 dilated by 2": (nn.Conv2d, 3, 1, 2, 2),
    "3x3 dilated by 12": (nn.Conv2d, 3, 1, 12, 12),
    "5x5 dilated by 4": (nn.Conv2d, 5, 1, 8, 4),
    "3x3 dilated by 2 without padding": (nn.Conv2d, 3, 1, 0, 2),
}


def _layer(name: str) -> nn.Module:
    kind, kernel, stride, padding, dilation = LAYERS[name]
    return kind(8, 8, kernel, stride, padding, dilation, groups=8, bias=True)


def _outcome(layer: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Output and gradients of input, weight and bias."""
    images = images.clone().requires_grad_()
    result = layer(images)
    weights = torch.linspace(-1, 1, result.numel()).reshape(result.shape).to(result.dtype)
    (result * weights).sum().backward()
    return [result.detach(), images.grad, layer.weight.grad, layer.bias.grad]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("size", [(17, 22), (3, 1)], ids=["odd size", "smaller than the kernel"])
def test_in_float64_outputs_and_gradients_are_those_of_torch(name: str, size: tuple[int, int]) -> None:
    plain = _layer(name).double()
    if min(size) < 5 and "without padding" in name:
        pytest.skip("torch itself refuses a map smaller than an unpadded kernel")
    fast = with_fast_depthwise(nn.Sequential(copy.deepcopy(plain)))[0]
    images = torch.randn(2, 8, *size, dtype=torch.float64)
    torch.testing.assert_close(_outcome(fast, images), _outcome(plain, images))


@pytest.mark.parametrize("name", LAYERS)
def test_in_bfloat16_gradients_are_as_near_to_the_exact_ones_as_bfloat16_allows(name: str) -> None:
    exact = _layer(name)
    fast = with_fast_depthwise(nn.Sequential(copy.deepcopy(exact)))[0]
    images = torch.randn(2, 8, 17, 22).bfloat16().float().contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = _outcome(fast, images)
    for ours, theirs in zip(rounded, _outcome(exact, images), strict=True):
        torch.testing.assert_close(ours.float(), theirs, rtol=0.02, atol=0.02 * float(theirs.abs().max()))


def test_only_depthwise_layers_change_and_parameters_keep_their_names() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, groups=4), Conv2dSame(4, 4, 3, 2, groups=4)
    )
    before = list(model.state_dict())
    kinds = [type(layer) for layer in with_fast_depthwise(model)]
    assert kinds == [nn.Conv2d, nn.Conv2d, DepthwiseConv2d, DepthwiseConv2dSame]
    assert list(model.state_dict()) == before
