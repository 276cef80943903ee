"""The details of a semantic evaluation: what is always measured, and what is measured where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixelwise.errors import ConfigError, nearest
from pixelwise.metrics.boundary import BoundaryIoU
from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.error_places import ErrorPlaces
from pixelwise.metrics.membrane import MembraneMetrics
from pixelwise.metrics.object_matching import ObjectMatching
from pixelwise.metrics.skeleton import ClDice
from pixelwise.metrics.strata import Strata
from pixelwise.metrics.surface_scores import SurfaceMetrics, SurfaceOptions
from pixelwise.tasks.details import Detail, Details, foreground_objects, foreground_scores
from pixelwise.tasks.details import score_view as scores
from pixelwise.types import ClassTable, Mode

__all__ = ["EXTRAS", "background_index", "semantic_details"]

_Maker = Callable[[ClassTable, SurfaceOptions], Detail]
_EXTRAS: dict[str, tuple[bool, _Maker]] = {  # whether it is about one foreground class, and how it is made
    "surface": (False, lambda classes, options: Detail(SurfaceMetrics(len(classes), classes.names, options))),
    "cldice": (False, lambda classes, _: Detail(ClDice(len(classes), classes.names))),
    "objects": (True, lambda *_: Detail(ObjectMatching(), foreground_objects)),
    "membrane": (True, lambda *_: Detail(MembraneMetrics(), foreground_scores, of_scores=True)),
}

EXTRAS = tuple(_EXTRAS)
"""Metrics that cost more or suit some data only: surface distances, clDice (thin structures), objects (connected components of
the foreground), membrane (cells between borders)."""


def semantic_details(
    classes: ClassTable, mode: Mode, extras: Sequence[str] = (), options: SurfaceOptions | None = None
) -> Details:
    """Boundary IoU, the places of the errors, and calibration with the histograms for ROC and precision-recall; then ``extras``.

    Raises:
        ConfigError: an extra that is not one of :data:`EXTRAS`, or that needs a binary task.
    """
    multilabel = mode == "multilabel"
    strata = Strata(background=background_index(classes, mode))
    table = len(classes), classes.names
    parts = {
        "boundary": Detail(BoundaryIoU(*table)),
        "errors": Detail(ErrorPlaces(*table, strata=strata, multilabel=multilabel)),
        "calibration": Detail(Calibration(*table, multilabel=multilabel, strata=strata), scores, of_scores=True),
    }
    for name in extras:
        if name not in _EXTRAS:
            raise ConfigError(f"metrics {name!r} is unknown; {nearest(name, EXTRAS)}")
        is_binary, make = _EXTRAS[name]
        if is_binary and mode != "binary":
            raise ConfigError(f"metric {name!r} is about one foreground class, but this run is {mode}; use surface or cldice")
        parts[name] = make(classes, options or SurfaceOptions())
    return Details(parts, len(classes))


def background_index(classes: ClassTable, mode: Mode) -> int | None:
    """The class that has no objects: the first of a binary task, else one that is called background."""
    if mode == "binary":
        return 0
    return next((index for index, name in enumerate(classes.names) if name.lower() == "background"), None)
