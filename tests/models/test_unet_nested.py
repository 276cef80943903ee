import pytest
import torch
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.create import create
from pixelwise.models.encoder import encoder
from pixelwise.models.unet_nested import unetplusplus
from tests.models.make import segmenter

NODES = ["x_0_1", "x_1_1", "x_2_1", "x_3_1", "x_0_2", "x_1_2", "x_2_2", "x_0_3", "x_1_3", "x_0_4"]


def test_it_has_the_nodes_of_figure_1() -> None:
    decoder = unetplusplus(encoder("test_resnet"), 2).decoder
    channels = encoder("test_resnet").channels
    assert list(decoder.nodes) == NODES
    assert [decoder.nodes[f"x_{row}_{4 - row}"].conv2[0].out_channels for row in range(4)] == [32, 64, 128, 256]
    assert [decoder.nodes[f"x_{row}_1"].conv2[0].out_channels for row in range(3)] == channels[:3]
    # X[0][3] reads X[0][0..2] and the enlarged X[1][2].
    assert decoder.nodes["x_0_3"].conv1[0].in_channels == 3 * channels[0] + channels[1]
    assert [block.conv2[0].out_channels for block in decoder.blocks] == [16]


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
def test_every_node_reads_every_level_that_it_stands_above(name: str) -> None:
    decoder = segmenter("unetplusplus", name, deep_supervision=True).decoder
    with torch.inference_mode():
        pyramid = segmenter("unetplusplus", name).encoder(torch.randn(1, 3, 64, 64))
        before = decoder.maps(pyramid, (64, 64))
        for level in range(len(pyramid)):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            differ = [not torch.allclose(a, b) for a, b in zip(decoder.maps(changed, (64, 64)), before, strict=True)]
            assert differ == [branch >= level for branch in range(1, len(pyramid))]


def test_the_output_in_accurate_mode_is_the_mean_of_all_branches() -> None:
    model = segmenter("unetplusplus", deep_supervision=True)
    images = torch.randn(2, 3, 50, 70)
    with torch.inference_mode():
        *inner, last = model.decoder.maps(model.encoder(images), (50, 70))
        small = [head(features) for head, features in zip(model.deep, inner, strict=True)]
        branches = [F.interpolate(logits, (50, 70), mode="bilinear") for logits in small] + [model.head(last)]
        prediction = model(images, auxiliary=True)
        assert torch.equal(model(images), prediction.logits)
    torch.testing.assert_close(list(prediction.auxiliary), branches)
    torch.testing.assert_close(prediction.logits, torch.stack(branches).mean(0))
    assert len({round(float(branch.std()), 4) for branch in branches}) == 4


def test_the_last_branch_alone_gives_the_output_when_it_is_asked_for() -> None:
    mean, last = (segmenter("unetplusplus", deep_supervision=True, output=output) for output in ("mean", "last"))
    last.load_state_dict(mean.state_dict())
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        of_mean, of_last = mean(images, auxiliary=True), last(images, auxiliary=True)
        assert torch.equal(last(images), of_last.logits)
    torch.testing.assert_close(of_last.logits, of_mean.auxiliary[-1])
    torch.testing.assert_close(list(of_last.auxiliary), list(of_mean.auxiliary[:-1]))


def test_every_branch_of_a_network_with_deep_supervision_is_trained() -> None:
    model = segmenter("unetplusplus", deep_supervision=True).train()
    prediction = model(torch.randn(2, 3, 64, 64), auxiliary=True)
    sum(logits.square().mean() for logits in prediction.auxiliary).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_without_the_last_blocks_the_logits_are_enlarged_to_the_size_of_the_image() -> None:
    model = segmenter("unetplusplus", widths=(32, 16, 8, 8))
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        assert model.decoder(model.encoder(images), (50, 70)).shape == (1, 8, 25, 35)
        assert model(images).shape == (1, 5, 50, 70)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"widths": (64, 32, 16)}, "widths must be 4 to 5 positive whole numbers for encoder 'test_resnet', got .64, 32, 16."),
        ({"widths": (64, 64, 64, 64, 32, 16)}, "widths must be 4 to 5"),
        ({"widths": (64, 32, 16, 0)}, "widths must be 4 to 5"),
        ({"widths": 64}, "widths must be 4 to 5"),
        ({"output": "first"}, "output must be 'mean' or 'last', got 'first'"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        unetplusplus(encoder("test_resnet"), 2, **options)


@pytest.mark.parametrize("dims, size", [(1, (37,)), (3, (9, 14, 7))])
def test_signals_and_volumes_have_logits_of_their_size(dims: int, size: tuple[int, ...]) -> None:
    options = {"dims": dims, "encoder_widths": [4, 8, 12, 16], "deep_supervision": True, "widths": [8, 6, 4]}
    model = create("unetplusplus", "plain", num_classes=2, options=options).eval()
    with torch.inference_mode():
        prediction = model(torch.randn(2, 3, *size), auxiliary=True)
    assert [logits.shape for logits in (prediction.logits, *prediction.auxiliary)] == [(2, 2, *size)] * 4


def test_an_encoder_with_a_single_stride_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'test_vit' has the single stride 16, but unetplusplus needs maps of several sizes"):
        unetplusplus(encoder("test_vit"), 2)
