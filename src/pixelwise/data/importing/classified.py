"""Images with one class each, for classification, for pretraining an encoder, and, with or without classes, for generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from pixelwise.errors import DataError

__all__ = ["ClassifiedFormat", "ClassifiedImage", "ClassifiedImages", "read_classified"]

_MODULES = ("classified_idx", "classified_cifar", "classified_csv", "classified_lists", "classified_folders")
"""In the order in which they are tried: files that can be nothing else first, folders of images last."""


@dataclass(frozen=True, slots=True)
class ClassifiedImage:
    """One image and its class.

    Args:
        key: unique name.
        image: the file, or what gives its pixels, (H, W) or (H, W, C) uint8, where it lies inside another file; picklable.
        class_index: position in :attr:`ClassifiedImages.class_names`, or ``None`` where nobody says.
        split: ``train``, ``val``, ``test`` or empty where the format does not say.
    """

    key: str
    image: Path | Callable[[], np.ndarray]
    class_index: int | None
    split: str = ""


@dataclass(frozen=True)
class ClassifiedImages:
    """A whole set of classified images.

    ``class_names`` are in the order of class indices, and empty where no image has a class. ``decisions`` are sentences on what
    was read how; ``faults`` are sentences, each with its cure, on what could not be read; the rest is still here.
    """

    items: tuple[ClassifiedImage, ...]
    class_names: tuple[str, ...]
    decisions: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassifiedFormat:
    """One layout: ``matches`` gives the evidence that a folder is of it, or ``None``; ``read`` reads names and labels, and no
    pixels."""

    name: str
    title: str
    matches: Callable[[Path], str | None]
    read: Callable[[Path], ClassifiedImages]


def read_classified(root: str | Path) -> ClassifiedImages:
    """Reads a set of classified images: IDX (MNIST and its kin), CIFAR's binary version, rows of pixels in CSV, lists of files
    with their classes, one folder per class, or images without any class.

    The first decision says what was recognised, and on what evidence.

    Raises:
        DataError: there is no such folder, it is of none of these layouts (a set of images and masks is none), or it is one
            that is not read, such as CIFAR's Python version.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise DataError(f"there is no folder {root}; give the folder that holds the images, or the files of the data set")
    for layout in _layouts():
        evidence = layout.matches(root)
        if evidence is not None:
            found = layout.read(root)
            return ClassifiedImages(
                found.items, found.class_names, (f"{layout.title}: {evidence}", *found.decisions), found.faults
            )
    titles = ", ".join(layout.title for layout in _layouts())
    raise DataError(
        f"{root} is no set of classified images ({titles}); put the images into one folder per class: a set of images and masks "
        "is for segmentation"
    )


@cache
def _layouts() -> tuple[ClassifiedFormat, ...]:
    return tuple(import_module(f"pixelwise.data.importing.{module}").FORMAT for module in _MODULES)
