"""CIFAR-10 and CIFAR-100 in their binary version; the Python version is refused, because its files are programs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelwise.data.importing.classified import ClassifiedFormat, ClassifiedImage, ClassifiedImages
from pixelwise.data.sources.found import some
from pixelwise.errors import DataError
from pixelwise.formats.cifar import CIFAR10_LABELS, CIFAR100_LABELS, read_cifar_image, read_cifar_labels

__all__ = ["FORMAT"]


class _Version(NamedTuple):
    title: str
    train: Sequence[str]
    test: str
    label_bytes: int
    names: str
    archive: str


_VERSIONS = (
    _Version(
        "CIFAR-10", [f"data_batch_{i}" for i in range(1, 6)], "test_batch", CIFAR10_LABELS, "batches.meta", "cifar-10-binary"
    ),
    _Version("CIFAR-100", ["train"], "test", CIFAR100_LABELS, "fine_label_names", "cifar-100-binary"),
)
_PYTHON_NAMES = {"CIFAR-10": "batches.meta", "CIFAR-100": "meta"}
_PICKLED = b"\x80"  # the first byte of pickles since protocol 2


def _batches(root: Path, version: _Version, ending: str) -> list[tuple[str, Path]]:
    names = [("train", name) for name in version.train] + [("test", version.test)]
    return [(split, root / f"{name}{ending}") for split, name in names if (root / f"{name}{ending}").is_file()]


def _python_version(root: Path) -> _Version | None:
    """The version whose pickled batches lie here, told by their names and first bytes."""
    for version in _VERSIONS:
        paths = [path for _, path in _batches(root, version, "")]
        if paths and (root / _PYTHON_NAMES[version.title]).is_file() and all(_begins(path) == _PICKLED for path in paths):
            return version
    return None


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(1)
    except OSError:
        return b""


def _binary_version(root: Path) -> _Version | None:
    return next((version for version in _VERSIONS if _batches(root, version, ".bin")), None)


def _matches(root: Path) -> str | None:
    if (version := _binary_version(root)) is not None:
        return f"{version.title}: files {some([path.name for _, path in _batches(root, version, '.bin')], 3)}"
    if (version := _python_version(root)) is not None:
        return f"{version.title}'s Python version: files {some([path.name for _, path in _batches(root, version, '')], 3)}"
    return None


def _read(root: Path) -> ClassifiedImages:
    version = _binary_version(root)
    if version is None:
        pickled = _python_version(root)
        if pickled is not None:
            raise DataError(
                f"{root} holds the Python version of {pickled.title}, whose files are pickles: to open one is to run whatever "
                f"program is in it; download the binary version, {pickled.archive}.tar.gz, from the same page"
            )
        raise DataError(f"{root} holds no batches of CIFAR's binary version, such as data_batch_1.bin or train.bin")
    items: list[ClassifiedImage] = []
    faults: list[str] = []
    names = _names(root, version, faults)
    for split, path in _batches(root, version, ".bin"):
        try:
            labels = read_cifar_labels(path, version.label_bytes)[:, -1]
        except DataError as error:
            faults.append(f"{path.name} is left out: {error}")
            continue
        beyond = np.flatnonzero(labels >= len(names))
        if len(beyond):
            faults.append(f"{len(beyond)} records of {path.name} have labels beyond the {len(names)} classes and are left out")
        items += [
            ClassifiedImage(f"{path.stem}_{at:05}", partial(read_cifar_image, path, at, version.label_bytes), int(label), split)
            for at, label in enumerate(labels.tolist())
            if label < len(names)
        ]
    if not items:
        raise DataError(f"nothing of {root} can be read: {faults[0]}")
    missing = [name for name in (*version.train, version.test) if not (root / f"{name}.bin").is_file()]
    decisions = [f"{version.title}, binary version, {len(names)} classes", *([f"not there: {some(missing)}"] if missing else [])]
    return ClassifiedImages(tuple(items), names, tuple(decisions), tuple(faults))


def _names(root: Path, version: _Version, faults: list[str]) -> tuple[str, ...]:
    """Class names from the text file beside the batches, else numbers."""
    count = 10 if version.label_bytes == CIFAR10_LABELS else 100
    path = next((path for path in (root / f"{version.names}.txt", root / version.names) if path.is_file()), None)
    text = path.read_bytes()[: 1 << 16].decode("utf-8", errors="replace") if path else ""
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(names) == len(set(names)) == count and all(name.isprintable() for name in names):
        return names
    faults.append(f"{version.names}.txt with {count} class names is not beside the batches; classes are called by their numbers")
    return tuple(map(str, range(count)))


FORMAT = ClassifiedFormat("cifar", "CIFAR", _matches, _read)
