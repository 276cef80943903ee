"""The contracting path of the U-Net as an encoder."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.encoder import encoder
from pixelwise.models.plain import BlurPool, PlainEncoder
from tests.models.make import randomize_norms

SMALL = (4, 6, 8)


def plain(dims: int = 2, widths: tuple[int, ...] = SMALL, **options: object) -> PlainEncoder:
    torch.manual_seed(0)
    made = encoder("plain", dims=dims, widths=widths, **options)
    assert isinstance(made, PlainEncoder)
    return randomize_norms(made).eval()  # type: ignore[return-value]


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("pool", ["max", "average", "stride", "blur"])
def test_every_pooling_halves_every_side_and_rounds_up(dims: int, pool: str) -> None:
    model = plain(dims, pool=pool)
    size = (13, 16, 9)[:dims]
    with torch.inference_mode():
        pyramid = model(torch.randn(2, 3, *size))
    expected = [tuple(-(-length // stride) for length in size) for stride in (1, 2, 4)]
    assert [tuple(level.shape[2:]) for level in pyramid] == expected
    assert [level.shape[1] for level in pyramid] == model.channels == list(SMALL)
    assert model.strides == [1, 2, 4]


@pytest.mark.parametrize("pool", ["max", "average", "stride", "blur"])
def test_no_pixel_of_an_odd_size_is_dropped(pool: str) -> None:
    model = plain(pool=pool, kernels=1)
    images = torch.randn(1, 3, 9, 9, requires_grad=True)
    model(images)[-1].square().sum().backward()
    # The gradient of a maximum reaches one pixel of four: any of the last row and column will do.
    assert images.grad[..., -1, :].abs().sum() > 0
    assert images.grad[..., :, -1].abs().sum() > 0


def test_the_default_is_five_stages_of_two_convolutions_with_max_pooling() -> None:
    model = encoder("plain")
    assert (model.channels, model.strides) == ([32, 64, 128, 256, 512], [1, 2, 4, 8, 16])
    kinds = [type(layer) for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d))]
    assert [kinds.count(kind) for kind in (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d)] == [10, 10, 10, 4]
    assert (model.mean, model.std, model.divisor, model.weights) == ([0.5] * 3, [0.25] * 3, 1, "none")


def test_the_default_computes_convolution_norm_relu_and_maxima() -> None:
    model = plain(widths=(4, 6))
    state = model.state_dict()
    features = images = torch.randn(2, 3, 11, 14)
    expected = []
    with torch.inference_mode():
        for stage in range(2):
            if stage:
                features = F.max_pool2d(F.pad(features, (0, 0, 0, 1), value=-torch.inf), 2)  # 11 rows become 12
            for conv in ("conv1", "conv2"):
                key = f"stages.{stage}.{conv}"
                features = F.conv2d(features, state[f"{key}.0.weight"], padding=1)
                norm = [state[f"{key}.1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
                features = F.relu(F.batch_norm(features, *norm))
            expected.append(features)
        torch.testing.assert_close(model(images), expected, rtol=1e-5, atol=1e-5)
    assert all(level.std() > 1e-3 for level in expected)


def _support(kernels: list[int]) -> Tensor:
    """Which pixels one pixel of the coarsest map depends on; all weights positive, so that no ReLU hides one."""
    model = encoder("plain", widths=(4, 4, 4, 4), kernels=kernels, pool="average").eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.1)
    images = torch.ones(1, 3, 96, 96, requires_grad=True)
    model(images)[-1][..., 6, 6].sum().backward()
    return images.grad.sum((0, 1)) > 0


def test_kernels_of_one_in_later_stages_shrink_the_receptive_field() -> None:
    narrow, wide = _support([3, 3, 1, 1]), _support([3, 3, 3, 3])
    assert bool((wide | ~narrow).all()), "[3, 3, 1, 1] sees what [3, 3, 3, 3] does not"
    # 8 x 8 pixels become one; each of two 3x3 convolutions at stride s adds s on either side.
    assert [int(seen.any(0).sum()) for seen in (narrow, wide)] == [8 + 4 * (1 + 2), 8 + 4 * (1 + 2 + 4 + 8)]


def test_one_kernel_stands_for_all_stages() -> None:
    assert {k: v.shape for k, v in plain(kernels=5).state_dict().items()} == {
        k: v.shape for k, v in plain(kernels=[5, 5, 5]).state_dict().items()
    }


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_separable_blocks_are_depthwise_and_pointwise_after_the_first_convolution() -> None:
    model = plain(block="separable")
    groups = [layer.groups for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert groups == [1, 4, 1, 4, 1, 6, 1, 6, 1, 8, 1]
    assert _count(model) < _count(plain())


def test_a_residual_block_without_its_main_path_is_the_identity() -> None:
    model = plain(widths=(4, 4), block="residual")
    stage = model.stages[1]
    nn.init.zeros_(stage.conv2[1].weight)
    nn.init.zeros_(stage.conv2[1].bias)
    nn.init.zeros_(stage.conv2[1].running_mean)
    maps = torch.randn(2, 4, 9, 7)
    assert maps.min() < 0
    with torch.inference_mode():
        assert torch.equal(stage(maps), maps)


@pytest.mark.parametrize(
    "norm, kind, biased", [("group", nn.GroupNorm, False), ("instance", nn.InstanceNorm2d, False), ("none", nn.Identity, True)]
)
@pytest.mark.parametrize("pool", ["max", "stride"])
def test_the_normalisation_is_an_option(norm: str, kind: type, biased: bool, pool: str) -> None:
    model = plain(norm=norm, pool=pool)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert sum(isinstance(layer, kind) for layer in model.modules()) == (6 if pool == "max" else 8)
    assert all((layer.bias is not None) == biased for layer in model.modules() if isinstance(layer, nn.Conv2d))
    assert torch.isfinite(model.train()(torch.randn(1, 3, 8, 8))[-1]).all()


@pytest.mark.parametrize("pool", ["average", "stride", "blur"])
def test_the_pooling_changes_the_maps(pool: str) -> None:
    images = torch.randn(1, 3, 16, 16)
    first, other = plain(), plain(pool=pool)
    other.load_state_dict(first.state_dict(), strict=False)
    with torch.inference_mode():
        assert not torch.allclose(first(images)[-1], other(images)[-1], atol=1e-2)


def test_the_blur_is_the_binomial_filter_at_every_second_maximum() -> None:
    signal = torch.tensor([[[0.0, 8.0, 0.0, 0.0, 4.0]]])
    # maxima with the right neighbour: 8 8 0 4 4, and beyond the border 8 and 4
    expected = [(8 + 2 * 8 + 8) / 4, (8 + 2 * 0 + 4) / 4, (4 + 2 * 4 + 4) / 4]
    assert BlurPool(1)(signal)[0, 0].tolist() == expected


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_blur_changes_less_under_a_shift_than_maxima_do(dims: int) -> None:
    """Pool, shift by a pixel of the image, pool: what changes against the deviation, as in Zhang 2019."""
    torch.manual_seed(0)
    images = torch.randn(4, 2, *[24] * dims)
    shifted = images.roll(1, -1)

    def change(pool: nn.Module) -> float:
        before, after = pool(images)[..., 2:-2], pool(shifted)[..., 2:-2]
        return float((before - after).square().mean() / before.var())

    maxima = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[dims - 1](2)
    assert change(BlurPool(dims)) < 0.6 * change(maxima)


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    saved = plain(pool="blur")
    save_file(saved.state_dict(), tmp_path / "plain.safetensors")
    loaded = encoder("plain", str(tmp_path / "plain.safetensors"), widths=SMALL, pool="blur").eval()
    images = torch.randn(1, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(loaded(images)[-1], saved(images)[-1])
    assert loaded.weights.endswith("plain.safetensors")


@pytest.mark.parametrize("weights", [None, "none", "auto"])
def test_without_a_file_weights_are_random(weights: str | None) -> None:
    assert encoder("plain", weights, widths=SMALL).weights == "none"


def test_weights_that_there_are_not_are_refused() -> None:
    with pytest.raises(WeightsError, match="'plain' has no pretrained weights; use --encoder-weights none or a file"):
        encoder("plain", "imagenet")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_file({**plain().state_dict(), "fc.weight": torch.zeros(2)}, tmp_path / "more.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the encoder 'plain' \(unexpected: fc.weight\)"):
        encoder("plain", str(tmp_path / "more.safetensors"), widths=SMALL)
    save_file(plain().state_dict(), tmp_path / "plain.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the encoder 'plain' \(of another shape: stages.0.conv1.0.weight"):
        encoder("plain", str(tmp_path / "plain.safetensors"), in_channels=1, widths=SMALL)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"dims": 4}, "dims must be 1 .signals., 2 .images. or 3 .volumes., got 4"),
        ({"widths": (8,)}, "widths of encoder 'plain' must be 2 or more positive whole numbers, got"),
        ({"widths": (8, 0)}, "widths of encoder 'plain' must be 2 or more"),
        ({"widths": 64}, "widths of encoder 'plain' must be 2 or more"),
        ({"kernels": 2}, "kernels of encoder 'plain' must be one odd whole number, or 5, one per stage"),
        ({"kernels": [3, 3]}, r"such as \[3, 3, 1, 1, 1\]; got \[3, 3\]"),
        ({"kernels": "3"}, "kernels of encoder 'plain' must be"),
        ({"block": "dense"}, "block of encoder 'plain' must be 'plain', 'residual' or 'separable', got 'dense'"),
        ({"pool": "min"}, "pool of encoder 'plain' must be 'max', 'average', 'stride' or 'blur', got 'min'"),
        ({"norm": "layer"}, "norm of encoder 'plain' must be 'batch', 'group', 'instance' or 'none', got 'layer'"),
        ({"output_stride": 8}, "has stride 16 where output_stride=8 was asked for, .* give it at most 4 widths"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        encoder("plain", **options)


def test_as_many_widths_as_the_refusal_says_are_taken() -> None:
    assert encoder("plain", output_stride=8, widths=(4, 4, 4, 4)).strides[-1] == 8


@pytest.mark.parametrize(
    "options, says",
    [
        ({"dims": 3}, "encoder 'test_resnet' is for images; dims=3 needs encoder 'plain'"),
        ({"widths": (4, 8)}, "encoder 'test_resnet' has no option 'widths': .* leave encoder_widths out, or use encoder 'plain'"),
        ({"norm": "group"}, "encoder 'test_resnet' has no option 'norm'"),
    ],
)
def test_what_only_the_plain_encoder_can_do_is_refused_for_others(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        encoder("test_resnet", **options)


def test_a_slip_in_its_name_finds_it() -> None:
    with pytest.raises(ConfigError, match="unknown encoder 'plane'; did you mean 'plain'"):
        encoder("plane")
