"""Scenes of handwritten digits on textured backgrounds, made on the spot from the digits that scikit-learn carries.

The digits are real: 1,797 scans of 8x8 pixels by 43 writers (Alpaydin and Kaynak 1998, UCI). Writers' digits are split before
scenes are composed, so that no digit of a test scene was seen in training.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_digits

from pixelwise.formats.image import write_image
from pixelwise.formats.label_png import write_ids
from pixelwise.types import ClassTable

__all__ = ["CLASSES", "write_scenes"]

CLASSES = ClassTable.from_json(
    [{"id": 0, "name": "background", "color": "#3a3f4b"}, *({"id": digit + 1, "name": f"digit {digit}"} for digit in range(10))]
)

_SIDE, _GRID = 128, 3


def write_scenes(folder: Path, counts: dict[str, int], seed: int = 0) -> None:
    """Writes ``folder/SPLIT/images`` and ``masks`` of 128x128 scenes, and ``classes.json``; the same seed gives the same scenes.

    Args:
        counts: scenes per split, such as ``{"train": 320, "val": 40, "test": 80}``.
    """
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.images))
    shares = np.cumsum(list(counts.values())) / sum(counts.values())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classes.json").write_text(json.dumps(CLASSES.to_json(), indent=1) + "\n", encoding="utf-8")
    start = 0
    for number, (split, count) in enumerate(counts.items()):
        stop = round(shares[number] * len(order))
        mine = order[start:stop]
        start = stop
        images, masks = folder / split / "images", folder / split / "masks"
        images.mkdir(parents=True, exist_ok=True)
        masks.mkdir(parents=True, exist_ok=True)
        for scene in range(count):
            rng = np.random.default_rng([seed, number, scene])
            chosen = rng.choice(mine, size=int(rng.integers(5, 10)))
            image, ids = _scene([digits.images[i] for i in chosen], [int(digits.target[i]) for i in chosen], rng)
            write_image(images / f"scene_{scene:04}.png", image)
            write_ids(masks / f"scene_{scene:04}.png", ids, None)


def _scene(scans: list[np.ndarray], values: list[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One image (128, 128, 3) uint8 and its ids: a digit in each of some cells of a grid, shaken, turned, zoomed, tinted."""
    image = _texture(rng)
    ids = np.zeros((_SIDE, _SIDE), np.uint8)
    cell = _SIDE // _GRID
    for place, scan, value in zip(rng.permutation(_GRID**2), scans, values, strict=False):
        size = int(rng.integers(4 * cell // 5, cell + 1))
        ink = cv2.resize((scan / 16).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(-6, 6)), 1.0)
        ink = np.clip(cv2.warpAffine(ink, turn, (size, size)), 0, 1)
        top, left = (int(cell * corner + rng.integers(0, cell - size + 1)) for corner in divmod(int(place), _GRID))
        spot = (slice(top, top + size), slice(left, left + size))
        cover = np.clip((ink[..., None] - 0.25) * 2.5, 0, 1)
        image[spot] = image[spot] * (1 - cover) + rng.uniform(170, 255, 3) * cover
        ids[spot][ink > 0.45] = value + 1
    noisy = image + rng.normal(0, 5, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), ids


def _texture(rng: np.random.Generator) -> np.ndarray:
    """A background (128, 128, 3) float, darker than any ink: noise at two scales in a random colour, with stripes."""
    base = rng.uniform(30, 110, 3)
    field = np.zeros((_SIDE, _SIDE, 3), np.float32)
    for cells, strength in ((4, 22), (24, 12)):
        coarse = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        field += cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    angle, wave = rng.uniform(0, np.pi), rng.uniform(0.1, 0.5)
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    stripes = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * wave) * rng.uniform(0, 14)
    return np.clip(base + field + stripes[..., None], 0, 150)
