"""The XML of the old LabelMe web tool, which CVAT exports too: polygons, boxes, and masks in PNG files of their own."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.geometry import Region, foreground, points_of, polygon, whole
from pixelwise.data.importing.naming import ClassIds, beginning, class_name, counted, files_below, keys_of, split_of
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.errors import DataError
from pixelwise.formats.raster import MAX_PIXELS, open_raster, raw_pixels, read_bytes
from pixelwise.formats.xml_file import read_xml, root_tag
from pixelwise.types import Size

__all__ = ["FORMAT"]

_MASK_FOLDERS = ("masks", "scribbles")


def _matches(root: Path) -> str | None:
    for path in islice(files_below(root, ".xml", levels=2), 8):
        if root_tag(path) == "annotation":
            start = beginning(path)
            if b"<pt>" in start or b"<segm>" in start:  # VOC has polygons too, but with corners called x1, y1, x2 ...
                return f"{path.name} is an annotation with polygons or masks, as LabelMe writes it"
    return None


def _read(root: Path) -> Annotations:
    folder = root if root.is_dir() else root.parent
    finder = ImageFinder(folder)
    names: set[str] = set()
    counts: Counter[str] = Counter()
    faults: list[str] = []
    owners: dict[Path, Path] = {}
    masks: dict[Path, dict[str, Path]] = {}  # of each image, by name
    for path in sorted(folder.rglob("*.xml")) if root.is_dir() else [root]:
        if root_tag(path) != "annotation":
            counts["foreign"] += 1
            continue
        try:
            annotation = read_xml(path)
            image = _image_of(annotation, path, finder)
        except DataError as error:
            faults.append(str(error))
            continue
        if owners.setdefault(image, path) != path:
            faults.append(f"{path} and {owners[image]} are both of {image.name}; the former is left out, remove one of them")
            continue
        masks[image] = _masks_of(annotation, finder)
        for shape in annotation.iter("object"):
            counts["deleted" if _is_deleted(shape) else "kept"] += 1
            counts["parts"] += bool(_part_of(shape))
            if not _is_deleted(shape):
                names.add(class_name(shape.findtext("name")))
    classes = ClassIds(sorted(names - {""}))
    decisions = [classes.sentence("in alphabetical order")]
    if counts["deleted"]:
        decisions.append(f"left out, for they are marked as deleted: {counted(counts['deleted'], 'object')}")
    if counts["parts"]:
        decisions.append(f"objects of their own, above what they are part of: {counted(counts['parts'], 'part')}")
    if counts["foreign"]:
        decisions.append(f"left alone, for they hold no annotation: {counted(counts['foreign'], 'XML file')}")
    items = [
        Annotated(key, image, partial(_paint, path, image, classes.ids, masks[image]), split_of(image.relative_to(folder).parent))
        for key, (image, path) in zip(keys_of(list(owners), folder), owners.items(), strict=True)
    ]
    return Annotations(tuple(items), classes.rows(), tuple(decisions), tuple(faults))


def _image_of(annotation: Element, path: Path, finder: ImageFinder) -> Path:
    """The image by folder and name; what lies in Masks/ and Scribbles/ is never one."""
    name, below = class_name(annotation.findtext("filename")), class_name(annotation.findtext("folder"))
    if not name:
        raise DataError(f"{path} names no image; export it again")
    image = finder.find(f"{below}/{name}" if below else name)
    if any(part.lower() in _MASK_FOLDERS for part in image.relative_to(finder.root).parts[:-1]):
        raise DataError(f"the image {name!r} of {path} is not below {finder.root}; add it, or remove its annotation")
    return image


def _masks_of(annotation: Element, finder: ImageFinder) -> dict[str, Path]:
    """Files of the masks that an annotation names, below Masks/ first where others have the same name."""
    below = class_name(annotation.findtext("folder"))
    found = {}
    for name in {class_name(mask.text) for mask in annotation.iterfind("object/segm/mask")}:
        with contextlib.suppress(DataError):  # said when the image is painted
            found[name] = finder.find("/".join(part for part in ("Masks", below, name) if part))
    return found


def _paint(path: Path, image: Path, ids: dict[str, int], masks: dict[str, Path]) -> Painted:
    annotation = read_xml(path)
    size = checked_size(image, _declared(annotation))
    shapes = [shape for shape in annotation.iter("object") if not _is_deleted(shape)]
    depths = _depths(shapes)
    drawn = []
    for shape, depth in zip(shapes, depths, strict=True):
        name = class_name(shape.findtext("name"))
        try:
            if name not in ids:
                raise DataError("it has no name; give it one")
            drawn.append(Drawn(ids[name], _region(shape, size, masks), height=depth))
        except DataError as error:
            raise DataError(f"{path}, object {class_name(shape.findtext('id')) or name!r}: {error}") from None
    return paint_objects(size, drawn)


def _declared(annotation: Element) -> Size | None:
    """The size that newer files state."""
    sides = annotation.findtext("imagesize/nrows"), annotation.findtext("imagesize/ncols")
    return None if not all(sides) else (whole(sides[0], "nrows"), whole(sides[1], "ncols"))


def _region(shape: Element, size: Size, masks: dict[str, Path]) -> Region:
    ring = shape.find("polygon")
    if ring is not None:
        pairs: list[Any] = [(point.findtext("x"), point.findtext("y")) for point in ring.iter("pt")]
        return polygon(points_of(pairs), size)
    segment = shape.find("segm")
    if segment is None:
        raise DataError("it has neither a polygon nor a mask")
    name = class_name(segment.findtext("mask"))
    if name not in masks:
        raise DataError(f"its mask {name!r} is not below the data set; add it, or delete the object")
    path = masks[name]
    data = read_bytes(path)
    raster = open_raster(path, io.BytesIO(data), MAX_PIXELS)
    if raster.size != size:
        raise DataError(f"its mask {path.name} has {raster.size[0]} x {raster.size[1]} pixels, its image {size[0]} x {size[1]}")
    pixels = raw_pixels(raster, data)
    if pixels.ndim == 3:  # the mask is what is not transparent; without transparency, what is not black
        pixels = pixels[..., -1] if pixels.shape[2] in (2, 4) else pixels.max(axis=2)
    return Region(foreground(pixels))


def _depths(shapes: list[Element]) -> list[int]:
    """How deep each object is in others: 0 for a whole, 1 for its parts, and so on; circles of parts count as wholes."""
    wholes = {class_name(shape.findtext("id")): _part_of(shape) for shape in shapes}
    depths = []
    for shape in shapes:
        depth, above = 0, _part_of(shape)
        while above in wholes and depth <= len(shapes):
            depth, above = depth + 1, wholes[above]
        depths.append(depth if depth <= len(shapes) else 0)
    return depths


def _part_of(shape: Element) -> str:
    return class_name(shape.findtext("parts/ispartof")).split(",")[0].strip()


def _is_deleted(shape: Element) -> bool:
    return class_name(shape.findtext("deleted")) == "1"


FORMAT = Format("labelme-xml", "LabelMe XML", _matches, _read)
