"""Which images the report shows: the worst, the best, and some drawn at random, kept small while the rest passes by."""

from __future__ import annotations

import hashlib
import heapq

import cv2
import numpy as np

from pixelwise.engine import distributed
from pixelwise.engine.evaluate import ImageCounts
from pixelwise.metrics.scores import image_scores
from pixelwise.report.html import Example
from pixelwise.types import LabelMap

__all__ = ["Examples"]

_ROOM = {"worst": 20, "random": 12, "best": 4}
_LONGEST = 960  # pixels of the longer side that is kept: no picture is drawn larger, and large images would fill the memory

_Entry = tuple[float, str, Example]


class Examples:
    """The pictures of the images worth showing among those seen so far, and no others.

    The random ones are drawn by a hash of their keys, so that they are the same however many processes share the images.
    """

    def __init__(self) -> None:
        self._kept: dict[str, list[_Entry]] = {name: [] for name in _ROOM}

    def see(self, image: np.ndarray, target: np.ndarray, result: LabelMap, counts: ImageCounts) -> None:
        """Takes note of one image: ``image`` (H, W, C) uint8; an image in which nothing counts is passed over."""
        score, key = image_scores(counts.counts).mean_iou, counts.record.key
        if score != score:
            return
        ranks = {"worst": -score, "random": _lot(key), "best": score}
        wanted = [name for name, rank in ranks.items() if self._has_room(name, (rank, key))]
        if wanted:
            example = Example(key, *_shrunk(image, target, result.indices), score)
            for name in wanted:
                self._add(name, (ranks[name], key, example))

    def gathered(self) -> Examples:
        """Those of all processes."""
        everybody = Examples()
        for part in distributed.gather(self._kept):
            for name, entries in part.items():
                for entry in entries:
                    everybody._add(name, entry)
        return everybody

    @property
    def worst(self) -> list[Example]:
        """Lowest mean IoU first."""
        return self._sorted("worst")

    @property
    def random(self) -> list[Example]:
        """In the order in which they were drawn; among them may be some of the worst and the best."""
        return self._sorted("random")

    @property
    def best(self) -> list[Example]:
        """Highest mean IoU first, without those that are among the worst of a small set."""
        shown = {example.key for example in self.worst}
        return [example for example in self._sorted("best") if example.key not in shown]

    def _sorted(self, name: str) -> list[Example]:
        return [example for *_, example in sorted(self._kept[name], key=_rank, reverse=True)]

    def _has_room(self, name: str, rank: tuple[float, str]) -> bool:
        kept = self._kept[name]
        return len(kept) < _ROOM[name] or rank > min(map(_rank, kept))

    def _add(self, name: str, entry: _Entry) -> None:
        self._kept[name] = heapq.nlargest(_ROOM[name], [*self._kept[name], entry], key=_rank)


def _rank(entry: _Entry) -> tuple[float, str]:
    return entry[:2]


def _lot(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def _shrunk(image: np.ndarray, target: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The image (by area) and both maps (nearest) with at most ``_LONGEST`` pixels on the longer side."""
    height, width = image.shape[:2]
    factor = _LONGEST / max(height, width)
    if factor >= 1:
        return image, target, prediction
    size = max(1, round(height * factor)), max(1, round(width * factor))
    small = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_AREA)
    rows, columns = (((np.arange(to) + 0.5) * of / to).astype(int) for to, of in zip(size, (height, width), strict=True))
    target, prediction = (indices[..., rows[:, None], columns] for indices in (target, prediction))
    return np.atleast_3d(small), target, prediction
