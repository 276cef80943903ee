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


@pytest.mark.parametrize("encoder", ["resnet18", "test_resnet"])
def test_with_scse_logits_are_those_of_smp(encoder: str) -> None:
    ours = segmenter("unet", encoder, num_classes=4, attention="scse").double()
    theirs = smp.Unet(f"tu-{encoder}", encoder_weights=None, classes=4, decoder_attention_type="scse").double().eval()
    state = {_in_their_words(key): tensor for key, tensor in ours.state_dict().items()}
    # In smp blocks without a skip hold an attention that is never called.
    unused = {key: tensor for key, tensor in theirs.state_dict().items() if _is_unused(key, ours)}
    assert len(unused) == 6
    theirs.load_state_dict({**state, **unused}, strict=True)
    for size in [(65, 99), (47, 83)]:
        images = torch.randn(1, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            features = theirs.decoder(theirs.encoder(images))
            expected = theirs.segmentation_head(features)
            assert (ours.decoder(ours.encoder(images), size) - features).abs().max() <= 1e-5
            assert (ours(images) - expected).abs().max() <= 1e-5
        assert expected.std() > 1e-3
        assert features.std() > 1e-3


_NAMES = {
    "head.": "segmentation_head.0.",
    ".attention1.channel.squeeze.": ".attention1.attention.cSE.1.",
    ".attention1.channel.excite.": ".attention1.attention.cSE.3.",
    ".attention1.place.": ".attention1.attention.sSE.0.",
    ".attention2.channel.squeeze.": ".attention2.attention.cSE.1.",
    ".attention2.channel.excite.": ".attention2.attention.cSE.3.",
    ".attention2.place.": ".attention2.attention.sSE.0.",
}


def _in_their_words(key: str) -> str:
    for own, other in _NAMES.items():
        key = other + key.removeprefix(own) if key.startswith(own) else key.replace(own, other)
    return key


def _is_unused(key: str, ours: torch.nn.Module) -> bool:
    without = [f"decoder.blocks.{index}.attention1." for index, (_, level) in enumerate(ours.decoder.steps) if level is None]
    return key.startswith(tuple(without))
