"""DeepLabv3 against segmentation-models-pytorch's, with the same weights, and those pieces of v3+ in which both agree.

Its v3+ is not the paper's as a whole: one separable convolution after the pyramid pooling and one after the join in place of two
after the join, and no normalisation between depthwise and pointwise.
"""

import pytest
import torch
from torch import Tensor

from tests.models.make import randomize_norms, segmenter

smp = pytest.importorskip("segmentation_models_pytorch")

POOLING = {  # ours -> theirs
    **{f"branches.{branch}.{layer}.": f"convs.{branch}.{layer}." for branch in range(4) for layer in (0, 1)},
    "pooled.0.": "convs.4.1.",
    "pooled.1.": "convs.4.2.",
    "projection.": "project.",
}
NETWORK = {
    "encoder.": "encoder.",
    **{f"decoder.aspp.{ours}": f"decoder.aspp.{theirs}" for ours, theirs in POOLING.items()},
    "decoder.bottleneck.0.": "decoder.conv.",
    "decoder.bottleneck.1.": "decoder.bn.",
    "head.": "segmentation_head.0.",
}


def _renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, tensor in state.items():
        prefix = next(prefix for prefix in names if key.startswith(prefix))
        found[names[prefix] + key.removeprefix(prefix)] = tensor
    return found


def test_deeplabv3_is_that_of_smp() -> None:
    ours = segmenter("deeplabv3", "resnet50", num_classes=4, bottleneck=True, encoder_output_stride=8).double()
    with torch.device("meta"):
        theirs = smp.DeepLabV3("tu-resnet50", encoder_weights=None, encoder_output_stride=8, classes=4).eval()
    theirs.load_state_dict(_renamed(ours.state_dict(), NETWORK), strict=True, assign=True)
    images = torch.randn(1, 3, 24, 136, dtype=torch.float64)  # smp takes multiples of 8 only
    with torch.inference_mode():
        coarse = theirs.segmentation_head[0](theirs.decoder(theirs.encoder(images)))
        torch.testing.assert_close(ours.head(ours.decoder(ours.encoder(images), (24, 136))), coarse, rtol=0, atol=1e-9)
        torch.testing.assert_close(ours(images), theirs(images), rtol=0, atol=1e-9)
    assert coarse.std() > 1e-3


def test_pieces_of_deeplabv3plus_are_those_of_smp() -> None:
    ours = segmenter("deeplabv3plus", "resnet18", separable=False).double()
    theirs = smp.DeepLabV3Plus(
        "tu-resnet18",
        encoder_weights=None,
        encoder_output_stride=16,
        decoder_atrous_rates=(6, 12, 18),
        decoder_aspp_separable=False,
    )
    randomize_norms(theirs).double().eval()
    theirs.encoder.load_state_dict(ours.encoder.state_dict(), strict=True)
    theirs.decoder.aspp[0].load_state_dict(_renamed(ours.decoder.aspp.state_dict(), POOLING), strict=True)
    theirs.decoder.block1.load_state_dict(ours.decoder.low.state_dict(), strict=True)
    images = torch.randn(2, 3, 57, 83, dtype=torch.float64)
    with torch.inference_mode():
        pyramid, maps = ours.encoder(images), theirs.encoder(images)
        torch.testing.assert_close(pyramid, maps[1:], rtol=0, atol=1e-9)
        pooled, low = theirs.decoder.aspp[0](maps[-1]), theirs.decoder.block1(maps[2])
        torch.testing.assert_close(ours.decoder.aspp(pyramid[-1]), pooled, rtol=0, atol=1e-9)
        torch.testing.assert_close(ours.decoder.low(pyramid[ours.decoder.level]), low, rtol=0, atol=1e-9)
    assert min(pooled.std(), low.std()) > 1e-3
