from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pixelwise.models.dual_attention import ChannelAttention, DualAttention, PositionAttention
from tests.models.make import created, randomize_norms, segmenter


def _as_after_training(module: nn.Module) -> nn.Module:
    for name, parameter in module.named_parameters():
        if name.endswith("scale"):
            nn.init.constant_(parameter, 0.7)
    return randomize_norms(module).eval()


@pytest.mark.parametrize("attention", [PositionAttention(16), ChannelAttention()])
def test_rows_of_weights_sum_to_one(attention: Any) -> None:
    features = torch.randn(2, 16, 5, 7)
    weights = attention.weights(features)
    size = 35 if isinstance(attention, PositionAttention) else 16
    assert weights.shape == (2, size, size)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(2), torch.ones(2, size))


@pytest.mark.parametrize("attention", [PositionAttention(16), ChannelAttention()])
def test_it_starts_as_the_identity(attention: nn.Module) -> None:
    features = torch.randn(2, 16, 5, 7)
    assert torch.equal(attention(features), features)
    attention(features).square().sum().backward()
    assert attention.scale.grad.abs() > 0


@pytest.mark.parametrize("channels", [8, 16, 24, 20, 17, 3])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_position_attention_is_the_explicit_softmax(channels: int, dims: int) -> None:
    attention = _as_after_training(PositionAttention(channels, dims)).double()
    features = torch.randn(2, channels, *(5, 7, 3)[:dims], dtype=torch.float64)
    seen = attention.value(features).flatten(2) @ attention.weights(features).transpose(1, 2)
    expected = features + 0.7 * seen.view_as(features)
    assert seen.std() > 1e-3
    torch.testing.assert_close(attention(features), expected)


def test_position_attention_has_an_eighth_of_the_channels_in_its_keys() -> None:
    assert [PositionAttention(channels).key_channels for channels in (512, 80, 20, 17, 3)] == [64, 10, 2, 1, 1]


def test_position_attention_does_not_mind_the_order_of_pixels() -> None:
    attention, features = _as_after_training(PositionAttention(16)), torch.randn(2, 16, 6, 5)
    order = torch.randperm(30)
    shuffled = attention(features.flatten(2)[..., order].view(2, 16, 6, 5))
    torch.testing.assert_close(shuffled.flatten(2), attention(features).flatten(2)[..., order])


def test_channel_attention_is_the_sum_of_the_paper() -> None:
    attention, features = _as_after_training(ChannelAttention()).double(), 0.3 * torch.randn(1, 4, 3, 2, dtype=torch.float64)
    expected = features.clone()
    for row in range(4):
        likeness = torch.stack([(features[0, row] * features[0, other]).sum() for other in range(4)]).exp()
        for other in range(4):
            expected[0, row] += 0.7 * likeness[other] / likeness.sum() * features[0, other]
    torch.testing.assert_close(attention(features), expected)


def test_channel_attention_does_not_mind_the_order_of_channels() -> None:
    attention, features = _as_after_training(ChannelAttention()), torch.randn(2, 6, 4, 4)
    order = torch.randperm(6)
    torch.testing.assert_close(attention(features[:, order]), attention(features)[:, order])


class _Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that an operation gives."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("channels", [16, 64], ids=["keys of 2 channels", "keys of 8 channels"])
def test_position_attention_never_holds_a_weight_for_every_pair_of_pixels(channels: int) -> None:
    attention, features = PositionAttention(channels), torch.randn(1, channels, 32, 32)
    with _Largest() as largest:
        attention(features).sum().backward()
    assert largest.elements < (32 * 32) ** 2 / 8
    with _Largest() as largest:
        attention.weights(features)
    assert largest.elements == (32 * 32) ** 2


def test_channel_attention_sums_in_single_precision_under_half_precision() -> None:
    attention, features = ChannelAttention(), torch.full((1, 4, 64, 64), 8.0)
    with torch.autocast("cpu", torch.float16):
        assert torch.isfinite(attention(features)).all()
        assert attention.weights(features.half()).dtype == torch.float32


def test_both_branches_are_read() -> None:
    attention, features = _as_after_training(DualAttention(16)), torch.randn(1, 16, 6, 6)
    with torch.inference_mode():
        before = attention(features)
        assert before.shape == (1, attention.out_channels, 6, 6) == (1, 4, 6, 6)
        for branch in (attention.position, attention.channel):
            branch[1].scale += 0.5
            after = attention(features)
            assert not torch.allclose(before, after)
            before = after


@pytest.mark.parametrize("context", ["none", "ppm"])
def test_pspnet_with_attention_trains(context: str) -> None:
    model = _as_after_training(created("pspnet", attention="dual", context=context)).train()
    model(torch.randn(1, 3, 40, 56), auxiliary=True).logits.square().sum().backward()
    of_attention = dict(model.decoder.attention.named_parameters())
    assert of_attention
    # A bias of the keys adds the same to all that one pixel sees, which softmax does not notice.
    still = [
        key for key, parameter in of_attention.items() if not parameter.grad.abs().sum() > 0 and not key.endswith("key.bias")
    ]
    assert still == []


def test_pspnet_with_attention_is_exported() -> None:
    model, images = _as_after_training(segmenter("pspnet", attention="dual")), torch.randn(2, 3, 40, 40)
    exported = torch.export.export(model, (images,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(images), model(images), rtol=1e-4, atol=1e-4)
