"""What every architecture of the catalog promises."""

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models import face
from pixelwise.models.catalog import ARCHITECTURES, builder
from pixelwise.models.create import create, option_names
from tests.models.make import DILATED, FREE, SMALL, created, outputs, segmenter, small

NAMES = sorted(ARCHITECTURES)
PARAMETERS = {  # as the tests build it, 5 classes
    "deeplabv3": 1417429,
    "deeplabv3plus": 982949,
    "fcn": 476882,
    "fcn16s": 88218,
    "fcn32s": 88053,
    "fcn8s": 88303,
    "pspnet": 1353706,
    "segnet": 290453,
    "segnet_basic": 1415685,
    "semantic_fpn": 803477,
    "unet": 2299237,
    "unet3plus": 821257,
    "unet_original": 29501,
    "unetplusplus": 1072517,
    "upernet": 606922,
}
SIZES = [(64, 64), (1, 1), (1, 100), (33, 47), (65, 50), (7, 3), (97, 131)]

every_architecture = pytest.mark.parametrize("name", NAMES)
on_any_encoder = pytest.mark.parametrize("name", FREE)


@every_architecture
def test_logits_have_the_size_of_the_image(name: str) -> None:
    model = segmenter(name)
    with torch.inference_mode():
        for size in SIZES:
            assert model(torch.randn(1, 3, *size)).shape == (1, 5, *size)


@on_any_encoder
def test_a_pyramid_that_starts_at_stride_4_will_do(name: str) -> None:
    model = segmenter(name, "test_convnext")
    with torch.inference_mode():
        for size in SIZES:
            assert model(torch.randn(1, 3, *size)).shape == (1, 5, *size)


@every_architecture
@pytest.mark.parametrize("channels, classes", [(1, 1), (2, 3), (5, 21)])
def test_any_number_of_channels_and_classes(name: str, channels: int, classes: int) -> None:
    model = segmenter(name, in_channels=channels, num_classes=classes)
    with torch.inference_mode():
        assert model(torch.randn(2, channels, 40, 56)).shape == (2, classes, 40, 56)


@every_architecture
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = segmenter(name).train()
    prediction = model(torch.randn(2, 3, 64, 64), auxiliary=True)
    sum(logits.square().mean() for logits in outputs(prediction)).backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert without == []


@every_architecture
def test_one_image_trains_even_of_one_pixel(name: str) -> None:
    model = segmenter(name).train()
    model(torch.randn(1, 3, 1, 1)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@every_architecture
def test_a_batch_of_two_is_two_batches_of_one(name: str) -> None:
    model, images = segmenter(name).double(), torch.randn(2, 3, 50, 70, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), torch.cat([model(images[:1]), model(images[1:])]), rtol=1e-9, atol=1e-9)


@every_architecture
def test_what_is_saved_and_loaded_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    model, images = segmenter(name), torch.randn(1, 3, 50, 70)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    other = created(name).eval()
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.inference_mode():
        assert torch.equal(other(images), model(images))


@every_architecture
def test_channels_last_gives_the_same_logits_and_keeps_the_layout(name: str) -> None:
    model, images = segmenter(name), torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = model(images)
        model.to(memory_format=torch.channels_last)
        got = model(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)
    assert got.is_contiguous(memory_format=torch.channels_last)


@every_architecture
def test_an_exported_network_gives_the_same_logits(name: str) -> None:
    model, images = segmenter(name), torch.randn(2, 3, 40, 40)
    exported = torch.export.export(model, (images,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(images), model(images), rtol=1e-4, atol=1e-4)


@every_architecture
def test_a_copy_is_independent(name: str) -> None:
    model = segmenter(name)
    other = copy.deepcopy(model)
    last = list(other.parameters())[-1]
    nn.init.constant_(last, 7)
    assert not bool((list(model.parameters())[-1] == 7).any())


@every_architecture
def test_it_learns_one_batch(name: str) -> None:
    torch.manual_seed(0)
    model = created(name, num_classes=3).train()
    target = torch.zeros(2, 40, 40, dtype=torch.long)
    target[0, 6:25, 12:30], target[1, 18:36, 3:20] = 1, 2
    images = F.one_hot(target, 3).permute(0, 3, 1, 2) + 0.1 * torch.randn(2, 3, 40, 40)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        prediction = model(images, auxiliary=True)
        loss = sum(F.cross_entropy(logits, target) for logits in (prediction.logits, *prediction.auxiliary))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


@every_architecture
def test_the_number_of_parameters_stays(name: str) -> None:
    assert sum(parameter.numel() for parameter in segmenter(name).parameters()) == PARAMETERS[name]


@every_architecture
def test_the_public_name_builds_the_same_network(name: str) -> None:
    public = getattr(face, ARCHITECTURES[name].public)
    encoder, options = small(name)
    made = public(encoder, encoder_weights=None, in_channels=1, classes=4, **options)
    assert list(made.state_dict()) == list(created(name, in_channels=1, num_classes=4).state_dict())
    assert "(images - mean) / std" in public.__doc__


@every_architecture
def test_what_it_was_built_from_builds_it_again(name: str) -> None:
    made = created(name)
    origin = made.origin
    again = create(
        origin["model"],
        origin["encoder"],
        None,
        origin["in_channels"],
        origin["channels"],
        json.loads(json.dumps(origin["options"])),
    )
    again.load_state_dict(made.state_dict(), strict=True)


@every_architecture
def test_an_unknown_option_is_refused_with_the_nearest(name: str) -> None:
    option = option_names(name)[0]
    with pytest.raises(ConfigError, match=f"{name} has no option '{option}x'; did you mean '{option}'"):
        create(name, options={f"{option}x": 8})


@every_architecture
def test_signals_and_volumes_are_taken_or_refused_in_a_sentence(name: str) -> None:
    for dims in (1, 3):
        if name in SMALL and name != "unet_original":
            assert ARCHITECTURES[name].dims == (2,)
        elif dims not in ARCHITECTURES[name].dims:
            with pytest.raises(ConfigError, match=rf"{name} is for images .dims=2., got dims={dims}; these take them: unet, "):
                create(name, "plain", options={"dims": dims, "encoder_widths": [4, 8]})
        else:
            sizes = {"encoder_width": 4} if name == "unet_original" else {"encoder_widths": [4, 6, 8, 8, 8]}
            model = create(name, "auto" if name == "unet_original" else "plain", None, 2, 3, {"dims": dims, **sizes}).eval()
            with torch.inference_mode():
                assert model(torch.randn(1, 2, *[17] * dims)).shape == (1, 3, *[17] * dims)


def test_an_unknown_architecture_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown model 'unett'; did you mean 'unet'"):
        builder("unett")


def test_the_number_of_classes_is_checked() -> None:
    with pytest.raises(ConfigError, match="classes must be a whole number from 1, got 0"):
        create("unet", "test_resnet", num_classes=0)


@on_any_encoder
def test_the_stride_of_the_encoder_is_an_option(name: str) -> None:
    stride = 16 if DILATED[name] == 8 else 8
    assert create(name, "test_resnet", options={"encoder_output_stride": stride}).encoder.strides[-1] == stride


def test_a_name_that_is_no_architecture_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Unetto'"):
        _ = face.Unetto
