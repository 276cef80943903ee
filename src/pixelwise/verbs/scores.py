"""The result of an evaluation, for people who go on in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise.errors import ConfigError, nearest
from pixelwise.types import ClassTable

__all__ = ["Scores"]


@dataclass(frozen=True)
class Scores:
    """The numbers, one row per image, and where the report is.

    ``values`` is what ``evaluate --json`` prints: scores in [0, 1], their intervals, values per class. ``details`` holds, by
    name, all of ``boundary``, ``errors`` (where they sit), ``ranking`` (ROC and precision-recall), ``calibration``,
    ``subgroups`` and what was asked for besides, as in ``report.json``.
    """

    values: dict[str, Any]
    per_image: list[dict[str, Any]]
    classes: ClassTable
    split: str
    run: Path
    report: Path
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that occur, from one confusion matrix of the whole split."""
        return float(self.values["mean_iou"])

    def ci(self, name: str = "mean_iou") -> tuple[float, float] | None:
        """The 95 % interval of a score, such as ``mean_iou``, ``accuracy`` or ``iou_NAME``; ``None`` where there is none, as on
        a single image.

        Raises:
            ConfigError: no interval is taken of a score of this name.
        """
        known = {**{f"iou_{key}": ends for key, ends in self._intervals.get("per_class_iou", {}).items()}, **self._intervals}
        known.pop("per_class_iou", None)
        if name not in known:
            raise ConfigError(f"there is no interval of {name!r}; {nearest(name, known)}")
        ends = known[name]
        return None if ends is None else (float(ends[0]), float(ends[1]))

    def worst(self, how_many: int = 20) -> list[dict[str, Any]]:
        """The rows of the images with the lowest mean IoU, worst first."""
        known = [row for row in self.per_image if row["mean_iou"] is not None]
        return sorted(known, key=lambda row: float(row["mean_iou"]))[:how_many]

    def table(self) -> str:
        """The scores of each class and their means, as the command line prints them."""
        from rich.console import Console

        from pixelwise.report.table import class_scores_table, summary_line

        console = Console(width=100, force_terminal=False, color_system=None, soft_wrap=True)
        with console.capture() as captured:
            console.print(class_scores_table(self.values, self.classes))
            console.print(summary_line(self.values, self.values.get("images")))
        return captured.get()

    @property
    def _intervals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.values.get("intervals", {})
        return found
