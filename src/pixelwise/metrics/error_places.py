"""Where errors sit: at the borders of the target or inside, in its small, medium or large objects; and which classes they mix up.

The places are those of :mod:`pixelwise.metrics.strata`, taken from the target alone. So an object that was found where there is
none counts at the place of what it covers, and a missed one at its own.

- ``error_rate`` is errors / pixels of the place. ``share_of_pixels`` and ``share_of_errors`` are of all counted pixels and of all
  errors. Boundary and inside add up to 1; small, medium and large to 1 less what lies in the background, which has no size.
- Where classes exclude each other an error is a pixel whose class is another one than the target's. Where they overlap
  (multilabel) each class of each pixel is an answer of its own, each class's absence its background; the pairs are then
  ``crack -> no crack`` (missed) and ``no crack -> crack`` (invented).
- Ignored pixels count nowhere; what is undefined is nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.pairs import check_class_names, check_same_classes, without_ignored
from pixelwise.metrics.strata import BOUNDARY_STRATA, SIZE_STRATA, Strata

__all__ = ["ErrorPlaceScores", "ErrorPlaces", "Pair", "Place"]

_NAMES = ("boundary", "inside", "small", "medium", "large")
_PLACES = 8  # 4 * is_boundary + size, as Strata.index has them
_MOST_PAIRS = 12
_EXACT_PIXELS = 1 << 24  # OpenCV hands the counts out as float32, which holds whole numbers exactly up to here


@dataclass(frozen=True)
class Place:
    """One stratum: counts, and shares in [0, 1], nan where there is nothing to divide by."""

    pixels: int
    errors: int
    error_rate: float
    share_of_pixels: float
    share_of_errors: float

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan."""
        return {key: None if math.isnan(value) else value for key, value in vars(self).items()}


@dataclass(frozen=True)
class Pair:
    """Pixels of class ``target`` that were called ``predicted``: how many, which share of all errors, and which share of them is
    at a boundary."""

    target: str
    predicted: str
    pixels: int
    share_of_errors: float
    at_boundary: float


