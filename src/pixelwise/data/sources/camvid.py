"""The layout of the SegNet tutorial's CamVid: ``train/`` beside ``trainannot/``, and so on."""

from __future__ import annotations

from pathlib import Path

from pixelwise.data.sources.found import Found, list_images, pair, with_unique_keys
from pixelwise.errors import DataError

__all__ = ["matches", "records"]

_SPLITS = ("train", "val", "test")
_NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
_ROWS = (*({"id": i, "name": name} for i, name in enumerate(_NAMES)), {"id": 11, "name": "void", "ignore": True})


def matches(root: Path) -> str | None:
    """The evidence for this layout, or None."""
    present = [name for name in _SPLITS if (root / name).is_dir() and (root / f"{name}annot").is_dir()]
    return "folders " + ", ".join(f"{name}/ and {name}annot/" for name in present) if present else None


def records(root: Path) -> Found:
    """One record per image, its mask by the same name in the ``annot`` folder."""
    found, orphans = [], []
    for split in _SPLITS:
        if not (root / split).is_dir():
            continue
        if not (root / f"{split}annot").is_dir():
            raise DataError(f"{root} has {split}/ but no {split}annot/; put the masks of {split}/ there, or move {split}/ away")
        paired, unpaired, _ = pair(list_images(root / split), list_images(root / f"{split}annot"), split)
        found += paired
        orphans += unpaired
    return Found(with_unique_keys(found), orphans=tuple(orphans), rows=_ROWS)
