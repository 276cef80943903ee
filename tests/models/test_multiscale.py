import pytest
import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.multiscale import MultiScale
from tests.models.make import segmenter


class PerPixel(nn.Module):
    """Logits that depend on the pixel alone: this network commutes with mirroring, and on flat images with scaling."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([images[:, :1] * 3, images[:, 1:2] - 1], 1)


@pytest.mark.parametrize("exclusive", [True, False])
def test_one_look_gives_the_probabilities_of_the_network(exclusive: bool) -> None:
    model, images = segmenter("unet", num_classes=3), torch.randn(2, 3, 41, 53)
    activation = (lambda x: x.softmax(1)) if exclusive else torch.sigmoid
    with torch.inference_mode():
        got = MultiScale(model, exclusive=exclusive)(images)
        torch.testing.assert_close(activation(got), activation(model(images)), rtol=1e-4, atol=1e-6)


def test_mirroring_changes_nothing_for_a_network_that_commutes_with_it() -> None:
    images = torch.randn(2, 3, 11, 14)
    alone, both = MultiScale(PerPixel())(images), MultiScale(PerPixel(), flip=True)(images)
    torch.testing.assert_close(both, alone)


def test_with_mirroring_the_result_is_equivariant_for_any_network() -> None:
    model, images = segmenter("unet"), torch.randn(1, 3, 40, 64)
    looks = MultiScale(model, flip=True)
    with torch.inference_mode():
        assert not torch.allclose(model(images.flip(-1)).flip(-1), model(images), atol=1e-3)
        torch.testing.assert_close(looks(images.flip(-1)).flip(-1), looks(images), rtol=1e-4, atol=1e-4)


def test_scales_change_nothing_on_a_flat_image() -> None:
    images = torch.randn(2, 3, 1, 1).expand(2, 3, 20, 33).contiguous()
    torch.testing.assert_close(MultiScale(PerPixel(), (0.5, 1, 1.7), flip=True)(images), MultiScale(PerPixel())(images))


def test_the_result_is_the_mean_of_the_probabilities_of_all_looks() -> None:
    model, images = segmenter("unet", num_classes=3), torch.randn(1, 3, 32, 48)
    with torch.inference_mode():
        half = nn.functional.interpolate(images, (16, 24), mode="bilinear")
        back = nn.functional.interpolate(model(half), (32, 48), mode="bilinear")
        expected = (model(images).softmax(1) + back.softmax(1)) / 2
        torch.testing.assert_close(MultiScale(model, (1, 0.5))(images).softmax(1), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scales", [(), (0,), (5.0,), ("1",), (float("nan"),)])
def test_scales_that_are_not_allowed_are_refused(scales: tuple) -> None:
    with pytest.raises(ConfigError, match=r"scales must be one or more numbers from 0.1 to 4.0"):
        MultiScale(PerPixel(), scales)
