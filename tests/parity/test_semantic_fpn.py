"""The feature pyramid against torchvision's, and Semantic FPN's branch against one written from the paper (Kirillov et al.
2019, section 3.1), with the same weights."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from pixelwise.models.fpn import FeaturePyramid
from tests.models.make import segmenter

Weights = dict[str, torch.Tensor]


def _theirs(ours: Weights) -> Weights:
    return {key.replace("laterals", "inner_blocks").replace("outputs", "layer_blocks"): tensor for key, tensor in ours.items()}


def _randomized(module: nn.Module) -> nn.Module:
    """Biases and affine parameters as after training."""
    for key, parameter in module.named_parameters():
        if key.endswith("bias"):
            nn.init.normal_(parameter, std=0.3)
        elif parameter.ndim == 1:
            nn.init.uniform_(parameter, 0.5, 1.5)
    return module


def test_the_neck_of_semantic_fpn_is_torchvisions() -> None:
    ours = _randomized(FeaturePyramid([8, 12, 16, 20], 24)).double()
    theirs = FeaturePyramidNetwork([8, 12, 16, 20], 24).double()
    theirs.load_state_dict(_theirs(ours.state_dict()), strict=True)
    for sizes in [[(24, 32), (12, 16), (6, 8), (3, 4)], [(25, 33), (13, 17), (7, 9), (4, 5)]]:
        pyramid = [torch.randn(2, c, *s, dtype=torch.float64) for c, s in zip((8, 12, 16, 20), sizes, strict=True)]
        with torch.inference_mode():
            expected = list(theirs({str(level): features for level, features in enumerate(pyramid)}).values())
            torch.testing.assert_close(ours(pyramid), expected, rtol=0, atol=1e-10)
        assert all(level.std() > 1e-3 for level in expected)


def _pyramid(levels: list[torch.Tensor], w: Weights) -> list[torch.Tensor]:
    top, maps = None, []
    for i in reversed(range(4)):
        inner = F.conv2d(levels[i], w[f"decoder.neck.laterals.{i}.0.weight"], w[f"decoder.neck.laterals.{i}.0.bias"])
        top = inner if top is None else inner + F.interpolate(top, inner.shape[2:], mode="nearest")
        maps.insert(0, F.conv2d(top, w[f"decoder.neck.outputs.{i}.0.weight"], w[f"decoder.neck.outputs.{i}.0.bias"], padding=1))
    return maps


def _branch(maps: list[torch.Tensor], w: Weights) -> torch.Tensor:
    """From 1/32 three times (conv, GroupNorm, ReLU, enlarge), from 1/16 twice, from 1/8 once; 1/4 is not enlarged."""
    total = torch.zeros(())
    for i, stages in enumerate((0, 1, 2, 3)):
        x = maps[i]
        for stage in range(max(stages, 1)):
            name = f"decoder.branch.scales.{i}.{stage}"
            x = F.conv2d(x, w[f"{name}.0.weight"], padding=1)
            x = F.relu(F.group_norm(x, 32, w[f"{name}.1.weight"], w[f"{name}.1.bias"]))
            if stages:
                x = F.interpolate(x, maps[i - stage - 1].shape[2:], mode="bilinear", align_corners=False)
        total = total + x
    return total


def test_semantic_fpn_is_the_network_of_the_paper() -> None:
    model = _randomized(segmenter("semantic_fpn", num_classes=7)).double()
    weights = model.state_dict()
    for size in [(64, 96), (57, 89), (65, 49)]:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            pyramid = model.encoder(images)
            coarse = _branch(_pyramid(pyramid[1:], weights), weights)
            expected = F.conv2d(coarse, weights["head.weight"], weights["head.bias"])
            full = F.interpolate(expected, size, mode="bilinear", align_corners=False)
            torch.testing.assert_close(model.head(model.decoder(pyramid, size)), expected, rtol=0, atol=1e-9)
            torch.testing.assert_close(model(images), full, rtol=0, atol=1e-9)
        assert expected.std() > 1e-3
