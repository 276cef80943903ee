"""Random shape of a crop beyond zoom, turn and flip: all of it drawn as numbers, none of it applied here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelwise.data.distortion import draw_distortion
from pixelwise.types import Size

__all__ = ["Deformation"]


@dataclass(frozen=True)
class Deformation:
    """Strengths; 0 leaves one out.

    ``zoom``: each axis shows 1 ± this as much, drawn on its own (Keras' ``zoom_range``). ``shear``: largest angle in degrees
    (Keras' ``shear_range``). ``shift``: largest share of the crop, or of the image where that is smaller, by which the view
    is moved, along each axis (Keras' ``height_shift_range`` and ``width_shift_range``). ``perspective``: largest tilt about
    each axis, at most 0.3. ``elastic``, ``elastic_cells``, ``grid`` and ``grid_cells``: those of ``draw_distortion``, drawn
    with ``distortion_probability``.
    """

    zoom: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    perspective: float = 0.0
    elastic: float = 0.0
    elastic_cells: int = 3
    grid: float = 0.0
    grid_cells: int = 5
    distortion_probability: float = 1.0

    @property
    def active(self) -> bool:
        """Whether there is anything to draw."""
        distorted = (self.elastic or self.grid) and self.distortion_probability
        return bool(self.zoom or self.shear or self.shift or self.perspective or distorted)

    def draw(self, size: Size, crop: Size, scale: float, rng: np.random.Generator) -> dict[str, Any]:
        """Arguments of ``compose`` for an image of ``size`` that was zoomed by ``scale``."""
        drawn: dict[str, Any] = {}
        if self.zoom:
            drawn["zoom"] = tuple(rng.uniform(1 - self.zoom, 1 + self.zoom, 2).tolist())
        if self.shear:
            drawn["shear"] = rng.uniform(-self.shear, self.shear)
        if self.shift:
            most = [self.shift * min(side * scale, length) for side, length in zip(size, crop, strict=True)]
            drawn["shift"] = (rng.uniform(-most[0], most[0]), rng.uniform(-most[1], most[1]))
        if self.perspective:
            drawn["tilt"] = tuple(rng.uniform(-self.perspective, self.perspective, 2).tolist())
        if (self.elastic or self.grid) and rng.random() < self.distortion_probability:
            drawn["distortion"] = draw_distortion(crop, rng, self.elastic, self.elastic_cells, self.grid, self.grid_cells)
        return drawn
