"""FCN-32s, 16s and 8s against functional networks written down from the definitions that the authors published (net.py)."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.fcn import _IMAGE_OFFSETS, _SKIPS
from pixelwise.models.segmenter import Segmenter
from tests.models.make import segmenter

Weights = dict[str, torch.Tensor]

SIZES = [(1, 1), (37, 70)]
# Convolutions of VGG11 by their place among all layers, block by block.
VGG11 = [[0], [3], [6, 8], [11, 13], [16, 18]]


def _network(name: str, **options: object) -> Segmenter:
    model = segmenter(name, "vgg11", num_classes=4, encoder_width=16, encoder_base_width=4, **options).double()
    for key, parameter in model.named_parameters():
        if key.endswith("bias"):  # all zero at first: then a border of zeros would stay one, and hide where it lies
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def _caffe_pool(x: torch.Tensor) -> torch.Tensor:
    """2x2, stride 2, sizes rounded up: what is missing at the far end counts as minus infinity."""
    height, width = x.shape[2:]
    x = F.pad(x, (0, width % 2, 0, height % 2), value=float("-inf"))
    return x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))


def _deconvolution(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """The kernel of the published surgery.py for even sizes, the same for every class, none between classes."""
    side = 1 - (torch.arange(kernel, dtype=x.dtype) - (kernel / 2 - 0.5)).abs() / (kernel / 2)
    weight = torch.zeros(x.shape[1], x.shape[1], kernel, kernel, dtype=x.dtype)
    weight[range(x.shape[1]), range(x.shape[1])] = torch.outer(side, side)
    return F.conv_transpose2d(x, weight, stride=stride)


def _pools_and_fc7(images: torch.Tensor, w: Weights) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, pools = images, []
    for block in VGG11:
        for layer in block:
            name = f"encoder.features.{layer}"
            x = F.relu(F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1 if layer else 100))
        x = _caffe_pool(x)
        pools.append(x)
    for name in ("fc1", "fc2"):
        x = F.relu(F.conv2d(x, w[f"encoder.pre_logits.{name}.weight"], w[f"encoder.pre_logits.{name}.bias"]))
    return pools[2], pools[3], x


def _published(images: torch.Tensor, w: Weights, stride: int, at_once: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores before the last deconvolution, and logits of the size of the image."""

    def score(x: torch.Tensor, place: int) -> torch.Tensor:
        return F.conv2d(x, w[f"decoder.scores.{place}.weight"], w[f"decoder.scores.{place}.bias"])

    def crop(x: torch.Tensor, offset: int, size: torch.Size) -> torch.Tensor:
        cut = x[..., offset : offset + size[0], offset : offset + size[1]]
        assert cut.shape[2:] == size
        return cut

    pool3, pool4, fc7 = _pools_and_fc7(images, w)
    x = score(fc7, 0)
    if stride <= 16:
        up = _deconvolution(x, 4, 2)
        x = up + crop(score(pool4 * (0.01 if at_once else 1), 1), 5, up.shape[2:])
    if stride == 8:
        up = _deconvolution(x, 4, 2)
        x = up + crop(score(pool3 * (0.0001 if at_once else 1), 2), 9, up.shape[2:])
    logits = crop(_deconvolution(x, 2 * stride, stride), {32: 19, 16: 27, 8: 31}[stride], images.shape[2:])
    return x, logits


@pytest.mark.parametrize(
    "name, stride, at_once",
    [("fcn32s", 32, False), ("fcn16s", 16, False), ("fcn16s", 16, True), ("fcn8s", 8, False), ("fcn8s", 8, True)],
)
def test_logits_of_fcn32s_fcn16s_fcn8s_are_those_of_the_published_networks(name: str, stride: int, at_once: bool) -> None:
    model = _network(name, **({"all_at_once": True} if at_once else {}))
    for size in SIZES:
        images = torch.randn(1, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            scores, logits = _published(images, model.state_dict(), stride, at_once)
            got_scores, got = model.decoder(model.encoder(images), size), model(images)
        torch.testing.assert_close(got_scores, scores, rtol=0, atol=1e-10)
        torch.testing.assert_close(got, logits, rtol=0, atol=1e-10)
        assert scores.std() > 1e-2
        assert logits.std() > 1e-2


@pytest.mark.parametrize("name", ["fcn16s", "fcn8s"])
def test_learned_upsampling_starts_as_the_published_kernel(name: str) -> None:
    fixed, learned = _network(name), _network(name, learned_upsampling=True)
    state = learned.state_dict()
    extra = [key for key in state if key not in fixed.state_dict()]
    assert extra == [f"decoder.upsamplings.{place}.weight" for place in range({"fcn16s": 1, "fcn8s": 2}[name])]
    fixed.load_state_dict({key: tensor for key, tensor in state.items() if key not in extra}, strict=True)
    images = torch.randn(1, 3, 37, 58, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(learned(images), fixed(images), rtol=0, atol=1e-10)


def _through(layers: list[tuple[str, int, int, int]], line: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    """Where the centre of place i of a map lies in the image, as (a, b) of a * i + b, after (kind, kernel, stride, padding)."""
    a, b = line
    for kind, kernel, stride, padding in layers:
        shift = Fraction(kernel - 1, 2) - padding
        if kind == "convolution":
            a, b = a * stride, b + a * shift
        else:  # a deconvolution is the same line read backwards
            a = a / stride
            b = b - a * shift
    return a, b


def test_crops_put_centres_on_centres() -> None:
    first, same, pool = ("convolution", 3, 1, 100), ("convolution", 3, 1, 1), ("convolution", 2, 2, 0)
    pool3 = _through([first, same, pool, same, same, pool, same, same, same, pool], (Fraction(1), Fraction(0)))
    pool4 = _through([same, same, same, pool], pool3)
    fc7 = _through([same, same, same, pool, ("convolution", 7, 1, 0), ("convolution", 1, 1, 0)], pool4)
    assert _offset(_through([("deconvolution", 64, 32, 0)], fc7), (Fraction(1), Fraction(0))) == _IMAGE_OFFSETS[32] == 19
    offsets, coarse = [], fc7
    for finer, stride in ((pool4, 16), (pool3, 8)):
        coarse = _through([("deconvolution", 4, 2, 0)], coarse)
        offsets.append(_offset(finer, coarse))
        last = _through([("deconvolution", 2 * stride, stride, 0)], coarse)
        assert _offset(last, (Fraction(1), Fraction(0))) == _IMAGE_OFFSETS[stride] == {16: 27, 8: 31}[stride]
    assert offsets == [skip.offset for skip in _SKIPS] == [5, 9]


def _offset(larger: tuple[Fraction, Fraction], smaller: tuple[Fraction, Fraction]) -> Fraction:
    """The place of ``larger`` that lies under place 0 of ``smaller``, both of the same step."""
    assert larger[0] == smaller[0]
    return (smaller[1] - larger[1]) / larger[0]
