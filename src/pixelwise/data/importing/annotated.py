"""What every reader of a foreign format hands over: images, and for each a function that paints its annotation as pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Annotated", "Annotations", "Format", "Painted"]


@dataclass(frozen=True)
class Painted:
    """The annotation of one image as pixels.

    ``ids`` is (H, W) uint8 or uint16, class ids as in the class table. ``instances`` is (H, W) uint16 or int32, numbers of
    objects from 1, 0 where there is none; ``None`` where the format knows no objects. ``losses`` counts what pixels cannot hold,
    by name in the plural, such as ``{"pixels under other objects": 214}``.
    """

    ids: np.ndarray
    instances: np.ndarray | None = None
    losses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotated:
    """One image and its annotation.

    Args:
        key: unique name, which files are called by; ``/`` only where it stands for folders.
        image: the file, or what gives its pixels, (H, W) or (H, W, C) uint8 or uint16, where it lies inside another file.
        paint: reads and paints the annotation; raises :class:`~pixelwise.errors.DataError` for a damaged one. Nothing large is
            held before it is called. It may be called in any thread or process, so it must be picklable: a partial of a
            module's function, not a lambda.
        split: ``train``, ``val``, ``test`` or empty where the format does not say.
        columns: what the source says about the image, such as its scene.
    """

    key: str
    image: Path | Callable[[], np.ndarray]
    paint: Callable[[], Painted]
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotations:
    """A whole data set of a foreign format.

    ``classes`` are rows of ``classes.json``: ``id``, ``name``, and where known ``color`` (RGB), ``ignore``, ``thing``.
    ``decisions`` are sentences on what was read how, and on what evidence. ``faults`` are sentences, each with its cure, on what
    could not be read; the rest is still here.
    """

    items: tuple[Annotated, ...]
    classes: tuple[Mapping[str, Any], ...]
    decisions: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One format. ``matches`` gives the evidence that a folder (or file) is of it, or ``None``: it looks at names and at the
    beginnings of few files, so that sniffing costs no time. ``read`` reads the annotations, and no pixels."""

    name: str
    title: str
    matches: Callable[[Path], str | None]
    read: Callable[[Path], Annotations]
