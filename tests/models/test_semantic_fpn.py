import pytest
import torch
from torch import nn

from pixelwise.errors import ConfigError
from pixelwise.models.encoder import encoder
from pixelwise.models.semantic_fpn import SemanticBranch, semantic_fpn
from tests.models.make import segmenter


def test_it_is_the_network_of_the_paper() -> None:
    built = semantic_fpn(encoder("test_resnet"), 54)
    decoder = built.decoder
    assert [output[0].weight.shape for output in decoder.neck.outputs] == [(256, 256, 3, 3)] * 4
    assert [len(steps) for steps in decoder.branch.scales] == [1, 1, 2, 3]
    assert [steps[0][0].weight.shape for steps in decoder.branch.scales] == [(128, 256, 3, 3)] * 4
    assert {(norm.num_groups, norm.num_channels) for norm in decoder.modules() if isinstance(norm, nn.GroupNorm)} == {(32, 128)}
    assert built.head.weight.shape == (54, 128, 1, 1)


@pytest.mark.parametrize("name, read", [("test_resnet", [False, True, True, True, True]), ("test_convnext", [True] * 4)])
def test_levels_of_stride_4_and_coarser_are_read(name: str, read: list[bool]) -> None:
    model = segmenter("semantic_fpn", name)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.decoder(pyramid, (64, 64))
        assert before.shape == (1, 64, 16, 16)
        for level, is_read in enumerate(read):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert torch.allclose(model.decoder(changed, (64, 64)), before) is not is_read


def test_a_level_is_enlarged_twofold_after_each_step() -> None:
    branch, sizes = SemanticBranch([4, 8, 16, 32], 8, 32), []
    for step in branch.scales[3]:
        step.register_forward_hook(lambda _, given, __: sizes.append(tuple(given[0].shape[2:])))
    assert branch([torch.randn(1, 8, s, 3 * s // 2) for s in (16, 8, 4, 2)]).shape == (1, 32, 16, 24)
    assert sizes == [(2, 3), (4, 6), (8, 12)]


def test_a_dilated_encoder_takes_fewer_steps() -> None:
    built = segmenter("semantic_fpn", encoder_output_stride=8)
    assert [len(steps) for steps in built.decoder.branch.scales] == [1, 1, 1, 1]
    assert built(torch.randn(1, 3, 50, 70)).shape == (1, 5, 50, 70)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"width": 0}, "width must be a positive whole number, got 0"),
        ({"pyramid_width": 2.5}, r"pyramid_width must be a positive whole number, got 2\.5"),
        ({"dropout": 1}, "dropout must be at least 0 and less than 1, got 1"),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        semantic_fpn(encoder("test_resnet"), 2, **options)


def test_an_encoder_without_a_map_of_stride_4_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'test_vit' has strides 16.*but semantic_fpn needs maps of stride 4"):
        semantic_fpn(encoder("test_vit"), 2)
