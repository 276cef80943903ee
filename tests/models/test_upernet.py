import pytest
import torch

from pixelwise.errors import ConfigError
from pixelwise.models.encoder import encoder
from pixelwise.models.upernet import upernet
from tests.models.make import segmenter


def test_it_is_the_network_of_the_paper() -> None:
    built = upernet(encoder("test_resnet"), 150)
    channels = built.encoder.channels
    decoder = built.decoder
    assert decoder.context.bins == (1, 2, 3, 6)
    assert [branch[0].weight.shape for branch in decoder.context.branches] == [(512, channels[-1], 1, 1)] * 4
    assert decoder.bottleneck[0].weight.shape == (512, channels[-1] + 4 * 512, 3, 3)
    assert [lateral[0].weight.shape for lateral in decoder.laterals] == [(512, given, 1, 1) for given in channels[1:-1]]
    assert [output[0].weight.shape for output in decoder.outputs] == [(512, 512, 3, 3)] * 3
    assert decoder.fuse[0].weight.shape == (512, 4 * 512, 3, 3)
    assert built.head.weight.shape == (150, 512, 1, 1)
    assert built.align_corners is False


@pytest.mark.parametrize("name, read", [("test_resnet", [False, True, True, True, True]), ("test_convnext", [True] * 4)])
def test_levels_of_stride_4_and_coarser_are_read(name: str, read: list[bool]) -> None:
    model = segmenter("upernet", name)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.decoder(pyramid, (64, 64))
        assert before.shape == (1, 32, 16, 16)
        for level, is_read in enumerate(read):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert torch.allclose(model.decoder(changed, (64, 64)), before) is not is_read


def test_skips_are_added() -> None:
    decoder = segmenter("upernet").decoder
    inputs: list[torch.Tensor] = []
    for output in decoder.outputs:
        output.register_forward_hook(lambda _, given, __: inputs.append(given[0]))
    pyramid = [torch.randn(1, c, s, s) for c, s in zip(segmenter("upernet").encoder.channels, (32, 16, 8, 4, 2), strict=True)]
    with torch.inference_mode():
        decoder(pyramid, (64, 64))
        top = decoder.bottleneck(decoder.context(pyramid[4]))
        enlarged = torch.nn.functional.interpolate(top, (4, 4), mode="bilinear")
        torch.testing.assert_close(inputs[2], decoder.laterals[2](pyramid[3]) + enlarged)


def test_without_auxiliary_head_the_prediction_has_none() -> None:
    prediction = segmenter("upernet", auxiliary=False)(torch.randn(1, 3, 64, 64), auxiliary=True)
    assert prediction.auxiliary == ()


@pytest.mark.parametrize(
    "options, says",
    [
        ({"bins": (0,)}, r"bins must be positive whole numbers such as \(1, 2, 3, 6\), got \(0,\)"),
        ({"width": 0}, "width must be a positive whole number, got 0"),
        ({"dropout": "much"}, "dropout must be at least 0 and less than 1, got 'much'"),
        ({"context": "ocr"}, "context must be one of none, ppm, spp, aspp, got 'ocr'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        upernet(encoder("test_resnet"), 2, **options)


def test_an_encoder_without_a_map_of_stride_4_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'test_vit' has strides 16.*but upernet needs maps of stride 4"):
        upernet(encoder("test_vit"), 2)
