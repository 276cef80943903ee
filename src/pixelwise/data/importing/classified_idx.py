"""IDX sets: MNIST, Fashion-MNIST, KMNIST, EMNIST (LeCun et al. 1998, Cohen et al. 2017)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelwise.data.importing.classified import ClassifiedFormat, ClassifiedImage, ClassifiedImages
from pixelwise.data.sources.found import some
from pixelwise.errors import DataError
from pixelwise.formats.idx import is_idx, read_idx
from pixelwise.formats.raster import MAX_PIXELS

__all__ = ["FORMAT"]

_NAME = re.compile(r"(?:(?P<set>.+)-)?(?P<part>train|t10k|test|valid|val)-(?P<what>images|labels)[-.]idx\d-ubyte(?:\.gz)?")
_SPLITS = {"train": "train", "t10k": "test", "test": "test", "val": "val", "valid": "val"}
_MOST_CLASSES = 65536


class _Part(NamedTuple):
    images: Path
    labels: Path | None


def _parts(root: Path) -> dict[str, dict[str, _Part]]:
    """Files of each split, by the name of the set (EMNIST keeps several in one folder)."""
    found: dict[str, dict[str, dict[str, Path]]] = {}
    for path in sorted(root.iterdir() if root.is_dir() else ()):
        named = _NAME.fullmatch(path.name)
        if named and path.is_file():
            part = found.setdefault(named["set"] or "", {}).setdefault(_SPLITS[named["part"]], {})
            part.setdefault(named["what"], path)
    return {
        name: {split: _Part(files["images"], files.get("labels")) for split, files in splits.items() if "images" in files}
        for name, splits in found.items()
        if any("images" in files for files in splits.values())
    }


def _matches(root: Path) -> str | None:
    paths = [part.images for splits in _parts(root).values() for part in splits.values()]
    return f"files {some([path.name for path in paths], 3)}" if paths and is_idx(paths[0]) else None


def _read(root: Path) -> ClassifiedImages:
    sets = _parts(root)
    if not sets:
        raise DataError(f"{root} holds no files called like train-images-idx3-ubyte.gz")
    if len(sets) > 1:
        raise DataError(
            f"{root} holds {len(sets)} sets ({some(list(sets), 8)}); put the files of one of them into a folder of its own"
        )
    name, splits = next(iter(sets.items()))
    faults: list[str] = []
    is_turned = name.startswith("emnist")
    read = []
    for split, part in splits.items():
        images, labels = _pair(part, faults)
        read.append((split, part.images, len(images), labels))
    every = sorted({int(label) for _, _, _, labels in read if labels is not None for label in np.unique(labels)})
    index_of = {label: index for index, label in enumerate(every)}
    items = [
        ClassifiedImage(
            f"{split}_{at:06}", partial(_image, path, at, is_turned), None if labels is None else index_of[int(labels[at])], split
        )
        for split, path, count, labels in read
        for at in range(count)
    ]
    if not items:
        raise DataError(f"{root} holds no images: {faults[0] if faults else 'its files declare none'}")
    counts = ", ".join(f"{split} {count:,}" for split, _, count, _ in read)
    decisions = [f"{counts} images; classes are the labels {some(every, 12) or 'that are not there'}"]
    if is_turned:
        decisions.append("EMNIST keeps images with rows and columns swapped: they are turned upright")
    return ClassifiedImages(tuple(items), _class_names(root, name, every), tuple(decisions), tuple(faults))


def _pair(part: _Part, faults: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Images and labels of one split, as many as there are of both; a file that was cut off is a fault."""
    found = read_idx(part.images, short=True)
    images = found.values
    if images.ndim not in (3, 4) or images.dtype != np.uint8 or not 0 < np.prod(images.shape[1:], dtype=np.int64) <= MAX_PIXELS:
        raise DataError(f"{part.images} must hold (N, height, width) bytes, got {images.shape} {images.dtype}")
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4):
        raise DataError(f"{part.images} must hold 1, 3 or 4 channels along its last axis, got {images.shape}")
    if len(images) < found.declared:
        faults.append(
            f"{part.images} declares {found.declared:,} images but holds {len(images):,}, which are read; download it again if "
            "that is too few"
        )
    if part.labels is None:
        faults.append(f"{part.images} has no file of labels beside it; its images are read without classes")
        return images, None
    labels = read_idx(part.labels, short=True).values
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or (len(labels) and int(labels.min()) < 0):
        raise DataError(f"{part.labels} must hold a row of whole numbers from 0, got {labels.shape} {labels.dtype}")
    if len(np.unique(labels)) > _MOST_CLASSES:
        raise DataError(
            f"{part.labels} holds {len(np.unique(labels)):,} different labels; at most {_MOST_CLASSES:,} can be classes"
        )
    if len(labels) != len(images):
        if len(images) == found.declared:
            raise DataError(
                f"{part.images.name} holds {len(images):,} images, {part.labels.name} {len(labels):,} labels; they do not belong "
                "together: download both again"
            )
        images = images[: len(labels)]
    return images, labels[: len(images)]


@lru_cache(maxsize=4)
def _values(path: Path, _: int) -> np.ndarray:
    """The images of a file, once per process. The time of the file is part of the key."""
    return read_idx(path, short=True).values


def _image(path: Path, at: int, is_turned: bool) -> np.ndarray:
    try:
        values = _values(path, path.stat().st_mtime_ns)
    except OSError:
        raise DataError(f"{path} is not there any more") from None
    if at >= len(values):
        raise DataError(f"{path} has no image {at}; it was changed after it was opened")
    return np.ascontiguousarray(values[at].swapaxes(0, 1) if is_turned else values[at])


def _class_names(root: Path, name: str, labels: list[int]) -> tuple[str, ...]:
    """Numbers, or what EMNIST's mapping file says they stand for: lines of label and codes of letters."""
    path = root / f"{name}-mapping.txt"
    letters = dict(_letters(path)) if name and path.is_file() else {}
    names = [letters.get(label, str(label)) for label in labels]
    return tuple(names if len(set(names)) == len(names) else map(str, labels))


def _letters(path: Path) -> Iterator[tuple[int, str]]:
    for line in path.read_bytes()[: 1 << 20].decode("ascii", errors="replace").splitlines():
        numbers = [int(cell) for cell in line.split() if cell.isascii() and cell.isdigit() and len(cell) < 7]
        if len(numbers) >= 2 and all(32 < code < 0x110000 and chr(code).isprintable() for code in numbers[1:]):
            yield numbers[0], "".join(chr(code) for code in numbers[1:])


FORMAT = ClassifiedFormat("idx", "IDX (MNIST)", _matches, _read)
