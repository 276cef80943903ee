"""The a-trous law: a dilated encoder computes what the undilated one does, at more places."""

import pytest
import timm
import torch

from pixelwise.models.encoder import encoder
from tests.models.make import randomize_norms

# Networks with squeeze-and-excitation (a mean over the whole map) are left out: for them it cannot hold.
# tf_ networks pad by the size of the map (TensorFlow's SAME): the grids coincide only on sides of 32 n + 1.
CASES = [
    ("test_resnet", (96, 128)),
    ("resnet10t", (96, 128)),
    ("mobilenetv2_100", (96, 128)),
    ("resnet18", (70, 101)),
    ("resnet10t", (70, 101)),
    ("tf_efficientnet_lite0", (97, 129)),
]


@pytest.mark.parametrize("name, size", CASES, ids=[f"{name} {h}x{w}" for name, (h, w) in CASES])
@pytest.mark.parametrize("stride", [8, 16])
def test_dilated_maps_hold_the_undilated_ones(name: str, size: tuple[int, int], stride: int) -> None:
    plain = randomize_norms(encoder(name)).double().eval()
    dilated = encoder(name, output_stride=stride).double().eval()
    dilated.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        expected, got = plain(images), dilated(images)
    steps = [max(1, full // stride) for full in plain.strides]
    assert dilated.strides == [min(full, stride) for full in plain.strides]
    assert all(level.std() > 1e-6 for level in expected)
    torch.testing.assert_close([level[..., ::step, ::step] for level, step in zip(got, steps, strict=True)], expected)


@pytest.mark.parametrize("name", ["test_efficientnet", "tf_efficientnet_lite0"])
def test_our_fast_dilated_depthwise_layers_give_the_maps_of_timm(name: str) -> None:
    ours = randomize_norms(encoder(name, output_stride=8)).double().eval()
    theirs = timm.create_model(name, features_only=True, output_stride=8).double().eval()
    theirs.load_state_dict(ours.model.state_dict())
    images = torch.randn(1, 3, 75, 93, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images))
