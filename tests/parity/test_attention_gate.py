"""The attention gate and the blocks of the U-Net against functional networks written from the papers."""

import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.attention import AttentionGate
from tests.models.make import segmenter

Weights = dict[str, torch.Tensor]


def _gate(skip: torch.Tensor, signal: torch.Tensor, w: Weights, key: str) -> torch.Tensor:
    """Oktay et al. 2018, equations 1 and 2, with the sums over channels written out."""
    coarse = F.interpolate(skip, signal.shape[2:], mode="bilinear", align_corners=False)
    of_skip = torch.einsum("fc,bchw->bfhw", w[f"{key}.of_skip.weight"].flatten(1), coarse)
    of_gate = torch.einsum("fc,bchw->bfhw", w[f"{key}.of_gate.weight"].flatten(1), signal)
    hidden = (of_skip + of_gate + w[f"{key}.of_gate.bias"][:, None, None]).clamp(min=0)
    question = (hidden * w[f"{key}.psi.weight"][0]).sum(1, keepdim=True) + w[f"{key}.psi.bias"]
    alpha = 1 / (1 + (-question).exp())
    return skip * F.interpolate(alpha, skip.shape[2:], mode="bilinear", align_corners=False)


@pytest.mark.parametrize("fine, coarse", [((8, 12), (4, 6)), ((9, 13), (5, 7))])
def test_the_gate_computes_the_equations_of_the_paper(fine: tuple[int, int], coarse: tuple[int, int]) -> None:
    gate = AttentionGate(6, 10).double()
    torch.nn.init.normal_(gate.of_gate.bias)
    skip, signal = torch.randn(2, 6, *fine).double(), torch.randn(2, 10, *coarse).double()
    with torch.inference_mode():
        got = gate(skip, signal)
        expected = _gate(skip, signal, {f"gate.{key}": tensor for key, tensor in gate.state_dict().items()}, "gate")
    assert (got - expected).abs().max() <= 1e-12
    assert (got / skip).std() > 1e-3


def test_on_whole_factors_the_skip_comes_down_as_the_mean_of_its_pixels() -> None:
    gate = AttentionGate(6, 10).double()
    skip, signal = torch.randn(2, 6, 8, 12).double(), torch.randn(2, 10, 4, 6).double()
    with torch.inference_mode():
        repeated = F.interpolate(F.avg_pool2d(skip, 2), scale_factor=2, mode="nearest")
        torch.testing.assert_close(gate.weights(skip, signal), gate.weights(repeated, signal))


@pytest.mark.parametrize("size", [(64, 96), (65, 99), (47, 83)])
def test_logits_of_the_attention_unet_are_those_of_the_paper(size: tuple[int, int]) -> None:
    model = segmenter("unet", num_classes=4, skip="gated").double()
    w = model.state_dict()
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        pyramid = model.encoder(images)
        features = pyramid[-1]
        for index, skip in enumerate([*pyramid[-2::-1], None]):
            key = f"decoder.blocks.{index}"
            target = size if skip is None else skip.shape[2:]
            larger = F.interpolate(features, target, mode="nearest")
            if skip is not None:
                larger = torch.cat([larger, _gate(skip, features, w, f"{key}.gate")], 1)
            features = _conv_norm_relu(_conv_norm_relu(larger, w, f"{key}.conv1"), w, f"{key}.conv2")
        expected = F.conv2d(features, w["head.weight"], w["head.bias"], padding=1)
        assert (model.decoder(pyramid, size) - features).abs().max() <= 1e-5
        assert (model(images) - expected).abs().max() <= 1e-5
    assert expected.std() > 1e-3


def _conv_norm_relu(x: torch.Tensor, w: Weights, key: str) -> torch.Tensor:
    x = F.conv2d(x, w[f"{key}.0.weight"], padding=1)
    mean, var = w[f"{key}.1.running_mean"], w[f"{key}.1.running_var"]
    return F.relu(F.batch_norm(x, mean, var, w[f"{key}.1.weight"], w[f"{key}.1.bias"], eps=1e-5))
