"""The JSON files of a COCO data set: where they are, what they hold, which of them are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pixelwise.data.importing.naming import beginning
from pixelwise.data.sources.found import SPLIT_NAMES
from pixelwise.errors import DataError
from pixelwise.formats import polygon
from pixelwise.formats.json_file import read_json

__all__ = ["TOLD", "CocoFile", "base_of", "choose", "content_of", "files_of", "first_file", "png_folder", "split_named"]

_FOLDERS = ("annotations", "annotation", "labels")
_ROBOFLOW = "_annotations.coco.json"
_SNIFFED = 65536  # bytes at both ends of a file
_FEW = 8  # files per folder that are looked at for telling the format: some formats have one per image
_LISTS = tuple(re.compile(rb'"%s"\s*:\s*\[' % name) for name in (b"images", b"annotations", b"categories"))
_FIRST_KEY = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{\s*"([a-z_]+)"')
# What only annotations of one kind have, the most telling first.
_KINDS = (
    ("panoptic", re.compile(rb'"segments_info"\s*:')),
    ("captions", re.compile(rb'"caption"\s*:')),
    ("keypoints", re.compile(rb'"num_keypoints"\s*:')),
    ("objects", re.compile(rb'"(?:segmentation|bbox)"\s*:')),
    ("labels", re.compile(rb'"category_id"\s*:')),
)
TOLD = {
    "panoptic": "segments of PNG files",
    "objects": "objects as polygons, run lengths or boxes",
    "keypoints": "keypoints of objects",
    "captions": "captions of images",
    "labels": "classes of whole images",
    "images": "names of images alone",
}
"""What files of each kind hold, for people."""


@dataclass(frozen=True)
class CocoFile:
    """One JSON file: a key of :data:`TOLD` as ``kind``, from a look at both its ends, and its split, empty where unknown."""

    path: Path
    kind: str
    split: str


def base_of(root: Path) -> Path:
    """The folder that images are looked for below; beside a single JSON file, or above its folder of annotations."""
    if root.is_dir():
        return root
    return root.parent.parent if root.parent.name.lower() in _FOLDERS else root.parent


def first_file(root: Path) -> CocoFile | None:
    """A file that proves the format, after a look at few of them."""
    for candidates in _candidates(root):
        for path in islice(candidates, _FEW):
            found = _sniffed(path)
            if found is not None:
                return found
    return None


def files_of(root: Path) -> list[CocoFile]:
    """All COCO files of a data set, or the one that ``root`` is."""
    return [found for candidates in _candidates(root) for path in candidates if (found := _sniffed(path)) is not None]


def _candidates(root: Path) -> Iterator[Iterator[Path]]:
    """JSON files by folder: in ``root``, in folders for annotations or splits in it, and one level below where these lie in one
    folder only. Several would be several data sets."""
    if root.is_file():
        yield iter([root] if root.suffix.lower() == ".json" else [])
        return
    yield _json_files(root)
    for folder in _folders(root):
        if folder.name.lower() in _FOLDERS or split_named(folder.name):
            yield _json_files(folder)
        elif (folder / _ROBOFLOW).is_file():
            yield iter([folder / _ROBOFLOW])
    below = [folder / _FOLDERS[0] for folder in _folders(root) if (folder / _FOLDERS[0]).is_dir()]
    if len(below) == 1:
        yield _json_files(below[0])


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _json_files(folder: Path) -> Iterator[Path]:
    paths = (path for path in folder.iterdir() if path.suffix.lower() == ".json" and path.is_file())
    return iter(sorted(paths, key=lambda path: (not _looks_like_coco(path.name), path.name)))


def _looks_like_coco(name: str) -> bool:
    return re.search("coco|instances|panoptic|stuff|annotations", name.lower()) is not None


def _sniffed(path: Path) -> CocoFile | None:
    ends = beginning(path, _SNIFFED)
    first = _FIRST_KEY.match(ends)
    has_images, *others = (pattern.search(ends) is not None for pattern in _LISTS)
    kind = next((kind for kind, pattern in _KINDS if pattern.search(ends)), "images")
    begins_with_annotations = first is not None and first[1] == b"annotations" and b'"image_id"' in ends
    if first is None or not (begins_with_annotations or (has_images and (any(others) or b'"image_id"' in ends))):
        return None
    stem = path.name.lower().removesuffix(".json")
    split = split_named(stem) if path.name != _ROBOFLOW else ""
    return CocoFile(path, kind, split or split_named(path.parent.name))


def split_named(name: str) -> str:
    """The split that a name such as ``instances_train2017`` or ``valid`` ends with; empty where none."""
    words = [word.rstrip("0123456789") for word in re.split(r"[^a-z0-9]+", name.lower())]
    return next((SPLIT_NAMES[word] for word in reversed(words) if word in SPLIT_NAMES), "")


def choose(files: Sequence[CocoFile], base: Path) -> tuple[list[CocoFile], tuple[str, ...]]:
    """The files to read, and sentences about the others.

    Panoptic files name the class of every pixel, so they are read alone where their PNG files are there and they have every
    split that others have objects of. Files of keypoints hold outlines too, but of few classes: they are read where there is
    nothing else.

    Raises :class:`DataError` where no file holds pixels.
    """
    by_kind = {kind: [found for found in files if found.kind == kind] for kind in TOLD}
    panoptic = [found for found in by_kind["panoptic"] if png_folder(found, base) is not None]
    objects = by_kind["objects"]
    if panoptic and {found.split for found in objects} <= {found.split for found in panoptic}:
        chosen = panoptic
    else:
        chosen = objects or by_kind["panoptic"] or by_kind["keypoints"]
    if not chosen:
        held = "; ".join(f"{found.path.name}: {TOLD[found.kind]}" for found in files[:4])
        raise DataError(
            f"the COCO files hold no outlines of objects ({held}); export the annotations as instances, stuff or panoptic "
            "segmentation"
        )
    left = [found for found in files if found not in chosen]
    sentences = [
        f"not read: {', '.join(found.path.name for found in left if found.kind == kind)} ({told}); "
        + (
            "give the file itself to read it instead"
            if kind in ("objects", "panoptic", "keypoints")
            else "there are no pixels in it"
        )
        for kind, told in TOLD.items()
        if any(found.kind == kind for found in left)
    ]
    return chosen, tuple(sentences)


def png_folder(found: CocoFile, base: Path) -> Path | None:
    """Where the PNG files of a panoptic file are: in a folder of its name beside it, or in the data set's own folder."""
    name = found.path.name[: -len(".json")]
    return next((folder for folder in (found.path.parent / name, base / name) if folder.is_dir()), None)


def content_of(path: Path) -> dict[str, Any]:
    """The file's object, in which outlines are arrays already (:class:`DataError` in their place where damaged), and
    ``images``, ``annotations`` and ``categories`` are lists."""
    content = read_json(path, of_object=_with_rings)
    if not isinstance(content, dict):
        raise DataError(f"{path} must be an object with images, annotations and categories, got {type(content).__name__}")
    for name in ("images", "annotations", "categories"):
        if not isinstance(content.setdefault(name, []), list):
            raise DataError(f"{path}: {name!r} must be a list, got {type(content[name]).__name__}; export it again")
    return content


def _with_rings(found: dict[str, Any]) -> dict[str, Any]:
    """An annotation whose polygons are tuples of rings: a tenth of the memory of lists of Python's numbers."""
    rings = found.get("segmentation")
    if isinstance(rings, list):
        if rings and not isinstance(rings[0], (list, dict)):
            rings = [rings]  # one ring without the list around it
        try:
            found["segmentation"] = tuple(polygon.as_ring(ring) for ring in rings)
        except DataError as error:
            found["segmentation"] = error
    return found
