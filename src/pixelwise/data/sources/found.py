"""What every source shares: listing images, pairing them with masks by name, keys that are unique."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name
from pixelwise.types import Record

__all__ = ["SPLIT_NAMES", "Found", "Source", "list_images", "pair", "some", "with_unique_keys"]

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What folders and ``splits.csv`` may call the splits."""

_MASK_ENDINGS = ("_mask", "_masks", "_label", "_labels", "_gt", "_seg", "_annotation", "_L", "-mask", "-label")


@dataclass(frozen=True)
class Found:
    """What a source saw. ``class_names``: one folder of masks per class (multilabel). ``threshold``: the masks number
    objects. ``rows``: rows of a class table that belongs to the layout, used when all ids are in it, or, ``is_stated``, in any
    case: the data say what their ids mean."""

    records: tuple[Record, ...]
    decisions: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()
    class_names: tuple[str, ...] = ()
    threshold: int | None = None
    rows: tuple[Mapping[str, Any], ...] = ()
    is_stated: bool = False


@dataclass(frozen=True)
class Source:
    """One layout on disk: ``matches`` gives the evidence for it, or None; ``records`` reads the names of its files."""

    matches: Callable[[Path], str | None]
    records: Callable[[Path], Found]


def list_images(folder: Path) -> dict[str, Path]:
    """Image files at any depth by relative name without suffix, sorted; two of one name are refused."""
    images: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if not is_image_name(path) or not path.is_file():
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in images:
            raise DataError(f"{images[name]} and {path} have the same name but for the suffix; remove or rename one of them")
        images[name] = path
    return images


def pair(images: Mapping[str, Path], masks: Mapping[str, Path], split: str) -> tuple[list[Record], list[Path], str]:
    """Records of all images with the mask of the same name, masks without image, and what was ignored at the end of the
    names of masks (``"_mask"``), if that was needed."""
    ending = ""
    if images and not any(name in masks for name in images):
        fits = Counter({end: sum(name + end in masks for name in images) for end in _MASK_ENDINGS})
        best, how_many = fits.most_common(1)[0]
        ending = best if how_many else ""
    records = []
    for name, path in images.items():
        mask = masks.get(name + ending)
        records.append(Record(name.replace("/", "_"), path, () if mask is None else (mask,), split))
    used = {record.masks[0] for record in records if record.masks}
    return records, [path for path in masks.values() if path not in used], ending


def with_unique_keys(records: Sequence[Record]) -> tuple[Record, ...]:
    """The records with keys made unique: by the split in front where a name stands in several splits."""
    counts = Counter(record.key for record in records)
    if max(counts.values(), default=0) > 1:
        records = [replace(r, key=f"{r.split}_{r.key}") if counts[r.key] > 1 else r for r in records]
        counts = Counter(record.key for record in records)
    twice = [key for key, n in counts.items() if n > 1]
    if twice:
        files = [str(record.image) for record in records if record.key == twice[0]]
        raise DataError(f"{some(files)} would all be called {twice[0]!r} in results; rename them so that names differ")
    return tuple(records)


def some(names: Sequence[Any], how_many: int = 5) -> str:
    """The first few names and how many more there are, for messages."""
    shown = ", ".join(str(name) for name in names[:how_many])
    return shown + (f" and {len(names) - how_many:,} more" if len(names) > how_many else "")
