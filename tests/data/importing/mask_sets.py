"""What the tests of mask sets share: small images and masks on disk, and what a reader made of them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (6, 8)

TOOLS = Path(os.environ.get("PIXELWISE_DATA", "")) / "formats" / "tools"
needs_exports = pytest.mark.skipif(
    "PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with formats/tools/"
)


def save(path: Path, pixels) -> Path:
    """Writes (H, W) uint8 or uint16, or (H, W, 3) uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)
    return path


def photo(path: Path, size=SIZE, seed=0) -> Path:
    return save(path, np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def stripes(values, size=SIZE, dtype=np.uint8):
    """(H, W) with a vertical stripe per value."""
    values = np.asarray(values, dtype)
    return np.tile(values[np.arange(size[1]) * len(values) // size[1]], (size[0], 1))


def painted(annotations) -> dict:
    """(ids, instances) by key."""
    found = {item.key: item.paint() for item in annotations.items}
    return {key: (one.ids, one.instances) for key, one in found.items()}


def said(annotations) -> str:
    return " | ".join((*annotations.decisions, *annotations.faults))


def seen_as_same_objects(first, second) -> bool:
    """Whether two maps part the pixels in the same way, whatever the numbers; 0 is no object in both."""
    pairs = np.unique(np.stack([first.reshape(-1), second.reshape(-1)]), axis=1).T.tolist()
    firsts, seconds = [a for a, _ in pairs], [b for _, b in pairs]
    return (
        len(set(firsts)) == len(firsts) and len(set(seconds)) == len(seconds) and ([0, 0] in pairs or 0 not in firsts + seconds)
    )
