"""Our U-Net against segmentation-models-pytorch's, with the same weights."""

import pytest
import torch

from tests.models.make import segmenter

smp = pytest.importorskip("segmentation_models_pytorch")


def _in_our_words(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.replace("segmentation_head.0", "head"): tensor for key, tensor in theirs.items()}


@pytest.mark.parametrize("encoder", ["test_resnet", "test_convnext", "tf_efficientnet_lite0"])
def test_logits_are_those_of_smp(encoder: str) -> None:
    ours = segmenter("unet", encoder, num_classes=4)
    theirs = smp.Unet(f"tu-{encoder}", encoder_weights=None, classes=4).eval()
    state = ours.state_dict()
    theirs.load_state_dict({key.replace("head.", "segmentation_head.0."): tensor for key, tensor in state.items()})
    assert list(_in_our_words(theirs.state_dict())) == list(state)
    # test_convnext cuts the image into patches of its stride: smp loses what is over, ours pads, so only whole sizes compare.
    sizes = [(64, 96)] if encoder == "test_convnext" else [(64, 96), (65, 99), (47, 83)]
    for size in sizes:
        images = torch.randn(2, 3, *size)
        with torch.inference_mode():
            expected = theirs(images)
            torch.testing.assert_close(ours(images), expected, rtol=1e-4, atol=1e-4)
        assert expected.std() > 1e-3
