"""Drawn scenes as a data set on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pixelwise.data.generated.scene import Scene
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.image import write_image
from pixelwise.formats.label_png import write_ids
from pixelwise.types import ClassTable

__all__ = ["write_scenes"]


def write_scenes(folder: Path, splits: Mapping[str, Iterable[Scene]], classes: ClassTable, instances: bool = False) -> None:
    """Writes ``folder/SPLIT/images`` and ``masks`` and ``classes.json``; ``instances`` writes numbers of objects too.

    Raises :class:`StorageError` where the disk is full or the place cannot be written to.
    """
    with atomic_write(folder / "classes.json") as path:
        path.write_text(json.dumps(classes.to_json(), indent=1) + "\n", encoding="utf-8")
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes):
            name = f"scene_{number:04}.png"
            write_image(folder / split / "images" / name, scene.image)
            write_ids(folder / split / "masks" / name, scene.classes)
            if instances:
                write_ids(folder / split / "instances" / name, scene.instances)
