"""The score equals a naive loop's, on one process and on two."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from pixelwise.engine.evaluate import evaluate, shard
from pixelwise.engine.predict import Tiling
from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.confusion import ConfusionMatrix
from pixelwise.tasks.details import Detail, Details, score_view
from pixelwise.tasks.semantic import normalize
from pixelwise.tasks.semantic_details import semantic_details
from pixelwise.types import Record
from pixelwise.verbs.measures import measured
from tests.engine.make import CLASSES, CPU, TinyNet, make_batch, make_task

BATCHES = [make_batch(0), make_batch(1, how_many=1, size=(9, 21)), make_batch(2, how_many=2, size=(5, 5))]


def by_hand(model):
    metric = ConfusionMatrix(CLASSES)
    model.eval()
    with torch.no_grad():
        for batch in BATCHES:
            indices = model((batch.images.float() / 255 - 0.5) / 0.25).argmax(1)
            for prediction, target in zip(indices.numpy().astype(np.uint8), batch.targets.numpy(), strict=True):
                metric.update(prediction, target)
    return metric


def test_the_score_equals_that_of_a_naive_loop():
    model = TinyNet()
    found, expected = evaluate(make_task(), model, BATCHES, CPU, "fp32"), by_hand(model)
    assert found.metric.matrix.tolist() == expected.matrix.tolist()
    assert found.scores == expected.compute()


def test_counts_of_the_images_add_up_to_the_whole_and_keep_their_order():
    found = evaluate(make_task(), TinyNet(), BATCHES, CPU, "fp32")
    assert [image.record.key for image in found.images] == [record.key for batch in BATCHES for record in batch.records]
    assert [image.size for image in found.images] == [(16, 12)] * 4 + [(9, 21)] + [(5, 5)] * 2
    assert sum(image.counts for image in found.images).tolist() == found.metric.matrix.tolist()


def test_every_image_is_shown_once_with_its_result():
    seen = []
    evaluate(make_task(), TinyNet(), BATCHES, CPU, "fp32", lambda *shown: seen.append(shown))
    assert [shown[3].record.key for shown in seen] == [record.key for batch in BATCHES for record in batch.records]
    image, target, result, _ = seen[4]
    np.testing.assert_array_equal(image, BATCHES[1].images[0].permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(target, BATCHES[1].targets[0].numpy())
    assert result.indices.shape == target.shape


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_in_eval_mode_meanwhile_and_as_before_afterwards(training):
    model, modes = TinyNet().train(training), []
    statistics = model.encoder[1].running_mean.clone()
    evaluate(make_task(), model, BATCHES, CPU, "fp32", lambda *_: modes.append(model.training))
    assert set(modes) == {False}
    assert model.training is training
    assert torch.equal(model.encoder[1].running_mean, statistics)


def test_a_failure_leaves_the_mode_as_it_was():
    model = TinyNet().train()

    def fail(*_):
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        evaluate(make_task(), model, BATCHES, CPU, "fp32", fail)
    assert model.training


def test_large_images_are_scored_tile_by_tile_with_the_same_result():
    model = TinyNet()
    whole = evaluate(make_task(), model, BATCHES, CPU, "fp32")
    tiled = evaluate(make_task(), model, BATCHES, CPU, "fp32", tiling=Tiling(whole=30, tile=8, overlap=4))
    assert tiled.metric.matrix.tolist() == whole.metric.matrix.tolist()


def test_scores_reach_the_metrics_that_want_them_and_are_those_of_the_network():
    model, task = TinyNet(), make_task()
    seen, expected = semantic_details(task.classes, task.mode), Calibration(CLASSES, task.classes.names)
    evaluate(task, model, BATCHES, CPU, "fp32", details=seen)
    model.eval()
    with torch.no_grad():
        for batch in BATCHES:
            scores = model(normalize(batch.images, task.mean, task.std)).softmax(1).half().numpy()
            for prediction, target in zip(scores, batch.targets.numpy(), strict=True):
                expected.update(prediction, target)
    assert np.array_equal(seen["calibration"].histograms.counts, expected.histograms.counts)
    assert seen["calibration"].compute().brier == expected.compute().brier
    matrix = evaluate(task, model, BATCHES, CPU, "fp32").metric.matrix
    assert seen["errors"].counts.sum(0).tolist() == matrix.tolist()


def test_images_with_too_many_scores_are_left_out_of_curves_and_counted():
    task = make_task()
    parts = {"calibration": Detail(Calibration(CLASSES), score_view, of_scores=True)}
    details = Details(parts, CLASSES, most_scores=CLASSES * 16 * 12)
    found = evaluate(task, TinyNet(), BATCHES, CPU, "fp32", details=details)
    assert details.images_without_scores == 0
    details = Details(parts, CLASSES, most_scores=CLASSES * 16 * 12 - 1)
    found = evaluate(task, TinyNet(), BATCHES, CPU, "fp32", details=details)
    assert details.images_without_scores == 4
    assert "4 images have" in measured(found.details)["left_out"]


@pytest.mark.parametrize("how_many, world", [(7, 2), (8, 4), (2, 3), (0, 2)])
def test_shards_hold_every_record_once(how_many, world):
    records = [Record(str(i), None) for i in range(how_many)]
    shards = [shard(records, rank, world) for rank in range(world)]
    assert sorted(record.key for part in shards for record in part) == sorted(record.key for record in records)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


_RANK = """
import json, sys, torch
from pixelwise.engine import distributed
from pixelwise.engine.evaluate import evaluate, shard
from pixelwise.tasks.semantic_details import semantic_details
from pixelwise.verbs.measures import measured
from tests.engine.make import CPU, TinyNet, make_batch, make_task
torch.set_num_threads(1)
torch.manual_seed(0)
model = TinyNet()
with distributed.process_group(CPU):
    rank, world = distributed.rank(), distributed.world_size()
    assert distributed.broadcast(rank) == 0 and distributed.gather(rank) == list(range(world))
    mine = shard([make_batch(seed, how_many=1) for seed in range(5)], rank, world)
    task = make_task()
    details = semantic_details(task.classes, task.mode, ["surface", "cldice"])
    found = evaluate(task, model, mine, CPU, "fp32", details=details)
    rows = {"matrix": found.metric.matrix.tolist(), "keys": [i.record.key for i in found.images], "world": world}
    rows["details"] = measured(found.details)
    open(f"{sys.argv[1]}/{rank}-of-{world}.json", "w").write(json.dumps(rows))
