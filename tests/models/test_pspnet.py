import pytest
import torch
from torch import nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import PooledBatchNorm
from pixelwise.models.context import FixedPyramidPooling, PyramidPooling, SpatialPyramidPooling
from pixelwise.models.encoder import encoder
from pixelwise.models.pspnet import pspnet
from tests.models.make import randomize_norms, segmenter


def test_it_is_the_network_of_the_paper() -> None:
    model = segmenter("pspnet", num_classes=19)
    channels = model.encoder.channels[-1]
    pooling = model.decoder.pooling
    assert max(model.encoder.strides) == 8
    assert pooling.bins == (1, 2, 3, 6)
    assert [branch[0].out_channels for branch in pooling.branches] == [channels // 4] * 4
    assert [type(branch[1]) for branch in pooling.branches] == [PooledBatchNorm] * 4
    assert [type(branch[2]) for branch in pooling.branches] == [nn.ReLU] * 4
    assert model.decoder.bottleneck[0].weight.shape == (512, 2 * channels, 3, 3)
    assert model.decoder.dropout.p == pytest.approx(0.1)
    assert model.head.weight.shape == (19, 512, 1, 1)
    assert model.align_corners is True


def test_each_branch_is_read() -> None:
    pooling = randomize_norms(PyramidPooling(8)).eval()
    features = torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        before = pooling(features)
        for branch in pooling.branches:
            branch[1].bias += 1
            after = pooling(features)
            assert not torch.equal(before, after)
            before = after


def test_the_auxiliary_head_reads_the_stage_before_the_last() -> None:
    model = segmenter("pspnet")
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.auxiliary(pyramid)
        for level, is_read in enumerate([False, False, False, True, False]):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert torch.allclose(model.auxiliary(changed), before) is not is_read


def test_without_auxiliary_head_the_prediction_has_none() -> None:
    prediction = segmenter("pspnet", auxiliary=False)(torch.randn(1, 3, 64, 64), auxiliary=True)
    assert prediction.auxiliary == ()


def test_one_image_trains_and_a_single_value_per_channel_leaves_the_statistics_alone() -> None:
    model = segmenter("pspnet").train()
    branches = model.decoder.pooling.branches
    before = [branch[1].running_mean.clone() for branch in branches]
    model(torch.randn(1, 3, 64, 64)).sum().backward()
    moved = [not torch.equal(mean, branch[1].running_mean) for mean, branch in zip(before, branches, strict=True)]
    assert moved == [False, True, True, True]
    assert all(bool(branch[0].weight.grad.abs().sum() > 0) for branch in branches)


def test_two_values_per_channel_are_normalised_as_by_torch() -> None:
    ours, theirs = PooledBatchNorm(4), nn.BatchNorm2d(4)
    values = torch.randn(2, 4, 1, 1)
    torch.testing.assert_close(ours(values), theirs(values))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize(
    "options, says",
    [
        ({"bins": ()}, "bins must be positive whole numbers"),
        ({"bins": (1, 0)}, "bins must be positive whole numbers"),
        ({"bins": 6}, "bins must be positive whole numbers"),
        ({"width": 0}, "width must be a positive whole number, got 0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"dropout": "half"}, "dropout must be at least 0 and less than 1, got 'half'"),
        ({"context": "ocr"}, "context must be one of none, ppm, spp, aspp, got 'ocr'"),
        ({"kernels": (4,)}, r"kernels must be odd whole numbers from 3, such as \(5, 9, 17\), got \(4,\)"),
        ({"kernels": [5, 1]}, r"kernels must be odd whole numbers from 3, such as \(5, 9, 17\), got \[5, 1\]"),
        ({"kernels": 5}, "kernels must be odd whole numbers from 3"),
        ({"bins": (1, 2), "context": "aspp"}, "bins are those of context='ppm', got context='aspp'"),
        ({"kernels": (5,), "context": "aspp"}, "kernels are those of context='ppm', got context='aspp'; leave one of them out"),
        ({"attention": "triple"}, "attention must be 'none' or 'dual', got 'triple'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        pspnet(encoder("test_resnet"), 2, **options)


def test_windows_of_fixed_size_take_the_place_of_bins() -> None:
    pooling = segmenter("pspnet", kernels=[5, 9]).decoder.pooling
    assert isinstance(pooling, FixedPyramidPooling)
    assert pooling.kernels == (5, 9)


def test_it_takes_another_context() -> None:
    assert isinstance(segmenter("pspnet", context="spp").decoder.pooling, SpatialPyramidPooling)


def test_new_options_leave_the_state_of_the_default_network_alone() -> None:
    rooms = {".".join(key.split(".")[:2]) for key in segmenter("pspnet").state_dict() if not key.startswith("encoder.")}
    expected = {"decoder.pooling", "decoder.bottleneck", "head.weight", "head.bias", "auxiliary.reduce", "auxiliary.classifier"}
    assert rooms == expected
