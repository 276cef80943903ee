"""nnU-Net's raw folders of 2-D images: ``dataset.json``, ``imagesTr/CASE_0000.png`` per channel, ``labelsTr/CASE.png`` (Isensee
et al. 2021). Those of volumes, and the Medical Segmentation Decathlon, are recognised and refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.mask_files import distinct_rows, paint_ids, require_items, unmatched
from pixelwise.data.importing.naming import class_name
from pixelwise.data.importing.volumes import first_volume, is_volume_name, refuse_volumes
from pixelwise.data.sources.found import some
from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name, read_raw
from pixelwise.formats.json_file import read_json
from pixelwise.formats.raster import open_raster

__all__ = ["FORMAT"]

_NAME = "dataset.json"
_MOST_BYTES = 256 << 20
_TOP_ID = 65535
_MOST_CHANNELS = 64
_WRITABLE = (1, 3, 4)  # channels that a PNG can hold

_ImageFiles = Mapping[str, tuple[Path, ...]]
"""The files of each case, one per channel in order."""


class _Labels(NamedTuple):
    rows: list[dict[str, Any]]
    decisions: list[str]


def _matches(root: Path) -> str | None:
    path = root / _NAME
    if not path.is_file() or not (root / "imagesTr").is_dir():
        return None
    try:
        content = read_json(path, _MOST_BYTES)
    except DataError:
        return None
    if not isinstance(content, dict) or "labels" not in content:
        return None
    version = "nnU-Net" if "channel_names" in content else "nnU-Net 1 or the Decathlon"
    return f"{_NAME} with labels, as {version} writes it, beside imagesTr/"


def _read(root: Path) -> Annotations:
    content = read_json(root / _NAME, _MOST_BYTES)
    if not isinstance(content, dict):
        raise DataError(f"{root / _NAME} must hold an object with channel_names, labels and file_ending; export it again")
    ending = str(content.get("file_ending", ""))
    if is_volume_name(ending) or not any(is_image_name(path) for path in (root / "imagesTr").glob("*")):
        volume = first_volume(root / "imagesTr")
        if volume is not None:
            return refuse_volumes(root, volume)
        raise DataError(f"{root / 'imagesTr'} holds no images (.png, .tif, .bmp); check that the download is complete")
    _refuse_stacks(root / "imagesTr")
    channels = _channel_names(content, root)
    labels = _labels(content, root / _NAME)
    faults: list[str] = []
    items = _part(root, "Tr", "train" if (root / "labelsTs").is_dir() else "", channels, faults)
    decisions = [f"{len(channels)} channels: {some(channels)}, by {_NAME}", *labels.decisions]
    if (root / "imagesTs").is_dir():
        tested = _part(root, "Ts", "test", channels, faults) if (root / "labelsTs").is_dir() else []
        items += tested
        decisions.append(
            f"imagesTs: {len(tested)} images with labels are the test split"
            if tested
            else "imagesTs has no labels and is left out"
        )
    require_items(items, root, "nnU-Net")
    if any(callable(item.image) for item in items):
        if len(channels) not in _WRITABLE:
            raise DataError(
                f"{root} keeps {len(channels)} channels ({some(channels)}) in files of their own; an image holds 1, 3 or 4: "
                "keep the three that matter most, and list them in dataset.json"
            )
        decisions.append(f"each image is stacked from {len(channels)} files, in the order of the channels")
    return Annotations(tuple(items), distinct_rows(labels.rows), tuple(decisions), tuple(faults))


def _refuse_stacks(folder: Path) -> None:
    """Raises :class:`DataError` where the first image is a TIFF of several pages: a volume."""
    first = next(path for path in sorted(folder.glob("*")) if is_image_name(path))
    with first.open("rb") as stream:
        pages = getattr(open_raster(first, stream).image, "n_frames", 1)
    if pages > 1:
        raise DataError(
            f"{first} is a volume of {pages} pages; volumes cannot be read yet: save each page as an image of its own"
        )


def _part(root: Path, part: str, split: str, channels: list[str], faults: list[str]) -> list[Annotated]:
    images, masks = _images(root / f"images{part}"), _masks(root / f"labels{part}")
    faults += unmatched(images, masks, "label file")
    items = []
    odd = []
    for case in sorted(images.keys() & masks.keys()):
        files = images[case]
        if len(files) not in (1, len(channels)):
            odd.append(f"{case} ({len(files)})")
            continue
        image: Path | Callable[[], np.ndarray] = files[0] if len(files) == 1 else partial(_stacked, files)
        items.append(Annotated(case, image, partial(paint_ids, masks[case]), split))
    if odd:
        faults.append(
            f"{len(odd)} cases of images{part}/ are left out, which have neither one file nor one for each of {len(channels)} "
            f"channels: {some(odd)}; add the missing files"
        )
    return items


def _images(folder: Path) -> _ImageFiles:
    """Files by case and, within it, by channel: ``CASE_0000`` is the first."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*")):
        named = re.fullmatch(r"(.+)_(\d{4})", path.stem)
        if is_image_name(path) and path.is_file():
            case, number = (named[1], int(named[2])) if named else (path.stem, 0)
            found.setdefault(case, {}).setdefault(number, path)
    return {case: tuple(files[number] for number in sorted(files)) for case, files in found.items()}


