from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers

from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.create import create
from pixelwise.models.encoder import encoder
from pixelwise.models.segnet import ENCODERS, segnet, segnet_encoder
from pixelwise.models.segnet_basic import segnet_basic, segnet_basic_encoder
from tests.models.make import created, randomize_norms, segmenter

LOGITS = 11


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", ["segnet", "segnet_basic"])
def test_it_has_the_parameters_of_the_authors_prototxt(name: str) -> None:
    published = ARCHITECTURES[name].published
    assert published is not None
    with torch.device("meta"):
        made = create(name, published.encoder, None, 3, published.classes, published.options)
    assert parameters(made) == published.parameters


def test_half_of_its_parameters_are_those_of_vgg_without_fully_connected_layers() -> None:
    with torch.device("meta"):
        made, features = segnet_encoder("vgg16_bn"), torchvision.models.vgg16_bn(weights=None).features
    assert parameters(made) == parameters(features) == 14_723_136


def test_poolings_round_up_as_in_the_authors_prototxt() -> None:
    with torch.device("meta"):
        pyramid = segnet_encoder("vgg16_bn")(torch.empty(1, 3, 360, 480))
    assert [tuple(level.shape[2:]) for level in pyramid] == [(180, 240), (90, 120), (45, 60), (23, 30), (12, 15)]
    assert pyramid.sizes == [(360, 480), (180, 240), (90, 120), (45, 60), (23, 30)]


def test_the_decoder_drops_channels_in_the_last_convolution_of_each_stage() -> None:
    with torch.device("meta"):
        model = create("segnet", "vgg16_bn", None, 3, LOGITS)
    convolutions = [
        [layer.out_channels for layer in stage.modules() if isinstance(layer, nn.Conv2d)] for stage in model.decoder.stages
    ]
    assert convolutions == [[512, 512, 512], [512, 512, 256], [256, 256, 128], [128, 64], [64]]
    assert all(layer.bias is not None for layer in model.modules() if isinstance(layer, nn.Conv2d))
    assert sum(isinstance(layer, nn.ReLU) for layer in model.decoder.modules()) == 12
    assert model.head.weight.shape == (LOGITS, 64, 3, 3)


def test_the_basic_network_has_7x7_kernels_no_biases_and_no_relu_on_the_way_up() -> None:
    model = segmenter("segnet_basic")
    kernels = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert [tuple(layer.weight.shape[1:]) for layer in kernels] == [(3, 7, 7), *[(64, 7, 7)] * 7, (64, 1, 1)]
    assert [layer.bias is None for layer in kernels] == [True] * 8 + [False]
    assert not any(isinstance(layer, nn.ReLU) for layer in model.decoder.modules())
    assert sum(isinstance(layer, nn.ReLU) for layer in model.encoder.modules()) == 4


def test_a_file_of_timms_weights_makes_the_encoder_torchvisions_vgg(tmp_path: Path) -> None:
    name = "vgg16_bn"
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in timm.create_model(name).state_dict().items() if "features" in key}
    reference = make_layers(cfgs["D"], batch_norm=True)  # vgg16_bn().features, without the classifier's memory
    randomize_norms(reference).eval()
    tensors = {f"features.{key}": tensor for key, tensor in reference.state_dict().items()}
    assert {key: tensor.shape for key, tensor in tensors.items()} == shapes
    save_file(tensors, tmp_path / "vgg.safetensors")
    made = segnet_encoder(name, str(tmp_path / "vgg.safetensors")).eval()
    assert made.weights == str(tmp_path / "vgg.safetensors")
    assert made.mean == pytest.approx([0.485, 0.456, 0.406])
    expected = features = torch.randn(1, 3, 32, 32)
    stage = 0
    with torch.inference_mode():
        pyramid = made(features)
        for layer in reference:
            if isinstance(layer, nn.MaxPool2d):
                torch.testing.assert_close(made.stages[stage](features), expected, rtol=0, atol=1e-5)
                features = expected = layer(expected)
                torch.testing.assert_close(pyramid[stage], expected, rtol=0, atol=1e-5)
                assert expected.abs().max() > 1e-3
                stage += 1
            else:
                expected = layer(expected)
    assert stage == 5


def test_local_response_normalisation_is_that_of_the_prototxt_on_images_from_0_to_255() -> None:
    made = segnet_basic_encoder(in_channels=6, local_response_norm=True)
    images = 255 * torch.rand(1, 6, 4, 5)
    expected = torch.empty_like(images)
    for channel in range(6):
        near = images[:, max(channel - 2, 0) : channel + 3]
        expected[:, channel] = images[:, channel] / (1 + 1e-4 / 5 * near.square().sum(1)) ** 0.75
    torch.testing.assert_close(made.stages[0][0](images), expected)  # type: ignore[index]
    assert made.mean == [0.0] * 6
    assert made.std == pytest.approx([1 / 255] * 6)
    assert not torch.allclose(expected, images, rtol=0.1)


