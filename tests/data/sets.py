"""Small data sets on disk for the tests of reading them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (40, 48)


def make_image(path: Path, seed: int, size=SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return path


def make_mask(path: Path, values, size=SIZE, seed=0) -> Path:
    """A mask of vertical stripes, one per value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    stripes = values[np.arange(size[1]) * len(values) // size[1]]
    Image.fromarray(np.tile(stripes, (size[0], 1)).astype(np.uint16 if values.max() > 255 else np.uint8)).save(path)
    return path


def make_folders(root: Path, count=6, values=(0, 1, 2), suffix=".jpg", start=0) -> Path:
    """images/ and masks/ with ``count`` pairs, each mask with all ``values``."""
    for number in range(start, start + count):
        make_image(root / "images" / f"{number:02}{suffix}", number)
        make_mask(root / "masks" / f"{number:02}.png", values)
    return root


def make_camvid(root: Path, counts=(4, 2, 2), values=(0, 1, 11)) -> Path:
    number = 0
    for split, count in zip(("train", "val", "test"), counts, strict=True):
        for _ in range(count):
            make_image(root / split / f"{number:02}.jpg", number)
            make_mask(root / f"{split}annot" / f"{number:02}.png", values)
            number += 1
    return root


def write_classes(root: Path, rows) -> None:
    rows = [{"id": row, "name": f"c{row}"} if isinstance(row, int) else row for row in rows]
    (root / "classes.json").write_text(json.dumps(rows))
