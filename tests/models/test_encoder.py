import pytest
import timm
import torch
from torch import nn

from pixelwise.errors import ConfigError
from pixelwise.models.encoder import encoder
from tests.models.make import randomize_norms

FACTS = {
    # name: channels, strides, parameters without those after the last map
    "test_resnet": ([32, 32, 48, 192, 96], [2, 4, 8, 16, 32]),
    "test_convnext": ([24, 32, 48, 64], [4, 8, 16, 32]),
    "test_mambaout": ([16, 32, 48, 64], [4, 8, 16, 32]),
    "test_vit": ([64, 64, 64], [16, 16, 16]),
    "tf_efficientnet_lite0": ([16, 24, 40, 112, 320], [2, 4, 8, 16, 32]),
}


@pytest.mark.parametrize("name", FACTS)
def test_maps_have_the_channels_and_strides_that_are_told_finest_first(name: str) -> None:
    model = encoder(name).eval()
    assert (model.channels, model.strides) == FACTS[name]
    with torch.inference_mode():
        pyramid = model(torch.randn(1, 3, 64, 96))
    expected = [(1, c, 64 // s, 96 // s) for c, s in zip(*FACTS[name], strict=True)]
    assert [tuple(level.shape) for level in pyramid] == expected


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "test_vit"])
def test_networks_made_for_one_size_take_others(name: str) -> None:
    with torch.inference_mode():
        pyramid = encoder(name).eval()(torch.randn(1, 3, 96, 64))
    assert tuple(pyramid[-1].shape[2:]) in {(3, 2), (6, 4)}


@pytest.mark.parametrize("channels, mean", [(1, [0.449]), (3, [0.485, 0.456, 0.406]), (4, [0.485, 0.456, 0.406, 0.485])])
def test_normalisation_has_one_number_per_channel(channels: int, mean: list[float]) -> None:
    model = encoder("resnet18", in_channels=channels)
    assert model.mean == pytest.approx(mean, abs=1e-6)
    assert len(model.std) == channels


def test_normalisation_of_efficientnet_lite_is_a_half() -> None:
    model = encoder("tf_efficientnet_lite0")
    assert (model.mean, model.std) == ([0.5] * 3, [0.5] * 3)


def test_a_frozen_encoder_stays_as_it_is_while_its_model_trains() -> None:
    model = encoder("test_resnet").freeze()
    parent = nn.Sequential(model, nn.Identity()).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pyramid = model(torch.randn(2, 3, 64, 64))
    assert not any(layer.training for layer in model.modules())
    assert parent[1].training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not pyramid[-1].requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_encoder_that_is_not_frozen_updates_its_statistics_in_training() -> None:
    model = encoder("test_resnet").train()
    before = model.model.bn1.running_mean.clone()
    model(torch.randn(2, 3, 64, 64))
    assert not torch.equal(before, model.model.bn1.running_mean)


def test_our_door_gives_the_maps_of_timm() -> None:
    ours = randomize_norms(encoder("tf_efficientnet_lite0")).eval()
    theirs = timm.create_model("tf_efficientnet_lite0", features_only=True).eval()
    theirs.load_state_dict(ours.model.state_dict())
    images = torch.randn(1, 3, 65, 97)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("resnet43",), r"unknown encoder 'resnet43'; did you mean 'resnet34'"),
        (("hf-hub:timm/resnet18",), "unknown encoder"),
        (("gluon_resnet18_v1b",), r"old name of timm's; use 'resnet18.gluon_in1k'"),
        (("resnet18.foo",), r"no weights tagged 'foo'; allowed: 'a1_in1k'"),
        (("test_maxvit",), "takes images of 160x160 pixels only; use one that takes any size"),
        (("resnet18", None, 0), "in_channels must be a whole number from 1, got 0"),
        (("resnet18", None, 3, 4), "output_stride must be 8, 16 or 32, got 4"),
        (
            ("densenet121", None, 3, 8),
            r"'densenet121' cannot be dilated to output_stride=8; use one that can, such as 'resnet50'",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(arguments: tuple, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        encoder(*arguments)


def test_a_network_without_maps_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_features(name: str, **options: object) -> None:
        raise RuntimeError("features_only not implemented")

    monkeypatch.setattr(timm, "create_model", no_features)
    with pytest.raises(
        ConfigError, match=r"'resnet18' cannot give a pyramid of feature maps .*not implemented.* 'convnext_tiny'"
    ):
        encoder("resnet18")
