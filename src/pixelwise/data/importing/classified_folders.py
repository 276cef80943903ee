"""One folder per class, as ImageNet is kept: ``train/CLASS/*.jpg`` or ``CLASS/*.jpg``; and folders of images without a class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.importing.classified import ClassifiedFormat, ClassifiedImage, ClassifiedImages
from pixelwise.data.importing.naming import keys_of
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name
from pixelwise.formats.raster import open_raster

__all__ = ["FORMAT"]

# Folders of images and folders of masks are no classes: these names stand for them in the sets that are around.
_NO_CLASS = re.compile(
    r"(jpeg|png)?_?(images?|imgs?|photos?|pictures?|frames?)(_?\d+|tr|ts|et|_full)?|rgb\w*|left\w*|right\w*|\w*raw\w*|"
    r"(\w+_)?masks?|labels?(tr|ts)?|\w*annot(ation)?s?|gt\w*|ground_?truths?|truths?|targets?|(\w+_)?instances?|semantic\w*|"
    r"(\w+_)?seg(mentation)?\w*|semseg|panoptic\w*|depth\w*|polygons?|scribbles?|labelmap\w*|v\d\.\d|"
    r"(train|val|test)\d{4}"
)
_SIDECARS = (".json", ".xml")  # beside an image, an annotation of a tool
_MASK_ENDINGS = ("_seg", "_mask", "_masks", "_label", "_labels", "_gt", "_annotation", "_L", "_P", "_parts_1")
_STATED = "val_annotations.txt"
_MOST_BYTES = 64 << 20
_LOOKED_AT = 200  # images of a folder, for telling masks and annotations


class _Found(NamedTuple):
    """Class folders by split folder (empty for the root itself) and name, and split folders whose images are not sorted."""

    classes: Mapping[str, Mapping[str, Path]]
    unsorted: Sequence[Path]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({name for folders in self.classes.values() for name in folders}))


_NOTHING = _Found({}, ())


def _matches(root: Path) -> str | None:
    found = _look(root)
    if len(found.names) > 1:
        splits = [split for split in found.classes if split]
        inside = f" in {some([f'{split}/' for split in splits])}" if splits else ""
        return f"{len(found.names)} folders of images ({some(found.names, 4)}){inside}"
    if not found.names and _holds_images(root) and not _has_annotations(root) and not any(map(_has_images, _folders(root))):
        return "images, and no folders that could be classes"
    return None


def _look(root: Path) -> _Found:
    """What folders there are; nothing where one of them holds masks, annotated images, or images of a set of masks."""
    splits = [path for path in _folders(root) if path.name.lower() in SPLIT_NAMES]
    classes, unsorted = {}, []
    for base in splits or [root]:
        inside = {path.name: path for path in _folders(base) if _has_images(path)}
        if splits and (set(inside) == {"images"} or (not inside and _holds_images(base))):
            unsorted.append(base)
            continue
        if any(_NO_CLASS.fullmatch(name.lower()) for name in inside) or _are_pairs(list(inside.values())):
            return _NOTHING
        if any(_has_annotations(path) or _is_set(path) for path in inside.values()):
            return _NOTHING
        if inside:
            classes[base.name if splits else ""] = inside
    return _Found(classes, unsorted) if classes else _NOTHING


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _images(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if is_image_name(path) and path.is_file())


def _has_images(folder: Path) -> bool:
    """At any depth."""
    return any(islice(_images(folder), 1))


def _holds_images(folder: Path) -> bool:
    """In the folder itself."""
    return any(is_image_name(path) for path in folder.iterdir())


def _has_annotations(folder: Path) -> bool:
    """Whether the first images have annotations or masks beside them, by their names."""
    for path in islice(_images(folder), _LOOKED_AT):
        if any(path.with_suffix(suffix).is_file() for suffix in _SIDECARS):
            return True
        if any(path.with_name(f"{path.stem}{ending}.png").is_file() for ending in _MASK_ENDINGS):
            return True
    return any(any(folder.glob(f"*{name}*.json")) for name in ("annotations", "coco"))


def _is_set(folder: Path) -> bool:
    """Whether a folder is a data set of its own, by the names of the folders in it. One called images, and nothing beside it,
    is allowed: Tiny ImageNet keeps the images of a class there."""
    held = [path for path in _folders(folder) if _NO_CLASS.fullmatch(path.name.lower()) or path.name.lower() in SPLIT_NAMES]
    if [path.name for path in held] == ["images"]:
        return len(_folders(folder)) > 1 or any(any(folder.glob(f"*{suffix}")) for suffix in (*_SIDECARS, ".yaml", ".csv"))
    return bool(held)


def _are_pairs(folders: Sequence[Path]) -> bool:
    """Whether two folders hold images and their masks: the same names and sizes, one in colour and one of a single channel."""
    if len(folders) != 2:
        return False
    first, second = ({path.relative_to(folder).with_suffix(""): path for path in _images(folder)} for folder in folders)
    if not first or first.keys() != second.keys():
        return False
    for name in sorted(first)[:3]:
        one, other = _header(first[name]), _header(second[name])
        if one is None or other is None or one[0] != other[0] or one[1] == other[1]:
            return False
    return True


def _header(path: Path) -> tuple[tuple[int, int], bool] | None:
    """The size of an image, and whether it is in colour."""
    try:
        with path.open("rb") as stream:
            raster = open_raster(path, stream)
    except (DataError, OSError):
        return None
    return raster.size, raster.mode in ("RGB", "RGBA", "YCbCr", "CMYK")


def _read(root: Path) -> ClassifiedImages:
    found = _look(root)
    names = found.names
    index_of = {name: index for index, name in enumerate(names)}
    files: list[tuple[Path, int | None, str]] = [
        (path, index_of[name], _split(split))
        for split, folders in found.classes.items()
        for name, folder in folders.items()
        for path in sorted(_images(folder))
    ]
    faults = [
        f"{split}/ has no images of {some(absent)}; add them, or leave those classes out of the scores"
        for split, folders in found.classes.items()
        if (absent := sorted(set(names) - set(folders)))
    ]
    decisions = [f"classes are the folders, in the order of their names: {some(names, 8)}"] if names else []
    for folder in found.unsorted:
        stated = _stated(folder / _STATED)
        images = sorted(_images(folder))
        files += [(path, index_of.get(stated.get(path.name, "")), _split(folder.name)) for path in images]
        known = sum(stated.get(path.name) in index_of for path in images)
        where = f"by {_STATED}" if stated else "for there are no class folders"
        decisions.append(f"{folder.name}/: {known:,} of {len(images):,} images have a class, {where}")
    loose = [path for base in _bases(root, found) for path in sorted(base.iterdir()) if is_image_name(path) and path.is_file()]
    if loose:
        files += [(path, None, _split(path.parent.name) if path.parent != root else "") for path in loose]
        beside = "beside the class folders " if names else ""
        decisions.append(f"{len(loose):,} images {beside}have no class, such as {loose[0].name}")
    if not files:
        raise DataError(f"{root} holds no images (.png, .jpg, .tif, ...); put them into one folder per class")
    keys = keys_of([path for path, _, _ in files], root)
    items = tuple(ClassifiedImage(key, path, index, split) for key, (path, index, split) in zip(keys, files, strict=True))
    return ClassifiedImages(items, names, tuple(decisions), tuple(faults))


def _bases(root: Path, found: _Found) -> list[Path]:
    """Folders in which images lie beside class folders."""
    return [root / split for split in found.classes] if found.classes else [root]


def _split(folder: str) -> str:
    return SPLIT_NAMES.get(folder.lower(), "")


def _stated(path: Path) -> dict[str, str]:
    """Classes by file name, as Tiny ImageNet lists those of its validation images: name, class and a box between tabs."""
    try:
        text = path.read_bytes()[:_MOST_BYTES].decode("utf-8", errors="replace")
    except OSError:
        return {}
    rows = [line.split("\t") for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) > 1}


FORMAT = ClassifiedFormat("class-folders", "one folder per class", _matches, _read)
