"""The Oxford-IIIT Pet data set: ``images/`` beside ``annotations/trimaps/``, where 1 is the pet, 2 the background, 3 the rim."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.mask_files import paint_ids, require_items, unmatched
from pixelwise.data.sources.found import list_images
from pixelwise.errors import DataError

__all__ = ["FORMAT"]

_CLASSES = (
    {"id": 2, "name": "background", "color": [58, 63, 75]},
    {"id": 1, "name": "pet", "color": [230, 126, 34], "thing": True},
    {"id": 3, "name": "rim", "ignore": True},
)
_LISTS = {"trainval.txt": "train", "test.txt": "test"}


def _matches(root: Path) -> str | None:
    is_there = (root / "images").is_dir() and (root / "annotations" / "trimaps").is_dir()
    return "folders images/ and annotations/trimaps/" if is_there else None


def _read(root: Path) -> Annotations:
    images, masks = list_images(root / "images"), list_images(root / "annotations" / "trimaps")
    rows = _rows(root / "annotations")
    items = tuple(
        Annotated(name, path, partial(paint_ids, masks[name]), *rows.get(name, ("", {})))
        for name, path in images.items()
        if name in masks
    )
    require_items(items, root, "the Oxford-IIIT Pet data set")
    listed = {name: sum(item.split == name for item in items) for name in ("train", "test")}
    decisions = (
        "trimaps: 1 is the pet, 2 the background, 3 the rim between them, which is not classified and ignored here",
        f"split by trainval.txt and test.txt: train {listed['train']}, test {listed['test']}; column breed from the same lists"
        if rows
        else "no trainval.txt or test.txt, so the images are not split",
    )
    return Annotations(items, _CLASSES, decisions, unmatched(images, masks, "trimap"))


def _rows(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Split and columns by name, from lists with a name, a class, a species (1 cat, 2 dog) and a breed in each line."""
    rows = {}
    for file, split in _LISTS.items():
        path = folder / file
        if not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read ({error}); fetch the data set again") from None
        for line in lines:
            words = line.split()
            if words and not line.startswith("#"):
                species = {"1": "cat", "2": "dog"}.get(words[2] if len(words) > 2 else "", "")
                rows[words[0]] = split, {"breed": words[0].rpartition("_")[0], "species": species}
    return rows


FORMAT = Format("pets", "Oxford-IIIT Pet", _matches, _read)