def test_a_bias_before_batch_norm_changes_nothing_in_training() -> None:
    torch.manual_seed(0)
    without, with_bias = created("segnet_basic").double(), created("segnet_basic", bias=True, encoder_bias=True).double()
    with_bias.load_state_dict(without.state_dict(), strict=False)
    for layer in with_bias.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None and layer is not with_bias.head:
            nn.init.normal_(layer.bias)
    images = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(with_bias.train()(images), without.train()(images), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["segnet", "segnet_basic"])
def test_the_indices_are_what_the_decoder_goes_by(name: str) -> None:
    model, images = segmenter(name), torch.randn(1, 3, 48, 48)
    with torch.inference_mode():
        pyramid = model.encoder(images)
        before = model.decoder(pyramid, (48, 48))
        for level in range(len(pyramid)):
            pyramid = model.encoder(images)
            pyramid.indices[level] = pyramid.indices[level].flip(0, 1)
            assert not torch.allclose(model.decoder(pyramid, (48, 48)), before)
    assert not torch.allclose(segmenter(name, upsampling="linear")(images), model(images))


@pytest.mark.parametrize("name", ["segnet", "segnet_basic"])
def test_it_trains_in_half_precision_and_channels_last(name: str) -> None:
    torch.manual_seed(0)
    model = created(name).train().to(memory_format=torch.channels_last)
    images = torch.randn(3, 3, 37, 50).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images)
    F.cross_entropy(logits.float(), torch.zeros(3, 37, 50, dtype=torch.long)).backward()
    assert logits.shape == (3, 5, 37, 50)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.slow  # tracing
@pytest.mark.parametrize("name", ["segnet", "segnet_basic"])
def test_it_compiles_to_one_graph(name: str) -> None:
    model, images = segmenter(name), torch.randn(1, 3, 37, 50)
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, backend="eager")(images)
        torch.testing.assert_close(compiled, model(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_vgg_with_batch_norm_will_do(name: str) -> None:
    model = segmenter("segnet", name, encoder_base_width=4)
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 33, 35)).shape == (1, 5, 33, 35)


def test_an_encoder_that_is_no_vgg_with_batch_norm_is_refused_with_those_that_work() -> None:
    says = "segnet mirrors .* '{}' is not; use one of 'vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn'"
    for name in ("resnet34", "vgg16", "nonsense"):
        with pytest.raises(ConfigError, match=says.format(name)):
            create("segnet", name)
    with pytest.raises(ConfigError, match=says.format("test_resnet")):
        segnet(encoder("test_resnet"), 2)
    with pytest.raises(ConfigError, match="'vgg16_bn' has no weights tagged 'tv_in1'; did you mean 'tv_in1k'"):
        segnet_encoder("vgg16_bn.tv_in1")


def test_the_basic_network_takes_no_encoder_but_its_own() -> None:
    with pytest.raises(ConfigError, match="encoder of its own, got 'vgg16_bn'; use 'segnet_basic', or the model segnet"):
        create("segnet_basic", "vgg16_bn")
    with pytest.raises(ConfigError, match="encoder of its own, got 'test_resnet'; use 'segnet_basic', or the model segnet"):
        segnet_basic(encoder("test_resnet"), 2)


def test_weights_that_are_not_to_be_had_are_refused() -> None:
    assert segnet_basic_encoder(weights="auto").weights == "none"
    assert segnet_encoder("vgg11_bn", "auto", base_width=8).weights == "none"
    with pytest.raises(WeightsError, match="segnet_basic has no pretrained weights, got 'imagenet'; use --encoder-weights none"):
        segnet_basic_encoder(weights="imagenet")
    with pytest.raises(WeightsError, match="are for 64 channels in the first stage, not for encoder_base_width=8; leave it out"):
        segnet_encoder("vgg11_bn", "imagenet", base_width=8)


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("segnet", {"upsampling": "nearest"}, r"upsampling must be 'indices' \(the paper's\) or 'linear', got 'nearest'"),
        ("segnet", {"encoder_base_width": 0}, "encoder_base_width must be a whole number from 1, got 0"),
        ("segnet_basic", {"upsampling": None}, "upsampling must be 'indices'"),
        ("segnet_basic", {"bias": 1}, "bias must be true or false, got 1"),
        ("segnet_basic", {"encoder_bias": "no"}, "encoder_bias must be true or false, got 'no'"),
        ("segnet_basic", {"encoder_local_response_norm": 5}, "encoder_local_response_norm must be true or false, got 5"),
    ],
)
def test_options_that_are_not_allowed_are_refused(name: str, options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        created(name, **options)


def test_the_number_of_channels_is_checked() -> None:
    for made in (segnet_encoder, segnet_basic_encoder):
        with pytest.raises(ConfigError, match="in_channels must be a whole number from 1, got 0"):
            made({segnet_encoder: "vgg11_bn"}.get(made, "segnet_basic"), None, 0)
