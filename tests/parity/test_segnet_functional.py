"""SegNet and SegNet-Basic against functional networks written from the paper (Badrinarayanan et al. 2017, section 3), with
pooling and unpooling of their own: windows are unfolded, and a value goes back to its place in the window."""

import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.segmenter import Segmenter
from tests.models.make import randomize_norms, segmenter

Weights = dict[str, torch.Tensor]
DEPTHS = {"vgg11_bn": (1, 1, 2, 2, 2), "vgg16_bn": (2, 2, 3, 3, 3)}


def _pool(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Maxima and, one-hot, their places: (B, C, h, w) and (B, C, 4, h, w)."""
    height, width = x.shape[2:]
    x = F.pad(x, (0, width % 2, 0, height % 2), value=float("-inf"))
    windows = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))
    return windows.amax(2), F.one_hot(windows.argmax(2), 4).movedim(-1, 2)


def _unpool(x: torch.Tensor, places: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.pixel_shuffle((x[:, :, None] * places).flatten(1, 2), 2)[:, :, : size[0], : size[1]]


def _conv_norm(x: torch.Tensor, w: Weights, conv: str, norm: str) -> torch.Tensor:
    kernel = w[f"{conv}.weight"]
    x = F.conv2d(x, kernel, w.get(f"{conv}.bias"), padding=kernel.shape[-1] // 2)
    mean, var = w[f"{norm}.running_mean"], w[f"{norm}.running_var"]
    return F.batch_norm(x, mean, var, w[f"{norm}.weight"], w[f"{norm}.bias"], eps=1e-5)


def _segnet(x: torch.Tensor, w: Weights, depths: tuple[int, ...]) -> torch.Tensor:
    places, sizes = [], []
    for stage, depth in enumerate(depths):
        for i in range(depth):
            x = F.relu(_conv_norm(x, w, f"encoder.stages.{stage}.{3 * i}", f"encoder.stages.{stage}.{3 * i + 1}"))
        sizes.append(x.shape[2:])
        x, place = _pool(x)
        places.append(place)
    for stage, depth in enumerate(reversed(depths)):
        x = _unpool(x, places.pop(), sizes.pop())
        for i in range(depth - (stage == len(depths) - 1)):
            x = F.relu(_conv_norm(x, w, f"decoder.stages.{stage}.{i}.0", f"decoder.stages.{stage}.{i}.1"))
    return F.conv2d(x, w["head.weight"], w["head.bias"], padding=1)


def _segnet_basic(x: torch.Tensor, w: Weights) -> torch.Tensor:
    places, sizes = [], []
    for stage in range(4):
        x = F.relu(_conv_norm(x, w, f"encoder.stages.{stage}.0", f"encoder.stages.{stage}.1"))
        sizes.append(x.shape[2:])
        x, place = _pool(x)
        places.append(place)
    for stage in range(4):
        x = _unpool(x, places.pop(), sizes.pop())
        x = _conv_norm(x, w, f"decoder.stages.{stage}.0", f"decoder.stages.{stage}.1")
    return F.conv2d(x, w["head.weight"], w["head.bias"])


def _is_used_up(model: Segmenter, prefixes: tuple[str, ...]) -> bool:
    return all(key.startswith(prefixes) for key in model.state_dict())


@pytest.mark.parametrize("name", ["vgg11_bn", "vgg16_bn"])
def test_segnet_is_that_of_the_paper(name: str) -> None:
    torch.manual_seed(0)
    model = randomize_norms(segmenter("segnet", name, num_classes=7, encoder_base_width=8)).double()
    weights = model.state_dict()
    assert _is_used_up(model, ("encoder.stages.", "decoder.stages.", "head."))
    for size in [(64, 96), (57, 89), (45, 61)]:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            expected = _segnet(images, weights, DEPTHS[name])
            got = model(images)
        assert expected.std() > 1e-3
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_segnet_basic_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    for options in ({}, {"bias": True, "encoder_bias": True}):
        model = segmenter("segnet_basic", num_classes=7, **options).double()
        weights = model.state_dict()
        for size in [(17, 22), (29, 19)]:
            images = torch.randn(2, 3, *size, dtype=torch.float64)
            with torch.inference_mode():
                expected = _segnet_basic(images, weights)
                got = model(images)
            assert expected.std() > 1e-3
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_a_small_image_is_continued_first_and_cut_off_afterwards() -> None:
    model = segmenter("segnet", num_classes=7).double()
    images = torch.randn(1, 3, 20, 40, dtype=torch.float64)
    with torch.inference_mode():
        framed = F.pad(images, (0, 0, 0, 13), mode="replicate")
        expected = _segnet(framed, model.state_dict(), DEPTHS["vgg11_bn"])[:, :, :20]
        torch.testing.assert_close(model(images), expected, rtol=0, atol=1e-5)
