import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.create import create
from pixelwise.models.encoder import encoder
from pixelwise.models.unet_original import mirrored, unet_original, unet_original_encoder, valid_size


def network(depth: int = 3, width: int = 3, dims: int = 2, classes: int = 2) -> nn.Module:
    torch.manual_seed(0)
    options = {"encoder_depth": depth, "encoder_width": width, "dims": dims}
    return create("unet_original", num_classes=classes, options=options).double().eval()


def sizes_along(model: nn.Module, side: int) -> list[int]:
    """The side of the map after every convolution and up-convolution, and of the logits."""
    seen: list[int] = []
    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d))]
    for layer in layers:
        layer.register_forward_hook(lambda _layer, _given, out: seen.append(out.shape[-1]))
    with torch.inference_mode():
        model.head(model.decoder(model.encoder(torch.zeros(1, 3, 188, side, dtype=torch.float64)), (188, side)))
    return seen


def test_the_sides_of_all_maps_are_those_of_figure_1() -> None:
    assert sizes_along(network(depth=5, width=1), 572) == [
        *[570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28],
        *[56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388],
    ]


def test_it_has_the_layers_of_figure_1() -> None:
    with torch.device("meta"):
        model = unet_original(unet_original_encoder(in_channels=1), 2)
    shapes = [tuple(parameter.shape) for name, parameter in model.named_parameters() if name.endswith("weight")]
    widths = [64, 128, 256, 512, 1024]
    down = [(w, v, 3, 3) for w, before in zip(widths, [1, *widths], strict=False) for v in (before, w)]
    up = [(w, v, 3, 3) for w in widths[:-1] for v in (2 * w, w)]
    assert sorted(shapes) == sorted([*down, *up, *((2 * w, w, 2, 2) for w in widths[:-1]), (2, 64, 1, 1)])
    by_hand = sum(math.prod(shape) + (shape[1] if shape[2:] == (2, 2) else shape[0]) for shape in shapes)
    assert sum(parameter.numel() for parameter in model.parameters()) == by_hand == 31_030_658
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.modules())


def test_weights_start_with_the_standard_deviation_of_the_paper() -> None:
    torch.manual_seed(0)
    model = unet_original(unet_original_encoder(width=32, depth=3), 32)
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            taps = 9 if layer.kernel_size == (3, 3) else 1
            assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / (taps * layer.in_channels)), rel=0.1)
            assert not layer.bias.any()


def test_dropout_works_in_training_at_the_two_coarsest_levels_alone() -> None:
    path = unet_original_encoder(width=8, depth=4).train()
    images = torch.randn(1, 3, 188, 188)
    first, second = path(images), path(images)
    assert [torch.equal(a, b) for a, b in zip(first, second, strict=True)] == [True, True, False, False]
    assert path.dropout.p == 0.5
    first, second = path.eval()(images), path(images)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_tile_of_a_valid_size_is_the_smallest_that_gives_as_many_logits(depth: int) -> None:
    model, step = network(depth, width=1, dims=1), 2 ** (depth - 1)
    for length in [1, 4, 5, 20, 21, 100]:
        side = valid_size(length, depth)
        with torch.inference_mode():
            found = model.decoder(model.encoder(torch.zeros(1, 3, side, dtype=torch.float64)), (side,)).shape[-1]
        assert length <= found < length + max(step, 4)
    assert valid_size(388) == 572


@pytest.mark.parametrize("length, before, after", [(1, 3, 5), (2, 5, 7), (5, 4, 4), (5, 23, 31), (9, 0, 2)])
def test_mirroring_is_that_of_numpy_however_far_it_goes(length: int, before: int, after: int) -> None:
    values = torch.randn(2, 3, length, 4)
    expected = np.pad(values.numpy(), [(0, 0), (0, 0), (before, after), (0, 0)], mode="reflect")
    assert np.array_equal(mirrored(values, 2, before, after).numpy(), expected)


def test_the_image_is_mirrored_by_92_pixels_on_all_sides() -> None:
    framed = network(depth=5, width=1).frame(torch.arange(388.0).expand(1, 3, 388, 388))
    assert framed.shape == (1, 3, 572, 572)
    assert framed[0, 0, 0, [0, 91, 92, 93, 479, 480, 571]].tolist() == [92, 1, 0, 1, 387, 386, 295]


