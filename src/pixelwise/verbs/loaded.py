"""A trained run, loaded: network, task and all that its images need. Loading downloads nothing and runs no code from files."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pixelwise import build
from pixelwise.config import DataConfig, LossConfig
from pixelwise.engine import precision
from pixelwise.engine.allocator import keep_freed_memory
from pixelwise.engine.checkpoint import load_model_into, read_spec
from pixelwise.errors import CheckpointError, PixelwiseError
from pixelwise.models.multiscale import MultiScale
from pixelwise.models.segmenter import Segmenter
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.verbs.device import usable_device
from pixelwise.verbs.run_folder import Run, existing

__all__ = ["Loaded", "built", "load_run"]


@dataclass(frozen=True)
class Loaded:
    """A run ready to predict, its model in eval mode on ``device``."""

    run: Path
    spec: dict[str, Any]
    facts: dict[str, Any]
    model: nn.Module
    task: SemanticTask
    device: torch.device
    precision: precision.Precision

    def looking(self, scales: Sequence[float] = (1.0,), flip: bool = False) -> Loaded:
        """The run with results averaged over scales and mirror images; see :class:`~pixelwise.models.multiscale.MultiScale`."""
        if tuple(scales) == (1.0,) and not flip:
            return self
        looks = MultiScale(self.model, scales, flip, exclusive=self.task.mode == "multiclass")
        return dataclasses.replace(self, model=looks.eval())

    @property
    def looks(self) -> str:
        """How often each image is looked at, for people and for names of folders: empty for once."""
        if not isinstance(self.model, MultiScale):
            return ""
        return "scales-" + "-".join(f"{scale:g}" for scale in self.model.scales) + ("-mirrored" if self.model.flip else "")

    @property
    def in_channels(self) -> int:
        return int(self.spec["in_channels"])

    @property
    def window(self) -> tuple[float, float] | None:
        window = self.spec.get("window")
        return None if window is None else (float(window[0]), float(window[1]))

    @property
    def max_pixels(self) -> int:
        return int(self.spec.get("max_pixels", DataConfig.model_fields["max_pixels"].default))

    def versions(self) -> dict[str, str]:
        """Versions of what computed the result."""
        found = {"python": platform.python_version()}
        for name in ("pixelwise", "torch", "timm", "numpy", "opencv-python-headless"):
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "not installed as a package"
        return found


def load_run(run: str | Path | Run, device: str = "auto", arithmetic: precision.Precision | None = None) -> Loaded:
    """Loads ``model.json`` and ``model.safetensors`` of a run folder.

    Args:
        run: the folder, a file in it, or the run itself.
        device: auto, cpu, cuda, ...
        arithmetic: precision; by default bf16 where the GPU or the CPU has instructions for it, else fp32.

    Raises:
        CheckpointError: no run there, files damaged or not fitting each other.
    """
    path = existing(run)
    keep_freed_memory()
    where = usable_device(device)
    spec = read_spec(path)
    model, task = built(path, spec)
    facts = load_model_into(path, model)
    model = precision.prepared(model, where, channels_last=True).eval()
    return Loaded(path, spec, facts, model, task, where, arithmetic or precision.for_inference(where))


def built(run: Path, spec: dict[str, Any], loss: LossConfig | None = None) -> tuple[Segmenter, SemanticTask]:
    """The network, without its weights, and the task of a saved run, ``loss`` where it is to be trained on.

    Raises:
        CheckpointError: ``model.json`` was changed so that no network follows from it.
    """
    try:
        task = build.task_from_spec(spec, loss)
        if spec["channels"] != task.num_channels:
            raise CheckpointError(f"{spec['channels']} channels do not fit {len(task.classes)} classes, {task.mode}")
        window = spec.get("window")
        if window is not None:
            low, high = map(float, window)
            if not low < high:
                raise CheckpointError(f"window {window} is no range")
        return build.model_from_spec(spec), task
    except (PixelwiseError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else f"describes no network that can be built ({error})"
        raise CheckpointError(f"{run / 'model.json'} {reason}; restore the file, or train again") from None
