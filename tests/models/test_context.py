import inspect
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.catalog import ARCHITECTURES, builder
from pixelwise.models.context import Context, FixedPyramidPooling, PyramidPooling, SpatialPyramidPooling, context_part
from pixelwise.models.encoder import encoder
from pixelwise.models.spatial import adaptive_average_pool
from tests.models.make import created, outputs, randomize_norms

NAMES = get_args(Context)
ON = sorted(name for name in ARCHITECTURES if "context" in inspect.signature(builder(name)).parameters)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_every_part_keeps_the_size_and_knows_its_channels_for_signals_images_and_volumes(name: Context, dims: int) -> None:
    part = context_part(name, 8, dims=dims)
    for size in [(7, 9, 5), (1, 1, 1), (1, 6, 2)]:
        features = torch.randn(2, 8, *size[:dims])
        assert part(features).shape == (2, part.out_channels, *size[:dims])


@pytest.mark.parametrize("name", NAMES)
def test_a_single_pixel_of_a_single_image_trains(name: Context) -> None:
    part, features = context_part(name, 8), torch.randn(1, 8, 2, 2, requires_grad=True)
    part.train()(features).sum().backward()
    assert torch.isfinite(features.grad).all()


def test_no_context_is_the_map_itself() -> None:
    features = torch.randn(1, 8, 4, 4)
    assert context_part("none", 8)(features) is features


def test_the_rates_of_aspp_go_by_the_stride_of_the_map() -> None:
    assert [context_part("aspp", 8, stride).rates for stride in (8, 16)] == [(12, 24, 36), (6, 12, 18)]


def test_a_name_that_is_none_of_these_is_refused() -> None:
    with pytest.raises(ConfigError, match="context must be one of none, ppm, spp, aspp, got 'ocr'"):
        context_part("ocr", 8)  # type: ignore[arg-type]


def test_adaptive_pooling_is_the_mean_of_blocks_where_the_bins_divide_the_map() -> None:
    features = torch.randn(2, 3, 12, 18)
    for bins in (1, 2, 3, 6):
        blocks = features.view(2, 3, bins, 12 // bins, bins, 18 // bins).mean((3, 5))
        torch.testing.assert_close(adaptive_average_pool(features, bins), blocks)


def test_windows_of_fixed_size_are_means_of_the_pixels_that_there_are() -> None:
    pooling = FixedPyramidPooling(1, kernels=(3, 5))
    pooling.branches = nn.ModuleList([nn.Identity(), nn.Identity()])
    features = torch.randn(1, 1, 9, 11)
    got = pooling(features)
    for place, (kernel, step) in enumerate([(3, 1), (5, 2)], start=1):
        reach = kernel // 2
        means = torch.tensor(
            [
                [features[0, 0, max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].mean() for x in columns]
                for columns, y in ((range(0, 11, step), y) for y in range(0, 9, step))
            ]
        )
        enlarged = F.interpolate(means[None, None], (9, 11), mode="bilinear", align_corners=True)
        torch.testing.assert_close(got[:, place : place + 1], enlarged)


def test_windows_of_fixed_size_do_not_grow_with_the_map_and_bins_do() -> None:
    torch.manual_seed(0)
    fixed = randomize_norms(FixedPyramidPooling(4, kernels=(5,))).eval()
    adaptive = randomize_norms(PyramidPooling(4, bins=(2,))).eval()
    for pooling, depends in ((fixed, False), (adaptive, True)):
        features = torch.randn(1, 4, 33, 33)
        with torch.inference_mode():
            before = pooling(features)[..., 0, 0]
            features[..., 12:, 12:] += 1
            assert torch.allclose(before, pooling(features)[..., 0, 0]) is not depends


def test_spatial_pyramid_pooling_gives_the_maxima_of_its_windows() -> None:
    pooling, features = SpatialPyramidPooling(3), torch.randn(2, 3, 20, 6) - 5
    parts = pooling(features).split(3, 1)
    torch.testing.assert_close(parts[0], features)
    for part, kernel in zip(parts[1:], (5, 9, 13), strict=True):
        for y in range(20):
            for x in range(6):
                reach = kernel // 2
                window = features[..., max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
                assert torch.equal(part[..., y, x], window.amax((2, 3)))


def test_some_decoders_take_a_context() -> None:
    assert {"pspnet", "upernet"} <= set(ON)


@pytest.mark.parametrize("decoder", ON)
@pytest.mark.parametrize("name", NAMES)
def test_every_context_trains_in_every_decoder_that_takes_one(decoder: str, name: Context) -> None:
    model = created(decoder, context=name).train()
    prediction = model(torch.randn(2, 3, 40, 56), auxiliary=True)
    assert prediction.logits.shape == (2, 5, 40, 56)
    sum(logits.square().mean() for logits in outputs(prediction)).backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("decoder", ON)
def test_every_decoder_refuses_a_context_that_it_does_not_know(decoder: str) -> None:
    with pytest.raises(ConfigError, match="context"):
        builder(decoder)(encoder("test_resnet"), 2, context="ocr")
