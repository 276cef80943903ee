import pytest
import torch
from torch import nn

from pixelwise.errors import ConfigError
from pixelwise.models.encoder import encoder
from pixelwise.models.fpn import FeaturePyramid, levels_from_stride_4
from pixelwise.models.pyramid import Encoder


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_every_level_keeps_its_size_and_has_the_width(dims: int) -> None:
    sizes = [(13, 9, 6), (7, 5, 3), (3, 2, 2)]
    maps = FeaturePyramid([4, 6, 8], 16, dims=dims)([torch.randn(2, c, *s[:dims]) for c, s in zip([4, 6, 8], sizes, strict=True)])
    assert [tuple(level.shape) for level in maps] == [(2, 16, *size[:dims]) for size in sizes]


def test_what_coarser_levels_know_reaches_the_finer_ones_and_never_back() -> None:
    neck, pyramid = FeaturePyramid([4, 6, 8], 16), [torch.randn(1, c, s, s) for c, s in [(4, 12), (6, 6), (8, 3)]]
    before = neck(pyramid)
    for changed in range(3):
        after = neck([level + (1.0 if place == changed else 0.0) for place, level in enumerate(pyramid)])
        assert [not torch.allclose(a, b) for a, b in zip(after, before, strict=True)] == [place <= changed for place in range(3)]


def test_normalisation_takes_the_place_of_biases() -> None:
    layers = list(FeaturePyramid([4, 8], 32, norm="group").modules())
    assert sum(isinstance(layer, nn.GroupNorm) for layer in layers) == 4
    assert all(layer.bias is None for layer in layers if isinstance(layer, nn.Conv2d))


def test_values_stay_of_one_size_through_the_levels() -> None:
    maps = FeaturePyramid([64] * 4, 64)([torch.randn(1, 64, 2**s, 2**s) for s in (6, 5, 4, 3)])
    assert all(0.3 < float(level.detach().std()) < 3 for level in maps)


@pytest.mark.parametrize(
    "name, stride, levels",
    [("test_resnet", 32, [1, 2, 3, 4]), ("test_convnext", 32, [0, 1, 2, 3]), ("test_resnet", 8, [1, 2, 3, 4])],
)
def test_levels_of_stride_4_and_coarser_are_found(name: str, stride: int, levels: list[int]) -> None:
    assert levels_from_stride_4(encoder(name, output_stride=stride), "upernet") == levels


@pytest.mark.parametrize("strides", [(16, 16, 16), (2, 4), (4,), (8, 16, 32), (4, 12)])
def test_an_encoder_without_such_levels_is_refused_by_name(strides: tuple[int, ...]) -> None:
    odd = Encoder("odd", [8] * len(strides), strides, [0.5] * 3, [0.5] * 3)
    with pytest.raises(ConfigError, match=r"'odd' has strides .* but upernet needs maps of stride 4, 8, 16 .* use 'resnet34'"):
        levels_from_stride_4(odd, "upernet")