def test_tiles_give_the_logits_of_the_whole_image() -> None:
    """The overlap-tile strategy: tiles that overlap by the margin, put at multiples of the coarsest stride."""
    model = network(depth=3)
    images = torch.randn(1, 3, 68, 132, dtype=torch.float64)
    with torch.inference_mode():
        whole = model(images)
        left, right = model(images[..., :100]), model(images[..., 32:])
        framed = model.frame(images)
        tile = valid_size(68, 3)
        parts = [model.head(model.decoder(model.encoder(framed[..., at : at + tile]), ())) for at in (0, 64)]
    margin = 20
    torch.testing.assert_close(left[..., : 100 - margin], whole[..., : 100 - margin], rtol=0, atol=1e-12)
    torch.testing.assert_close(right[..., margin:], whole[..., 32 + margin :], rtol=0, atol=1e-12)
    assert not torch.allclose(right[..., :margin], whole[..., 32 : 32 + margin])
    torch.testing.assert_close(torch.cat([parts[0][..., :64], parts[1]], -1), whole, rtol=0, atol=1e-12)
    assert whole.std() > 1e-3


@pytest.mark.parametrize("dims, size", [(1, (1,)), (1, (50,)), (3, (1, 2, 3)), (3, (9, 4, 21))])
def test_signals_and_volumes_have_logits_of_their_size(dims: int, size: tuple[int, ...]) -> None:
    model = network(depth=2, dims=dims)
    with torch.inference_mode():
        assert model(torch.randn(2, 3, *size, dtype=torch.float64)).shape == (2, 2, *size)


def test_a_volume_that_is_the_same_in_depth_gives_the_logits_of_the_image() -> None:
    """Kernels with all their weight in one plane: the same code does both."""
    flat, deep = network(depth=2), network(depth=2, dims=3)
    state = flat.state_dict()
    for name, weight in deep.state_dict().items():
        if weight.ndim == 5:
            plane = torch.zeros_like(weight)
            plane[:, :, weight.shape[2] // 2] = state[name]
            # Both planes that an up-convolution makes are the image's.
            state[name] = plane if weight.shape[2] != 2 else state[name].unsqueeze(2).expand_as(weight)
    deep.load_state_dict(state)
    images = torch.randn(1, 3, 21, 30, dtype=torch.float64)
    with torch.inference_mode():
        got = deep(images.unsqueeze(2).expand(1, 3, 4, 21, 30))
        torch.testing.assert_close(got, flat(images).unsqueeze(2).expand_as(got))


def test_a_file_of_weights_fills_the_contracting_path(tmp_path: Path) -> None:
    given = unet_original_encoder(in_channels=2, width=2, depth=2)
    save_file(given.state_dict(), tmp_path / "path.safetensors")
    made = unet_original_encoder("unet_original", str(tmp_path / "path.safetensors"), in_channels=2, width=2, depth=2)
    torch.testing.assert_close(dict(made.state_dict()), dict(given.state_dict()), rtol=0, atol=0)
    assert made.weights.endswith("path.safetensors")


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    save_file(unet_original_encoder(width=2, depth=3).state_dict(), tmp_path / "path.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the encoder 'unet_original' \(unexpected: levels\.2"):
        unet_original_encoder("unet_original", str(tmp_path / "path.safetensors"), width=2, depth=2)


def test_imagenet_weights_are_refused_and_auto_is_none() -> None:
    with pytest.raises(WeightsError, match="nobody has published ImageNet weights of the original U-Net; use --encoder-weights"):
        unet_original_encoder(weights="imagenet")
    assert unet_original_encoder(weights="auto", width=1).weights == "none"


@pytest.mark.parametrize(
    "options, says",
    [
        ({"encoder_width": 0}, "encoder_width must be a positive whole number, got 0"),
        ({"encoder_depth": 1}, "encoder_depth must be a whole number from 2 to 8, got 1"),
        ({"encoder_depth": 2.5}, "encoder_depth must be a whole number from 2 to 8, got 2.5"),
        ({"encoder_dropout": 1}, "encoder_dropout must be at least 0 and less than 1, got 1"),
        ({"encoder_dropout": "much"}, "encoder_dropout must be at least 0 and less than 1, got 'much'"),
        ({"dims": 4}, "dims must be 1, 2 or 3, got 4"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        create("unet_original", options=options)


def test_another_number_of_channels_than_a_whole_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="in_channels must be a whole number from 1, got 0"):
        create("unet_original", in_channels=0)


def test_other_encoders_are_refused_and_pointed_to_unet() -> None:
    with pytest.raises(ConfigError, match="cannot use 'resnet34'; for a U-Net on that encoder use the model 'unet'"):
        create("unet_original", "resnet34")
    with pytest.raises(ConfigError, match="cannot use 'test_resnet'; for a U-Net on that encoder use the model 'unet'"):
        unet_original(encoder("test_resnet"), 2)


def test_an_image_smaller_than_the_margin_learns_its_pixels() -> None:
    torch.manual_seed(0)
    model = create("unet_original", num_classes=2, options={"encoder_depth": 2, "encoder_width": 8}).train()
    images, target = torch.randn(1, 3, 4, 3), torch.randint(0, 2, (1, 4, 3))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(60):
        loss = F.cross_entropy(model(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(F.cross_entropy(model.eval()(images), target).detach()) < 0.1
