"""Lists of files with their classes: ``train.txt`` of names and numbers beside ``synsets.txt`` (ImageNet), and Roboflow's
``_classes.csv`` of a column per class."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pixelwise.data.importing.classified import ClassifiedFormat, ClassifiedImage, ClassifiedImages
from pixelwise.data.importing.naming import class_name
from pixelwise.data.importing.paths import inside, is_there
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError, first_line
from pixelwise.formats.image import is_image_name

__all__ = ["FORMAT"]

_ONE_HOT = "_classes.csv"
_NAME_LISTS = ("synsets.txt", "classes.txt", "class_names.txt", "labels.txt")
_FOLDERS = ("images", "")  # where the names of a list may start
_NOT_ALONE = ("masks", "labels", "annotations", "instances", "SegmentationClass", "Annotations")
_MOST_BYTES = 256 << 20
_LONGEST_LINE = 4096
_MOST_CLASSES = 65536
_LOOKED_AT = 5  # lines


class _Row(NamedTuple):
    """A line of a list: the file, and the numbers of its classes."""

    name: str
    classes: tuple[int, ...]


class _List(NamedTuple):
    path: Path
    split: str
    rows: list[_Row]
    class_names: tuple[str, ...]  # of a table with a column per class


def _lines(path: Path) -> Iterator[str]:
    """Lines that hold anything; raises :class:`DataError` for what is no text."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, too many for a list of images")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from (line.strip() for line in stream if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({first_line(error)}); save it as UTF-8") from None


def _row(line: str) -> _Row | None:
    """A name, whose blanks belong to it, and numbers behind it; None for other lines."""
    if len(line) > _LONGEST_LINE:
        return None
    found = re.fullmatch(r"(.*?\S)\s+(\d{1,9}(?:\s+\d{1,9})*)", line)
    if found is None or not is_image_name(found[1]):
        named = re.fullmatch(r"(\S+)\s+(\d{1,9})", line)  # ImageNet's own lists name files without a suffix
        return _Row(named[1], (int(named[2]),)) if named else None
    return _Row(found[1], tuple(map(int, found[2].split())))


def _text_lists(root: Path) -> list[Path]:
    """Text files of a split that list names and numbers."""
    found = []
    for path in sorted(root.glob("*.txt")):
        if path.stem.lower() not in SPLIT_NAMES:
            continue
        try:
            first = [_row(line) for line, _ in zip(_lines(path), range(_LOOKED_AT), strict=False)]
        except DataError:
            continue
        if first and all(row is not None for row in first):
            found.append(path)
    return found


def _tables(root: Path) -> list[Path]:
    folders = [root, *(path for path in sorted(root.iterdir()) if path.is_dir() and path.name.lower() in SPLIT_NAMES)]
    return [folder / _ONE_HOT for folder in folders if (folder / _ONE_HOT).is_file()]


def _matches(root: Path) -> str | None:
    if any((root / name).is_dir() for name in _NOT_ALONE):
        return None
    lists = _text_lists(root)
    if lists:
        return f"names of images and numbers of classes in {some([path.name for path in lists], 3)}"
    tables = _tables(root)
    return f"a column per class in {some([path.relative_to(root) for path in tables], 3)}" if tables else None


def _read(root: Path) -> ClassifiedImages:
    faults: list[str] = []
    lists = [_text_list(path, faults) for path in _text_lists(root)] or [
        _one_hot_list(path, root, faults) for path in _tables(root)
    ]
    if not lists:
        raise DataError(f"{root} holds no list of images, such as train.txt or {_ONE_HOT}")
    numbers = sorted({number for found in lists for row in found.rows for number in row.classes})
    names, source = _class_names(root, lists, numbers, faults)
    if len(names) > _MOST_CLASSES:
        raise DataError(f"{root} has {len(names):,} classes; at most {_MOST_CLASSES:,} can be")
    # without a list of names, classes are the numbers that are there
    index_of = {number: number for number in numbers if number < len(names)} if source else {n: i for i, n in enumerate(numbers)}
    items = [item for found in lists for item in _items(found, root, index_of, faults)]
    if not items:
        raise DataError(f"nothing of {root} can be read: {faults[0] if faults else 'its lists are empty'}")
    told = f"{len(names)} classes, names from {source}" if source else f"{len(names)} classes, called by their numbers"
    return ClassifiedImages(tuple(items), names, (told,), tuple(faults))


def _text_list(path: Path, faults: list[str]) -> _List:
    rows, wrong = [], []
    for number, line in enumerate(_lines(path), 1):
        row = _row(line)
        if row is None:
            wrong.append(number)
        else:
            rows.append(row)
    if wrong:
        faults.append(f"{path.name}: lines {some(wrong)} are no name and number, and are left out; correct them")
    return _List(path, SPLIT_NAMES[path.stem.lower()], rows, ())


def _one_hot_list(path: Path, root: Path, faults: list[str]) -> _List:
    split = "" if path.parent == root else SPLIT_NAMES[path.parent.name.lower()]
    try:
        header, *rows = csv.reader(_lines(path), skipinitialspace=True)
    except (ValueError, csv.Error):
        raise DataError(f"{path} cannot be read as CSV; it needs filename and a column per class") from None
    names = tuple(class_name(cell) for cell in header[1:])
    if not names or not all(names) or len(set(names)) < len(names):
        raise DataError(f"{path} needs filename and a column per class, each with a name of its own, got {some(header, 8)}")
    found, wrong = [], []
    for number, cells in enumerate(rows, 2):
        marks = [cell.strip() for cell in cells[1:]]
        if len(marks) != len(names) or not set(marks) <= {"0", "1"} or not cells[0].strip():
            wrong.append(number)
        else:
            found.append(_Row(cells[0].strip(), tuple(at for at, mark in enumerate(marks) if mark == "1")))
    if wrong:
        faults.append(
            f"{path.relative_to(root)}: lines {some(wrong)} have no 0 or 1 for each class, and are left out; correct them"
        )
    return _List(path, split, found, names)


def _class_names(root: Path, lists: Sequence[_List], numbers: Sequence[int], faults: list[str]) -> tuple[tuple[str, ...], str]:
    """Names in the order of the classes' numbers, and where they stand; the numbers themselves where nothing names them."""
    stated = {found.class_names for found in lists if found.class_names}
    if len(stated) > 1:
        raise DataError(
            f"{root}: the tables {some([found.path.parent.name for found in lists])} name different classes; make them agree"
        )
    if stated:
        return next(iter(stated)), _ONE_HOT
    path = next((root / name for name in _NAME_LISTS if (root / name).is_file()), None)
    path = path or next(iter(sorted(root.glob("synsets*.txt"))), None)
    if path is None:
        return tuple(map(str, numbers)), ""
    names = [class_name(line) for line in _lines(path)]
    unnamed = [number for number in numbers if number >= len(names)]
    if unnamed:
        faults.append(f"classes {some(unnamed)} have no name among the {len(names)} of {path.name}; their images are left out")
    twice = len(set(names)) < len(names)
    return tuple(f"{name} ({at})" if twice else name for at, name in enumerate(names)), path.name


def _items(found: _List, root: Path, index_of: dict[int, int], faults: list[str]) -> Iterator[ClassifiedImage]:
    missing, several, seen = [], [], set()
    for name, classes in found.rows:
        known = [index_of[number] for number in classes if number in index_of]
        if len(known) < len(classes):
            continue  # said of the class
        if len(known) > 1:
            several.append(name)
            continue
        try:
            image = _file(inside(name), found.path.parent)
        except DataError:
            image = None
        if image is None or name in seen:
            missing.append(name)
            continue
        seen.add(name)
        key = inside(name).with_suffix("").as_posix() if is_image_name(name) else name
        yield ClassifiedImage(f"{found.split}/{key}" if found.split else key, image, known[0] if known else None, found.split)
    listed = found.path.relative_to(root)
    if missing:
        faults.append(f"{len(missing)} images of {listed} are not there, or stand in it twice: {some(missing)}; add the files")
    if several:
        faults.append(
            f"{len(several)} images of {listed} have several classes and are left out: {some(several)}; keep one of each"
        )


def _file(name: PurePosixPath, folder: Path) -> Path | None:
    for base in _FOLDERS:
        path = folder / base / name
        candidates = [path] if is_image_name(path) else [path.with_name(f"{path.name}{end}") for end in (".JPEG", ".jpg", ".png")]
        for candidate in candidates:
            if is_there(candidate):
                return candidate
    return None


FORMAT = ClassifiedFormat("class-lists", "lists of images and classes", _matches, _read)
