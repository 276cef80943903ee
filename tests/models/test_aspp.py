import pytest
import torch
from torch import nn

from pixelwise.models.aspp import ASPP, rates_for
from pixelwise.models.blocks import PooledBatchNorm
from tests.models.make import randomize_norms


@pytest.mark.parametrize(
    "stride, rates", [(16, (6, 12, 18)), (8, (12, 24, 36)), (32, (3, 6, 9)), (14, (6, 13, 20)), (512, (1, 1, 1))]
)
def test_rates_belong_to_the_stride(stride: int, rates: tuple) -> None:
    assert rates_for(stride) == rates


def test_it_is_the_module_of_the_paper() -> None:
    aspp = ASPP(320, rates=(6, 12, 18))
    shapes = [tuple(branch[0].weight.shape) for branch in aspp.branches]
    assert shapes == [(256, 320, 1, 1), (256, 320, 3, 3), (256, 320, 3, 3), (256, 320, 3, 3)]
    assert [branch[0].dilation for branch in aspp.branches] == [(1, 1), (6, 6), (12, 12), (18, 18)]
    assert [[type(layer) for layer in branch[1:]] for branch in aspp.branches] == [[nn.BatchNorm2d, nn.ReLU]] * 4
    assert [type(layer) for layer in aspp.pooled] == [nn.Conv2d, PooledBatchNorm, nn.ReLU]
    assert aspp.projection[0].weight.shape == (256, 1280, 1, 1)
    assert [type(layer) for layer in aspp.projection[1:]] == [nn.BatchNorm2d, nn.ReLU]
    assert aspp.out_channels == 256


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("separable", [False, True])
def test_it_works_on_signals_images_and_volumes(dims: int, separable: bool) -> None:
    aspp = ASPP(6, 4, (2, 3), separable=separable, dims=dims)
    assert aspp(torch.randn(2, 6, *(9, 7, 5)[:dims])).shape == (2, 4, *(9, 7, 5)[:dims])


@pytest.mark.parametrize("separable", [False, True])
def test_every_branch_is_read(separable: bool) -> None:
    aspp = randomize_norms(ASPP(8, 4, (1, 2, 3), separable=separable)).eval()
    features = torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        before = aspp(features)
        for branch in (*aspp.branches, aspp.pooled):
            [layer for layer in branch if isinstance(layer, nn.modules.batchnorm._BatchNorm)][-1].bias += 1
            after = aspp(features)
            assert not torch.equal(before, after)
            before = after


def test_a_rate_beyond_the_map_is_a_convolution_of_its_middle_tap() -> None:
    aspp = randomize_norms(ASPP(8, 4, (12, 24, 36))).eval()
    features = torch.randn(1, 8, 12, 10)
    with torch.inference_mode():
        for convolution, norm, _ in aspp.branches[1:]:
            middle = torch.einsum("oc, bchw -> bohw", convolution.weight[..., 1, 1], features)
            torch.testing.assert_close(norm(convolution(features)), norm(middle), rtol=1e-4, atol=1e-5)


def test_without_rates_the_1x1_convolution_and_the_mean_stay() -> None:
    aspp = ASPP(8, 4, ())
    assert len(aspp.branches) == 1
    assert aspp.projection[0].in_channels == 8
    assert aspp(torch.randn(2, 8, 3, 3)).shape == (2, 4, 3, 3)


def test_a_single_image_trains_and_leaves_the_statistics_of_its_mean_alone() -> None:
    aspp = ASPP(8, 4, (1, 2)).train()
    aspp(torch.randn(1, 8, 5, 5)).sum().backward()
    assert not bool(aspp.pooled[1].running_mean.any())
    assert bool(aspp.branches[0][1].running_mean.any())
    assert bool(aspp.pooled[0].weight.grad.any())


def test_the_joined_map_keeps_the_layout_of_the_images() -> None:
    aspp, seen = ASPP(8, 4, (1, 2)).to(memory_format=torch.channels_last), []
    aspp.projection[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    aspp(torch.randn(2, 8, 9, 7).to(memory_format=torch.channels_last))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_dropout_drops_single_values_in_training() -> None:
    aspp = ASPP(8, 64, (1,), dropout=0.5).train()
    nn.init.constant_(aspp.projection[1].bias, 9.0)  # so that ReLU leaves no zero
    kept = aspp(torch.randn(4, 8, 8, 8)) > 0
    assert 0.45 < float(kept.float().mean()) < 0.55
    assert not bool((kept.flatten(2).all(2) | ~kept.flatten(2).any(2)).any())
