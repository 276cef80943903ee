"""fast.ai's layout, as of its CamVid: ``images/a.png``, ``labels/a_P.png`` of ids, ``codes.txt`` with a class name per line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.mask_files import distinct_rows, paint_ids, require_items, unmatched
from pixelwise.data.sources.found import list_images
from pixelwise.errors import DataError

__all__ = ["FORMAT"]

_END = "_P"


def _matches(root: Path) -> str | None:
    is_there = (root / "codes.txt").is_file() and (root / "images").is_dir() and (root / "labels").is_dir()
    return "codes.txt beside images/ and labels/" if is_there else None


def _read(root: Path) -> Annotations:
    names = [line.strip() for line in _lines(root / "codes.txt") if line.strip()]
    if len(names) < 2:
        raise DataError(f"{root / 'codes.txt'} names {len(names)} classes, one per line; segmentation needs at least two")
    rows = ({"id": at, "name": name} for at, name in enumerate(names))
    classes = distinct_rows(row | ({"ignore": True} if row["name"] == "Void" else {}) for row in rows)
    images = list_images(root / "images")
    masks = {name.removesuffix(_END): path for name, path in list_images(root / "labels").items()}
    held_out = {Path(line.strip()).stem for line in _lines(root / "valid.txt") if line.strip()}
    items = tuple(
        Annotated(name, path, partial(paint_ids, masks[name]), _split(name, held_out))
        for name, path in images.items()
        if name in masks
    )
    require_items(items, root, "a data set of fast.ai's layout")
    decisions = [f"codes.txt: ids 0 to {len(names) - 1} in the order of its lines"]
    if held_out:
        validating = sum(item.split == "val" for item in items)
        decisions.append(f"split by valid.txt: val {validating}, all others train; there is no test")
    return Annotations(items, classes, tuple(decisions), unmatched(images, masks))


def _split(name: str, held_out: set[str]) -> str:
    if not held_out:
        return ""
    return "val" if Path(name).name in held_out else "train"


def _lines(path: Path) -> list[str]:
    """The lines of a list, none where there is no such file."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); export it again") from None


FORMAT = Format("fastai", "fast.ai", _matches, _read)
