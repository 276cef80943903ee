from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.create import create
from pixelwise.models.encoder import encoder
from pixelwise.models.fcn import BilinearDeconvolution, fcn8s, fcn16s, fcn32s
from pixelwise.models.fcn_dilated import fcn
from pixelwise.models.pyramid import Encoder
from pixelwise.models.vgg import vgg
from tests.models.make import created, segmenter

PAPER = ["fcn32s", "fcn16s", "fcn8s"]


@pytest.mark.parametrize("name", PAPER)
def test_the_network_of_the_paper_has_the_parameters_of_its_layers(name: str) -> None:
    convolutions = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    expected = sum(9 * before * after + after for before, after in pairwise(convolutions))
    expected += 7 * 7 * 512 * 4096 + 4096 + 4096 * 4096 + 4096
    assert round(expected / 1e6) == 134  # the paper's table 1
    expected += sum(
        (channels + 1) * 21 for channels in {"fcn32s": [4096], "fcn16s": [4096, 512], "fcn8s": [4096, 512, 256]}[name]
    )
    published = ARCHITECTURES[name].published
    assert published is not None
    with torch.device("meta"):
        made = create(name, "auto", None, 3, published.classes)
    assert made.encoder.name == "vgg16"
    assert sum(parameter.numel() for parameter in made.parameters()) == expected == published.parameters


@pytest.mark.parametrize("name", PAPER)
def test_scores_start_at_zero_and_leave_it_with_the_first_step(name: str) -> None:
    model = created(name).train()
    assert not any(parameter.any() for parameter in model.decoder.parameters())
    images, target = torch.randn(2, 3, 40, 40), torch.randint(5, (2, 40, 40))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    logits = model(images)
    assert not logits.any()
    F.cross_entropy(logits, target).backward()
    optimizer.step()
    assert all(parameter.any() for parameter in model.decoder.parameters())


@pytest.mark.parametrize("name, levels", [("fcn32s", [2]), ("fcn16s", [1, 2]), ("fcn8s", [0, 1, 2])])
def test_the_decoder_reads_its_levels_and_no_other(name: str, levels: list[int]) -> None:
    model = segmenter(name)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 40, 40))
        before = model.decoder(pyramid, (40, 40))
        for level in range(3):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert torch.allclose(model.decoder(changed, (40, 40)), before) is not (level in levels)


@pytest.mark.parametrize("stride", [2, 8, 16, 32])
def test_the_deconvolution_is_a_transposed_convolution_with_the_bilinear_kernel(stride: int) -> None:
    scores = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    side = 1 - (torch.arange(2 * stride, dtype=torch.float64) - (stride - 0.5)).abs() / stride
    kernel = torch.outer(side, side).expand(3, 1, -1, -1)
    expected = F.conv_transpose2d(scores, kernel, stride=stride, groups=3)
    torch.testing.assert_close(BilinearDeconvolution(stride)(scores), expected)


@pytest.mark.parametrize("name", ["fcn16s", "fcn8s"])
def test_learned_upsampling_is_trained_and_starts_bilinear(name: str) -> None:
    model = segmenter(name, learned_upsampling=True).train()
    model(torch.randn(2, 3, 40, 40)).square().mean().backward()
    for layer in model.decoder.upsamplings:
        scores = torch.randn(1, 5, 3, 4)
        torch.testing.assert_close(layer(scores), BilinearDeconvolution(2)(scores))
        assert layer.weight.grad.abs().sum() > 0


def test_without_learned_upsampling_scores_are_all_that_the_decoder_trains() -> None:
    names = [name for name, _ in segmenter("fcn8s").decoder.named_parameters()]
    assert names == [f"scores.{place}.{parameter}" for place in range(3) for parameter in ("weight", "bias")]


@pytest.mark.parametrize("build", [fcn32s, fcn16s, fcn8s])
def test_an_encoder_that_is_no_vgg_is_refused_with_what_would_work(build) -> None:
    with pytest.raises(
        ConfigError, match=f"no fully convolutional VGG, of which {build.__name__} is made; use 'vgg16' or 'vgg11'"
    ):
        build(encoder("test_resnet"), 2)
    with pytest.raises(ConfigError, match=r"encoder 'test_resnet' is no VGG.*'vgg16', 'vgg11'.*model 'fcn' takes any encoder"):
        create(build.__name__, "test_resnet")


@pytest.mark.parametrize(
    "options, says",
    [
        ({"all_at_once": 0.01}, "all_at_once must be true or false, got 0.01"),
        ({"learned_upsampling": "yes"}, "learned_upsampling must be true or false, got 'yes'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        fcn8s(vgg("vgg11", width=8, base_width=4), 2, **options)


def test_the_dilated_network_is_that_of_torchvision() -> None:
    model = segmenter("fcn", num_classes=21)
    channels = model.encoder.channels
    assert max(model.encoder.strides) == 8
    assert model.decoder.reduce[0].weight.shape == (channels[-1] // 4, channels[-1], 3, 3)
    assert model.head.weight.shape == (21, channels[-1] // 4, 1, 1)
    assert model.auxiliary.reduce[0].weight.shape == (channels[-2] // 4, channels[-2], 3, 3)
    assert model.align_corners is False


def test_the_second_head_reads_the_stage_before_the_last() -> None:
    model = segmenter("fcn")
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.auxiliary(pyramid)
        for level, is_read in enumerate([False, False, False, True, False]):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert torch.allclose(model.auxiliary(changed), before) is not is_read
    assert segmenter("fcn", auxiliary=False)(torch.randn(1, 3, 64, 64), auxiliary=True).auxiliary == ()


def test_an_encoder_of_a_single_map_needs_no_second_head() -> None:
    single = Encoder("single", [8], [8], [0.5], [0.5])
    with pytest.raises(ConfigError, match=r"encoder 'single' gives a single map, .* use auxiliary=False"):
        fcn(single, 2)
    assert fcn(single, 2, auxiliary=False).auxiliary is None


@pytest.mark.parametrize("dropout", [1, -0.1, "none"])
def test_a_dropout_that_is_not_allowed_is_refused(dropout: object) -> None:
    with pytest.raises(ConfigError, match="dropout must be at least 0 and less than 1"):
        fcn(encoder("test_resnet"), 2, dropout=dropout)  # type: ignore[arg-type]
