"""``dataset_meta.json``, in which Datumaro keeps the classes of an export: names by id, and colours where masks are in colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.data.importing.naming import class_name
from pixelwise.errors import DataError
from pixelwise.formats.color_table import ColorRow
from pixelwise.formats.json_file import read_json

__all__ = ["META_NAME", "DatasetMeta", "read_dataset_meta"]

META_NAME = "dataset_meta.json"

_MOST_BYTES = 16 << 20
_TOP_ID = 65535


@dataclass(frozen=True)
class DatasetMeta:
    """``names`` by class id; ``table``, a colour for each of them, empty where the file has no colours."""

    path: Path
    names: Mapping[int, str]
    table: tuple[ColorRow, ...]


def read_dataset_meta(root: Path) -> DatasetMeta | None:
    """What the file in ``root`` says, or None where there is none; raises :class:`DataError` where it is not as it should be."""
    path = root / META_NAME
    if not path.is_file():
        return None
    content = read_json(path, _MOST_BYTES)
    labels = content.get("label_map") if isinstance(content, dict) else None
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"{path} must hold label_map, an object of class names by id; export it again")
    names = {_checked_id(key, path): class_name(name) for key, name in labels.items()}
    if not all(names.values()):
        raise DataError(f"{path}: every class in label_map needs a name; export it again")
    colors = content.get("segmentation_colors")
    if colors is None:
        return DatasetMeta(path, names, ())
    if not isinstance(colors, list) or len(colors) != len(names) or not all(_is_color(color) for color in colors):
        raise DataError(
            f"{path}: segmentation_colors must be {len(names)} colours, one per class, each three numbers from 0 to 255"
        )
    return DatasetMeta(path, names, tuple(((r, g, b), name) for (r, g, b), name in zip(colors, names.values(), strict=True)))


def _checked_id(key: Any, path: Path) -> int:
    if not (key.isascii() and key.isdigit() and len(key) < 6 and int(key) <= _TOP_ID):
        raise DataError(f"{path}: class ids in label_map must be whole numbers from 0 to {_TOP_ID}, got {key[:40]!r}")
    return int(key)


def _is_color(color: Any) -> bool:
    whole = isinstance(color, list) and len(color) == 3 and all(isinstance(value, int) for value in color)
    return whole and all(0 <= value <= 255 for value in color)
