"""What docs/explanation/resnet.md says of residual networks, and the script that draws its pictures."""

import importlib.util
from types import ModuleType

import numpy as np
import pytest
import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn

from pixelwise.models.anatomy import anatomy, blueprint
from tests.plan.tree import ROOT

PAGE = (ROOT / "docs" / "explanation" / "resnet.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_figures", ROOT / "docs" / "make_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_drawn_shown_and_small(figures: ModuleType):
    for name in figures.FIGURES:
        assert f"images/{name}" in PAGE
        assert (figures.FOLDER / name).stat().st_size < 150_000


@pytest.mark.parametrize("block, last", [(BasicBlock(16, 16), "bn2"), (Bottleneck(16, 4), "bn3")], ids=["basic", "bottleneck"])
def test_a_residual_block_whose_last_scale_is_zero_is_the_identity(block: nn.Module, last: str):
    block.eval()
    features = torch.rand(2, 16, 9, 7)
    assert not torch.equal(block(features), features)
    nn.init.zeros_(getattr(block, last).weight)
    assert torch.equal(block(features), features)


def test_gradients_reach_the_first_block_of_a_residual_stack_and_not_of_a_plain_one(figures: ModuleType):
    plain, residual = ({depth: figures.gradient_norms(depth, kind)[0] for depth in (20, 50)} for kind in (False, True))
    assert 1e-17 < plain[20] < 1e-15
    assert plain[50] < torch.finfo(torch.float32).tiny
    assert all(0.5 < norm < 5 for norm in residual.values())
    assert [round(norm, 1) for norm in residual.values()] == [1.3, 2.9]  # the numbers of the page


def test_the_centre_weighs_more_than_the_edge_of_what_is_seen(figures: ModuleType):
    seen = figures.effective_field("test_resnet", 4, side=64, images=2)
    middle, edge = seen[24:40, 24:40].mean(), np.concatenate([seen[:4].ravel(), seen[-4:].ravel()]).mean()
    assert middle > 5 * edge


def test_stage_4_and_5_cost_4_and_16_times_as_much_at_stride_8():
    def costs(stride: int) -> list[int]:
        model = blueprint("unet", "resnet50", options={"encoder_output_stride": stride})
        return [part.multiply_adds for part in anatomy(model, (256, 256), fields=False).parts[:5]]

    ratios = [fine / coarse for fine, coarse in zip(costs(8), costs(32), strict=True)]
    assert ratios[:3] == [1, 1, 1]
    assert 3.5 < ratios[3] <= 4
    assert 14 < ratios[4] <= 16
