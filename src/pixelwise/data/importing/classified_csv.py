"""MNIST as tables: ``mnist_train.csv`` and ``mnist_test.csv``, a row of a label and pixels per image."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pixelwise.data.importing.classified import ClassifiedFormat, ClassifiedImage, ClassifiedImages
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError
from pixelwise.formats.pixel_csv import PixelRows, looks_like_pixels, read_pixel_row, scan_pixel_rows

__all__ = ["FORMAT"]

_MOST_CLASSES = 65536


def _tables(root: Path) -> list[Path]:
    return [path for path in sorted(root.glob("*.csv")) if looks_like_pixels(path)]


def _matches(root: Path) -> str | None:
    tables = _tables(root)
    return f"rows of pixels in {some([path.name for path in tables], 3)}" if tables else None


def _read(root: Path) -> ClassifiedImages:
    tables: list[PixelRows] = []
    faults: list[str] = []
    for path in _tables(root):
        try:
            tables.append(scan_pixel_rows(path))
        except DataError as error:
            faults.append(f"{path.name} is left out: {error}")
    every = sorted({int(label) for table in tables if table.labels is not None for label in set(table.labels.tolist())})
    if not tables or len(every) > _MOST_CLASSES:
        reason = faults[0] if not tables and faults else f"it has {len(every):,} different labels"
        raise DataError(f"nothing of {root} can be read: {reason}")
    index_of = {label: index for index, label in enumerate(every)}
    items = [item for table in tables for item in _items(table, index_of)]
    shapes = ", ".join(f"{table.path.name} {len(table.starts):,} of {table.side} x {table.side}" for table in tables)
    bare = [table.path.name for table in tables if table.labels is None]
    decisions = [f"images: {shapes}; classes are the labels {some(every, 12)}"]
    if bare:
        decisions.append(f"no labels in {some(bare)}: read without classes")
    return ClassifiedImages(tuple(items), tuple(map(str, every)), tuple(decisions), tuple(faults))


def _items(table: PixelRows, index_of: dict[int, int]) -> list[ClassifiedImage]:
    words = table.path.stem.lower().replace("-", "_").split("_")
    split = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")
    has_label = table.labels is not None
    labels: list[int | None] = [None] * len(table.starts) if table.labels is None else table.labels.tolist()
    return [
        ClassifiedImage(
            f"{table.path.stem}_{at:06}",
            partial(read_pixel_row, table.path, start, table.side, has_label),
            None if label is None else index_of[label],
            split,
        )
        for at, (start, label) in enumerate(zip(table.starts.tolist(), labels, strict=True))
    ]


FORMAT = ClassifiedFormat("pixel-csv", "rows of pixels in CSV (MNIST)", _matches, _read)
