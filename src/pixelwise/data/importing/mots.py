"""MOTS: objects of videos as 16-bit PNG that hold 1000 x class + object (Voigtlaender et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows, from_codes, require_items, unmatched, with_keys
from pixelwise.data.importing.naming import class_name
from pixelwise.data.sources.found import SPLIT_NAMES, list_images
from pixelwise.errors import DataError, first_line
from pixelwise.formats.label_png import read_ids

__all__ = ["FORMAT"]

_PER_CLASS = 1000
_IGNORED = 10  # the class of regions that count for nothing, whatever classes there are
_NAMES = ("car", "pedestrian")
_LIST = "labels.txt"
_LOOKED_AT = 3


def _parts(root: Path) -> list[tuple[str, Path, Path]]:
    """(split, images, instances) of the folder itself, or of those below it that are called by a split."""
    folders = [("", root), *((SPLIT_NAMES[path.name.lower()], path) for path in _split_folders(root))]
    found = [(split, folder / "images", folder / "instances") for split, folder in folders]
    return [part for part in found if part[1].is_dir() and part[2].is_dir()]


def _split_folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name.lower() in SPLIT_NAMES) if root.is_dir() else []


def _matches(root: Path) -> str | None:
    for _, _, instances in _parts(root):
        for path in islice(sorted(instances.rglob("*.png")), _LOOKED_AT):
            if (codes := _codes_of(path)) and all(code >= _PER_CLASS for code in codes):
                return f"{path.relative_to(root)} holds {', '.join(map(str, codes[:3]))}: {_PER_CLASS} x class + object"
    return None


def _codes_of(path: Path) -> list[int]:
    """The codes of a mask but 0; none where it is no 16-bit mask."""
    try:
        ids = read_ids(path)
    except DataError:
        return []
    return [] if ids.dtype != np.uint16 else [code for code in np.unique(ids).tolist() if code]


def _read(root: Path) -> Annotations:
    names, source = _names(root)
    items: list[Annotated] = []
    faults: list[str] = []
    for split, folder, instances in _parts(root):
        images, masks = list_images(folder), list_images(instances)
        faults += unmatched(images, masks, "instance file")
        for name in (name for name in images if name in masks):
            sequence = name.rpartition("/")[0]
            paint = partial(_paint, masks[name], tuple(names))
            columns = {"sequence": sequence} if sequence else {}
            items.append(Annotated(name.replace("/", "_"), images[name], paint, split, columns))
    require_items(items, root, "MOTS")
    decisions = (
        f"instances/ holds {_PER_CLASS} x class + object; class names from {source}; 0 is background",
        f"class {_IGNORED} marks regions that count for nothing, and is ignored",
    )
    rows: list[dict[str, Any]] = [{"id": 0, "name": "background"}]
    rows += [{"id": class_id, "name": name, "thing": True} for class_id, name in names.items()]
    if _IGNORED not in names:
        rows.append({"id": _IGNORED, "name": "ignored region", "ignore": True})
    return Annotations(
        with_keys(items), distinct_rows(rows), decisions if _IGNORED not in names else decisions[:1], tuple(faults)
    )


def _names(root: Path) -> tuple[Mapping[int, str], str]:
    """Names by class id from 1, and where they stand."""
    for _, _, instances in _parts(root):
        path = instances / _LIST
        if path.is_file():
            try:
                lines = path.read_text(encoding="utf-8-sig")[: 1 << 20].splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{path} cannot be read ({first_line(error)}); it needs one class name per line") from None
            names = [class_name(line) for line in lines if line.strip()]
            top = 65535 // _PER_CLASS
            if not 0 < len(names) <= top:
                raise DataError(f"{path} names {len(names)} classes; codes of 16 bits hold 1 to {top}")
            return dict(enumerate(names, 1)), f"instances/{_LIST}, from 1"
    return dict(enumerate(_NAMES, 1)), "the format's definition"


def _paint(path: Path, class_ids: tuple[int, ...]) -> Painted:
    return from_codes(read_ids(path), partial(_meaning, path, class_ids))


def _meaning(path: Path, class_ids: tuple[int, ...], code: int) -> tuple[int, bool]:
    class_id = code // _PER_CLASS
    if code == 0 or (class_id == _IGNORED and _IGNORED not in class_ids):
        return class_id, False
    if class_id not in class_ids:
        raise DataError(f"{path} holds {code}, whose class {class_id} is none of {list(class_ids)}; add its name to {_LIST}")
    return class_id, True


FORMAT = Format("mots", "MOTS", _matches, _read)
