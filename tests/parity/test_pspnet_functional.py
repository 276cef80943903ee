"""PSPNet's decoder and heads against a functional network written from the paper (Zhao et al. 2017, section 3)."""

import torch
from torch.nn import functional as F

from tests.models.make import segmenter

Weights = dict[str, torch.Tensor]


def _conv_norm_relu(x: torch.Tensor, w: Weights, name: str, padding: int) -> torch.Tensor:
    x = F.conv2d(x, w[f"{name}.0.weight"], padding=padding)
    mean, var = w[f"{name}.1.running_mean"], w[f"{name}.1.running_var"]
    return F.relu(F.batch_norm(x, mean, var, w[f"{name}.1.weight"], w[f"{name}.1.bias"], eps=1e-5))


def _psp(features: torch.Tensor, w: Weights, size: tuple[int, int]) -> torch.Tensor:
    parts = [features]
    for i, bins in enumerate((1, 2, 3, 6)):
        pooled = _conv_norm_relu(F.adaptive_avg_pool2d(features, bins), w, f"decoder.pooling.branches.{i}", 0)
        parts.append(F.interpolate(pooled, features.shape[2:], mode="bilinear", align_corners=True))
    fused = _conv_norm_relu(torch.cat(parts, dim=1), w, "decoder.bottleneck", 1)
    logits = F.conv2d(fused, w["head.weight"], w["head.bias"])
    return F.interpolate(logits, size, mode="bilinear", align_corners=True)


def test_logits_are_those_of_the_paper() -> None:
    model = segmenter("pspnet", num_classes=7)
    weights = model.state_dict()
    for size in [(64, 96), (57, 89), (65, 49)]:
        images = torch.randn(2, 3, *size)
        with torch.inference_mode():
            pyramid = model.encoder(images)
            expected = _psp(pyramid[-1], weights, size)
            second = F.conv2d(
                _conv_norm_relu(pyramid[-2], weights, "auxiliary.reduce", 1),
                weights["auxiliary.classifier.weight"],
                weights["auxiliary.classifier.bias"],
            )
            got = model(images, auxiliary=True)
        torch.testing.assert_close(got.logits, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            got.auxiliary[0], F.interpolate(second, size, mode="bilinear", align_corners=True), rtol=1e-4, atol=1e-4
        )
        assert expected.std() > 1e-3