@dataclass(frozen=True)
class ErrorPlaceScores:
    """``places``: ``boundary``, ``inside``, ``small``, ``medium`` and ``large``. ``pairs``: all that occur, largest first."""

    places: dict[str, Place]
    pairs: tuple[Pair, ...]
    strata: Strata

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold, the 12 largest pairs; ``radius`` and ``areas`` are in pixels."""
        return {
            "places": {name: place.to_json() for name, place in self.places.items()},
            "radius": self.strata.radius,
            "areas": list(self.strata.areas),
            "pairs": [vars(pair) for pair in self.pairs[:_MOST_PAIRS]],
        }


class ErrorPlaces:
    """Counts over a data set by place, target and prediction; memory does not grow with the images.

    ``counts`` is (8, K, K) int64, or (8, K, 2, 2) where classes overlap: for each place of :meth:`Strata.index` the confusion
    matrix of its pixels. Their sum over places is that of :class:`~pixelwise.metrics.confusion.ConfusionMatrix`, or of
    :class:`~pixelwise.metrics.confusion.MultilabelConfusion`.
    """

    def __init__(
        self,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        strata: Strata | None = None,
        multilabel: bool = False,
    ) -> None:
        """``strata``: by default class 0 of two exclusive classes is the background, and of more there is none. The layers of
        overlapping classes have their 0 as background, whatever ``strata`` says."""
        self.class_names = check_class_names(num_classes, class_names)
        self.multilabel = multilabel
        given = strata or Strata(background=0 if num_classes == 2 else None)
        self.strata = replace(given, background=0) if multilabel else given
        self.counts = np.zeros((_PLACES, num_classes, 2, 2) if multilabel else (_PLACES, num_classes, num_classes), np.int64)

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own counts.

        ``prediction`` and ``target`` are (H, W) uint8 class indices, or, multilabel, (K, H, W) of 0 and 1; 255 in ``target`` is
        ignored. Raises :class:`DataError` for other shapes, types or values.
        """
        if target.ndim != (3 if self.multilabel else 2):
            layout = "(classes, height, width)" if self.multilabel else "(height, width)"
            raise DataError(f"the target must be {layout}, got {target.shape}; multilabel=True is for classes that may overlap")
        found, expected = without_ignored(prediction, target, len(self.class_names))
        if self.multilabel:
            layers = zip(found, expected, strict=True)
            counts = np.stack([_joint_counts(self.strata.index(layer), layer, answer, 2) for answer, layer in layers], 1)
        else:
            counts = _joint_counts(self.strata.index(expected), expected, found, len(self.class_names))
        self.counts += counts
        return counts

    def merge(self, other: ErrorPlaces) -> None:
        """Adds the counts of another one, such as another process's."""
        check_same_classes(self.class_names, other.class_names, "places of errors")
        if (self.strata, self.multilabel) != (other.strata, other.multilabel):
            raise DataError(
                f"places of errors of other kinds cannot be merged: {self.strata}, multilabel={self.multilabel} and "
                f"{other.strata}, multilabel={other.multilabel}"
            )
        self.counts += other.counts

    def compute(self) -> ErrorPlaceScores:
        """Places and pairs over everything seen so far."""
        size = self.counts.shape[-1]
        flat = self.counts.reshape(2, 4, -1, size, size)  # side, size, layer, target, prediction
        wrong = flat * (1 - np.eye(size, dtype=np.int64))
        pixels, errors = flat.sum((2, 3, 4)), wrong.sum((2, 3, 4))
        both = np.stack([pixels, errors], -1)
        parts = dict(zip((*BOUNDARY_STRATA, *SIZE_STRATA), (*both.sum(1), *both.sum(0)), strict=False))  # no size comes last
        places = {name: _place(parts[name], both.sum((0, 1))) for name in _NAMES}
        return ErrorPlaceScores(places, self._pairs(wrong.sum((0, 1)), wrong[1].sum(0)), self.strata)

    def _pairs(self, wrong: np.ndarray, at_boundary: np.ndarray) -> tuple[Pair, ...]:
        """``wrong`` and ``at_boundary`` are (layers, target, prediction) counts of errors."""
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
        errors, found = int(wrong.sum()), []
        for layer, target, predicted in zip(*(axis.tolist() for axis in np.unravel_index(order, wrong.shape)), strict=True):
            pixels, near = int(wrong[layer, target, predicted]), int(at_boundary[layer, target, predicted])
            names = self._name(layer, target), self._name(layer, predicted)
            found.append(Pair(*names, pixels, pixels / errors, near / pixels))
        return tuple(found)

    def _name(self, layer: int, index: int) -> str:
        if not self.multilabel:
            return self.class_names[index]
        return self.class_names[layer] if index else f"no {self.class_names[layer]}"


def _joint_counts(place: np.ndarray, target: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """(8, K, K) int64 counts of three (H, W) uint8 maps; pixels that are 255 in any of them are in no bin."""
    maps = [np.ascontiguousarray(values).reshape(1, -1) for values in (place, target, prediction)]
    bins = [_PLACES, num_classes, num_classes]
    span = [edge for count in bins for edge in (0.0, float(count))]
    counts = np.zeros(bins, np.int64)
    for start in range(0, target.size, _EXACT_PIXELS):
        parts = [values[:, start : start + _EXACT_PIXELS] for values in maps]
        counts += cv2.calcHist(parts, [0, 1, 2], None, bins, span).astype(np.int64)
    return counts


def _place(here: np.ndarray, whole: np.ndarray) -> Place:
    """Of pixels and errors, here and in all."""
    (pixels, errors), (all_pixels, all_errors) = here.tolist(), whole.tolist()
    return Place(pixels, errors, _ratio(errors, pixels), _ratio(pixels, all_pixels), _ratio(errors, all_errors))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
