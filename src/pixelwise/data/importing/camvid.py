"""CamVid with masks in colour: the download of its makers, its exports by annotation tools, and the copies that are passed
around (Brostow et al. 2009). Masks of grey ids are read as they are, by :mod:`pixelwise.data.sources.camvid`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.mask_files import color_classes, paint_colors, require_items, unmatched, with_keys, with_void
from pixelwise.data.importing.paths import inside, is_there
from pixelwise.data.sources.found import SPLIT_NAMES, list_images
from pixelwise.errors import DataError
from pixelwise.formats.color_table import ColorRow, find_color_table, read_color_table
from pixelwise.formats.image import is_image_name, read_raw

__all__ = ["FORMAT"]

_COLORS: tuple[ColorRow, ...] = (
    ((64, 128, 64), "Animal"), ((192, 0, 128), "Archway"), ((0, 128, 192), "Bicyclist"), ((0, 128, 64), "Bridge"),
    ((128, 0, 0), "Building"), ((64, 0, 128), "Car"), ((64, 0, 192), "CartLuggagePram"), ((192, 128, 64), "Child"),
    ((192, 192, 128), "Column_Pole"), ((64, 64, 128), "Fence"), ((128, 0, 192), "LaneMkgsDriv"),
    ((192, 0, 64), "LaneMkgsNonDriv"), ((128, 128, 64), "Misc_Text"), ((192, 0, 192), "MotorcycleScooter"),
    ((128, 64, 64), "OtherMoving"), ((64, 192, 128), "ParkingBlock"), ((64, 64, 0), "Pedestrian"), ((128, 64, 128), "Road"),
    ((128, 128, 192), "RoadShoulder"), ((0, 0, 192), "Sidewalk"), ((192, 128, 128), "SignSymbol"), ((128, 128, 128), "Sky"),
    ((64, 128, 192), "SUVPickupTruck"), ((0, 0, 64), "TrafficCone"), ((0, 64, 64), "TrafficLight"), ((192, 64, 128), "Train"),
    ((128, 128, 0), "Tree"), ((192, 128, 192), "Truck_Bus"), ((64, 0, 64), "Tunnel"), ((192, 192, 0), "VegetationMisc"),
    ((0, 0, 0), "Void"), ((64, 192, 0), "Wall"),
)  # fmt: skip
"""The table of the data set, in the order of its own file, for sets that come without one."""

_ENDINGS = ("annot", "_labels")
_ORIGINAL = (("701_StillsRaw_full", "LabeledApproved_full"), ("images", "LabeledApproved_full"))
_LOOKED_AT = 5  # masks, for telling colours from ids


class _Part(NamedTuple):
    split: str
    images: Path
    masks: Path


def _parts(root: Path) -> list[_Part]:
    pairs = [_Part("", root / images, root / masks) for images, masks in _ORIGINAL]
    pairs += [_Part(split, root / name, root / f"{name}{end}") for name, split in SPLIT_NAMES.items() for end in _ENDINGS]
    found = [part for part in pairs if part.images.is_dir() and part.masks.is_dir()]
    return found[:1] if found and not found[0].split else found


def _matches(root: Path) -> str | None:
    parts = _parts(root)
    if not parts or not any(_is_colored(path) for path in islice(_mask_files(parts), _LOOKED_AT)):
        return None
    return "folders " + ", ".join(f"{part.images.name}/ and {part.masks.name}/" for part in parts) + " with masks in colour"


def _mask_files(parts: list[_Part]) -> Iterator[Path]:
    return (path for part in parts for path in sorted(part.masks.iterdir()) if is_image_name(path))


def _is_colored(path: Path) -> bool:
    try:
        pixels = read_raw(path)
    except DataError:
        return False
    return pixels.ndim == 3 and pixels.shape[2] >= 3 and bool((pixels[..., 1:3] != pixels[..., :1]).any())


def _read(root: Path) -> Annotations:
    parts = _parts(root)
    table = find_color_table(root, *(part.masks for part in parts))
    rows = read_color_table(table) if table else _COLORS
    colors, named_classes = color_classes(rows)
    ignored, classes = with_void(named_classes)
    named = table.name if table else "CamVid's own table of 32 colours"
    items: list[Annotated] = []
    faults: list[str] = []
    listed = []
    for part in parts:
        stated = root / f"{part.images.name}.txt"
        pairs = _from_list(stated, root, faults) if stated.is_file() else None
        if pairs is None:
            pairs = _by_name(part, faults)
        else:
            listed.append(stated.name)
        paint = partial(paint_colors, colors=colors, ignored=ignored, table=named)
        items += [Annotated(image.stem, image, partial(paint, mask), part.split) for image, mask in pairs]
    require_items(items, root, "CamVid")
    void = next(row["name"] for row in classes if row["id"] == ignored)
    decisions = [f"colours by {named}: {len(colors)}, class ids are their order in it; {void} ({ignored}) is ignored"]
    if listed:
        decisions.append(f"pairs of images and masks as listed in {', '.join(listed)}")
    return Annotations(with_keys(items), classes, tuple(decisions), tuple(faults))


def _by_name(part: _Part, faults: list[str]) -> list[tuple[Path, Path]]:
    images = list_images(part.images)
    masks = {name.removesuffix("_L"): path for name, path in list_images(part.masks).items()}
    faults += unmatched(images, masks)
    return [(images[name], masks[name]) for name in images if name in masks]


def _from_list(path: Path, root: Path, faults: list[str]) -> list[tuple[Path, Path]] | None:
    """Pairs as the file lists them, an image and a mask per line, in quotes where names hold blanks; None where it
    lists no pairs."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    pairs = []
    for number, line in enumerate(lines, 1):
        names = [quoted or plain for quoted, plain in re.findall(r'"([^"]+)"|(\S+)', line)]
        if not names:
            continue
        if len(names) != 2:
            return None
        try:
            image, mask = (_listed_file(name, root) for name in names)
        except DataError as error:
            faults.append(f"{path.name}, line {number}: {error}")
            continue
        pairs.append((image, mask))
    return pairs or None


def _listed_file(name: str, root: Path) -> Path:
    """The file below ``root``, whatever folders of another machine stand before its own folder and name."""
    listed = inside(name.lstrip("/"))
    for path in (root / listed, root.joinpath(*listed.parts[-2:])):
        if is_there(path):
            return path
    raise DataError(f"there is no {listed}; add the file, or remove the line")


FORMAT = Format("camvid-color", "CamVid in colour", _matches, _read)
