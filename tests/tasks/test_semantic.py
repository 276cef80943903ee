"""The semantic task: the mode decides channels, losses, decision and metric together."""

import numpy as np
import pytest
import torch
from torch import nn

from pixelwise.errors import DataError
from pixelwise.losses.border import border_weights
from pixelwise.losses.pixel import binary_cross_entropy, cross_entropy
from pixelwise.losses.region import binary_dice, dice
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.models.segmenter import Prediction
from pixelwise.tasks.semantic import LossWeights, SemanticTask, decode, normalize, presence, semantic_loss
from pixelwise.types import IGNORE_INDEX, Batch, ClassTable, Record

MODES = ["binary", "multiclass", "multilabel"]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Fixed(nn.Module):
    """Answers every image with the same logits."""

    def __init__(self, logits, *auxiliary, image=None):
        super().__init__()
        self.logits, self.auxiliary, self.image = nn.Parameter(logits), auxiliary, image

    def forward(self, images, auxiliary=False):
        return Prediction(self.logits, self.auxiliary, self.image) if auxiliary else self.logits


def make_task(mode, **options):
    return SemanticTask(ClassTable.from_ids(range(2 if mode == "binary" else 4)), mode, MEAN, STD, **options)


def make_batch(mode, size=(2, 8, 6)):
    shape = (size[0], 4, *size[1:]) if mode == "multilabel" else size
    targets = torch.randint(0, 4 if mode == "multiclass" else 2, shape, dtype=torch.uint8)
    targets[torch.rand(shape) < 0.2] = IGNORE_INDEX
    images = torch.randint(0, 256, (size[0], 3, *size[1:]), dtype=torch.uint8)
    return Batch(images, targets, tuple(Record(str(i), None) for i in range(size[0])))


def logits_for(targets, mode, certainty=20.0):
    """Logits that answer exactly ``targets``."""
    known = targets.long().masked_fill(targets == IGNORE_INDEX, 0)
    if mode == "multiclass":
        return certainty * nn.functional.one_hot(known, 4).permute(0, 3, 1, 2).float()
    signs = certainty * (2 * known.float() - 1)
    return signs.unsqueeze(1) if mode == "binary" else signs


@pytest.mark.parametrize(
    "mode, channels, metric",
    [("binary", 1, ConfusionMatrix), ("multiclass", 4, ConfusionMatrix), ("multilabel", 4, MultilabelConfusion)],
)
def test_the_mode_decides_the_channels_and_the_metric(mode, channels, metric):
    task = make_task(mode)
    assert task.num_channels == channels
    assert isinstance(task.metrics()["confusion"], metric)
    assert task.metrics()["confusion"] is not task.metrics()["confusion"]


@pytest.mark.parametrize("mode", MODES)
def test_the_mode_decides_the_losses(mode):
    batch, task = make_batch(mode), make_task(mode)
    logits = torch.randn(2, task.num_channels, 8, 6)
    wanted = batch.targets.unsqueeze(1) if mode == "binary" else batch.targets
    pixel, region = (cross_entropy, dice) if mode == "multiclass" else (binary_cross_entropy, binary_dice)
    losses = task.loss(Fixed(logits), batch)
    assert list(losses) == ["cross_entropy", "dice"]
    torch.testing.assert_close(losses["cross_entropy"], pixel(logits, wanted))
    torch.testing.assert_close(losses["dice"], region(logits, wanted))


@pytest.mark.parametrize("mode", MODES)
def test_each_weight_multiplies_its_loss_and_zero_leaves_it_out(mode):
    batch, task = make_batch(mode), make_task(mode)
    logits = torch.randn(2, task.num_channels, 8, 6)
    plain = semantic_loss(logits, batch.targets, mode, LossWeights())
    weighted = semantic_loss(logits, batch.targets, mode, LossWeights(cross_entropy=0.5, dice=3))
    torch.testing.assert_close(weighted, {"cross_entropy": 0.5 * plain["cross_entropy"], "dice": 3 * plain["dice"]})
    assert list(semantic_loss(logits, batch.targets, mode, LossWeights(dice=0))) == ["cross_entropy"]
    assert list(semantic_loss(logits, batch.targets, mode, LossWeights(cross_entropy=0))) == ["dice"]
    smooth = semantic_loss(logits, batch.targets, mode, LossWeights(label_smoothing=0.1))
    assert smooth["cross_entropy"] != plain["cross_entropy"]


@pytest.mark.parametrize("mode", MODES)
def test_border_weights_multiply_the_cross_entropy_of_the_main_logits_alone(mode):
    batch, task = make_batch(mode, (2, 16, 12)), make_task(mode, weights=LossWeights(border=10, border_sigma=2))
    logits, second = torch.randn(2, 2, task.num_channels, 16, 12)
    plain = make_task(mode).loss(Fixed(logits, second), batch)
    got = task.loss(Fixed(logits, second), batch)
    weights = border_weights(batch.targets, 10, 2)
    if mode == "multiclass":
        expected = cross_entropy(logits, batch.targets, weights=weights)
    else:
        shaped = [x.unsqueeze(1) if mode == "binary" else x for x in (batch.targets, weights)]
        expected = binary_cross_entropy(logits, shaped[0], weights=shaped[1])
    assert expected > 2 * plain["cross_entropy"]
    torch.testing.assert_close(got, {**plain, "cross_entropy": expected})


@pytest.mark.parametrize("mode", MODES)
def test_the_auxiliary_loss_is_cross_entropy_times_its_weight(mode):
    batch, task = make_batch(mode), make_task(mode)
    logits, second = torch.randn(2, 2, task.num_channels, 8, 6)
    losses = task.loss(Fixed(logits, second), batch)
    expected = 0.4 * semantic_loss(second, batch.targets, mode, LossWeights())["cross_entropy"]
    assert list(losses) == ["cross_entropy", "dice", "auxiliary"]
    torch.testing.assert_close(losses["auxiliary"], expected)
    without = make_task(mode, weights=LossWeights(auxiliary=0))
    assert "auxiliary" not in without.loss(Fixed(logits, second), batch)


