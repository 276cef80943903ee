"""The a-trous law for aligned Xception-65, the encoder of the DeepLabv3+ paper: it holds as for ResNets."""

import torch

from pixelwise.models.encoder import encoder
from tests.models.make import randomize_norms


def test_dilated_maps_of_aligned_xception_hold_the_undilated_ones() -> None:
    plain = randomize_norms(encoder("xception65")).eval()
    images = torch.randn(1, 3, 33, 47)
    with torch.inference_mode():
        expected = plain(images)
    assert all(level.std() > 1e-2 for level in expected)
    for stride in (8, 16):
        with torch.device("meta"):
            dilated = encoder("xception65", output_stride=stride).eval()
        dilated.load_state_dict(plain.state_dict(), strict=True, assign=True)
        with torch.inference_mode():
            got = dilated(images)
        steps = [max(1, full // stride) for full in plain.strides]
        assert dilated.strides == [min(full, stride) for full in plain.strides]
        held = [level[..., ::step, ::step] for level, step in zip(got, steps, strict=True)]
        torch.testing.assert_close(held, expected, rtol=0, atol=1e-5)