"""


def run_ranks(world, out):
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29500 + os.getpid() % 2000), "WORLD_SIZE": str(world)}
    places |= {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    ranks = [
        subprocess.Popen([sys.executable, "-c", _RANK, str(out)], env=os.environ | places | {"RANK": str(rank)})
        for rank in range(world)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0] * world
    return [json.loads((out / f"{rank}-of-{world}.json").read_text()) for rank in range(world)]


@pytest.mark.slow  # starts processes that each import torch
@pytest.mark.skipif(sys.platform != "linux", reason="names the loopback interface as Linux does")
@pytest.mark.parametrize("world", [2, 4])
def test_several_processes_give_the_very_numbers_that_one_gives(world, tmp_path):
    first, *others = run_ranks(world, tmp_path)
    torch.manual_seed(0)
    model, task = TinyNet(), make_task()
    details = semantic_details(task.classes, task.mode, ["surface", "cldice"])
    batches = [make_batch(seed, how_many=1) for seed in range(5)]
    alone = evaluate(task, model, batches, CPU, "fp32", details=details)
    assert all(other == first for other in others)
    assert first["world"] == world
    assert first["matrix"] == alone.metric.matrix.tolist()
    assert first["keys"] == [image.record.key for image in alone.images]
    assert first["details"] == json.loads(json.dumps(measured(details)))
