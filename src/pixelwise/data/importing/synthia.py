"""SYNTHIA (Ros et al. 2016): ``RGB/`` beside ``GT/``, ``RGBLeft/`` beside ``GTLeft/``, ``RGB/`` beside ``SemSeg/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.dataset_meta import read_dataset_meta
from pixelwise.data.importing.mask_files import (
    color_classes,
    from_codes,
    paint_colors,
    require_items,
    unmatched,
    with_keys,
    with_void,
)
from pixelwise.data.sources.found import list_images
from pixelwise.errors import DataError
from pixelwise.formats.color_table import ColorRow, find_color_table, read_color_table
from pixelwise.formats.image import read_raw
from pixelwise.formats.label_png import Color

__all__ = ["FORMAT"]

_RANDOM: Mapping[int, tuple[str, tuple[Color, ...]]] = {
    0: ("void", ((0, 0, 0),)), 1: ("sky", ((128, 128, 128),)), 2: ("building", ((128, 0, 0),)), 3: ("road", ((128, 64, 128),)),
    4: ("sidewalk", ((0, 0, 192),)), 5: ("fence", ((64, 64, 128),)), 6: ("vegetation", ((128, 128, 0),)),
    7: ("pole", ((192, 192, 128),)), 8: ("car", ((64, 0, 128),)), 9: ("traffic sign", ((192, 128, 128),)),
    10: ("pedestrian", ((64, 64, 0),)), 11: ("bicycle", ((0, 128, 192),)),
    12: ("lane marking", ((0, 172, 0), (0, 175, 0))), 15: ("traffic light", ((0, 128, 128),)),
}  # fmt: skip
"""Ids, names and colours of the sets in colour; the makers' own files differ in the green of lane markings."""

_CITYSCAPES_LIKE = (
    "void", "sky", "building", "road", "sidewalk", "fence", "vegetation", "pole", "car", "traffic sign", "pedestrian", "bicycle",
    "motorcycle", "parking slot", "road work", "traffic light", "terrain", "rider", "truck", "bus", "train", "wall",
    "lane marking",
)  # fmt: skip
"""Names by id of the label files (``GT/LABELS``)."""

_SAN_FRANCISCO: Mapping[int, tuple[str, tuple[Color, ...]]] = {
    0: ("void", ((0, 0, 0),)), 1: ("road", ((128, 64, 128),)), 2: ("sidewalk", ((244, 35, 232),)),
    3: ("building", ((70, 70, 70),)), 4: ("wall", ((102, 102, 156),)), 5: ("fence", ((190, 153, 153),)),
    6: ("pole", ((153, 153, 153),)), 7: ("traffic light", ((250, 170, 30),)), 8: ("traffic sign", ((220, 220, 0),)),
    9: ("vegetation", ((107, 142, 35),)), 10: ("terrain", ((152, 251, 152),)), 11: ("sky", ((70, 130, 180),)),
    12: ("pedestrian", ((220, 20, 60),)), 13: ("rider", ((255, 0, 0),)), 14: ("car", ((0, 0, 142),)),
    15: ("truck", ((0, 0, 70),)), 16: ("bus", ((0, 60, 100),)), 17: ("train", ((0, 80, 100),)),
    18: ("motorcycle", ((0, 0, 230),)), 19: ("bicycle", ((119, 11, 32), (119, 11, 31))),
    20: ("road lines", ((157, 234, 50),)), 21: ("other", ((72, 0, 98),)), 22: ("road works", ((167, 106, 29),)),
}  # fmt: skip


_LOOKED_AT = 3  # masks, for telling SYNTHIA from others with folders of such names


class _Layout(NamedTuple):
    images: str
    masks: str
    classes: Mapping[int, tuple[str, tuple[Color, ...]]] | None  # None: label files, which hold ids


_LAYOUTS = (
    _Layout("RGB", "GT/LABELS", None),
    _Layout("RGB", "GT/COLOR", _RANDOM),
    _Layout("RGB", "GT", _RANDOM),
    _Layout("RGBLeft", "GTLeft", _SAN_FRANCISCO),
    _Layout("RGB", "SemSeg", _RANDOM),
)


