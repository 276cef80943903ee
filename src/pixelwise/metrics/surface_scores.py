"""Surface distances over a data set: per image and class, then the mean over images.

Distances of different images do not add up to those of one large image, so the figure of a data set is a mean over images.
An image in which a class is neither in the target nor in the prediction counts for nothing there (nan). Where just one of
the two has the class, the distances of that image are inf and its surface Dice is 0; ``one_empty`` says what then happens:

- ``apart`` (default): distances are averaged over the images where both have the class, and the number of the others is
  told beside them. Surface Dice is averaged over all of them, with 0 for the others.
- ``diagonal``: such an image counts with the diagonal of the image, the largest distance there is.

Ignored pixels leave both masks first (:mod:`pixelwise.metrics.pairs`). Sums are kept as fractions, which are exact: neither
the order of the images nor the number of processes changes a digit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.pairs import check_class_names, check_same_classes, class_masks, without_ignored
from pixelwise.metrics.surface import Weighting, check_spacing, surface_distances

__all__ = ["SURFACE_MEASURES", "SurfaceMetrics", "SurfaceOptions", "SurfaceScores"]

SURFACE_MEASURES = ("hausdorff", "hausdorff_percentile", "assd", "masd", "surface_dice")
"""What one image and class give, in the order of the columns of :meth:`SurfaceMetrics.update`."""


@dataclass(frozen=True)
class SurfaceOptions:
    """``spacing``: size of a pixel along each axis, (1, 1) by default; its length says whether images or volumes are scored.
    ``tolerance`` of surface Dice, in the unit of the spacing. ``weighting`` as in :mod:`pixelwise.metrics.surface`."""

    spacing: tuple[float, ...] = (1.0, 1.0)
    tolerance: float = 1.0
    percentile: float = 95.0
    weighting: Weighting = "surfels"
    one_empty: Literal["apart", "diagonal"] = "apart"

    def __post_init__(self) -> None:
        if len(self.spacing) not in (2, 3):
            raise ConfigError(f"spacing must have 2 sizes for images or 3 for volumes, got {len(self.spacing)}")
        object.__setattr__(self, "spacing", check_spacing(self.spacing, len(self.spacing)))
        if not 0 <= self.tolerance < math.inf:
            raise ConfigError(f"tolerance must be 0 or more, in the unit of the spacing, got {self.tolerance}")
        if not 0 < self.percentile <= 100:
            raise ConfigError(f"percentile must be above 0 and at most 100, got {self.percentile}")
        if self.weighting not in ("surfels", "pixels"):
            raise ConfigError(f"weighting must be 'surfels' or 'pixels', got {self.weighting!r}")
        if self.one_empty not in ("apart", "diagonal"):
            raise ConfigError(f"one_empty must be 'apart' or 'diagonal', got {self.one_empty!r}")


@dataclass(frozen=True)
class SurfaceScores:
    """Means over images, one entry per class; nan where no image counts. Distances: lower is better, in the unit of the
    spacing. ``surface_dice``: in [0, 1], higher is better. ``images`` had the class in target and prediction, ``one_empty``
    in just one of them. ``mean`` holds, by measure, the mean over the classes that are not nan."""

    class_names: tuple[str, ...]
    hausdorff: tuple[float, ...]
    hausdorff_percentile: tuple[float, ...]
    assd: tuple[float, ...]
    masd: tuple[float, ...]
    surface_dice: tuple[float, ...]
    images: tuple[int, ...]
    one_empty: tuple[int, ...]
    options: SurfaceOptions

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each measure over the classes where it is defined; nan if none."""
        kept = {key: [value for value in getattr(self, key) if not math.isnan(value)] for key in SURFACE_MEASURES}
        return {key: math.fsum(values) / len(values) if values else math.nan for key, values in kept.items()}

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes that no target and no prediction holds: in no mean."""
        pairs = zip(self.class_names, self.surface_dice, strict=True)
        return tuple(name for name, value in pairs if math.isnan(value))

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold: ``None`` in place of nan, per-class values by class name, the options beside them."""
        plain: dict[str, Any] = {f"mean_{key}": _plain(value) for key, value in self.mean.items()}
        for key in (*SURFACE_MEASURES, "images", "one_empty"):
            plain[f"per_class_{key}"] = {n: _plain(v) for n, v in zip(self.class_names, getattr(self, key), strict=True)}
        chosen = {**vars(self.options), "spacing": list(self.options.spacing)}
        return {**plain, "absent_classes": list(self.absent), "options": chosen}


