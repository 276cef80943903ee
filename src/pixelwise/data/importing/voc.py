"""PASCAL VOC and what is exported in its layout: ``SegmentationClass/`` and ``SegmentationObject/`` beside ``JPEGImages/``; also
CVAT's "Segmentation mask 1.1". Where there are only ``Annotations/``, their boxes are read (``voc_boxes``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.color_masks import read_class_ids, read_mask_pixels
from pixelwise.data.importing.naming import BACKGROUND_NAMES, beginning, counted, files_below, keys_of
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.data.importing.voc_boxes import read_boxes
from pixelwise.data.importing.voc_lists import ListedImages, listed_images, read_names
from pixelwise.data.sources.found import list_images
from pixelwise.errors import DataError
from pixelwise.formats.label_png import Color
from pixelwise.formats.voc_labels import VOC_CLASSES, VOID_COLOR, color_of, numbers_of_colors, read_labelmap
from pixelwise.formats.xml_file import root_tag

__all__ = ["FORMAT"]

_VOID = 255
_VOID_NAMES = ("ignored", "void")


class _Labels(NamedTuple):
    """``colors``: the class id of each colour; ``table``: the name of the file that says so."""

    rows: tuple[Mapping[str, Any], ...]
    colors: dict[Color, int]
    table: str
    decision: str


def _matches(root: Path) -> str | None:
    if _bases(root):
        return "a folder SegmentationClass/, as in PASCAL VOC"
    for path in islice(files_below(root, ".xml", levels=1), 8):
        if root_tag(path) == "annotation" and b"<bndbox>" in beginning(path):
            return f"{path.name} is an annotation with <bndbox>, as in PASCAL VOC; there are only boxes, no masks"
    return None


def _bases(root: Path) -> list[Path]:
    """Folders that hold SegmentationClass/: the one given, or those of single years below it, or below VOCdevkit/."""
    for pattern in ("SegmentationClass", "*/SegmentationClass", "VOCdevkit/*/SegmentationClass"):
        found = [path.parent for path in sorted(root.glob(pattern)) if path.is_dir()] if root.is_dir() else []
        if found:
            return found
    return []


def _read(root: Path) -> Annotations:
    bases = _bases(root)
    if not bases:
        return read_boxes(root)
    labels = _labels(bases[0], root)
    pairs: dict[Path, tuple[Path, Path | None, str]] = {}
    decisions, faults = [labels.decision], list[str]()
    for base in bases:
        _read_base(base, pairs, decisions, faults)
    items = [
        Annotated(key, image, partial(_paint, mask, objects, labels), split)
        for key, (image, (mask, objects, split)) in zip(keys_of(list(pairs), root), pairs.items(), strict=True)
    ]
    return Annotations(tuple(items), labels.rows, tuple(dict.fromkeys(decisions)), tuple(faults))


def _read_base(base: Path, pairs: dict[Path, tuple[Path, Path | None, str]], decisions: list[str], faults: list[str]) -> None:
    """Pairs of one SegmentationClass/: the masks that the lists of ImageSets/ name, or all of them."""
    folders = [_folder_of(base, name) for name in ("SegmentationClass", "SegmentationObject")]
    masks, objects = (list_images(folder) for folder in folders)
    images = ListedImages(ImageFinder(base, [path for path in base.iterdir() if path.name.startswith("Segmentation")]))
    splits, said = listed_images(base / "ImageSets" / "Segmentation")
    decisions += said
    if splits:
        left = [name for name in masks if name not in splits]
        without = [name for name in splits if name not in masks]
        if left:
            decisions.append(f"left out, for no list in ImageSets/ names them: {counted(len(left), 'mask', left)}")
        if without:
            decisions.append(f"left out, for they have no mask: {counted(len(without), 'listed image', without)}")
        masks = {name: path for name, path in masks.items() if name in splits}
    missing = []
    for name, mask in masks.items():
        image = images.find(name)
        if image is None:
            missing.append(name)
        else:
            pairs.setdefault(image, (mask, objects.get(name), splits.get(name, "")))
    if missing:
        what = counted(len(missing), "mask", missing)
        faults.append(f"{what} without an image below {base}; put the images into JPEGImages/, by the same names")
    if objects:
        decisions.append("SegmentationObject/ numbers the objects; where the class is void there is none")


def _folder_of(base: Path, name: str) -> Path:
    """The folder of masks; older labelme puts arrays there, which are never read, and the masks into another beside it."""
    beside = base / f"{name}PNG"
    return beside if beside.is_dir() and not list_images(base / name) else base / name


def _labels(base: Path, root: Path) -> _Labels:
    """The classes: those of labelmap.txt (CVAT, Datumaro) or class_names.txt (labelme's converter), else VOC's."""
    for folder in (base, root):
        if (folder / "labelmap.txt").is_file():
            return _stated_labels(folder / "labelmap.txt", read_labelmap(folder / "labelmap.txt"))
        if (folder / "class_names.txt").is_file():
            names = read_names(folder / "class_names.txt")
            return _stated_labels(folder / "class_names.txt", tuple((name, color_of(at)) for at, name in enumerate(names)))
    labels = _stated_labels(Path("VOC's own table"), tuple((name, color_of(at)) for at, name in enumerate(VOC_CLASSES)))
    return labels._replace(decision="no labelmap.txt: the classes of PASCAL VOC with their ids, 0 to 20; 255 is ignored")


def _stated_labels(path: Path, table: tuple[tuple[str, Color], ...]) -> _Labels:
    """Ids in the order of the table. A class of the void's colour and name is ignored; background is black where it is not
    listed."""
    void = next((name for name, color in table if color == VOID_COLOR and name.lower() in _VOID_NAMES), None)
    if not any(name.lower() in BACKGROUND_NAMES for name, _ in table) and (0, 0, 0) not in dict(table).values():
        table = (("background", (0, 0, 0)), *table)
    names = [name for name, _ in table if name != void]
    if len(names) > _VOID:
        raise DataError(f"{path} lists {len(names):,} classes; at most {_VOID} fit beside {_VOID}, which is void")
    ids = {name: at for at, name in enumerate(names)}
    colors = {color: ids.get(name, _VOID) for name, color in table}
    colors.setdefault(VOID_COLOR, _VOID)
    rows = [{"id": ids[name], "name": name, "color": list(color)} for name, color in table if name != void]
    rows.append({"id": _VOID, "name": void or "void", "ignore": True})
    decision = f"class ids are the order of {path.name}, from 0 ({len(names)} classes); {_VOID} is ignored"
    return _Labels(tuple(rows), colors, path.name, decision)


def _paint(mask: Path, objects: Path | None, labels: _Labels) -> Painted:
    ids, losses = read_class_ids(mask, labels.colors, _VOID, labels.table)
    if objects is None:
        return Painted(ids, None, losses)
    levels, indices = read_mask_pixels(objects)
    numbers = indices if indices is not None else numbers_of_colors(levels) if levels.ndim == 3 else levels
    if numbers.shape != ids.shape:
        raise DataError(
            f"{objects} has {numbers.shape[0]} x {numbers.shape[1]} pixels, {mask.name} {ids.shape[0]} x {ids.shape[1]}; "
            "export both again"
        )
    numbers = np.where(ids == _VOID, 0, numbers)
    if int(numbers.max()) > 65535:
        raise DataError(
            f"{objects} holds colours that are no numbers of objects, such as {int(numbers.max()):,}; export it again"
        )
    return replace(Painted(ids, None, losses), instances=numbers.astype(np.uint16))


FORMAT = Format("voc", "PASCAL VOC", _matches, _read)
