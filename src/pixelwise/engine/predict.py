"""Predicts images of any size: whole where they fit, else tile by tile with an overlap that hides the seams."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pixelwise.engine.precision import Precision, autocast
from pixelwise.ops.tiles import cores, tiles
from pixelwise.tasks.task import Task
from pixelwise.types import Batch, LabelMap

__all__ = ["Tiling", "predict_batch"]


@dataclass(frozen=True)
class Tiling:
    """Images of more than ``whole`` pixels are cut into square tiles of ``tile`` pixels that share ``overlap`` pixels."""

    whole: int = 3_000_000
    tile: int = 1024
    overlap: int = 256


@torch.inference_mode()
def predict_batch(
    task: Task,
    model: nn.Module,
    batch: Batch,
    device: torch.device,
    precision: Precision,
    scores: bool = False,
    tiling: Tiling | None = None,
) -> list[LabelMap]:
    """One result per image, of the image's own size, on the CPU."""
    tiling = tiling or Tiling()
    height, width = batch.images.shape[-2:]
    if height * width <= tiling.whole:
        with autocast(device, precision):
            return task.predict(model, batch.to(device), scores)
    singles = [batch.part(i, i + 1) for i in range(len(batch))]
    return [_tiled(task, model, single, device, precision, scores, tiling) for single in singles]


def _tiled(
    task: Task, model: nn.Module, single: Batch, device: torch.device, precision: Precision, scores: bool, tiling: Tiling
) -> LabelMap:
    """Each pixel comes from the one tile in whose core it lies, so that memory beyond one tile is the label map alone."""
    size = (single.images.shape[-2], single.images.shape[-1])
    cut = (size, (tiling.tile, tiling.tile), tiling.overlap)
    indices: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    for tile, core in zip(tiles(*cut), cores(*cut), strict=True):
        part = Batch(single.images[(..., *tile.slices)], None, single.records)
        with autocast(device, precision):
            (result,) = task.predict(model, part.to(device), scores)
        if indices is None:
            indices = np.zeros((*result.indices.shape[:-2], *size), np.uint8)
            probabilities = None if result.scores is None else np.zeros((*result.scores.shape[:-2], *size), np.float16)
        kept = core.within(tile).slices
        indices[(..., *core.slices)] = result.indices[(..., *kept)]
        if probabilities is not None and result.scores is not None:
            probabilities[(..., *core.slices)] = result.scores[(..., *kept)]
    assert indices is not None
    return LabelMap(indices, result.classes, probabilities)
