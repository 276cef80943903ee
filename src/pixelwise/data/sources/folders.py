"""The canonical layout: ``images/`` and ``masks/`` by name, split by folders, by ``splits.csv``, or by a hash of names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.sources.found import SPLIT_NAMES, Found, list_images, pair, some, with_unique_keys
from pixelwise.data.sources.splits import completed
from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name
from pixelwise.types import Record

__all__ = ["matches", "records"]

_MASK_FOLDERS = ("masks", "labels", "annotations", "instances")


@dataclass(frozen=True)
class _Part:
    """One folder of images and the folder of their masks; ``split`` is empty where folders say nothing of it."""

    split: str
    images: Path
    masks: Path


def matches(root: Path) -> str | None:
    """The evidence for this layout, or None."""
    if (root / "images").is_dir():
        return "folder images/" + "".join(f" and {name}/" for name in _MASK_FOLDERS if (root / name).is_dir())
    inside = [path.name for path in _split_folders(root) if (path / "images").is_dir()]
    return "folders " + ", ".join(f"{name}/images/" for name in inside) if inside else None


def records(root: Path) -> Found:
    """Records of all images, those without a mask too (the check names them)."""
    parts = _parts(root)
    found: list[Record] = []
    orphans: list[Path] = []
    decisions: list[str] = []
    class_names = _class_names(parts)
    for part in parts:
        images = list_images(part.images)
        if not images:
            raise DataError(f"{part.images} holds no images (.png, .jpg, .tif, ...); put them there")
        if class_names:
            found += _with_class_folders(images, part, class_names)
            continue
        masks = list_images(part.masks)
        paired, unpaired, ending = pair(images, masks, part.split)
        if not any(record.masks for record in paired):
            raise DataError(_nothing_pairs(part, images, masks))
        if ending:
            decisions.append(f"masks are called like their image with {ending!r} at the end")
        found += paired
        orphans += unpaired
    if class_names:
        decisions.append(f"masks/ holds one folder per class ({', '.join(class_names)}): read as multilabel")
    is_instances = parts[0].masks.name == "instances" or parts[0].masks.parent.name == "instances"
    if is_instances:
        decisions.append("instances/ numbers the objects: every value above 0 is read as object, 0 as background")
    split, reasons = completed(root, found)
    keyed = with_unique_keys(split)
    return Found(keyed, (*reasons, *decisions), tuple(orphans), class_names, 0 if is_instances else None)


def _parts(root: Path) -> list[_Part]:
    inside = [path for path in _split_folders(root) if (path / "images").is_dir()]
    if inside:
        return [_Part(SPLIT_NAMES[path.name.lower()], path / "images", _mask_folder(path)) for path in inside]
    if not (root / "images").is_dir():
        raise DataError(
            f"{root} has no images/ folder; put the images into images/ and the masks, by the same names, into masks/"
        )
    masks = _mask_folder(root)
    below = _split_folders(root / "images")
    if not below:
        return [_Part("", root / "images", masks)]
    missing = [path.name for path in below if not (masks / path.name).is_dir()]
    if missing:
        raise DataError(
            f"{root / 'images'} has {some(missing)}/ but {masks} has not; put the masks into folders of the same names"
        )
    return [_Part(SPLIT_NAMES[path.name.lower()], path, masks / path.name) for path in below]


def _split_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() in SPLIT_NAMES)


def _mask_folder(folder: Path) -> Path:
    for name in _MASK_FOLDERS:
        if (folder / name).is_dir() and any(is_image_name(path) for path in (folder / name).rglob("*")):
            return folder / name
    if (folder / "masks").is_dir():
        raise DataError(f"{folder / 'masks'} holds no mask images (.png, .tif, .bmp); put one per image there, by the same name")
    held = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != "images")
    near = difflib.get_close_matches("masks", held, n=1)
    if near:
        raise DataError(f"{folder} has images/ but no masks/; did you mean {near[0]}/? Rename it to masks/")
    there = f"it has {some([name + '/' for name in held])}" if held else "it has nothing else"
    raise DataError(f"{folder} has images/ but no masks/ ({there}); put one mask per image, by the same name, into masks/")


def _class_names(parts: Sequence[_Part]) -> tuple[str, ...]:
    """Names of class folders below the masks, or nothing: when masks lie in folders that the images do not mirror."""
    names: set[str] = set()
    for part in parts:
        if any(is_image_name(path) for path in part.masks.iterdir()):
            return ()
        folders = {p.name for p in part.masks.iterdir() if p.is_dir() and any(is_image_name(f) for f in p.iterdir())}
        names |= folders - {path.name for path in part.images.iterdir() if path.is_dir()}
    return tuple(sorted(names))


def _with_class_folders(images: dict[str, Path], part: _Part, class_names: Sequence[str]) -> list[Record]:
    layers = [list_images(part.masks / name) if (part.masks / name).is_dir() else {} for name in class_names]
    if not any(name in layer for name in images for layer in layers):
        raise DataError(_nothing_pairs(part, images, {name: path for layer in layers for name, path in layer.items()}))
    return [
        Record(name.replace("/", "_"), path, tuple(layer.get(name) for layer in layers), part.split)
        for name, path in images.items()
    ]


def _nothing_pairs(part: _Part, images: dict[str, Path], masks: dict[str, Path]) -> str:
    return (
        f"no image in {part.images} has a mask of the same name in {part.masks}: images are called "
        f"{some(list(images), 3)}; masks {some(list(masks), 3)}; rename the masks like their images (the suffix may differ)"
    )
