"""A drawn scene with all its truths: classes, objects, both together, and what several raters would say of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["PANOPTIC_STEP", "Scene", "SceneObject"]

PANOPTIC_STEP = 1000
"""Panoptic ids are class * 1000 + number of the object, as in Cityscapes; 0 is background."""


@dataclass(frozen=True)
class SceneObject:
    """One object. ``distance`` (H, W) float32 is the signed distance in pixels to its edge, at most 0 inside. ``other_class`` is
    what a rater calls it with probability ``other_share``."""

    class_index: int
    distance: np.ndarray
    other_class: int | None = None
    other_share: float = 0.0


@dataclass(frozen=True)
class Scene:
    """``image`` is (H, W, 3) uint8. ``objects`` are in the order in which they were painted, later ones above earlier ones.

    A rater sees the edge of every object ``shift`` pixels further out than it is, the same for all objects, ``shift`` a whole
    number drawn evenly from -``edge`` to ``edge``; and calls an ambiguous object by its other name, each by itself.
    """

    image: np.ndarray
    objects: tuple[SceneObject, ...]
    edge: int = 0

    @property
    def classes(self) -> np.ndarray:
        """(H, W) uint8 class indices, 0 is background."""
        return self._painted(0, [shape.class_index for shape in self.objects])

    @property
    def instances(self) -> np.ndarray:
        """(H, W) uint16 numbers of the objects from 1, in order; hidden ones have no pixel."""
        found = np.zeros(self.image.shape[:2], np.uint16)
        for number, shape in enumerate(self.objects, 1):
            found[shape.distance <= 0] = number
        return found

    @property
    def panoptic(self) -> np.ndarray:
        """(H, W) int32: class and number of the object in one, see :data:`PANOPTIC_STEP`."""
        return np.where(self.instances > 0, self.classes.astype(np.int32) * PANOPTIC_STEP + self.instances, 0).astype(np.int32)

    def raters(self, how_many: int, rng: np.random.Generator) -> np.ndarray:
        """(R, H, W) uint8: what so many independent raters draw."""
        return np.stack([self._painted(*self._opinion(rng)) for _ in range(how_many)])

    def modes(self) -> Iterator[tuple[float, np.ndarray]]:
        """Everything a rater may draw, (H, W) uint8 each, with its probability; these add up to 1. Two opinions that happen to
        give the same pixels come separately."""
        shifts = range(-self.edge, self.edge + 1)
        choices = [self._names(shape) for shape in self.objects]
        for shift, named in itertools.product(shifts, itertools.product(*choices)):
            share = math.prod(probability for _, probability in named) / len(shifts)
            yield share, self._painted(shift, [name for name, _ in named])

    def label_distribution(self, num_classes: int) -> np.ndarray:
        """(K, H, W) float64: the probability that a rater gives a pixel each class, exactly."""
        found = np.zeros((num_classes, *self.image.shape[:2]))
        for share, labels in self.modes():
            found += share * (labels == np.arange(num_classes)[:, None, None])
        return found

    def _opinion(self, rng: np.random.Generator) -> tuple[int, list[int]]:
        shift = int(rng.integers(-self.edge, self.edge + 1))
        named = [self._names(shape) for shape in self.objects]
        return shift, [names[int(len(names) > 1 and rng.random() < names[-1][1])][0] for names in named]

    @staticmethod
    def _names(shape: SceneObject) -> list[tuple[int, float]]:
        if shape.other_class is None:
            return [(shape.class_index, 1.0)]
        return [(shape.class_index, 1 - shape.other_share), (shape.other_class, shape.other_share)]

    def _painted(self, shift: int, named: list[int]) -> np.ndarray:
        found = np.zeros(self.image.shape[:2], np.uint8)
        for shape, name in zip(self.objects, named, strict=True):
            found[shape.distance <= shift] = name
        return found
