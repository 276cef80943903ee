"""A network as two files that hold no code: ``model.json`` says how to build it, ``model.safetensors`` holds its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from pixelwise.formats.atomic import atomic_write

__all__ = ["FORMAT", "MODEL_FILES", "save_files"]

FORMAT = "pixelwise-model-1"
MODEL_FILES = ("model.json", "model.safetensors")


def save_files(folder: Path, model: nn.Module, description: dict[str, Any]) -> None:
    """Writes both files; the description first gets its ``format``. Each is there whole or not at all.

    Raises:
        StorageError: the folder cannot be written to, or the disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(folder / "model.safetensors") as path:
        save_file(tensors, path)
    with atomic_write(folder / "model.json") as path:
        path.write_text(json.dumps({"format": FORMAT, **description}, indent=1) + "\n", encoding="utf-8")
