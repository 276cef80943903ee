"""The files of a YOLO data set: its list of classes, its images by split, and the label file of each."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pixelwise.data.importing.naming import beginning, class_name, counted, files_below, split_of
from pixelwise.data.importing.paths import ImageFinder, is_there
from pixelwise.data.sources.found import SPLIT_NAMES
from pixelwise.errors import DataError, first_line

__all__ = ["YoloSet", "config_of", "find_set", "looks_like_labels", "names_file_of"]

_MOST_BYTES = 1 << 18  # of a list of classes
_MOST_LIST = 1 << 26  # of a list of images
_ENTRIES = ("train", "val", "valid", "test")
_NAMES_FILES = ("obj.names", "classes.txt", "_darknet.labels", "classes.names", "predefined_classes.txt")
_LABEL_FOLDERS = ("labels", "Labels", "annotations", "Annotations")
_ROW = re.compile(rb"\s*\d+(?:\.0+)?(?:[ \t]+-?\d*\.?\d+(?:[eE]-?\d+)?){4,}[ \t]*\r?\n?")


@dataclass(frozen=True)
class YoloSet:
    """What the files say, before any label is read. ``labels``: label file of each image, ``None`` where there is none.
    ``faults`` are sentences on what the list of classes names but is not there."""

    names: Mapping[int, str]
    splits: Mapping[Path, str]
    labels: Mapping[Path, Path | None]
    decisions: tuple[str, ...]
    faults: tuple[str, ...]


def config_of(root: Path) -> tuple[Path, dict[str, Any]] | None:
    """A YAML file with names of classes and where images are, and what it holds; none executed, none of its addresses opened."""
    paths = [root] if root.is_file() else sorted([*root.glob("*.yaml"), *root.glob("*.yml")], key=_data_first)[:20]
    for path in paths:
        content = _yaml(path) if path.suffix.lower() in (".yaml", ".yml") else None
        if content is not None and ("names" in content or "nc" in content) and any(entry in content for entry in _ENTRIES):
            return path, content
    return None


def _data_first(path: Path) -> tuple[bool, str]:
    return path.stem != "data", path.name


def _yaml(path: Path) -> dict[str, Any] | None:
    """A mapping with text as keys; ``None`` for anything else, and for files that are no YAML."""
    text = beginning(path, _MOST_BYTES)
    try:
        content = yaml.safe_load(text.decode("utf-8-sig")) if len(text) <= _MOST_BYTES else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def names_file_of(root: Path) -> Path | None:
    """A file with one class per line, as Darknet and labelImg write them."""
    return next((root / name for name in _NAMES_FILES if (root / name).is_file()), None)


def looks_like_labels(root: Path) -> bool:
    """Whether text files with rows of numbers are near."""
    paths = (path for path in islice(files_below(root, ".txt"), 60) if path.name not in _NAMES_FILES)
    return any(_ROW.match(beginning(path, 4096)) is not None for path in islice(paths, 20))


def find_set(root: Path, config: tuple[Path, Mapping[str, Any]] | None) -> YoloSet:
    """Everything below ``root`` that ``config`` (see :func:`config_of`) means, or that lies there without one.

    Raises :class:`DataError` for a list of classes that is none, and where no image is found.
    """
    base = root if root.is_dir() else root.parent
    finder = ImageFinder(base)
    if config is not None:
        path, content = config
        if "kpt_shape" in content:
            raise DataError(f"{path} describes keypoints (kpt_shape), not outlines; export the data for segmentation")
        names = _names(path, content)
        told = f"{path.name} names {counted(len(names), 'class')}"
        splits, faults = _splits(base, finder, path, content)
        folder = path.parent
    else:
        listed = names_file_of(base)
        names = _listed_names(listed) if listed is not None else {}
        told = f"{listed.name} names {counted(len(names), 'class')}" if listed else "no list of classes: their numbers are names"
        splits, faults = _darknet_splits(base, finder) or _all_images(base, finder)
        folder = base
    if not splits:
        raise DataError(
            f"{base} has no images where {config[0].name if config else 'its lists'} says"
            + (f" ({'; '.join(faults)})" if faults else "")
            + "; give the folder that holds images and labels"
        )
    labels = _labels(base, folder, list(splits))
    if not any(labels.values()) and any(base.rglob("labelTxt")):
        raise DataError(f"{base} has labels in labelTxt/, which are turned boxes and no outlines; export as YOLO segmentation")
    skips = config is not None and config[1].get("skip_if_label_file_missing") is True
    return YoloSet(names, {path: split for path, split in splits.items() if labels[path] or not skips}, labels, (told,), faults)


def _names(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    names = content.get("names")
    if names is None and type(content.get("nc")) is int and 0 < content["nc"] <= 65535:
        names = [f"class_{number}" for number in range(content["nc"])]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DataError(f"{path}: names must be a list of classes, or number: name, got {type(names).__name__}; correct it")
    found = {number: _short(name) for key, name in names.items() if (number := _number(key)) is not None}
    if len(found) < len(names):
        raise DataError(f"{path}: names must be called by different whole numbers from 0 to 65,535; correct it")
    return found


def _number(key: Any) -> int | None:
    if isinstance(key, str) and re.fullmatch("[0-9]{1,5}", key):
        key = int(key)
    return key if type(key) is int and 0 <= key <= 65535 else None


def _short(name: Any) -> str:
    """A name as text; numbers of any length can stand in YAML, and not all can be written."""
    return "" if isinstance(name, int) and abs(name) >= 1 << 63 else class_name(name)


def _listed_names(path: Path) -> dict[int, str]:
    text = beginning(path, _MOST_BYTES)
    if len(text) > _MOST_BYTES:
        raise DataError(f"{path} has more than {_MOST_BYTES:,} bytes, too many for names of classes; is it another file?")
    lines = text.decode("utf-8-sig", "replace").rstrip().splitlines()
    return {number: class_name(line) for number, line in enumerate(lines)}


def _splits(base: Path, finder: ImageFinder, path: Path, content: Mapping[str, Any]) -> tuple[dict[Path, str], tuple[str, ...]]:
    """The split of each image by the entries of a YAML file. The first entry that names an image has it."""
    splits: dict[Path, str] = {}
    faults = []
    for entry in _ENTRIES:
        values = content.get(entry)
        for value in values if isinstance(values, list) else [values]:
            if value is None:
                continue
            shown = f"{path.name}: {entry}: {class_name(value)[:80] if isinstance(value, str) else type(value).__name__}"
            entry_of = value if isinstance(value, str) else ""
            images, missing = _images_of(base, finder, path.parent, entry_of, SPLIT_NAMES[entry])
            if missing:
                faults.append(f"{shown} lists {missing:,} images that are not below {base}; add them, or remove their lines")
            if not images:
                faults.append(f"{shown} has no images below {base}; add them, or remove the line")
                continue
            twice = [image for image in images if splits.setdefault(image, SPLIT_NAMES[entry]) != SPLIT_NAMES[entry]]
            if twice:
                faults.append(f"{path.name}: {len(twice):,} images of {entry} are in {splits[twice[0]]} too, and stay there")
    return splits, tuple(faults)


def _images_of(base: Path, finder: ImageFinder, folder: Path, value: str, split: str) -> tuple[list[Path], int]:
    """The images of one entry, of a folder at any depth or of a list, and how many of a list are missing. Only the end of a path
    counts, as what stands before it belongs to another machine; ``base`` is never left."""
    parts = [part for part in PurePosixPath(value.replace("\\", "/")).parts if part not in ("/", ".", "..") and ":" not in part]
    if value.lower().endswith(".txt"):
        for tail in _tails(parts):
            for at in (folder / tail, base / tail):
                if is_there(at):
                    return _listed_images(finder, at)
        return [], 0
    for renamed in [parts, *_renamed(parts, split)]:
        for tail in _tails(renamed):
            for at in dict.fromkeys((folder / tail, base / tail)):
                start = f"{at.relative_to(base).as_posix()}/".removeprefix("./")
                images = [path for name, path in finder.images.items() if name.startswith(start)]
                if images:
                    return images, 0
    return [], 0


def _tails(parts: list[str]) -> Iterator[str]:
    return ("/".join(parts[at:]) for at in range(len(parts)))


def _renamed(parts: list[str], split: str) -> Iterator[list[str]]:
    """The same path with another name for its split: Roboflow writes valid where other tools make val."""
    for name in [name for name, meant in SPLIT_NAMES.items() if meant == split]:
        if any(SPLIT_NAMES.get(part.lower()) == split for part in parts):
            yield [name if SPLIT_NAMES.get(part.lower()) == split else part for part in parts]


def _listed_images(finder: ImageFinder, path: Path) -> tuple[list[Path], int]:
    """The images that a list names, one per line, and how many are not there."""
    if path.stat().st_size > _MOST_LIST:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes, more than a list of images needs; split it")
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    images = []
    for line in lines:
        with contextlib.suppress(DataError):
            images.append(finder.find(line))
    return images, len(lines) - len(images)


def _darknet_splits(base: Path, finder: ImageFinder) -> tuple[dict[Path, str], tuple[str, ...]] | None:
    """By ``obj.data``, which names a list of images per split."""
    path = next((found for found in sorted(base.glob("*.data")) if found.is_file()), None)
    if path is None:
        return None
    try:
        lines = beginning(path, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({first_line(error)}); export it again") from None
    content = {key.strip(): value.strip() for line in lines for key, mark, value in [line.partition("=")] if mark}
    splits, faults = _splits(base, finder, path, content)
    return (splits, faults) if splits else None


def _all_images(base: Path, finder: ImageFinder) -> tuple[dict[Path, str], tuple[str, ...]]:
    return {path: split_of(name) for name, path in finder.images.items()}, ()


def _labels(base: Path, folder: Path, images: list[Path]) -> dict[Path, Path | None]:
    """The label file of each image: in the folder ``labels`` in the place of ``images``, also below ``folder``, or beside it."""
    there = {path.relative_to(base).with_suffix("").as_posix(): path for path in base.rglob("*.txt")}
    inner = folder.relative_to(base).as_posix()
    starts = [""] if inner == "." else [f"{inner}/", ""]
    found: dict[Path, Path | None] = {}
    for image in images:
        parts = image.relative_to(base).with_suffix("").parts
        last = max((at for at, part in enumerate(parts) if part.lower() == "images"), default=None)
        names = ["/".join(parts)]
        if last is not None:
            names = ["/".join((*parts[:last], name, *parts[last + 1 :])) for name in _LABEL_FOLDERS] + names
        found[image] = next((there[start + name] for start in starts for name in names if start + name in there), None)
    return found
