"""From a config, or from a saved run, to objects: the only file that knows both."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

import torch

from pixelwise.augment_config import AugmentConfig
from pixelwise.config import LossConfig, ModelConfig, RunConfig
from pixelwise.data.deformation import Deformation
from pixelwise.data.erasing import Erasing
from pixelwise.data.mixing import Mixing
from pixelwise.data.photometric import Photometric
from pixelwise.data.transforms import Augmenter
from pixelwise.errors import CheckpointError, ConfigError
from pixelwise.models.create import create
from pixelwise.models.saving import FORMAT
from pixelwise.models.segmenter import Segmenter
from pixelwise.tasks.semantic import LossWeights, SemanticTask
from pixelwise.types import ClassTable, Mode, Size

__all__ = ["augmenter", "crop_size", "model_from_config", "model_from_spec", "spec", "task_from_config", "task_from_spec"]

# Pixels of a training crop: as much context as a step can afford on the device.
_CROP_PIXELS = {"cpu": 320 * 320, "other": 512 * 512}


def task_from_config(
    loss: LossConfig, classes: ClassTable, mode: Mode, mean: Sequence[float], std: Sequence[float]
) -> SemanticTask:
    """The semantic task of a run."""
    return SemanticTask(classes, mode, mean, std, LossWeights(**loss.model_dump()))


def model_from_config(config: ModelConfig, num_channels: int) -> Segmenter:
    """The network of a run, with its encoder's weights loaded. Raises ConfigError for one of signals or volumes."""
    made = create(config.name, config.encoder, config.encoder_weights, config.in_channels, num_channels, config.options)
    if made.encoder.dims != 2:
        raise ConfigError(
            f"this version reads images alone, got model.options.dims={made.encoder.dims}; leave it out, or use the network in a "
            "loop of your own, as in pixelwise.Unet('plain', dims=3)"
        )
    return made


def spec(config: RunConfig, task: SemanticTask, window: tuple[float, float] | None) -> dict[str, Any]:
    """What ``model.json`` says: all that is needed to build network and task again, without the config."""
    return {
        "format": FORMAT,
        "model": config.model.name,
        "encoder": config.model.encoder,
        "in_channels": config.model.in_channels,
        "channels": task.num_channels,
        "options": config.model.options,
        "task": "semantic",
        "mode": task.mode,
        "threshold": task.threshold,
        "mean": list(task.mean),
        "std": list(task.std),
        "max_pixels": config.data.max_pixels,
        "window": None if window is None else list(window),
        "classes": task.classes.to_json(),
    }


def model_from_spec(spec: dict[str, Any]) -> Segmenter:
    """The network of a saved run, without weights; downloads nothing."""
    try:
        return create(
            spec["model"], spec["encoder"], None, int(spec["in_channels"]), int(spec["channels"]), dict(spec["options"])
        )
    except KeyError as error:
        raise CheckpointError(f"model.json lacks {error}; restore the file, or train again") from None


def task_from_spec(spec: dict[str, Any], loss: LossConfig | None = None) -> SemanticTask:
    """The task of a saved run; ``loss`` where it is to be trained on."""
    try:
        classes = ClassTable.from_json(spec["classes"])
        weights = None if loss is None else LossWeights(**loss.model_dump())
        return SemanticTask(classes, spec["mode"], spec["mean"], spec["std"], weights, float(spec["threshold"]))
    except KeyError as error:
        raise CheckpointError(f"model.json lacks {error}; restore the file, or train again") from None


def crop_size(config: AugmentConfig, sizes: Sequence[Size], device: torch.device) -> tuple[Size, str]:
    """(height, width) of training crops, and why: the config's, or the shape of the median image, shrunk to what a step can
    afford, in multiples of 32."""
    if config.crop is not None:
        return config.crop, "as configured"
    height, width = (statistics.median(side) for side in zip(*sizes, strict=True))
    pixels = _CROP_PIXELS["cpu" if device.type == "cpu" else "other"]
    shrink = min(1.0, (pixels / (height * width)) ** 0.5)
    crop = tuple(max(32, 32 * round(side * shrink / 32)) for side in (height, width))
    whole = "the median image whole" if shrink == 1 else f"a part of the median image of {height:g}x{width:g}"
    return (crop[0], crop[1]), f"{whole}, in multiples of 32"


def augmenter(config: AugmentConfig, crop: Size) -> Augmenter:
    """The joint transforms of a run; without augmentation only a random crop remains."""
    if not config.enabled:
        return Augmenter(crop, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    taken = config.model_dump()

    def chosen(kind: type) -> dict[str, Any]:
        return {field.name: taken[field.name] for field in dataclasses.fields(kind) if field.name in taken}

    deformation, photometric = Deformation(**chosen(Deformation)), Photometric(**chosen(Photometric))
    mixing = Mixing(config.cutmix, config.mosaic, config.copy_paste, config.copy_paste_objects)
    erasing = Erasing(
        config.erase, config.erase_count, config.erase_area, config.erase_ratio, config.erase_law, config.erase_fill,
        config.erase_ignore,
    )  # fmt: skip
    return Augmenter(
        **{**chosen(Augmenter), "crop": crop},
        extend=config.border == "edge",
        deformation=deformation if deformation.active else None,
        photometric=photometric if photometric.active else None,
        erasing=erasing if config.erase else None,
        mixing=mixing if config.cutmix or config.mosaic or config.copy_paste else None,
    )
