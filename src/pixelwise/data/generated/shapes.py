"""Discs, squares and triangles in colours that say what they are, up to noise of known strength.

Each pixel is the colour of its class plus independent Gaussian noise. So the best possible answer from a pixel's colour alone is
known, and so are its scores: :meth:`Shapes.posterior` is calibrated by construction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pixelwise.data.generated.scene import Scene, SceneObject
from pixelwise.errors import ConfigError
from pixelwise.types import ClassTable, Size

__all__ = ["SHAPE_CLASSES", "Shapes"]

SHAPE_CLASSES = ClassTable.from_json(
    [
        {"id": 0, "name": "background", "color": [52, 58, 70]},
        {"id": 1, "name": "disc", "color": [214, 84, 62]},
        {"id": 2, "name": "square", "color": [70, 160, 96]},
        {"id": 3, "name": "triangle", "color": [72, 110, 210]},
    ]
)


@dataclass(frozen=True)
class Shapes:
    """Scenes by number: ``shapes[7]`` is always the same scene.

    Args:
        size: (height, width) of every scene, pixels.
        objects: fewest and most objects of a scene.
        radius: smallest and largest distance from the middle of an object to its farthest point, pixels.
        noise: standard deviation of the noise in grey levels, 0 to 127.
        edge: raters put edges up to so many pixels too far in or out; see :class:`Scene`.
        ambiguous: share of the objects whose class raters disagree about.
        seed: of all scenes.

    Raises:
        ConfigError: a value that is not allowed.
    """

    size: Size = (96, 96)
    objects: tuple[int, int] = (1, 6)
    radius: tuple[float, float] = (6.0, 20.0)
    noise: float = 20.0
    edge: int = 0
    ambiguous: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "size must be two sides of 8 pixels or more": min(self.size) >= 8,
            "objects must be two rising whole numbers from 0": 0 <= self.objects[0] <= self.objects[1],
            "radius must be two rising numbers from 1": 1 <= self.radius[0] <= self.radius[1],
            "noise must be 0 to 127": 0 <= self.noise <= 127,
            "edge must be 0 or more": self.edge >= 0,
            "ambiguous must be 0 to 1": 0 <= self.ambiguous <= 1,
        }
        for rule, holds in checks.items():
            if not holds:
                raise ConfigError(f"{rule}, got {getattr(self, rule.split()[0])!r}")

    @property
    def classes(self) -> ClassTable:
        """Background, disc, square, triangle."""
        return SHAPE_CLASSES

    def __getitem__(self, number: int) -> Scene:
        rng = np.random.default_rng([self.seed, number])
        objects = tuple(self._object(rng) for _ in range(int(rng.integers(self.objects[0], self.objects[1] + 1))))
        blank = np.zeros((*self.size, 3), np.uint8)
        labels = Scene(blank, objects).classes
        noisy = SHAPE_CLASSES.colors[labels] + rng.normal(0, self.noise, (*self.size, 3))
        return Scene(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), objects, self.edge)

    def scenes(self, how_many: int) -> Iterator[Scene]:
        """The first so many scenes."""
        return (self[number] for number in range(how_many))

    def prior(self, how_many: int = 200) -> np.ndarray:
        """(4,) float64: the share of each class in the pixels of the first so many scenes."""
        counts = sum(np.bincount(scene.classes.reshape(-1), minlength=len(SHAPE_CLASSES)) for scene in self.scenes(how_many))
        return np.asarray(counts / np.sum(counts), np.float64)

    def posterior(self, image: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """(4, H, W) float32: the probability of each class given the colour of the pixel, by Bayes' rule."""
        distance = ((image[None].astype(np.float64) - SHAPE_CLASSES.colors[:, None, None]) ** 2).sum(-1)
        logits = np.log(np.maximum(prior, 1e-12))[:, None, None] - distance / (2 * max(self.noise, 0.5) ** 2)
        likely = np.exp(logits - logits.max(0))
        return (likely / likely.sum(0)).astype(np.float32)

    def _object(self, rng: np.random.Generator) -> SceneObject:
        index = int(rng.integers(1, len(SHAPE_CLASSES)))
        middle = rng.uniform(0, 1, 2) * self.size
        seen = _seen_from(middle, float(rng.uniform(0, 2 * math.pi)), self.size)
        distance = _DISTANCES[index](*seen, rng.uniform(*self.radius))
        if rng.random() >= self.ambiguous:
            return SceneObject(index, distance.astype(np.float32))
        other = 1 + (index - 1 + int(rng.integers(1, len(SHAPE_CLASSES) - 1))) % (len(SHAPE_CLASSES) - 1)
        return SceneObject(index, distance.astype(np.float32), other, float(rng.uniform(0.1, 0.5)))


def _seen_from(middle: np.ndarray, angle: float, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels' centres from ``middle``, turned by ``angle``."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    down, across = rows - middle[0], columns - middle[1]
    return down * math.cos(angle) - across * math.sin(angle), down * math.sin(angle) + across * math.cos(angle)


_THIRDS = (0.0, 2 * math.pi / 3, 4 * math.pi / 3)


def _disc(down: np.ndarray, across: np.ndarray, radius: float) -> np.ndarray:
    return np.hypot(down, across) - radius


def _square(down: np.ndarray, across: np.ndarray, radius: float) -> np.ndarray:
    half = radius / math.sqrt(2)
    outside = np.maximum(np.abs(down) - half, 0), np.maximum(np.abs(across) - half, 0)
    return np.hypot(*outside) + np.minimum(np.maximum(np.abs(down), np.abs(across)) - half, 0)


def _triangle(down: np.ndarray, across: np.ndarray, radius: float) -> np.ndarray:
    """Equilateral, its corners at ``radius``: the distance to the nearest side, signed by the half planes of all three."""
    corners = [(radius * math.cos(turn), radius * math.sin(turn)) for turn in _THIRDS]
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    nearest = np.min([_to_segment(down, across, *side) for side in sides], axis=0)
    beyond = np.max([-down * math.cos(turn) - across * math.sin(turn) for turn in _THIRDS], axis=0)
    return np.where(beyond <= radius / 2, -nearest, nearest)


def _to_segment(down: np.ndarray, across: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    y, x = end[0] - start[0], end[1] - start[1]
    along = np.clip(((down - start[0]) * y + (across - start[1]) * x) / (y * y + x * x), 0, 1)
    return np.hypot(down - start[0] - along * y, across - start[1] - along * x)


_DISTANCES = {1: _disc, 2: _square, 3: _triangle}
