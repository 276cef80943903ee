"""CVAT's own XML, version 1.1, "for images" and "for video"."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import Element

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.cvat_shapes import AREAS, LINE_WIDTH, CvatShape, paint_shapes
from pixelwise.data.importing.cvat_video import Frames
from pixelwise.data.importing.geometry import whole
from pixelwise.data.importing.naming import ClassIds, class_name, counted, files_below, keys_of, split_of
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.data.sources.found import SPLIT_NAMES
from pixelwise.errors import DataError
from pixelwise.formats.xml_file import read_elements, root_tag
from pixelwise.types import Size

__all__ = ["FORMAT"]

_WITHOUT_AREA = {"points": "point set", "cuboid": "cuboid", "skeleton": "skeleton", "tag": "image tag"}


@dataclass
class _Reading:
    """What has been read of all files so far. ``images`` are in the order of the files."""

    finder: ImageFinder
    classes: ClassIds = field(default_factory=ClassIds)
    images: dict[Path, tuple[Size | None, tuple[CvatShape, ...], str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    missing: dict[Path, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)


def _matches(root: Path) -> str | None:
    found = _files(root)
    return f"{found[0].name} has the root <annotations>, as CVAT writes it" if found else None


def _read(root: Path) -> Annotations:
    folder = root if root.is_dir() else root.parent
    reading = _Reading(ImageFinder(folder))
    for path in _files(root, most=10_000):
        try:
            _read_file(path, reading)
        except DataError as error:
            reading.faults.append(str(error))
    for path, names in reading.missing.items():
        reading.faults.append(f"{path}: {counted(len(names), 'image', names)} not below {folder}; add them, under these names")
    items = [
        Annotated(key, image, partial(paint_shapes, image, size, shapes, reading.classes.ids), split)
        for key, (image, (size, shapes, split)) in zip(keys_of(list(reading.images), folder), reading.images.items(), strict=True)
    ]
    return Annotations(tuple(items), reading.classes.rows(), tuple(_decisions(reading)), tuple(reading.faults))


def _files(root: Path, most: int = 1) -> list[Path]:
    """The annotation files: CVAT writes one at the top, other tools one per split."""
    return list(islice((path for path in files_below(root, ".xml", levels=1) if root_tag(path) == "annotations"), most))


def _read_file(path: Path, reading: _Reading) -> None:
    frames = Frames()
    size: Size | None = None
    for element in read_elements(path, {"label", "image", "track", "original_size"}):
        if element.tag == "label":
            _add_label(element, reading)
        elif element.tag == "original_size":
            size = _size(element.findtext("height"), element.findtext("width"))
        elif element.tag == "image":
            _add_image(element, path, reading)
        else:
            shapes = _shapes(element, reading.counts, class_name(element.get("label")))
            frames.add_track(element, shapes, path)
    if not frames.tracks:
        return
    split = SPLIT_NAMES.get(path.stem.lower(), "")
    for image, shapes in frames.images(path, reading.finder):
        reading.classes.add(shape.label for shape in shapes if shape.label)
        if reading.images.setdefault(image, (size, shapes, split))[1] is not shapes:
            reading.faults.append(f"{image.name} is annotated twice, the second time in {path}, which is left out; remove one")
    reading.faults += frames.faults
    reading.decisions += frames.decisions


def _add_label(element: Element, reading: _Reading) -> None:
    """A class and its colour; labels inside a skeleton are joints, not classes."""
    name = class_name(element.findtext("name"))
    if not name or class_name(element.findtext("parent")):
        return
    reading.classes.add([name])
    color = class_name(element.findtext("color"))
    if re.fullmatch("#[0-9a-fA-F]{6}", color):
        reading.classes.color(name, color.lower())


def _add_image(element: Element, path: Path, reading: _Reading) -> None:
    name, subset = class_name(element.get("name")), class_name(element.get("subset"))
    try:
        size = _size(element.get("height"), element.get("width"))
    except DataError as error:
        reading.faults.append(f"{path}, image {name!r}: {error}")
        return
    shapes = _shapes(element, reading.counts)
    reading.classes.add(shape.label for shape in shapes if shape.label)
    image = _find(name, subset, path, reading.finder)
    if image is None:
        reading.missing.setdefault(path, []).append(f"{subset}/{name}" if subset else name)
        return
    split = SPLIT_NAMES.get(subset.lower(), "") or SPLIT_NAMES.get(path.stem.lower(), "") or split_of(Path(name).parent)
    if reading.images.setdefault(image, (size, shapes, split))[1] is not shapes:
        reading.faults.append(f"{image.name} is annotated twice, the second time in {path}, which is left out; remove one")


def _shapes(element: Element, counts: Counter[str], label: str = "") -> tuple[CvatShape, ...]:
    """The shapes with an area, or a line; others are counted."""
    shapes = []
    for child in element:
        if child.tag in AREAS:
            counts[child.tag] += child.get("outside") != "1"
            name = label or class_name(child.get("label"))
            counts["unnamed"] += not name
            if name:
                shapes.append(CvatShape(child.tag, name, dict(child.attrib)))
        elif child.tag in _WITHOUT_AREA:
            counts[child.tag] += 1
    return tuple(shapes)


def _find(name: str, subset: str, path: Path, finder: ImageFinder) -> Path | None:
    """The image where CVAT puts it, beside the file or below its images/, else anywhere by its name."""
    here = path.parent.relative_to(finder.root)
    for place in (here / "images" / subset / name, here / "images" / name, here / subset / name, here / name):
        if place.as_posix() in finder.images:
            return finder.images[place.as_posix()]
    try:
        return finder.find(f"{subset}/{name}" if subset else name) if name else None
    except DataError:
        return None


def _size(height: str | None, width: str | None) -> Size | None:
    return None if not height or not width else (whole(height, "the height"), whole(width, "the width"))


def _decisions(reading: _Reading) -> list[str]:
    classes, counts = reading.classes, reading.counts
    said = [classes.sentence("in the order of the labels in <meta>, those that are only used behind"), *reading.decisions]
    said.append("larger z_order lies above; where it is the same, small objects lie above large ones")
    if counts["polyline"]:
        said.append(f"drawn {LINE_WIDTH} pixel wide, for they have no width: {counted(counts['polyline'], 'polyline')}")
    if counts["box"]:
        said.append(f"filled, as if the object were a box: {counted(counts['box'], 'box')}")
    left_out = [counted(counts[tag], noun) for tag, noun in _WITHOUT_AREA.items() if counts[tag]]
    if left_out:
        said.append(f"left out, for they have no area: {', '.join(left_out)}")
    if counts["unnamed"]:
        reading.faults.append(f"left out, for they have no label: {counted(counts['unnamed'], 'shape')}; label them in CVAT")
    return said


FORMAT = Format("cvat", "CVAT XML 1.1", _matches, _read)
