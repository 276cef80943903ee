"""Confusion matrices per image in one safetensors file: from them follow all scores of any part of the set, without the model.

Most cells of an image's matrix are 0, the more so the more classes there are, so only the others are kept, as three tensors:
``start`` (N + 1) int64, where each image's cells begin in the other two; ``cell`` uint16, the place in the matrix, row by row;
and ``count`` int64. The header holds ``keys`` (of the images), ``classes`` (rows of ``classes.json``), ``shape`` of one matrix,
(K, K) or (K, 2, 2), and ``split``, in JSON under ``pixelwise``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.types import ClassTable

__all__ = ["ImageConfusions", "read_confusions", "write_confusions"]


@dataclass(frozen=True)
class ImageConfusions:
    """``matrices`` (N, K, K), or (N, K, 2, 2) where classes overlap, int64, row by row of the images in ``keys``."""

    keys: tuple[str, ...]
    matrices: np.ndarray
    classes: ClassTable
    split: str

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """The matrices of these images, in their order."""
        place = {key: at for at, key in enumerate(self.keys)}
        return np.asarray(self.matrices[[place[key] for key in keys]])


def write_confusions(
    path: str | Path, keys: Sequence[str], matrices: Sequence[np.ndarray], classes: ClassTable, split: str
) -> Path:
    """Writes the file, whole or not at all. Raises :class:`StorageError` when it cannot be written."""
    flat = [np.asarray(matrix, np.int64).ravel() for matrix in matrices]
    cells = [np.flatnonzero(matrix) for matrix in flat]
    tensors: dict[str, np.ndarray] = {
        "start": np.cumsum([0, *map(len, cells)], dtype=np.int64),
        "cell": np.concatenate(cells).astype(np.uint16),  # 255 classes have 65,025 cells
        "count": np.concatenate([matrix[kept] for matrix, kept in zip(flat, cells, strict=True)]),
    }
    facts = {"keys": list(keys), "classes": classes.to_json(), "shape": list(matrices[0].shape), "split": split}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {"pixelwise": json.dumps(facts)})
    return Path(path)


def read_confusions(path: str | Path) -> ImageConfusions:
    """Reads what :func:`write_confusions` wrote.

    Raises:
        DataError: the file is missing, damaged, or something else.
    """
    try:
        with safe_open(path, "np") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["pixelwise"])
            start, cell, count = (file.get_tensor(name) for name in ("start", "cell", "count"))
        keys, shape = tuple(map(str, facts["keys"])), tuple(map(int, facts["shape"]))
        whole = np.zeros((len(keys), int(np.prod(shape))), np.int64)
        whole[np.repeat(np.arange(len(keys)), np.diff(start)), cell] = count
        classes = ClassTable.from_json(facts["classes"])
        return ImageConfusions(keys, whole.reshape(len(keys), *shape), classes, str(facts["split"]))
    except FileNotFoundError:
        raise DataError(f"there is no {path}; it is written by: pixelwise evaluate") from None
    except (SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error}); write it again with: pixelwise evaluate") from None
