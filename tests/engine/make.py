"""A network, data and a job small enough to train in milliseconds."""

import torch
from torch import nn

from pixelwise.config import RunConfig, with_overrides
from pixelwise.engine.clock import Clock
from pixelwise.engine.evaluate import evaluate
from pixelwise.engine.train import Job
from pixelwise.engine.watch import Silent
from pixelwise.models.segmenter import Prediction
from pixelwise.tasks.semantic import LossWeights, SemanticTask
from pixelwise.types import Batch, ClassTable, Record

CPU = torch.device("cpu")
CLASSES = 3


class TinyNet(nn.Module):
    """A 3x3 and a 1x1 convolution; what the engine looks for in a segmenter: ``encoder`` and ``auxiliary=True``."""

    def __init__(self, channels=CLASSES, norm=True, dropout=0.0):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8) if norm else nn.Identity(), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(8, channels, 1)

    def forward(self, images, auxiliary=False):
        logits = self.head(self.dropout(self.encoder(images)))
        return Prediction(logits) if auxiliary else logits


def make_task(mode="multiclass", **weights):
    classes = ClassTable.from_ids(range(2 if mode == "binary" else CLASSES))
    return SemanticTask(classes, mode, (0.5,) * 3, (0.25,) * 3, LossWeights(**weights))


def make_batch(seed=0, how_many=4, size=(16, 12)):
    """Noise with a bright channel per class: one convolution can learn it."""
    draw = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, CLASSES, (how_many, *size), dtype=torch.uint8, generator=draw)
    images = torch.randint(0, 100, (how_many, 3, *size), dtype=torch.uint8, generator=draw)
    images += 150 * nn.functional.one_hot(targets.long(), CLASSES).permute(0, 3, 1, 2).to(torch.uint8)
    targets[:, :2] = 255
    return Batch(images, targets, tuple(Record(f"image-{seed}-{i}", None) for i in range(how_many)))


def make_stream(step):
    while True:
        yield make_batch(seed=step)
        step += 1


def make_job(run, model=None, settings=None, **fields):
    """A job of ``settings`` (dotted keys of the config; train.steps above all), with ``fields`` of Job replaced."""
    defaults = {"train.steps": 8, "train.validations": 4, "train.batch_size": 4, "train.precision": "fp32", "optim.lr": 0.01}
    config = with_overrides(RunConfig(), {**defaults, **(settings or {})})
    task = make_task()
    run.mkdir(exist_ok=True)

    def validate(net):
        batches = [make_batch(seed=1000), make_batch(seed=1001, size=(9, 21))]
        return evaluate(task, net, batches, CPU, "fp32"), None

    job = {
        "config": config, "task": task, "model": TinyNet() if model is None else model, "stream": make_stream,
        "validate": validate, "evaluation_seconds": lambda evaluation: 0.0, "run": run,
        "clock": Clock(config.train.steps, None), "device": CPU, "precision": "fp32", "watch": Silent(), "images_per_epoch": 16,
    }  # fmt: skip
    return Job(**{**job, **fields})
