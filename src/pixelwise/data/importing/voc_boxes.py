"""XML annotations of PASCAL VOC, with a box around each object and no mask; some tools add polygons to them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Painted
from pixelwise.data.importing.geometry import Region, box, coordinate, polygon, whole
from pixelwise.data.importing.naming import ClassIds, class_name, counted, keys_of, split_of
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.data.importing.voc_lists import ListedImages, listed_images
from pixelwise.errors import DataError
from pixelwise.formats.voc_labels import read_labelmap
from pixelwise.formats.xml_file import read_xml, root_tag
from pixelwise.types import Size

__all__ = ["read_boxes"]


@dataclass
class _Reading:
    names: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    owners: dict[Path, Path] = field(default_factory=dict)
    boxes: int = 0
    polygons: int = 0
    at_zero: int = 0


def read_boxes(root: Path) -> Annotations:
    """Boxes, filled, and polygons where there are any, as objects.

    VOC counts pixels from 1 and includes the last; other tools write edges from 0. Where any box of the set begins at 0, or
    has a fraction, all are read as edges.
    """
    folder = root if root.is_dir() else root.parent
    images = ListedImages(ImageFinder(folder))
    reading = _Reading()
    for path in sorted(folder.rglob("*.xml")) if root.is_dir() else [root]:
        if root_tag(path) == "annotation":
            try:
                _read_file(path, folder, images, reading)
            except DataError as error:
                reading.faults.append(str(error))
    if reading.missing:
        what = counted(len(reading.missing), "image", reading.missing)
        reading.faults.append(f"{what} not below {folder}; put them into JPEGImages/, or beside their XML files")
    labels = [name for name, _ in read_labelmap(folder / "labelmap.txt")] if (folder / "labelmap.txt").is_file() else []
    splits, said = listed_images(folder / "ImageSets" / "Main")
    if not splits:
        splits, said = listed_images(folder / "ImageSets" / "Segmentation")
    splits = {name: split for name, split in splits.items() if split}
    classes = ClassIds([*(name for name in labels if name in reading.names), *sorted(reading.names - set(labels))])
    from_one = not reading.at_zero
    items = []
    for key, (image, path) in zip(keys_of(list(reading.owners), folder), reading.owners.items(), strict=True):
        split = splits.get(path.stem) or split_of(path.relative_to(folder).parent)
        items.append(Annotated(key, image, partial(_paint, path, image, classes.ids, from_one), split))
    decisions = _decisions(reading, classes, bool(labels)) + (said if splits else [])
    return Annotations(tuple(items), classes.rows(), tuple(decisions), tuple(reading.faults))


def _read_file(path: Path, folder: Path, images: ListedImages, reading: _Reading) -> None:
    annotation = read_xml(path)
    name = class_name(annotation.findtext("filename"))
    here = path.parent.relative_to(folder)
    stems = [path.stem] + ([Path(name.replace("\\", "/")).stem] if name else [])
    places = [place for stem in stems for place in ((here / stem).as_posix(), stem)]
    image = next((found for place in places if (found := images.find(place)) is not None), None)
    if image is None:
        reading.missing.append(name or path.stem)
        return
    if reading.owners.setdefault(image, path) != path:
        reading.faults.append(f"{path} and {reading.owners[image]} are both of {image.name}; the former is left out, remove one")
        return
    for shape in annotation.iterfind("object"):
        reading.names.add(class_name(shape.findtext("name")))
        has_polygon = shape.find("polygon") is not None
        reading.polygons += has_polygon
        reading.boxes += not has_polygon
        with contextlib.suppress(DataError):  # said when it is painted
            corner = [coordinate(shape.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin")]
            reading.at_zero += any(value < 1 or value != int(value) for value in corner)
    reading.names.discard("")


def _paint(path: Path, image: Path, ids: dict[str, int], from_one: bool) -> Painted:
    annotation = read_xml(path)
    sides = annotation.findtext("size/height"), annotation.findtext("size/width")
    declared = (whole(sides[0], "height"), whole(sides[1], "width")) if all(sides) else None
    size = checked_size(image, declared if declared and all(declared) else None)  # some tools write 0 for what they do not know
    drawn = []
    for at, shape in enumerate(annotation.iterfind("object"), 1):
        try:
            name = class_name(shape.findtext("name"))
            if name not in ids:
                raise DataError("it has no name")
            drawn.append(Drawn(ids[name], _region(shape, size, from_one)))
        except DataError as error:
            raise DataError(f"{path}, object {at}: {error}") from None
    return paint_objects(size, drawn)


def _region(shape: Element, size: Size, from_one: bool) -> Region:
    ring = shape.find("polygon")
    if ring is not None:
        texts = {child.tag: child.text for child in ring}
        count = next(number for number in range(len(texts) + 1) if f"x{number + 1}" not in texts)
        corners = [
            [coordinate(texts.get(f"{axis}{number}"), f"{axis}{number}") for axis in "xy"] for number in range(1, count + 1)
        ]
        return polygon(np.array(corners, np.float64).reshape(-1, 2), size)
    x1, y1, x2, y2 = (coordinate(shape.findtext(f"bndbox/{name}"), name) for name in ("xmin", "ymin", "xmax", "ymax"))
    first = 1 if from_one else 0
    return box(x1 - first, y1 - first, x2, y2, size)


def _decisions(reading: _Reading, classes: ClassIds, is_listed: bool) -> list[str]:
    said = [classes.sentence("in the order of labelmap.txt" if is_listed else "in alphabetical order")]
    if reading.boxes:
        said.append(f"there are no masks, only boxes: filled, as if the object were a box: {counted(reading.boxes, 'box')}")
        said.append(
            f"boxes are edges counted from 0, for {reading.at_zero:,} of them begin at 0 or between pixels"
            if reading.at_zero
            else "boxes are pixels counted from 1, the last included, as in PASCAL VOC, for none begins at 0"
        )
    if reading.polygons:
        said.append(f"drawn as the polygon that stands beside the box: {counted(reading.polygons, 'object')}")
    return said
