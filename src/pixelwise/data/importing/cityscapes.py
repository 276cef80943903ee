"""Cityscapes: ``leftImg8bit/SPLIT/CITY/*_leftImg8bit.png`` beside ``gtFine/`` or ``gtCoarse/`` (Cordts et al. 2016)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows, from_codes, paint_ids, require_items, unmatched, with_keys
from pixelwise.data.importing.street_classes import IGNORED_TRAIN_ID, STREET_CLASSES, id_rows, train_id_rows
from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name
from pixelwise.formats.label_png import read_ids

__all__ = ["FORMAT"]

_IMAGES = "leftImg8bit"
_TRUTHS = ("gtFine", "gtCoarse")  # where an image has both, the fine annotation counts
_KINDS = ("instanceIds", "labelIds", "labelTrainIds")  # the first that an image has
_SPLITS = {"train": "train", "train_extra": "train", "val": "val", "test": "test"}
_PER_CLASS = 1000

_Files = Mapping[str, Mapping[str, Path]]
"""Label files by image (``SPLIT/CITY/STEM``) and kind."""


def _matches(root: Path) -> str | None:
    truths = [name for name in _TRUTHS if (root / name).is_dir()]
    if not truths or not (root / _IMAGES).is_dir():
        return None
    is_named = any(path.stem.endswith(f"_{_IMAGES}") for path in islice((root / _IMAGES).glob("*/*/*"), 50))
    return f"folders {_IMAGES}/ and {' and '.join(f'{name}/' for name in truths)} with files *_{_IMAGES}" if is_named else None


def _read(root: Path) -> Annotations:
    images = dict(_images(root / _IMAGES))
    truths = {name: _labels(root / name, name) for name in _TRUTHS}
    labels: _Files = {**truths["gtCoarse"], **truths["gtFine"]}
    kinds = {next(kind for kind in _KINDS if kind in files) for files in labels.values()}
    has_ids = bool(kinds - {"labelTrainIds"})
    items, faults = [], []
    only_train_ids = []
    for name in sorted(images.keys() & labels.keys()):
        kind = next(kind for kind in _KINDS if kind in labels[name])
        if has_ids and kind == "labelTrainIds":
            only_train_ids.append(name)
            continue
        split, _, rest = name.partition("/")
        city, _, stem = rest.rpartition("/")
        paint = partial(_paint_instances if kind == "instanceIds" else paint_ids, labels[name][kind])
        columns = {"city": city} | ({"part": split} if split == "train_extra" else {})
        items.append(Annotated(stem, images[name], paint, _SPLITS.get(split, ""), columns))
    if only_train_ids:
        faults.append(
            f"{len(only_train_ids)} images have labelTrainIds alone, while others have label ids, and are left out: "
            f"{only_train_ids[0]}; add their instanceIds or labelIds files"
        )
    require_items(items, root, "Cityscapes")
    rows = distinct_rows(id_rows() if has_ids else train_id_rows())
    decisions = _decisions(truths, kinds, has_ids, items)
    return Annotations(with_keys(items), rows, decisions, (*faults, *unmatched(images, labels, "label file")))


def _images(folder: Path) -> Iterable[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if is_image_name(path) and path.stem.endswith(f"_{_IMAGES}"):
            relative = path.relative_to(folder)
            yield (relative.parent / path.stem.removesuffix(f"_{_IMAGES}")).as_posix(), path


def _labels(folder: Path, truth: str) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    pattern = re.compile(f"(.+)_{truth}_({'|'.join(_KINDS)})")
    for path in sorted(folder.rglob("*.png")):
        named = pattern.fullmatch(path.stem)
        if named:
            name = (path.relative_to(folder).parent / named[1]).as_posix()
            found.setdefault(name, {})[named[2]] = path
    if folder.is_dir() and not found and any(folder.rglob("*_polygons.json")):
        raise DataError(f"{folder} holds polygons but no label images; make the labelIds files with the data set's own scripts")
    return found


def _decisions(truths: Mapping[str, _Files], kinds: set[str], has_ids: bool, items: list[Annotated]) -> tuple[str, ...]:
    fine, coarse = len(truths["gtFine"]), len(truths["gtCoarse"].keys() - truths["gtFine"].keys())
    parts = [f"{fine} fine annotations" if fine else "", f"{coarse} coarse ones" if coarse else ""]
    decisions = ["labels: " + " and ".join(part for part in parts if part) + f", from the files {', '.join(sorted(kinds))}"]
    if has_ids:
        ignored = sum(label.is_ignored for label in STREET_CLASSES)
        decisions.append(
            f"label ids 0 to 33 stay as they are; {ignored} of them are ignored, as the benchmark does, so 19 classes count"
        )
    else:
        decisions.append("training ids 0 to 18 stay as they are, 255 is ignored; label ids would tell more, but there are none")
    if "instanceIds" in kinds:
        decisions.append(f"instanceIds are {_PER_CLASS} x label id + number of the object, or the label id alone for a region")
    if any(item.columns.get("part") for item in items):
        decisions.append("train_extra is read as train, and told apart by the column part")
    if (blank := _is_blank_test(items)) is not None:
        decisions.append(
            f"the labels of the test split are dummies in the public download, and {blank} holds no class that counts: "
            "scores on test will be empty; use val"
        )
    return tuple(decisions)


def _is_blank_test(items: Iterable[Annotated]) -> str | None:
    """The file name of the first test image if its annotation holds nothing but ignored labels. Damage is left to the import."""
    first = next((item for item in items if item.split == "test"), None)
    if first is None:
        return None
    ignored = [label.id for label in STREET_CLASSES if label.is_ignored]
    try:
        is_blank = bool(np.isin(first.paint().ids, [*ignored, IGNORED_TRAIN_ID]).all())
    except DataError:
        return None
    return f"the first one ({first.key})" if is_blank else None


def _paint_instances(path: Path) -> Painted:
    return from_codes(read_ids(path), partial(_meaning, path))


def _meaning(path: Path, code: int) -> tuple[int, bool]:
    label_id, is_object = (code // _PER_CLASS, True) if code >= _PER_CLASS else (code, False)
    if label_id >= len(STREET_CLASSES):
        raise DataError(f"{path} holds {code}, which is of no label (0 to {len(STREET_CLASSES) - 1}); is it an instanceIds file?")
    return label_id, is_object


FORMAT = Format("cityscapes", "Cityscapes", _matches, _read)
