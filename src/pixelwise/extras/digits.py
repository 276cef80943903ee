"""The demo's scenes, from the digits that scikit-learn carries.

The digits are real: 1,797 scans of 8x8 pixels by 43 writers (Alpaydin and Kaynak 1998, UCI). They are split before scenes are
composed, so that no digit of a test scene was seen in training.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from pixelwise.data.generated.digit_scenes import DIGIT_CLASSES, DigitScenes
from pixelwise.data.generated.write import write_scenes

__all__ = ["scenes_of_splits", "write_digit_scenes"]


def scenes_of_splits(counts: Mapping[str, int], seed: int = 0) -> dict[str, DigitScenes]:
    """Scenes of each split, from a share of the scans that is in proportion to ``counts``."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.images))
    edges = [round(share * len(order)) for share in np.cumsum([0, *counts.values()]) / sum(counts.values())]
    parts = [order[start:stop] for start, stop in itertools.pairwise(edges)]
    return {
        split: DigitScenes(digits.images[mine] / 16, digits.target[mine], seed=(seed, number))
        for number, (split, mine) in enumerate(zip(counts, parts, strict=True))
    }


def write_digit_scenes(folder: Path, counts: Mapping[str, int], seed: int = 0) -> None:
    """Writes ``folder/SPLIT/images`` and ``masks`` of 128x128 scenes, and ``classes.json``; the same seed gives the same scenes.

    Args:
        counts: scenes per split, such as ``{"train": 320, "val": 40, "test": 80}``.
    """
    splits = scenes_of_splits(counts, seed)
    write_scenes(folder, {split: scenes.scenes(counts[split]) for split, scenes in splits.items()}, DIGIT_CLASSES)