class SurfaceMetrics:
    """Surface distances over a data set of label maps, volumes of labels, or planes of overlapping classes."""

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None, options: SurfaceOptions | None = None) -> None:
        self.class_names = check_class_names(num_classes, class_names)
        self.options = options or SurfaceOptions()
        self._sums = [[Fraction(0)] * len(SURFACE_MEASURES) for _ in self.class_names]
        self._counted = np.zeros((num_classes, len(SURFACE_MEASURES)), np.int64)
        self._images = np.zeros((num_classes, 2), np.int64)  # in both; in one of them

    def update(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Adds one image and returns its own (K, 5) float64 values, columns as in :data:`SURFACE_MEASURES`: nan where a class
        is in neither map, inf distances where it is in one (or the diagonal, if so chosen).

        ``prediction`` and ``target`` are uint8 class indices, (H, W) or, with three spacings, (D, H, W), or planes of 0 and 1
        with one axis more; 255 in ``target`` is ignored. Raises :class:`DataError` for other shapes, types or values.
        """
        dims = len(self.options.spacing)
        found, expected = without_ignored(prediction, target, len(self.class_names), dims)
        values = np.full((len(self.class_names), len(SURFACE_MEASURES)), np.nan)
        for index, box in enumerate(_boxes(found, expected, len(self.class_names), dims)):
            if box is None:
                continue
            masks = class_masks(found[box], expected[box], index, dims)
            values[index] = self._one(*masks, expected.shape[-dims:])
            self._add(index, values[index], is_in_both=bool(masks[0].any() and masks[1].any()))
        return values

    def merge(self, other: SurfaceMetrics) -> None:
        """Adds the images of another one, such as another process's."""
        check_same_classes(self.class_names, other.class_names, "surface distances")
        if self.options != other.options:
            raise DataError(
                f"surface distances with different options cannot be merged: {self.options} and {other.options}; "
                "evaluate both alike"
            )
        self._sums = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(self._sums, other._sums, strict=True)]
        self._counted += other._counted
        self._images += other._images

    def compute(self) -> SurfaceScores:
        """Means over everything seen so far."""
        means = [
            [float(total / count) if count else math.nan for total, count in zip(*row, strict=True)]
            for row in zip(self._sums, self._counted.tolist(), strict=True)
        ]
        hausdorff, percentile, assd, masd, dice = (tuple(column) for column in zip(*means, strict=True))
        both, one = (tuple(column) for column in self._images.T.tolist())
        return SurfaceScores(self.class_names, hausdorff, percentile, assd, masd, dice, both, one, self.options)

    def _one(self, found: np.ndarray, expected: np.ndarray, size: tuple[int, ...]) -> list[float]:
        options = self.options
        between = surface_distances(found, expected, options.spacing, options.weighting)
        farthest = [between.hausdorff(), between.hausdorff(options.percentile), between.assd(), between.masd()]
        if between.is_one_empty and options.one_empty == "diagonal":
            farthest = [math.hypot(*(length * step for length, step in zip(size, options.spacing, strict=True)))] * 4
        return [*farthest, between.surface_dice(options.tolerance)]

    def _add(self, index: int, values: np.ndarray, is_in_both: bool) -> None:
        for column, value in enumerate(values.tolist()):
            if math.isfinite(value):
                self._sums[index][column] += Fraction(value)
                self._counted[index, column] += 1
        self._images[index, 0 if is_in_both else 1] += 1


def _boxes(found: np.ndarray, expected: np.ndarray, num_classes: int, dims: int) -> list[tuple[slice, ...] | None]:
    """For each class the box around its pixels in either map; None where it has none."""
    if expected.ndim == dims + 1:
        everything = (slice(None),) * expected.ndim
        return [everything if (f == 1).any() or (e == 1).any() else None for f, e in zip(found, expected, strict=True)]
    # Index 255 becomes 0, which find_objects leaves out; find_objects(n) has one entry per class, None where absent.
    pairs = [ndimage.find_objects(labels + np.uint8(1), max_label=num_classes) for labels in (found, expected)]
    return [_around(a, b) for a, b in zip(*pairs, strict=True)]


def _around(a: tuple[slice, ...] | None, b: tuple[slice, ...] | None) -> tuple[slice, ...] | None:
    if a is None or b is None:
        return a or b
    return tuple(slice(min(x.start, y.start), max(x.stop, y.stop)) for x, y in zip(a, b, strict=True))


def _plain(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
