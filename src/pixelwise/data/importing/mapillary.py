"""Mapillary Vistas: ``training/ validation/`` with ``images/`` beside ``v1.2/`` or ``v2.0/`` (Neuhold et al. 2017)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows, from_codes, paint_ids, require_items, unmatched, with_keys
from pixelwise.data.importing.naming import class_name
from pixelwise.data.sources.found import SPLIT_NAMES, list_images
from pixelwise.errors import DataError
from pixelwise.formats.json_file import read_json
from pixelwise.formats.label_png import read_ids

__all__ = ["FORMAT"]

_VERSIONS = {"v2.0": "config_v2.0.json", "v1.2": "config_v1.2.json", "": "config.json"}  # the newest that is there is read
_PER_CLASS = 256
_MOST_BYTES = 16 << 20


class _Label(NamedTuple):
    name: str
    color: tuple[int, int, int]
    has_objects: bool
    is_counted: bool


def _version(root: Path) -> tuple[str, list[Path]] | None:
    """The version to read, and the split folders that have it."""
    if not root.is_dir():
        return None
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name.lower() in SPLIT_NAMES)
    for version, config in _VERSIONS.items():
        having = [path for path in folders if (path / "images").is_dir() and (path / version / "labels").is_dir()]
        if having and (root / config).is_file():
            return version, having
    return None


def _matches(root: Path) -> str | None:
    found = _version(root)
    if found is None:
        return None
    version, folders = found
    return f"{_VERSIONS[version]} and folders " + ", ".join(f"{path.name}/{version or 'labels'}/" for path in folders)


def _read(root: Path) -> Annotations:
    found = _version(root)
    if found is None:
        raise DataError(
            f"{root} has no {' or '.join(filter(None, _VERSIONS.values()))} beside split folders with images/ and labels/"
        )
    version, folders = found
    labels = _labels(root / _VERSIONS[version])
    items: list[Annotated] = []
    faults: list[str] = []
    for folder in folders:
        images, masks = list_images(folder / "images"), list_images(folder / version / "labels")
        objects = list_images(folder / version / "instances") if (folder / version / "instances").is_dir() else {}
        faults += unmatched(images, masks.keys() | objects.keys(), "label file")
        with_objects = tuple(label.has_objects for label in labels)
        for name, image in images.items():
            if name not in masks and name not in objects:
                continue
            paint = partial(_paint, objects[name], with_objects) if name in objects else partial(paint_ids, masks[name])
            items.append(Annotated(name.replace("/", "_"), image, paint, SPLIT_NAMES[folder.name.lower()]))
    require_items(items, root, "Mapillary Vistas")
    others = [name for name, config in _VERSIONS.items() if name != version and (root / config).is_file()]
    chosen = f"annotation {version or 'of the first release'} with {len(labels)} labels of {_VERSIONS[version]}, ids in its order"
    decisions = [
        chosen + (f"; {' and '.join(others)} is there too: move {_VERSIONS[version]} away to read it" if others else ""),
        "instances/ holds 256 x label + object; labels without objects are regions",
    ]
    ignored = [label.name for label in labels if not label.is_counted]
    if ignored:
        decisions.append(f"labels that are not evaluated are ignored: {', '.join(ignored)}")
    return Annotations(with_keys(items), distinct_rows(_rows(labels)), tuple(decisions), tuple(faults))


def _rows(labels: list[_Label]) -> list[dict[str, Any]]:
    return [
        {"id": class_id, "name": label.name, "color": list(label.color)}
        | ({} if label.is_counted else {"ignore": True})
        | ({"thing": True} if label.has_objects else {})
        for class_id, label in enumerate(labels)
    ]


def _labels(path: Path) -> list[_Label]:
    content = read_json(path, _MOST_BYTES)
    rows = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= _PER_CLASS:
        raise DataError(f"{path} must hold labels, a list of 1 to {_PER_CLASS}; take the file of the download")
    return [_label(row, number, path) for number, row in enumerate(rows)]


def _label(row: Any, number: int, path: Path) -> _Label:
    found = row if isinstance(row, dict) else {}
    name = class_name(found.get("readable")) or class_name(found.get("name"))
    color = found.get("color")
    if not name or not isinstance(color, list) or len(color) != 3 or not all(isinstance(c, int) and 0 <= c <= 255 for c in color):
        raise DataError(
            f"{path}: label {number} needs a name and a color of three numbers from 0 to 255; take the download's file"
        )
    return _Label(name, (color[0], color[1], color[2]), bool(found.get("instances")), bool(found.get("evaluate", True)))


def _paint(path: Path, with_objects: tuple[bool, ...]) -> Painted:
    return from_codes(read_ids(path), partial(_meaning, path, with_objects))


def _meaning(path: Path, with_objects: tuple[bool, ...], code: int) -> tuple[int, bool]:
    class_id = code // _PER_CLASS
    if class_id >= len(with_objects):
        raise DataError(f"{path} holds {code}, which is of no label (0 to {len(with_objects) - 1}); is it of another version?")
    return class_id, with_objects[class_id]


FORMAT = Format("mapillary-vistas", "Mapillary Vistas", _matches, _read)
