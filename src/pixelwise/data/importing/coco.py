"""COCO: instances, stuff and panoptic annotations in JSON files, also as mmdetection and Roboflow lay them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.categories import Category, ClassNumbers, number_classes
from pixelwise.data.importing.coco_files import CocoFile, base_of, choose, content_of, files_of, first_file, png_folder
from pixelwise.data.importing.coco_objects import Fill, Shape, paint_shapes, shape_of
from pixelwise.data.importing.coco_panoptic import Segments, paint_segments, segments_of
from pixelwise.data.importing.naming import class_name, counted, keys_of, split_of
from pixelwise.data.importing.paths import ImageFinder, inside, is_there
from pixelwise.data.importing.tally import Tally
from pixelwise.errors import DataError
from pixelwise.types import Size

__all__ = ["FORMAT", "matches", "read"]

_KINDS = {
    "file": ("files cannot be read", "export them again; the others were read"),
    "image": ("rows of images are damaged", "each needs an id of its own and a file_name"),
    "missing": ("images are left out", "add their files, or remove their rows"),
    "twice": ("images stand in several splits", "they stay in the first; remove them from the others"),
    "category": ("categories are damaged", "each needs a whole number as id, and a name"),
    "orphan": ("annotations are of images that the file does not list", "add the images, or remove the annotations"),
    "unknown": ("annotations are of categories that the file does not list", "add the categories, or remove the annotations"),
    "damaged": ("annotations are damaged and left out", "draw them again, or remove them"),
}
_MOST_SIDE = 1 << 31


@dataclass
class _Image:
    """One image file and what all JSON files say about it."""

    path: Path
    split: str
    size: Size | None
    shapes: list[Shape] = field(default_factory=list)
    segments: tuple[Path, Segments] | None = None


@dataclass
class _Reading:
    """What is gathered over all files."""

    base: Path
    finder: ImageFinder
    tally: Tally = field(default_factory=lambda: Tally(_KINDS))
    categories: dict[int, Category] = field(default_factory=dict)
    parents: dict[int, str] = field(default_factory=dict)  # supercategories
    images: dict[Path, _Image] = field(default_factory=dict)


def matches(root: Path) -> str | None:
    found = first_file(root)
    return None if found is None else f"{found.path.name} lists images and annotations, as COCO's files do"


def read(root: Path) -> Annotations:
    base, files = base_of(root), files_of(root)
    if not files:
        raise DataError(f"{root} holds no COCO file, with images, annotations and categories; check the path")
    chosen, skipped = choose(files, base)
    is_panoptic = chosen[0].kind == "panoptic"
    folders = [folder for found in files if found.kind == "panoptic" and (folder := png_folder(found, base))]
    reading = _Reading(base, ImageFinder(base, folders))
    read_files = []
    for found in chosen:
        try:
            _add_file(reading, found)
            read_files.append(found)
        except DataError as error:
            if len(chosen) == 1:
                raise
            reading.tally.add("file", str(error))
    return _annotations(reading, read_files, is_panoptic, skipped)


def _add_file(reading: _Reading, found: CocoFile) -> None:
    content = content_of(found.path)
    if not content["categories"] and content["annotations"]:
        raise DataError(f"{found.path} lists no categories, so its annotations have no classes; export it again with them")
    categories = _add_categories(reading, found, content["categories"])
    images = _add_images(reading, found, content["images"])
    folder = png_folder(found, reading.base)
    if found.kind == "panoptic" and folder is None:
        raise DataError(f"{found.path} names PNG files, but there is no folder {found.path.stem} beside it; unpack them there")
    for at, annotation in enumerate(content["annotations"]):
        if not isinstance(annotation, dict):
            reading.tally.add("damaged", f"{found.path.name}, number {at}: no object")
            continue
        name = f"{found.path.name}, {_shown(annotation.get('id', f'number {at}'))}"
        image = images.get(_hashable(annotation.get("image_id")), _ABSENT)
        if image is _ABSENT:
            reading.tally.add("orphan", f"{name}: image {_shown(annotation.get('image_id'))}")
        if not isinstance(image, _Image):
            continue
        try:
            if folder is not None and found.kind == "panoptic":
                image.segments = _png_of(folder, annotation), segments_of(annotation, categories)
                continue
            category = annotation.get("category_id")
            if type(category) is not int or category not in categories:
                reading.tally.add("unknown", f"{name}: category {_shown(category)}")
                continue
            image.shapes.append(shape_of(annotation, category))
        except DataError as error:
            reading.tally.add("damaged", f"{name}: {error}")


_ABSENT = object()


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else None


def _shown(value: Any) -> str:
    return f"{value}"[:40] if isinstance(value, (int, float, str)) else type(value).__name__


def _add_categories(reading: _Reading, found: CocoFile, rows: list[Any]) -> dict[int, bool]:
    """The categories of one file, and whether each is a thing."""
    things: dict[int, bool] = {}
    is_stuff = found.path.name.lower().startswith("stuff")
    for row in rows:
        number = row.get("id") if isinstance(row, dict) else None
        if type(number) is not int:
            reading.tally.add("category", f"{found.path.name}: {_shown(number)}")
            continue
        is_thing = row.get("isthing", not is_stuff) in (1, True)
        category = Category(class_name(row.get("name")), is_thing, _color(row.get("color")))
        known = reading.categories.setdefault(number, category)
        if known.name != category.name:
            raise DataError(
                f"{found.path} calls category {number} {category.name!r}, another file {known.name!r}; export all with one list "
                "of categories"
            )
        things[number] = is_thing
        reading.parents[number] = class_name(row.get("supercategory"))
    return things


def _color(value: Any) -> tuple[int, int, int] | None:
    if isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part <= 255 for part in value):
        return value[0], value[1], value[2]
    return None


def _add_images(reading: _Reading, found: CocoFile, rows: list[Any]) -> dict[Any, _Image | None]:
    """The images of one file by their id there; ``None`` for those that are not on disk."""
    images: dict[Any, _Image | None] = {}
    for at, row in enumerate(rows):
        number, name = (row.get("id"), row.get("file_name")) if isinstance(row, dict) else (None, None)
        if _hashable(number) is None or not isinstance(name, str) or not name or number in images:
            reading.tally.add("image", f"{found.path.name}, number {at}: id {_shown(number)}, file_name {_shown(name)}")
            continue
        images[number] = None
        try:
            path = _path_of(reading, found, name)
        except DataError as error:
            reading.tally.add("missing", f"{found.path.name}: {str(error).partition(';')[0]}")
            continue
        image = reading.images.setdefault(path, _Image(path, found.split, _size(row)))
        images[number] = image
        if image.split != found.split:
            reading.tally.add("twice", f"{path.name}: {image.split or 'none'} and {found.split or 'none'}")
            images[number] = None
    return images


def _size(row: Mapping[str, Any]) -> Size | None:
    height, width = row.get("height"), row.get("width")
    if type(height) is int and type(width) is int and 0 < height < _MOST_SIDE and 0 < width < _MOST_SIDE:
        return height, width
    return None


def _path_of(reading: _Reading, found: CocoFile, name: str) -> Path:
    """The image file of one row. The same name may stand in the folder of every split."""
    name = name.replace("\\", "/")
    words = found.path.name[: -len(".json")].split("_")
    beside = found.path.parent.relative_to(reading.base).as_posix()
    for folder in (beside, f"images/{words[-1]}", words[-1], f"images/{found.split}", found.split, "images"):
        path = reading.finder.images.get(f"{folder}/{name}" if folder and folder != "." else name)
        if path is not None:
            return path
    path = reading.finder.find(name)
    split = split_of(path.relative_to(reading.base))
    if found.split and split and split != found.split:
        raise DataError(f"{name!r} is there for {split} only, and this file is for {found.split}")
    return path


def _png_of(folder: Path, annotation: Mapping[str, Any]) -> Path:
    name = annotation.get("file_name")
    if not isinstance(name, str):
        raise DataError("its file_name is missing; export the annotation again")
    path = folder / inside(name)
    if not is_there(path):
        raise DataError(f"there is no {path}; add it, or remove its annotation")
    return path


def _annotations(reading: _Reading, files: list[CocoFile], is_panoptic: bool, skipped: tuple[str, ...]) -> Annotations:
    images = list(reading.images.values())
    names = ", ".join(found.path.relative_to(reading.base).as_posix() for found in files)
    decisions = [f"read {names}", *skipped, *_without_parent(reading)]
    is_whole = is_panoptic or any(found.path.name.lower().startswith("stuff") for found in files)
    numbers = number_classes(reading.categories, is_whole)
    shapes = Counter(shape.is_box for image in images for shape in image.shapes)
    boxes = None if not shapes[False] else numbers.ignored
    if shapes[True]:
        decisions.append(_about_boxes(shapes[True], boxes))
    stuff = frozenset(number for number, category in reading.categories.items() if not category.is_thing)
    fill = Fill(numbers.background, boxes, len(stuff) < len(reading.categories))
    items = [
        Annotated(key, image.path, paint, image.split)
        for key, image in zip(keys_of([image.path for image in images], reading.base), images, strict=True)
        if (paint := _painter(image, is_panoptic, numbers, stuff, fill)) is not None
    ]
    decisions += [numbers.decision, *_counts(reading, images, len(images) - len(items))]
    rows = numbers.rows_with_ignored() if shapes[True] and boxes is not None else numbers.rows
    return Annotations(tuple(items), rows, tuple(decisions), reading.tally.sentences())


def _without_parent(reading: _Reading) -> list[str]:
    """Leaves out category 0 where it is but the name of a group: Roboflow writes one above all others, without annotations."""
    first = reading.categories.get(0)
    used = any(shape.category == 0 for image in reading.images.values() for shape in image.shapes)
    has_children = first is not None and first.name in [name for number, name in reading.parents.items() if number]
    if first is None or used or not has_children or reading.parents[0] not in ("", "none"):
        return []
    del reading.categories[0]
    return [f"category 0 ({first.name}) is left out: it has no annotations, and is the supercategory of others"]


def _about_boxes(count: int, boxes: int | None) -> str:
    if boxes is None:
        return (
            f"warning: {counted(count, 'object')}, all of them boxes without outlines: they are painted as filled boxes, so "
            "masks are rectangles, and networks learn rectangles; draw outlines for true segmentation"
        )
    return (
        f"warning: {counted(count, 'object')} with a box but no outline: which pixels are theirs is unknown, so their boxes are "
        f"ignored (id {boxes})"
    )


def _painter(image: _Image, is_panoptic: bool, numbers: ClassNumbers, stuff: frozenset[int], fill: Fill) -> partial[Any] | None:
    if not is_panoptic:
        return partial(paint_shapes, image.path, image.size, image.shapes, numbers.ids, stuff, fill)
    if image.segments is None:
        return None
    png, segments = image.segments
    return partial(paint_segments, image.path, png, image.size, segments, numbers.ids, numbers.background)


def _counts(reading: _Reading, images: list[_Image], without: int) -> list[str]:
    found = []
    empty = sum(not image.shapes and image.segments is None for image in images)
    if without:
        found.append(f"{counted(without, 'image')} without panoptic annotation left out")
    elif empty:
        found.append(f"{counted(empty, 'image')} without annotations: background alone")
    unlisted = [name for name, path in reading.finder.images.items() if path not in reading.images]
    if unlisted:
        found.append(f"{counted(len(unlisted), 'image', unlisted)} that no file lists left out")
    return found


FORMAT = Format("coco", "COCO instances, stuff or panoptic JSON", matches, read)
