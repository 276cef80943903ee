"""CIFAR's binary version: records of fixed size, labels first, then 32 x 32 red, green and blue bytes (Krizhevsky 2009)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pixelwise.errors import DataError, first_line

__all__ = ["CIFAR10_LABELS", "CIFAR100_LABELS", "encode_cifar", "read_cifar_image", "read_cifar_labels"]

CIFAR10_LABELS = 1
"""Bytes of labels before the pixels of a record."""

CIFAR100_LABELS = 2
"""The coarse label, then the fine one."""

_SIDE, _CHANNELS = 32, 3
_PIXELS = _CHANNELS * _SIDE * _SIDE
_MOST_BYTES = 4 << 30


def read_cifar_labels(path: Path, label_bytes: int) -> np.ndarray:
    """(N, ``label_bytes``) uint8: the labels of all records, without reading the pixels into memory.

    Raises :class:`DataError` for a file that is not a whole number of records, or larger than any batch.
    """
    record = label_bytes + _PIXELS
    try:
        size = path.stat().st_size
        if not size or size % record or size > _MOST_BYTES:
            raise DataError(
                f"{path} has {size:,} bytes, not a whole number of records of {record} bytes ({label_bytes} of labels, {_PIXELS} "
                "of pixels); download it again"
            )
        return np.array(np.memmap(path, np.uint8, "r", shape=(size // record, record))[:, :label_bytes])
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); check its permissions") from None


def read_cifar_image(path: Path, index: int, label_bytes: int) -> np.ndarray:
    """(32, 32, 3) uint8 RGB of one record; raises :class:`DataError` where the file has no such record any more."""
    record = label_bytes + _PIXELS
    try:
        with path.open("rb") as stream:
            stream.seek(index * record + label_bytes)
            data = stream.read(_PIXELS)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}); check its permissions") from None
    if len(data) < _PIXELS:
        raise DataError(f"{path} has no record {index}; it was changed after it was opened")
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(_CHANNELS, _SIDE, _SIDE).transpose(1, 2, 0))


def encode_cifar(labels: np.ndarray, images: np.ndarray) -> bytes:
    """A batch of (N, L) uint8 labels and (N, 32, 32, 3) uint8 images as bytes."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), _PIXELS)
    return np.concatenate([labels, planes], axis=1).astype(np.uint8).tobytes()
