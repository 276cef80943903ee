"""``augment``: a picture of what training will see of some images, before any time is spent on training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pixelwise import build
from pixelwise.augment_config import AugmentConfig
from pixelwise.config import RunConfig, with_overrides
from pixelwise.data.facts import intensity_window
from pixelwise.data.loader import Reading, visits
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import image_size, write_image
from pixelwise.report.overlay import contact_sheet, legend, overlay
from pixelwise.types import IGNORE_INDEX, Sample
from pixelwise.verbs.prepare import found_dataset

__all__ = ["AugmentSheet", "augment_sheet"]

_CELL = 420  # pixels of one cell, which holds an image and its overlay


@dataclass(frozen=True)
class AugmentSheet:
    """What was drawn: ``path`` of the picture, the ``images`` on it by key, ``policy`` with every setting that does anything."""

    path: Path
    images: tuple[str, ...]
    policy: dict[str, Any]
    decisions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"path": str(self.path), "images": list(self.images), "policy": self.policy}


def augment_sheet(
    data: str | Path,
    preset: str | None = None,
    out: str | Path | None = None,
    images: int = 4,
    draws: int = 5,
    overrides: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> AugmentSheet:
    """Draws training images as the first epochs of a training with ``seed`` will see them, each over its labels.

    Args:
        data: a data set.
        preset: name of a policy; the default's where none is given.
        out: picture to write, a .png or .jpg; ``augment-PRESET.png`` by default. A file of this name is replaced.
        images: how many, spread evenly over the training images.
        draws: how many epochs of each.
        overrides: settings such as ``augment.rotation=90``, which win over the preset.
        seed: of the training.

    Raises:
        DataError: no such data, or an image that cannot be read.
        ConfigError: no such preset or setting.
    """
    if images < 1 or draws < 1:
        raise ConfigError(f"images and draws must be at least 1, got {images} and {draws}")
    chosen = [] if preset is None else [f"augment.preset={preset}"]
    config = with_overrides(with_overrides(RunConfig(), {"data.path": str(data)}), [*chosen, *overrides])
    path = Path(out) if out is not None else Path(f"augment-{config.augment.preset}.png")
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"out must end in .png or .jpg, got {path}")
    dataset = found_dataset(config.data)
    records = [record for record in dataset.split("train") if record.masks]
    if not records:
        raise DataError(f"{dataset.root} has no training image with a mask; pixelwise check {dataset.root} tells what is there")
    sizes = [image_size(record.image) for record in records]
    crop, why = build.crop_size(config.augment, sizes, torch.device("cpu"))
    window = config.data.window or intensity_window(records)
    reading = Reading(config.model.in_channels, window, config.data.max_pixels, dataset.targets)
    augmenter = build.augmenter(config.augment, crop)
    count = min(images, len(records))
    picked = [round(place * (len(records) - 1) / max(1, count - 1)) for place in range(count)]
    cells: list[tuple[np.ndarray, str]] = []
    ignored = False
    for done, index in enumerate(picked):
        shown = [reading.load_sample(records[index]), *visits(records, reading, augmenter, seed, index, draws)]
        ignored |= any(bool((_labels(sample) == IGNORE_INDEX).any()) for sample in shown)
        titles = [records[index].key, *(f"epoch {number + 1}" for number in range(draws))]
        cells += [(_cell(sample, dataset.classes.colors), title) for sample, title in zip(shown, titles, strict=True)]
        if progress is not None:
            progress(done + 1, count)
    sheet = contact_sheet(cells, columns=draws + 1, cell=_CELL)
    strip = legend(dataset.classes.names, dataset.classes.colors, sheet.shape[1], ignored)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.vstack([sheet, strip]))
    policy = _policy(config.augment)
    told = ", ".join(f"{name} {_shown(value)}" for name, value in policy.items()) or "a random crop and nothing else"
    decisions = (f"crops of {crop[0]}x{crop[1]} (height x width): {why}", f"preset {config.augment.preset}: {told}")
    return AugmentSheet(path, tuple(records[index].key for index in picked), policy, decisions)


def _labels(sample: Sample) -> np.ndarray:
    assert sample.target is not None
    return sample.target


def _cell(sample: Sample, colors: np.ndarray) -> np.ndarray:
    """The image above its overlay."""
    tinted = overlay(sample.image, _labels(sample), colors)
    plain = overlay(sample.image, _labels(sample), colors, alpha=0.0) if sample.image.shape[2] not in (3, 4) else sample.image
    line = np.full((max(2, tinted.shape[0] // 100), tinted.shape[1], 3), 255, np.uint8)
    return np.vstack([plain[..., :3], line, tinted])


def _policy(config: AugmentConfig) -> dict[str, Any]:
    """The settings that differ from those of a crop alone."""
    nothing = AugmentConfig(preset="none")
    if not config.enabled:
        return {}
    skipped = {"preset", "crop"}
    return {
        name: value
        for name, value in config.model_dump(mode="json").items()
        if name not in skipped and value != nothing.model_dump(mode="json")[name]
    }


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(f"{part:.3g}" for part in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
