"""What an evaluation measures beside the confusion matrix: a few numbers for the table, and all of it for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixelwise.errors import ConfigError
from pixelwise.metrics.surface_scores import SurfaceOptions
from pixelwise.tasks.details import Details
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.tasks.semantic_details import semantic_details

__all__ = ["TITLES", "Measures", "headline", "measured"]

TITLES = {"surface": "Surface distances", "cldice": "clDice", "objects": "Objects", "membrane": "Cells and membranes"}
"""Of the metrics that are measured where they are asked for."""

_RANKING = ("macro_auroc", "macro_average_precision")
_CALIBRATION = ("classwise_ece", "brier", "nll")


@dataclass(frozen=True)
class Measures:
    """What is asked for.

    ``extras`` are of :data:`pixelwise.tasks.semantic_details.EXTRAS`, with ``surface`` for the distances. ``group`` is a column
    of the records, such as the patient: its values are resampled for the intervals in place of images. ``quick`` leaves out
    all but the confusion matrix.
    """

    extras: tuple[str, ...] = ()
    surface: SurfaceOptions = field(default_factory=SurfaceOptions)
    group: str | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        if len(self.surface.spacing) != 2:
            raise ConfigError(f"spacing must be two sizes, of a pixel along rows and columns, got {list(self.surface.spacing)}")

    def details(self, task: SemanticTask) -> Details | None:
        """Fresh metrics, or none. Raises :class:`ConfigError` for extras that do not suit the task."""
        found = semantic_details(task.classes, task.mode, self.extras, self.surface)
        return None if self.quick else found


def measured(details: Details | None) -> dict[str, Any]:
    """All that was measured, by name, as plain data that JSON can hold."""
    if details is None:
        return {}
    found = {name: details[name].compute().to_json() for name in details.parts if name != "calibration"}
    calibration = details["calibration"]
    if any(calibration.histograms.counts.flat):
        found |= {"ranking": calibration.histograms.compute().to_json(), "calibration": calibration.compute().to_json()}
    if details.images_without_scores:
        many = details.images_without_scores
        found["left_out"] = (
            f"{many} image{' has' if many == 1 else 's have'} too many pixels for the scores of all classes to be held at once; "
            "curves and calibration are over the others"
        )
    return found


def headline(details: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers of :func:`measured` that stand beside the mean IoU."""
    chosen = {"mean_boundary_iou": details["boundary"]["mean_boundary_iou"]} if "boundary" in details else {}
    chosen |= {name: details["ranking"][name] for name in _RANKING if "ranking" in details}
    if "calibration" in details:
        calibration = details["calibration"]
        chosen |= {"ece": calibration["top_label"]["ece"], **{name: calibration[name] for name in _CALIBRATION}}
    if "surface" in details:
        chosen |= {name: value for name, value in details["surface"].items() if name.startswith("mean_")}
    if "cldice" in details:
        chosen["mean_cldice"] = details["cldice"]["mean_cldice"]
    if "objects" in details:
        chosen["object_average_precision"] = details["objects"]["mean_average_precision"]
    if "membrane" in details:
        chosen |= {name: details["membrane"][name] for name in ("v_rand", "v_info")}
    return chosen
