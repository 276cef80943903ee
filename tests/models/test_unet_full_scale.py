import pytest
import torch

from pixelwise.errors import ConfigError
from pixelwise.models.create import create
from pixelwise.models.encoder import encoder
from pixelwise.models.unet_full_scale import PresenceHead, unet3plus
from tests.models.make import segmenter


def test_it_is_the_decoder_of_the_paper() -> None:
    """Five scales, 64 channels from each, 320 at every level of the decoder (section 2.1)."""
    with torch.device("meta"):
        model = unet3plus(encoder("test_resnet"), 7)
    channels, decoder = model.encoder.channels, model.decoder
    assert decoder.out_channels == 320
    assert [layer[0].weight.shape for layer in decoder.fuse] == [(320, 320, 3, 3)] * 4
    read = [[branch[0].in_channels for branch in branches] for branches in decoder.branches]
    assert read == [channels[: i + 1] + [320] * (3 - i) + [channels[4]] for i in range(4)]
    assert all(branch[0].weight.shape[0] == 64 for branches in decoder.branches for branch in branches)
    assert [head.weight.shape for head in [*model.deep, model.head]] == [(7, channels[4], 3, 3)] + [(7, 320, 3, 3)] * 4


@pytest.mark.parametrize(
    "name, options", [("test_resnet", {}), ("test_convnext", {}), ("test_resnet", {"encoder_output_stride": 8})]
)
def test_every_map_of_the_decoder_reads_every_level(name: str, options: dict) -> None:
    model = segmenter("unet3plus", name, **options)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.decoder.maps(pyramid, (64, 64))
        assert [m.shape[2:] for m in before] == [level.shape[2:] for level in reversed(pyramid)]
        for level in range(len(pyramid)):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            after = model.decoder.maps(changed, (64, 64))
            assert not any(torch.allclose(a, b) for a, b in zip(after[1:], before[1:], strict=True)), f"level {level}"


def test_deep_supervision_has_one_output_for_each_level_and_can_be_left_out() -> None:
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        prediction = segmenter("unet3plus")(images, auxiliary=True)
        assert [logits.shape for logits in prediction.auxiliary] == [(1, 5, 50, 70)] * 4
        assert segmenter("unet3plus", deep_supervision=False)(images, auxiliary=True).auxiliary == ()


def test_the_image_level_head_answers_with_the_largest_value_of_each_class() -> None:
    model = segmenter("unet3plus", image_head=True)
    images = torch.randn(2, 3, 50, 70)
    with torch.inference_mode():
        coarsest = model.encoder(images)[-1]
        answers = model(images, auxiliary=True).image
        torch.testing.assert_close(answers, model.image_head.classifier(coarsest).amax((2, 3)))
    assert answers.shape == (2, 5)
    assert segmenter("unet3plus")(images, auxiliary=True).image is None


def test_the_image_level_head_takes_signals_and_volumes() -> None:
    for dims in (1, 2, 3):
        assert PresenceHead(4, 3, dims=dims)([torch.randn(2, 4, *[5] * dims)]).shape == (2, 3)


@pytest.mark.parametrize("width", [0, 2.5, "wide"])
def test_a_width_that_is_not_allowed_is_refused(width: object) -> None:
    with pytest.raises(ConfigError, match=f"width must be a positive whole number, got {width!r}"):
        unet3plus(encoder("test_resnet"), 2, width=width)


@pytest.mark.parametrize("dims, size", [(1, (37,)), (3, (9, 14, 7))])
def test_signals_and_volumes_have_logits_of_their_size(dims: int, size: tuple[int, ...]) -> None:
    options = {"dims": dims, "encoder_widths": [4, 8, 12, 16], "deep_supervision": True, "width": 4}
    model = create("unet3plus", "plain", num_classes=2, options=options).eval()
    with torch.inference_mode():
        prediction = model(torch.randn(2, 3, *size), auxiliary=True)
    assert [logits.shape for logits in (prediction.logits, *prediction.auxiliary)] == [(2, 2, *size)] * 4


def test_an_encoder_with_a_single_stride_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'test_vit' has the single stride 16, but unet3plus needs maps of several sizes"):
        unet3plus(encoder("test_vit"), 2)
