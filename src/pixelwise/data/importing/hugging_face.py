"""Columns of images as Hugging Face's ``datasets`` keeps them: Parquet files of the hub, Arrow files of ``save_to_disk``.

Reading needs ``pyarrow``, which ``pip install 'pixelwise[parquet]'`` brings; telling the format does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows
from pixelwise.data.importing.naming import class_name, files_below
from pixelwise.data.levels import Levels, decide, histogram, thread_count
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError
from pixelwise.formats.arrow_images import ImageTable, image_at, looks_like_images, mask_at, open_table
from pixelwise.formats.json_file import read_json

__all__ = ["FORMAT"]

_INFO, _NAMES = "dataset_info.json", "id2label.json"
_MASKS = ("mask", "label", "annotation", "segmentation", "seg", "semantic", "gt", "groundtruth", "target")
_IMAGES = ("image", "pixel", "img", "photo", "input", "picture")
_LEVELS = 3  # folders deep that files are looked for
_MOST_BYTES = 64 << 20
_TOP_ID = 65535


class _Pair(NamedTuple):
    """Where the bytes of one image and its mask are."""

    table: ImageTable
    row: int
    image: str
    mask: str


def _files(root: Path) -> list[Path]:
    """Parquet files, else Arrow files beside a dataset_info.json; not what ``datasets`` keeps of its own computations."""
    parquet = list(files_below(root, ".parquet", _LEVELS))
    arrow = [path for path in files_below(root, ".arrow", _LEVELS) if (path.parent / _INFO).is_file()]
    return parquet or [path for path in arrow if not path.name.startswith("cache-")]


def _matches(root: Path) -> str | None:
    files = _files(root)
    if not files or not looks_like_images(files[0]):
        return None
    return f"{len(files)} {files[0].suffix} file{'s' if len(files) > 1 else ''} with columns of images, such as {files[0].name}"


def _read(root: Path) -> Annotations:
    files = _files(root)
    if not files:
        raise DataError(f"{root} holds no .parquet files, and no .arrow files beside a {_INFO}")
    tables, faults = [], []
    for path in files:
        try:
            tables.append(open_table(path))
        except DataError as error:
            faults.append(str(error))
    if not tables:
        raise DataError(faults[0])
    image, mask = _roles(tables[0].image_columns, files[0])
    pairs, items = [], []
    counts: dict[str, int] = {}
    for table in tables:
        if not {image, mask} <= set(table.image_columns):
            faults.append(
                f"{table.path.name} has no columns {image} and {mask} of images, as the first file has, and is left out"
            )
            continue
        split = _split(table.path, root)
        for row in range(table.rows):
            number = counts[split] = counts.get(split, -1) + 1
            pairs.append(_Pair(table, row, image, mask))
            items.append((f"{split or 'row'}_{number:06}", split))
    if not items:
        raise DataError(f"{root} holds no rows; download it again")
    rows, threshold, decision = _classes(root, pairs)
    read = tuple(
        Annotated(key, partial(image_at, pair.table, pair.image, pair.row), partial(_paint, pair, threshold), split)
        for (key, split), pair in zip(items, pairs, strict=True)
    )
    columns = f"images from the column {image}, masks from {mask}; keys are the split and the number of the row"
    return Annotations(read, rows, (columns, decision), tuple(faults))


def _split(path: Path, root: Path) -> str:
    """By the file's name up to ``-00000-of-00012``, else by the folders it lies in."""
    words = path.stem.lower().replace("_", "-").replace(".", "-").split("-")
    folders = [part.lower() for part in path.parent.relative_to(root).parts] if path != root else []
    return next((SPLIT_NAMES[word] for word in (*words, *reversed(folders)) if word in SPLIT_NAMES), "")


def _roles(columns: Sequence[str], path: Path) -> tuple[str, str]:
    """The column of images and that of masks, by their names."""
    masks = [name for name in columns if _is_called(name, _MASKS)]
    images = [name for name in columns if name not in masks]
    images = [name for name in images if _is_called(name, _IMAGES)] or images
    if len(masks) == 1 and len(images) == 1:
        return images[0], masks[0]
    if len(columns) < 2:
        held = f"the column {columns[0]}" if columns else "none"
        raise DataError(f"{path} needs two columns of images, of pictures and of masks, but has {held}; masks must be images too")
    raise DataError(
        f"{path} has the columns of images {some(columns, 8)}: which holds pictures, which masks? Rename them to image and mask, "
        "and drop the others"
    )


def _is_called(name: str, words: Sequence[str]) -> bool:
    parts = name.lower().replace("-", "_").split("_")
    return any(part.rstrip("s") in words for part in parts) or name.lower().replace("_", "") in words


def _classes(root: Path, pairs: Sequence[_Pair]) -> tuple[tuple[dict[str, Any], ...], int | None, str]:
    """Rows of classes, the threshold where masks have soft edges, and the sentence on both."""
    path = next((folder / _NAMES for folder in (root, root / "data") if (folder / _NAMES).is_file()), None)
    if path is not None:
        content = read_json(path, _MOST_BYTES)
        entries = content.items() if isinstance(content, dict) else ()
        names = {key: class_name(name) for key, name in entries}
        if not names or not all(key.isascii() and key.isdigit() and len(key) < 6 and name for key, name in names.items()):
            raise DataError(
                f"{path} must be an object of class names by id; correct it, or remove it to take the ids from the masks"
            )
        rows = distinct_rows({"id": int(key), "name": name} for key, name in names.items())
        return rows, None, f"{len(rows)} classes by {_NAMES}; ids in masks stay as they are"
    counts, files = np.zeros((2, 65536), np.int64)
    readable, errors = 0, []
    for found in _histograms(pairs):
        if isinstance(found, DataError):
            errors.append(found)  # the import names them all
            continue
        readable += 1
        counts[: len(found)] += found
        files[: len(found)] += found > 0
    if not readable:
        raise DataError(f"no mask of {root} can be read; the first reason: {errors[0]}")
    reading = decide(Levels(counts, files, readable))
    return tuple(reading.classes.to_json()), reading.threshold, reading.decision.replace("no classes.json", f"no {_NAMES}")


def _histograms(pairs: Sequence[_Pair]) -> Iterator[np.ndarray | DataError]:
    with ThreadPoolExecutor(thread_count()) as pool:
        yield from pool.map(_histogram, pairs)


def _histogram(pair: _Pair) -> np.ndarray | DataError:
    try:
        return histogram(mask_at(pair.table, pair.mask, pair.row))
    except DataError as error:
        return error


def _paint(pair: _Pair, threshold: int | None) -> Painted:
    ids = mask_at(pair.table, pair.mask, pair.row)
    return Painted(ids if threshold is None else np.where(ids > threshold, 255, 0).astype(np.uint8))


FORMAT = Format("hugging-face", "Hugging Face datasets (Parquet, Arrow)", _matches, _read)