@pytest.mark.parametrize("mode", MODES)
def test_exact_logits_score_a_mean_iou_of_one(mode):
    batch, task = make_batch(mode), make_task(mode)
    metric = task.metrics()["confusion"]
    for result, target in zip(task.predict(Fixed(logits_for(batch.targets, mode)), batch), batch.targets.numpy(), strict=True):
        metric.update(result.indices, target)
    assert metric.compute().mean_iou == 1.0


@pytest.mark.parametrize("mode, shape", [("binary", (7, 9)), ("multiclass", (7, 9)), ("multilabel", (4, 7, 9))])
def test_results_have_the_size_of_the_image_and_the_class_table(mode, shape):
    batch, task = make_batch(mode, (2, 7, 9)), make_task(mode)
    results = task.predict(Fixed(torch.randn(2, task.num_channels, 7, 9)).eval(), batch)
    assert [result.indices.shape for result in results] == [shape, shape]
    assert all(r.indices.dtype == np.uint8 and r.classes is task.classes and r.scores is None for r in results)


@pytest.mark.parametrize("mode, channels", [("binary", 2), ("multiclass", 4), ("multilabel", 4)])
def test_probabilities_are_as_many_as_classes_and_agree_with_the_decision(mode, channels):
    task = make_task(mode)
    logits = torch.randn(2, task.num_channels, 8, 6)
    indices, scores = decode(logits, mode, scores=True)
    assert scores.shape == (2, channels, 8, 6)
    assert scores.dtype == torch.float16
    if mode == "multilabel":
        torch.testing.assert_close(scores.float(), logits.sigmoid(), atol=1e-3, rtol=1e-3)
        return
    torch.testing.assert_close(scores.float().sum(1), torch.ones(2, 8, 6), atol=2e-3, rtol=0)
    assert torch.equal(scores.argmax(1).to(torch.uint8), indices)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7])
@pytest.mark.parametrize("mode", ["binary", "multilabel"])
def test_a_class_is_there_where_its_sigmoid_exceeds_the_threshold(mode, threshold, dtype):
    edge = np.log(threshold / (1 - threshold))
    around = (edge + torch.linspace(-0.05, 0.05, 41)).to(dtype)
    logits = around.view(1, 1, 1, -1)
    expected = (logits.double().sigmoid() > threshold).to(torch.uint8)
    indices, _ = decode(logits, mode, threshold)
    differs = (indices.view(-1) != expected.view(-1)) & ((around.double() - edge).abs() > 1e-6)
    assert not differs.any()


def test_images_are_scaled_to_one_then_normalized():
    images = make_batch("binary").images
    expected = (images.numpy() / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(normalize(images, MEAN, STD).numpy(), expected, atol=1e-5)
    assert images.dtype == torch.uint8


@pytest.mark.parametrize("mode", MODES)
def test_losses_are_float32_under_autocast(mode):
    batch, task = make_batch(mode), make_task(mode)
    net = nn.Conv2d(3, task.num_channels, 1)

    class Net(nn.Module):
        def forward(self, images, auxiliary=False):
            logits = net(images)
            assert logits.dtype == torch.bfloat16
            return Prediction(logits, None)

    with torch.autocast("cpu", torch.bfloat16):
        losses = task.loss(Net(), batch)
    assert {loss.dtype for loss in losses.values()} == {torch.float32}


def test_binary_with_three_classes_is_refused():
    with pytest.raises(DataError, match=r"exactly 2 classes, got 3; set data\.task=multiclass"):
        SemanticTask(ClassTable.from_ids([0, 1, 2]), "binary", MEAN, STD)


@pytest.mark.parametrize("mode", MODES)
def test_several_auxiliary_outputs_share_the_weight_of_one(mode):
    batch, task = make_batch(mode), make_task(mode)
    logits, one, other = torch.randn(3, 2, task.num_channels, 8, 6)
    alone = [task.loss(Fixed(logits, extra), batch)["auxiliary"] for extra in (one, other)]
    both = task.loss(Fixed(logits, one, other), batch)["auxiliary"]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)


def test_a_class_is_present_where_any_pixel_that_counts_has_it():
    targets = torch.tensor([[[0, 2], [255, 2]], [[255, 255], [1, 255]]], dtype=torch.uint8)
    assert presence(targets, "multiclass", 4).tolist() == [[1, 0, 1, 0], [0, 1, 0, 0]]
    assert presence(targets.clamp(max=1) + (targets == 255).byte() * 254, "binary", 1).tolist() == [[1], [1]]
    assert presence(torch.tensor([[[0, 255]]], dtype=torch.uint8), "binary", 1).tolist() == [[0]]
    layers = torch.tensor([[[[0, 0]], [[1, 255]], [[255, 255]]]], dtype=torch.uint8)
    assert presence(layers, "multilabel", 3).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("mode", MODES)
def test_the_image_level_loss_is_binary_cross_entropy_times_its_weight(mode):
    batch, task = make_batch(mode), make_task(mode)
    logits, image = torch.randn(2, task.num_channels, 8, 6), torch.randn(2, task.num_channels)
    there = presence(batch.targets, mode, task.num_channels)
    expected = 0.2 * nn.functional.binary_cross_entropy(image.sigmoid(), there)
    torch.testing.assert_close(task.loss(Fixed(logits, image=image), batch)["image"], expected)
    without = make_task(mode, weights=LossWeights(image=0))
    assert "image" not in without.loss(Fixed(logits, image=image), batch)
