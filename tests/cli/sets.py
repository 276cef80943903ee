"""Small data sets that a network can learn something from, and the command line in this process."""

import contextlib
import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from pixelwise.cli import main

IDS = (3, 17, 200)  # of the multiclass set: neither consecutive nor from zero
LENGTH = ["--set", "train.steps=4", "--set", "train.validations=2"]
TINY = [
    "--encoder", "test_resnet", "--encoder-weights", "none", "--set", "train.batch_size=2", "--set", "augment.crop=[64,64]",
    "--set", "train.precision=fp32",
]  # fmt: skip


class Said(NamedTuple):
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out.splitlines()[-1])

    @property
    def next(self) -> list[str]:
        """Words of the command after ``Next:``, without ``pixelwise``; it is the last line that people see."""
        last = (self.err if self.out.startswith("{") else self.out).strip().splitlines()[-1]
        assert last.startswith("Next: pixelwise "), last
        return shlex.split(last)[2:]


def pixelwise(*arguments: object) -> Said:
    """Runs one command in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main([str(argument) for argument in arguments])
    return Said(status, out.getvalue(), err.getvalue())


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def scene(seed: int, size: tuple[int, int] = (56, 64)) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W, 3) uint8 of two rectangles on noise, and its indices 0, 1, 2."""
    rng = np.random.default_rng(seed)
    indices = np.zeros(size, np.uint8)
    for index, (height, width) in enumerate(((24, 20), (14, 16)), 1):
        top, left = rng.integers(0, size[0] - height), rng.integers(0, size[1] - width)
        indices[top : top + height, left : left + width] = index
    colors = np.array([[40, 60, 80], [200, 80, 60], [60, 200, 90]])
    return np.clip(colors[indices] + rng.normal(0, 12, (*size, 3)), 0, 255).astype(np.uint8), indices


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def make(root: Path, ids: tuple[int, ...] = IDS, kind: str = "color", counts: tuple[int, int, int] = (6, 2, 2)) -> Path:
    """``train/ val/ test/`` with ``images/`` and ``masks/``; ``kind`` of the images: color, grey or deep."""
    seed = 0
    for split, count in zip(("train", "val", "test"), counts, strict=True):
        for _ in range(count):
            image, indices = scene(seed, (48, 64) if seed % 3 else (56, 60))
            if kind != "color":
                image = image.mean(2).astype(np.uint8)
            if kind == "deep":
                image = image.astype(np.uint16) * 12 + 400
            save(root / split / "images" / f"{seed:02}.png", image)
            save(root / split / "masks" / f"{seed:02}.png", np.array(ids, np.uint8)[indices])
            seed += 1
    return root


def make_multilabel(root: Path) -> Path:
    """One folder of 0/255 masks per class; the two classes overlap."""
    for seed in range(12):
        image, indices = scene(seed)
        save(root / "images" / f"{seed:02}.png", image)
        save(root / "masks" / "warm" / f"{seed:02}.png", (indices == 1).astype(np.uint8) * 255)
        save(root / "masks" / "any thing" / f"{seed:02}.png", (indices > 0).astype(np.uint8) * 255)
    return root


def make_camvid(root: Path) -> Path:
    seed = 0
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for _ in range(count):
            image, indices = scene(seed)
            save(root / split / f"{seed:02}.png", image)
            save(root / f"{split}annot" / f"{seed:02}.png", np.array((0, 1, 11), np.uint8)[indices])
            seed += 1
    return root