def _masks(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*")) if is_image_name(path) and path.is_file()}


def _stacked(files: tuple[Path, ...]) -> np.ndarray:
    """(H, W, C): one channel of each file, in its own depth."""
    channels = [read_raw(path) for path in files]
    shapes = {channel.shape for channel in channels}
    depths = {channel.dtype for channel in channels}
    if len(shapes) > 1 or len(depths) > 1 or channels[0].ndim != 2:
        raise DataError(
            f"the channels of {files[0].name} must be single-channel images of one size and depth, got "
            f"{some([f'{channel.shape} {channel.dtype}' for channel in channels])}"
        )
    return np.stack(channels, axis=2)


def _channel_names(content: Mapping[str, Any], root: Path) -> list[str]:
    stated = content.get("channel_names", content.get("modality"))
    if not isinstance(stated, dict) or not 0 < len(stated) <= _MOST_CHANNELS:
        raise DataError(f"{root / _NAME} must hold channel_names, 1 to {_MOST_CHANNELS} names by number; add them")
    return [class_name(name) or str(key) for key, name in stated.items()]


def _labels(content: Mapping[str, Any], path: Path) -> _Labels:
    """Rows of classes from ``labels``: names to ids, names to lists of ids (regions), or, before nnU-Net 2, ids to names."""
    stated = content.get("labels")
    if not isinstance(stated, dict) or not 0 < len(stated) <= _TOP_ID:
        raise DataError(f"{path} must hold labels, an object of names and ids; add it")
    if all(str(key).isascii() and str(key).isdigit() and isinstance(name, str) for key, name in stated.items()):
        stated = {name: int(key) if len(key) < 6 else -1 for key, name in stated.items()}
    regions = {class_name(name): _ids(value, name, path) for name, value in stated.items()}
    every = sorted({class_id for ids in regions.values() for class_id in ids})
    rows = []
    for class_id in every:
        # the smallest region around an id is the one that it is there for
        around = [name for name, ids in regions.items() if class_id in ids]
        smallest = min(around, key=lambda name: len(regions[name]))
        is_ignored = smallest.lower() == "ignore" and class_id == every[-1] and class_id > 0
        rows.append({"id": class_id, "name": smallest} | ({"ignore": True} if is_ignored else {}))
    decisions = [f"label ids {some(every, 12)} stay as they are"]
    joined = {name: ids for name, ids in regions.items() if len(ids) > 1}
    if joined:
        told = "; ".join(f"{name} = ids {', '.join(map(str, ids))}" for name, ids in joined.items())
        decisions.append(
            f"labels name regions that hold several ids ({told}); masks keep the ids, each called by its smallest region: "
            "add the scores of a region's ids to score the region"
        )
    if any(row.get("ignore") for row in rows):
        decisions.append(f"label ignore ({every[-1]}) counts for nothing")
    return _Labels(rows, decisions)


def _ids(value: Any, name: str, path: Path) -> tuple[int, ...]:
    ids = value if isinstance(value, list) else [value]
    if not ids or not all(type(class_id) is int and 0 <= class_id <= _TOP_ID for class_id in ids):
        raise DataError(f"{path}: label {name!r} must be an id from 0 to {_TOP_ID}, or a list of them, got {str(value)[:80]}")
    return tuple(sorted(set(ids)))


FORMAT = Format("nnunet", "nnU-Net raw (2-D), Medical Segmentation Decathlon", _matches, _read)
