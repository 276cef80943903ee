"""Images and colour masks with a table of colours beside them: ``labelmap.txt``, ``label_colors.txt``, a CSV such as
``class_dict.csv``, or Datumaro's ``dataset_meta.json``. With ``classes.json`` such a folder is canonical and needs no import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.color_masks import read_class_ids
from pixelwise.data.importing.dataset_meta import read_dataset_meta
from pixelwise.data.importing.mask_files import color_classes, distinct_rows, require_items, unmatched, with_keys
from pixelwise.data.importing.naming import beginning
from pixelwise.data.sources.found import SPLIT_NAMES, list_images, pair
from pixelwise.errors import DataError
from pixelwise.formats.color_table import ColorRow, find_color_table, read_color_table
from pixelwise.formats.label_png import Color
from pixelwise.formats.voc_labels import read_labelmap

__all__ = ["FORMAT"]

_IMAGE_FOLDERS = ("images", "image", "img", "imgs", "JPEGImages", "original_images")
_MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "gt", "label_images_semantic", "RGB_color_image_masks")
_VOID = 255


class _Table(NamedTuple):
    """``name`` of the file; ``colors``: (colour, class id)."""

    name: str
    colors: tuple[tuple[Color, int], ...]
    rows: tuple[Mapping[str, Any], ...]


class _Part(NamedTuple):
    split: str
    images: Path
    masks: Path


def _matches(root: Path) -> str | None:
    parts = _parts(root)
    if not parts or (root / "classes.json").is_file():
        return None
    path = _table_file(root)
    if path is None:
        return None
    folders = ", ".join(f"{part.images.relative_to(root)}/ and {part.masks.relative_to(root)}/" for part in parts)
    return f"{path.name} with colours, beside {folders}"


def _parts(root: Path) -> list[_Part]:
    """Folders of images and masks, at the top or in folders of splits."""
    if not root.is_dir():
        return []
    tops = [("", root)] + [(SPLIT_NAMES[p.name.lower()], p) for p in sorted(root.iterdir()) if p.name.lower() in SPLIT_NAMES]
    found = []
    for split, top in tops:
        images = next((top / name for name in _IMAGE_FOLDERS if (top / name).is_dir()), None)
        masks = next((top / name for name in _MASK_FOLDERS if (top / name).is_dir()), None)
        if images and masks:
            found.append(_Part(split, images, masks))
    return found


def _table_file(root: Path) -> Path | None:
    """The file with the colours: by its name, or a CSV whose columns are name, r, g, b."""
    if (root / "labelmap.txt").is_file():
        return root / "labelmap.txt"
    named = find_color_table(root)
    if named is not None:
        return named
    for path in sorted(root.glob("*.csv")):
        header = beginning(path, 256).decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:1]
        if [cell.strip().lower() for cell in "".join(header).split(",")][:4] == ["name", "r", "g", "b"]:
            return path
    meta = root / "dataset_meta.json"
    return meta if b'"segmentation_colors"' in beginning(meta) else None


def _table(root: Path) -> _Table:
    path = _table_file(root)
    if path is None:
        raise DataError(f"{root} has no table of colours; write class_dict.csv with the columns name, r, g, b")
    if path.name == "labelmap.txt":
        rows: tuple[ColorRow, ...] = tuple((color, name) for name, color in read_labelmap(path))
    elif path.suffix == ".json":
        return _datumaro_table(root, path)
    else:
        rows = read_color_table(path)
    if not rows:
        raise DataError(f"{path} lists no colours; name the colour of each class in it")
    colors, classes = color_classes(rows)
    return _Table(path.name, colors, classes)


def _datumaro_table(root: Path, path: Path) -> _Table:
    """The ids are those of the file, and each has a colour."""
    meta = read_dataset_meta(root)
    if meta is None or not meta.table:
        raise DataError(f"{path} lists no colours; export it again")
    void = {row["name"] for row in color_classes(meta.table)[1] if row.get("ignore")}
    rows = [
        {"id": class_id, "name": name, "color": list(color)} | ({"ignore": True} if name in void else {})
        for class_id, (color, name) in zip(meta.names, meta.table, strict=True)
    ]
    colors = tuple((color, class_id) for class_id, (color, _) in zip(meta.names, meta.table, strict=True))
    return _Table(path.name, colors, distinct_rows(rows))


def _read(root: Path) -> Annotations:
    table = _table(root)
    parts = _parts(root)
    ids = {row["id"] for row in table.rows}
    ignored = next((row["id"] for row in table.rows if row.get("ignore")), _VOID if _VOID not in ids else max(ids) + 1)
    items: list[Annotated] = []
    faults: list[str] = []
    decisions = [
        f"class ids are the order of {table.name}, from 0 ({len(table.rows)} classes); pixels of other colours become {ignored}, "
        "which is ignored, and transparency does not count"
    ]
    for part in parts:
        images, masks = list_images(part.images), list_images(part.masks)
        pairs = _paired(images, masks, decisions)
        used = {mask for _, mask in pairs}
        faults += unmatched(images, [name for name, _ in pairs] + [name for name, mask in masks.items() if mask not in used])
        paint = partial(_paint, table=table, ignored=ignored)
        items += [Annotated(name, images[name], partial(paint, mask), part.split) for name, mask in pairs]
    require_items(items, root, "images and colour masks")
    rows = table.rows if ignored in ids else (*table.rows, {"id": ignored, "name": "void", "ignore": True})
    return Annotations(with_keys(items), rows, tuple(dict.fromkeys(decisions)), tuple(faults))


def _paired(images: Mapping[str, Path], masks: Mapping[str, Path], decisions: list[str]) -> list[tuple[str, Path]]:
    """The mask of each image: of the same name, with an ending of its own, or behind a beginning of its own."""
    records, _, ending = pair(images, masks, "")
    found = [(name, record.masks[0]) for name, record in zip(images, records, strict=True) if record.masks]
    if found:
        if ending:
            decisions.append(f"masks are called like their image with {ending!r} at the end")
        return [(name, path) for name, path in found if path is not None]
    own, other = _beginning(images), _beginning(masks)
    paired = [(name, masks[f"{other}{name[len(own) :]}"]) for name in images if f"{other}{name[len(own) :]}" in masks]
    if paired:
        decisions.append(f"images are called {own!r} and masks {other!r} before the name that they share")
    return paired


def _beginning(names: Collection[str]) -> str:
    """What all names begin with, but for digits at its end, which may be those of a number."""
    lowest, highest = min(names, default=""), max(names, default="")
    length = next((at for at, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b), len(lowest))
    return lowest[:length].rstrip("0123456789")


def _paint(mask: Path, table: _Table, ignored: int) -> Painted:
    ids, losses = read_class_ids(mask, dict(table.colors), ignored, table.name)
    return Painted(ids, None, losses)


FORMAT = Format("colored", "images and colour masks with a table of colours", _matches, _read)