def _layout(root: Path) -> _Layout | None:
    """The first layout whose folders hold images."""
    for layout in _LAYOUTS:
        if all((root / name).is_dir() and any((root / name).rglob("*.png")) for name in (layout.images, layout.masks)):
            return layout
    return None


def _matches(root: Path) -> str | None:
    layout = _layout(root)
    if layout is None:
        return None
    try:
        paint, _, _ = _painting(root, layout)
    except DataError:
        return None
    masks = islice((root / layout.masks).rglob("*.png"), _LOOKED_AT)
    if not any(_fits(mask, paint) for mask in masks):
        return None
    return f"folders {layout.images}/ and {layout.masks}/ with masks in SYNTHIA's code"


def _fits(mask: Path, paint: Callable[[Path], Painted]) -> bool:
    """Whether a mask of three channels holds nothing that is unknown."""
    try:
        return read_raw(mask).ndim == 3 and not paint(mask).losses
    except DataError:
        return False


def _read(root: Path) -> Annotations:
    layout = _layout(root)
    if layout is None:
        raise DataError(f"{root} has none of SYNTHIA's pairs of folders: {', '.join(f'{a}/ and {b}/' for a, b, _ in _LAYOUTS)}")
    images, masks = list_images(root / layout.images), list_images(root / layout.masks)
    paint, classes, decision = _painting(root, layout)
    pairs = [(name, image, masks[name]) for name, image in images.items() if name in masks]
    items = [Annotated(name.replace("/", "_"), image, partial(paint, mask)) for name, image, mask in pairs]
    require_items(items, root, "SYNTHIA")
    return Annotations(with_keys(items), classes, (decision,), unmatched(images, masks))


def _painting(root: Path, layout: _Layout) -> tuple[Any, tuple[Mapping[str, Any], ...], str]:
    """What paints a mask, the rows of classes, and the sentence on both."""
    if layout.classes is None:
        rows = tuple(_row(class_id, name) for class_id, name in enumerate(_CITYSCAPES_LIKE))
        return _paint_labels, rows, f"{layout.masks}: class ids from the first channel, numbers of objects from the second"
    stated = _stated_colors(root)
    if stated is not None:
        table, name = stated
        colors, named = color_classes(table)
        ignored, classes = with_void(named)
        paint = partial(paint_colors, colors=colors, ignored=ignored, table=name)
        return paint, classes, f"colours by {name}, class ids in its order"
    colors = tuple((color, class_id) for class_id, (_, shades) in layout.classes.items() for color in shades)
    rows = tuple(_row(class_id, name, shades[0]) for class_id, (name, shades) in layout.classes.items())
    name = "SYNTHIA's own table"
    paint = partial(paint_colors, colors=colors, ignored=0, table=name)
    return paint, rows, f"colours of {layout.masks}/ by {name}, with its class ids; 0, void, is ignored"


def _stated_colors(root: Path) -> tuple[tuple[ColorRow, ...], str] | None:
    path = find_color_table(root)
    if path is not None:
        return read_color_table(path), path.name
    meta = read_dataset_meta(root)
    return (meta.table, meta.path.name) if meta is not None and meta.table else None


def _row(class_id: int, name: str, color: Color | None = None) -> dict[str, Any]:
    shown = {"color": list(color)} if color else {}
    return {"id": class_id, "name": name, **shown} | ({"ignore": True} if name == "void" else {})


def _paint_labels(mask: Path) -> Painted:
    """Label files are 16-bit PNG of three channels: class, object, nothing."""
    pixels = read_raw(mask)
    if pixels.ndim != 3 or pixels.shape[2] < 2 or pixels.dtype.kind != "u":
        raise DataError(f"{mask} is no label file: it has {pixels.shape} {pixels.dtype}, not three channels of 16 bits")
    codes = (pixels[..., 0].astype(np.int64) << 16) | pixels[..., 1]
    return from_codes(codes, partial(_label, mask))


def _label(mask: Path, code: int) -> tuple[int, bool]:
    class_id, number = code >> 16, code & 0xFFFF
    if class_id >= len(_CITYSCAPES_LIKE):
        raise DataError(
            f"{mask} holds class {class_id}, SYNTHIA has 0 to {len(_CITYSCAPES_LIKE) - 1}; is it another kind of file?"
        )
    return class_id, number > 0


FORMAT = Format("synthia", "SYNTHIA", _matches, _read)
