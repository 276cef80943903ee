"""Scores a model on records: every image at its original resolution, one exact count matrix each."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from pixelwise.engine.distributed import gather
from pixelwise.engine.precision import Precision
from pixelwise.engine.predict import Tiling, predict_batch
from pixelwise.tasks.details import Details
from pixelwise.tasks.task import Metric, Task
from pixelwise.types import Batch, LabelMap, Record, Size

__all__ = ["Evaluation", "ImageCounts", "evaluate", "shard"]


@dataclass(frozen=True)
class ImageCounts:
    """One image's share of the score: ``counts`` as its metric returned them."""

    record: Record
    size: Size
    counts: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """The merged metric and details, and every image's counts in the order of the records."""

    metric: Metric
    images: list[ImageCounts]
    seconds: float
    details: Details | None = None
    scores: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", self.metric.compute())


def shard(records: Sequence[Record], rank: int, world: int) -> list[Record]:
    """This process's records. Nothing is padded or repeated, so that the merged score counts every image once."""
    return list(records[rank::world])


@torch.inference_mode()
def evaluate(
    task: Task,
    model: nn.Module,
    batches: Iterable[Batch],
    device: torch.device,
    precision: Precision,
    on_image: Callable[[np.ndarray, np.ndarray, LabelMap, ImageCounts], None] | None = None,
    tiling: Tiling | None = None,
    details: Details | None = None,
) -> Evaluation:
    """Predicts and counts, and measures ``details``. ``on_image`` sees (image HWC uint8, target, result, counts) of each image,
    for pictures and progress.

    On several processes every process passes its own shard, and all get the merged evaluation.
    """
    start = time.monotonic()
    metric = task.metrics()["confusion"]
    images: list[ImageCounts] = []
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            wants_scores = details is not None and details.wants_scores(*batch.images.shape[-2:])
            results = predict_batch(task, model, batch, device, precision, wants_scores, tiling)
            for image, target, result, record in _singly(batch, results):
                counts = ImageCounts(record, result.size, metric.update(result.indices, target))
                images.append(counts)
                if details is not None:
                    details.update(result, target)
                if on_image is not None:
                    on_image(image, target, result, counts)
    finally:
        model.train(was_training)
    shares = gather((metric, images, details))
    whole, _, measured = shares[0]
    for part, _, its_details in shares[1:]:
        whole.merge(part)
        if measured is not None:
            measured.merge(its_details)
    # Ranks took every world-th record: interleaving restores the order of the records.
    lists = [part for _, part, _ in shares]
    ordered = [part[i] for i in range(max((len(p) for p in lists), default=0)) for part in lists if i < len(part)]
    return Evaluation(whole, ordered, time.monotonic() - start, measured)


def _singly(batch: Batch, results: list[LabelMap]) -> Iterator[tuple[np.ndarray, np.ndarray, LabelMap, Record]]:
    assert batch.targets is not None
    targets = batch.targets.numpy()
    for position, result in enumerate(results):
        yield batch.images[position].permute(1, 2, 0).numpy(), targets[position], result, batch.records[position]
