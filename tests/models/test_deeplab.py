import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pixelwise.errors import ConfigError
from pixelwise.models.deeplab import deeplabv3, deeplabv3plus
from pixelwise.models.depthwise import DepthwiseConv2d
from pixelwise.models.encoder import encoder
from tests.models.make import segmenter

BOTH = pytest.mark.parametrize("build", [deeplabv3, deeplabv3plus], ids=["deeplabv3", "deeplabv3plus"])


def test_v3_is_the_network_of_the_paper() -> None:
    model = segmenter("deeplabv3", num_classes=19)
    assert max(model.encoder.strides) == 16
    assert model.decoder.aspp.rates == (6, 12, 18)
    assert model.decoder.aspp.out_channels == 256
    assert model.decoder.aspp.dropout.p == pytest.approx(0.1)
    assert type(model.decoder.bottleneck) is nn.Identity
    assert model.head.weight.shape == (19, 256, 1, 1)
    assert model.auxiliary is None
    assert model.align_corners is True


def test_v3_plus_is_the_network_of_the_paper() -> None:
    model = segmenter("deeplabv3plus", num_classes=19)
    decoder = model.decoder
    assert decoder.aspp.rates == (6, 12, 18)
    assert [branch[0].groups > 1 for branch in decoder.aspp.branches] == [False, True, True, True]
    assert model.encoder.strides[decoder.level] == 4
    assert decoder.low[0].weight.shape == (48, model.encoder.channels[decoder.level], 1, 1)
    convolutions = [layer for layer in decoder.fuse.modules() if isinstance(layer, nn.Conv2d)]
    shapes = [(304, 1, 3, 3), (256, 304, 1, 1), (256, 1, 3, 3), (256, 256, 1, 1)]
    assert [tuple(layer.weight.shape) for layer in convolutions] == shapes
    assert model.head.weight.shape == (19, 256, 1, 1)
    assert model.align_corners is True


def test_v3_plus_with_full_convolutions() -> None:
    decoder = segmenter("deeplabv3plus", separable=False).decoder
    assert [tuple(block[0].weight.shape) for block in decoder.fuse] == [(256, 304, 3, 3), (256, 256, 3, 3)]
    assert [branch[0].groups for branch in decoder.aspp.branches] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus"])
@pytest.mark.parametrize("stride, rates", [(8, (12, 24, 36)), (16, (6, 12, 18)), (32, (3, 6, 9))])
def test_rates_follow_the_stride_of_the_encoder(name: str, stride: int, rates: tuple) -> None:
    assert segmenter(name, encoder_output_stride=stride).decoder.aspp.rates == rates
    assert segmenter(name, encoder_output_stride=stride, rates=[2, 4]).decoder.aspp.rates == (2, 4)


def test_v3_reads_the_coarsest_level_and_v3_plus_that_of_stride_4_too() -> None:
    for name, read in [("deeplabv3", {4}), ("deeplabv3plus", {1, 4})]:
        model = segmenter(name)
        with torch.inference_mode():
            pyramid = model.encoder(torch.randn(1, 3, 64, 64))
            before = model.decoder(pyramid, (64, 64))
            for level in range(len(pyramid)):
                changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
                assert torch.equal(model.decoder(changed, (64, 64)), before) is (level not in read)


@pytest.mark.parametrize(
    "name, low", [("resnet50", 256), ("mobilenetv2_100", 24), ("tf_efficientnet_lite0", 24), ("xception65", 256)]
)
def test_the_fine_map_of_an_encoder(name: str, low: int) -> None:
    with torch.device("meta"):
        model = deeplabv3plus(encoder(name, output_stride=16), 2, width=8)
    assert model.encoder.strides == [2, 4, 8, 16, 16]
    assert model.decoder.low[0].in_channels == low


def test_aligned_xception_gives_its_map_of_stride_4_before_the_second_stride() -> None:
    xception = encoder("xception65").eval()
    assert xception.model.feature_info.module_name()[1] == "blocks.1.stack.act3"
    assert (xception.mean, xception.std) == ([0.5] * 3, [0.5] * 3)
    depthwise = [layer for layer in xception.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert len(depthwise) == 3 * 21
    assert {type(layer) for layer in depthwise} == {DepthwiseConv2d}
    with torch.inference_mode():
        pyramid = xception(torch.randn(1, 3, 33, 49))
    assert [tuple(level.shape[1:]) for level in pyramid] == [
        (128, 17, 25),
        (256, 9, 13),
        (728, 5, 7),
        (1024, 3, 4),
        (2048, 2, 2),
    ]


def test_separable_layers_of_the_decoder_are_the_fast_ones() -> None:
    decoder = segmenter("deeplabv3plus").decoder
    depthwise = [layer for layer in decoder.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert [type(layer) for layer in depthwise] == [DepthwiseConv2d] * 5


def test_multiply_adds_on_xception_are_those_the_authors_publish() -> None:
    """Their model zoo: 54.17 billion (tfprof, which counts biases too) for Pascal VOC, 513x513, output stride 16."""
    with torch.device("meta"):
        model = deeplabv3plus(encoder("xception65", output_stride=16), 21).eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.empty(1, 3, 513, 513, device="meta"))
    assert counter.get_total_flops() / 2 == pytest.approx(54.17e9, rel=0.004)


def test_an_auxiliary_head_is_an_option_of_v3() -> None:
    model = segmenter("deeplabv3", auxiliary=True)
    with torch.inference_mode():
        prediction = model(torch.randn(1, 3, 40, 56), auxiliary=True)
    assert [tuple(logits.shape) for logits in prediction.auxiliary] == [(1, 5, 40, 56)]


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus"])
def test_how_maps_are_enlarged_is_an_option(name: str) -> None:
    aligned, other = segmenter(name), segmenter(name, align_corners=False)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert not torch.allclose(aligned(images), other(images))
    assert other.align_corners is False


@BOTH
@pytest.mark.parametrize(
    "options, says",
    [
        ({"rates": 6}, r"rates must be positive whole numbers such as \(3, 6, 9\), which belong to the stride 32 of encoder"),
        ({"rates": (6, 0)}, "rates must be positive whole numbers"),
        ({"rates": (6, 1.5)}, "rates must be positive whole numbers"),
        ({"width": 0}, "width must be a positive whole number, got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1, got 1.0"),
        ({"dropout": "much"}, "dropout must be at least 0 and less than 1, got 'much'"),
        ({"align_corners": 1}, "align_corners must be true or false, got 1"),
        ({"multi_grid": (1, 2)}, "multi_grid is for ResNets of bottleneck blocks, such as 'resnet50'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(build, options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(encoder("test_resnet"), 2, **options)


@pytest.mark.parametrize(
    "build, options, says",
    [
        (deeplabv3, {"auxiliary": "yes"}, "auxiliary must be true or false, got 'yes'"),
        (deeplabv3, {"bottleneck": 3}, "bottleneck must be true or false, got 3"),
        (deeplabv3plus, {"separable": None}, "separable must be true or false, got None"),
    ],
)
def test_switches_are_true_or_false(build, options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(encoder("test_resnet"), 2, **options)


def test_an_encoder_without_a_map_of_stride_4_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'test_vit' gives maps of stride 16, but deeplabv3plus joins one of stride 4"):
        deeplabv3plus(encoder("test_vit"), 2)
