"""DeepLabv3 and v3+ against functional networks written from the papers (Chen et al. 2017, section 3.3; 2018, section 3)."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.make import segmenter

Weights = dict[str, Tensor]


def _norm_relu(x: Tensor, w: Weights, name: str) -> Tensor:
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.relu(F.batch_norm(x, mean, var, w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-5))


def _conv_norm_relu(x: Tensor, w: Weights, name: str, rate: int = 0) -> Tensor:
    return _norm_relu(F.conv2d(x, w[f"{name}.0.weight"], padding=rate, dilation=max(rate, 1)), w, f"{name}.1")


def _separable(x: Tensor, w: Weights, name: str, rate: int = 1) -> Tensor:
    x = F.conv2d(x, w[f"{name}.0.weight"], padding=rate, dilation=rate, groups=x.shape[1])
    return _norm_relu(F.conv2d(_norm_relu(x, w, f"{name}.1"), w[f"{name}.3.weight"]), w, f"{name}.4")


def _full(x: Tensor, w: Weights, name: str, rate: int = 1) -> Tensor:
    return _conv_norm_relu(x, w, name, rate)


def _enlarged(x: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def _aspp(x: Tensor, w: Weights, rates: tuple[int, ...], block=_full) -> Tensor:
    parts = [_conv_norm_relu(x, w, "decoder.aspp.branches.0")]
    parts += [block(x, w, f"decoder.aspp.branches.{i}", rate) for i, rate in enumerate(rates, start=1)]
    mean = _conv_norm_relu(x.mean((2, 3), keepdim=True), w, "decoder.aspp.pooled")
    parts.append(_enlarged(mean, x.shape[2:]))
    return _conv_norm_relu(torch.cat(parts, 1), w, "decoder.aspp.projection")


SIZES = [(64, 48), (57, 89)]

# On images this small the rates of the paper reach beyond the map; the others meet it with all their taps.
over_strides_and_rates = pytest.mark.parametrize("stride, rates", [(16, (1, 2, 3)), (8, (2, 3, 5)), (16, None), (8, None)])
PAPER = {16: (6, 12, 18), 8: (12, 24, 36)}


@over_strides_and_rates
def test_deeplabv3_is_that_of_the_paper(stride: int, rates: tuple[int, ...] | None) -> None:
    model = segmenter("deeplabv3", num_classes=7, rates=rates, encoder_output_stride=stride).double()
    weights = model.state_dict()
    for size in SIZES:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            pyramid = model.encoder(images)
            coarse = F.conv2d(_aspp(pyramid[-1], weights, rates or PAPER[stride]), weights["head.weight"], weights["head.bias"])
            torch.testing.assert_close(model.head(model.decoder(pyramid, size)), coarse, rtol=0, atol=1e-9)
            torch.testing.assert_close(model(images), _enlarged(coarse, size), rtol=0, atol=1e-9)
        assert coarse.std() > 1e-3


@pytest.mark.parametrize("separable", [True, False])
@over_strides_and_rates
def test_deeplabv3plus_is_that_of_the_paper(separable: bool, stride: int, rates: tuple[int, ...] | None) -> None:
    model = segmenter("deeplabv3plus", num_classes=7, rates=rates, separable=separable, encoder_output_stride=stride).double()
    weights, block = model.state_dict(), _separable if separable else _full
    for size in SIZES:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            pyramid = model.encoder(images)
            low = _conv_norm_relu(pyramid[1], weights, "decoder.low")
            joined = torch.cat([_enlarged(_aspp(pyramid[-1], weights, rates or PAPER[stride], block), low.shape[2:]), low], 1)
            fused = block(block(joined, weights, "decoder.fuse.0"), weights, "decoder.fuse.1")
            quarter = F.conv2d(fused, weights["head.weight"], weights["head.bias"])
            torch.testing.assert_close(model.head(model.decoder(pyramid, size)), quarter, rtol=0, atol=1e-9)
            torch.testing.assert_close(model(images), _enlarged(quarter, size), rtol=0, atol=1e-9)
        assert joined.shape[1] == 304
        assert quarter.shape[2:] == (-(-size[0] // 4), -(-size[1] // 4))
        assert quarter.std() > 1e-3
