"""DeepLabv3 and its pyramid pooling against torchvision's, with the same weights."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import deeplabv3_resnet50
from torchvision.models.segmentation.deeplabv3 import ASPP as TorchvisionASPP

from pixelwise.models.aspp import ASPP
from tests.models.make import randomize_norms, segmenter

POOLING = {  # ours -> theirs, three rates
    **{f"branches.{branch}.{layer}.": f"convs.{branch}.{layer}." for branch in range(4) for layer in (0, 1)},
    "pooled.0.": "convs.4.1.",
    "pooled.1.": "convs.4.2.",
    "projection.0.": "project.0.",
    "projection.1.": "project.1.",
}
NETWORK = {
    "encoder.model.": "backbone.",
    **{f"decoder.aspp.{ours}": f"classifier.0.{theirs}" for ours, theirs in POOLING.items()},
    "decoder.bottleneck.0.": "classifier.1.",
    "decoder.bottleneck.1.": "classifier.2.",
    "head.": "classifier.4.",
    "auxiliary.reduce.0.": "aux_classifier.0.",
    "auxiliary.reduce.1.": "aux_classifier.1.",
    "auxiliary.classifier.": "aux_classifier.4.",
}


def _renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, tensor in state.items():
        prefix = next(prefix for prefix in names if key.startswith(prefix))
        found[names[prefix] + key.removeprefix(prefix)] = tensor
    return found


@pytest.mark.parametrize("size", [(19, 33), (5, 7)])
def test_the_pyramid_pooling_is_that_of_torchvision(size: tuple[int, int]) -> None:
    ours: nn.Module = randomize_norms(ASPP(24, 16, (2, 4, 6))).double().eval()
    theirs = TorchvisionASPP(24, [2, 4, 6], 16).double().eval()
    theirs.load_state_dict(_renamed(ours.state_dict(), POOLING), strict=True)
    features = torch.randn(2, 24, *size, dtype=torch.float64)
    with torch.inference_mode():
        expected = theirs(features)
        torch.testing.assert_close(ours(features), expected, rtol=0, atol=1e-9)
    assert expected.std() > 1e-3


def test_deeplabv3_is_that_of_torchvision() -> None:
    options = {"bottleneck": True, "dropout": 0.5, "auxiliary": True, "align_corners": False, "encoder_output_stride": 8}
    ours = segmenter("deeplabv3", "resnet50", num_classes=7, **options).double()
    with torch.device("meta"):
        theirs = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=7, aux_loss=True).eval()
    theirs.load_state_dict(_renamed(ours.state_dict(), NETWORK), strict=True, assign=True)
    size = (25, 121)  # the taps of the first rate, 12, meet the map of 4x16 on one side
    images = torch.randn(1, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        pyramid, maps = ours.encoder(images), theirs.backbone(images)
        coarse, expected, got = theirs.classifier(maps["out"]), theirs(images), ours(images, auxiliary=True)
        torch.testing.assert_close(ours.head(ours.decoder(pyramid, size)), coarse, rtol=0, atol=1e-9)
        torch.testing.assert_close(ours.auxiliary(pyramid), theirs.aux_classifier(maps["aux"]), rtol=0, atol=1e-9)
        torch.testing.assert_close(got.logits, expected["out"], rtol=0, atol=1e-9)
        torch.testing.assert_close(got.auxiliary[0], expected["aux"], rtol=0, atol=1e-9)
        enlarged = F.interpolate(coarse, size, mode="bilinear", align_corners=True)
    assert min(coarse.std(), expected["aux"].std()) > 1e-3
    assert (enlarged - expected["out"]).abs().max() > 1e-3  # the other way to enlarge would be seen
