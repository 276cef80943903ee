from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.vgg import VGG, ConvMlp

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models import face
from pixelwise.models.vgg import vgg

# vgg11 with a sixteenth of the channels.
NARROW = [4, "M", 8, "M", 16, 16, "M", 32, 32, "M", 32, 32, "M"]
NAMES = [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]


def _in_the_manner_of_fcn(network: VGG) -> VGG:
    network.features[0].padding = (100, 100)
    for layer in network.features:
        if isinstance(layer, torch.nn.MaxPool2d):
            layer.ceil_mode = True
    return network.eval()


@pytest.mark.parametrize("name", NAMES)
def test_its_layers_are_those_of_timm_without_the_classifier(name: str) -> None:
    with torch.device("meta"):
        ours, theirs = vgg(name), timm.create_model(name)
    expected = {key: tensor.shape for key, tensor in theirs.state_dict().items() if not key.startswith("head.")}
    assert {key: tensor.shape for key, tensor in ours.state_dict().items()} == expected


def test_a_file_of_timms_network_gives_its_fc7(tmp_path: Path) -> None:
    with torch.device("meta"):  # its 4096 channels in fc6 and fc7 are replaced
        network = VGG(NARROW)
    network.pre_logits = ConvMlp(32, 16, 7)
    network.head = torch.nn.Identity()
    network.features.to_empty(device="cpu")
    for layer in network.features:
        if isinstance(layer, torch.nn.Conv2d):
            layer.reset_parameters()
    file = tmp_path / "vgg11.safetensors"
    save_file(network.state_dict(), file)
    ours, theirs = vgg("vgg11", str(file), width=16, base_width=4).eval(), _in_the_manner_of_fcn(network)
    images = torch.randn(1, 3, 43, 60)
    with torch.inference_mode():
        expected = theirs.pre_logits(theirs.features(images))
        torch.testing.assert_close(ours(images)[-1], expected)
    assert ours.weights == str(file)
    assert expected.shape == (1, 16, 2, 3)
    assert expected.std() > 0


def test_half_of_a_file_is_refused(tmp_path: Path) -> None:
    save_file(vgg("vgg11", base_width=4, width=8).features.state_dict(prefix="features."), tmp_path / "features.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the encoder 'vgg11' \(missing: pre_logits.fc1.weight"):
        vgg("vgg11", str(tmp_path / "features.safetensors"), base_width=4, width=8)


def test_weights_for_another_width_are_refused(tmp_path: Path) -> None:
    save_file(vgg("vgg11", base_width=4, width=8).state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"of another shape: .*pre_logits.fc1.weight is \(8, 32, 7, 7\), not \(16,"):
        vgg("vgg11", str(tmp_path / "weights.safetensors"), base_width=4, width=16)


@pytest.mark.parametrize("widths", [{"width": 16}, {"base_width": 4, "width": 16}])
def test_imagenet_weights_are_refused_for_other_widths(widths: dict) -> None:
    with pytest.raises(
        WeightsError, match="are for 4096 channels in fc6 and fc7 and 64 in the first block, not for encoder_width=16"
    ):
        vgg("vgg11", "imagenet", **widths)


def test_auto_weights_are_none_for_other_widths() -> None:
    assert vgg("vgg11", "auto", width=16, base_width=4).weights == "none"
    assert face.FCN8s("vgg11", encoder_width=16, encoder_base_width=4).encoder.weights == "none"


def test_auto_weights_are_those_of_imagenet_for_the_widths_of_the_paper() -> None:
    with torch.device("meta"), pytest.raises(WeightsError, match="the ImageNet weights of 'vgg11' could not be had"):
        vgg("vgg11", "auto")


@pytest.mark.parametrize("size", [(1, 1), (37, 58), (26, 27), (58, 59)])
def test_the_maps_have_the_sizes_of_a_bordered_image(size: tuple[int, int]) -> None:
    made = vgg("vgg11", width=8, base_width=4)
    with torch.inference_mode():
        pyramid = made(torch.randn(1, 3, *size))
    assert made.channels == [16, 32, 8]
    for level, (channels, stride) in zip(pyramid, zip(made.channels, made.strides, strict=True), strict=True):
        sides = [-(-(length + 198) // stride) - (6 if stride == 32 else 0) for length in size]
        assert level.shape == (1, channels, *sides)


def test_dropout_follows_fc6_and_fc7() -> None:
    made = vgg("vgg11", width=64, base_width=4).train()
    images = torch.randn(1, 3, 40, 40)
    with torch.inference_mode():
        features = made(images)[-1]
        once = vgg("vgg11", width=64, base_width=4, dropout=0.0)
        once.load_state_dict(made.state_dict())
        without = once(images)[-1]
    layers = list(made.pre_logits)
    assert [layer.p for layer in layers if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]
    assert isinstance(layers[2], torch.nn.Dropout)
    assert isinstance(layers[5], torch.nn.Dropout)
    assert (features == 0).float().mean() > (without == 0).float().mean() + 0.1


@pytest.mark.parametrize("name", ["resnet34", "vgg12", "vggish", "repvgg_a0", 16])
def test_a_network_that_is_no_vgg_is_refused_with_those_that_are(name: object) -> None:
    with pytest.raises(
        ConfigError, match=f"encoder {name!r} is no VGG, .* use 'vgg16', 'vgg11', .* model 'fcn' takes any encoder"
    ):
        vgg(name)  # type: ignore[arg-type]


def test_a_tag_is_checked() -> None:
    assert vgg("vgg11.tv_in1k", width=8, base_width=4).name == "vgg11.tv_in1k"
    with pytest.raises(ConfigError, match="encoder 'vgg11' has no weights tagged 'tv_in2k'; did you mean 'tv_in1k'"):
        vgg("vgg11.tv_in2k")


@pytest.mark.parametrize(
    "options, says",
    [
        ({"width": 0}, "width must be a positive whole number, got 0"),
        ({"base_width": 1.5}, "base_width must be a positive whole number, got 1.5"),
        ({"in_channels": "3"}, "in_channels must be a positive whole number, got '3'"),
        ({"dropout": 1}, "dropout must be at least 0 and less than 1, got 1"),
        ({"dropout": "half"}, "dropout must be at least 0 and less than 1, got 'half'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        vgg("vgg11", **options)
