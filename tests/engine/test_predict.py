"""Tile by tile a model that sees less than half the overlap predicts what it predicts on the whole image."""

import numpy as np
import pytest
import torch

from pixelwise.engine.predict import Tiling, predict_batch
from pixelwise.types import Batch, Record
from tests.engine.make import CPU, TinyNet, make_task

CHANNELS = {"binary": 1, "multiclass": 3, "multilabel": 3}


def make_images(size, how_many=1):
    images = torch.randint(0, 256, (how_many, 3, *size), dtype=torch.uint8)
    return Batch(images, None, tuple(Record(str(i), None) for i in range(how_many)))


@pytest.mark.parametrize("size", [(40, 64), (33, 9), (7, 70)])
@pytest.mark.parametrize("mode", CHANNELS)
def test_tiles_give_what_the_whole_image_gives(mode, size):
    batch, model, task = make_images(size, 2), TinyNet(CHANNELS[mode]).eval(), make_task(mode)
    tiled = predict_batch(task, model, batch, CPU, "fp32", scores=True, tiling=Tiling(whole=1, tile=16, overlap=4))
    whole = predict_batch(task, model, batch, CPU, "fp32", scores=True)
    assert len(tiled) == len(whole) == 2
    for ours, theirs in zip(tiled, whole, strict=True):
        assert ours.size == size
        assert ours.indices.dtype == np.uint8
        assert ours.scores.dtype == np.float16
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)
        assert (ours.indices != theirs.indices).mean() < 1e-3  # a tie may fall the other way in another shape


def test_images_up_to_the_limit_are_predicted_whole_and_larger_ones_in_tiles():
    seen = []

    class Watched(TinyNet):
        def forward(self, images, auxiliary=False):
            seen.append(tuple(images.shape))
            return super().forward(images, auxiliary)

    model, tiling = Watched().eval(), Tiling(whole=400, tile=16, overlap=4)
    predict_batch(make_task(), model, make_images((20, 20), 2), CPU, "fp32", tiling=tiling)
    assert seen == [(2, 3, 20, 20)]
    seen.clear()
    predict_batch(make_task(), model, make_images((20, 21)), CPU, "fp32", tiling=tiling)
    assert seen == [(1, 3, 16, 16)] * 4


def test_scores_are_left_out_unless_asked_for():
    for size in ((8, 8), (40, 40)):
        (result,) = predict_batch(
            make_task(), TinyNet().eval(), make_images(size), CPU, "fp32", tiling=Tiling(whole=100, tile=16, overlap=4)
        )
        assert result.scores is None


def test_nothing_is_left_on_the_tape():
    batch, model = make_images((8, 8)), TinyNet().eval()
    predict_batch(make_task(), model, batch, CPU, "bf16")
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()
