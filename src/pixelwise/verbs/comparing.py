"""``compare``: which of two evaluated runs is better, image by image, from the confusion matrices that ``evaluate`` kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.sources.tables import read_table
from pixelwise.errors import CheckpointError, ConfigError, DataError, nearest
from pixelwise.formats.confusion_file import ImageConfusions, read_confusions
from pixelwise.metrics.intervals import enough
from pixelwise.metrics.paired import Difference, paired_differences
from pixelwise.metrics.stacks import class_counts
from pixelwise.verbs.run_folder import CONFUSIONS, Run, existing

__all__ = ["Comparison", "compare_runs", "evaluation_folder"]


@dataclass(frozen=True)
class Comparison:
    """Differences between two runs on the images that both were scored on, second minus first.

    ``differences`` by score: ``mean_iou``, ``mean_dice``, ``accuracy``, ``mean_accuracy``, ``fwiou``, ``mean_iou_per_image``, and
    ``iou_NAME`` for each class. ``only_first`` and ``only_second`` are keys of the images that one run alone has.
    """

    first: Path
    second: Path
    differences: dict[str, Difference]
    images: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    group: str | None

    def __getitem__(self, score: str) -> Difference:
        return self.differences[score]

    @property
    def sentences(self) -> list[str]:
        """What the numbers mean, and what they leave out."""
        return [*self._verdict(), *self.warnings]

    @property
    def warnings(self) -> list[str]:
        """Images that were left out, and whether the rest is too few."""
        said = []
        for where, keys in ((self.first, self.only_first), (self.second, self.only_second)):
            if keys:
                many, are = (f"{len(keys)} images", "are") if len(keys) > 1 else ("1 image", "is")
                more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
                said.append(f"{many} that only {where} was scored on {are} left out: {', '.join(keys[:5])}{more}")
        unit = "images" if self.group is None else f"groups by {self.group}"
        sentence = enough(self.differences["mean_iou"].interval, "the difference in mean IoU", unit)
        return [*said, *([sentence] if sentence else [])]

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        interval = self.differences["mean_iou"].interval
        return {
            "first": str(self.first),
            "second": str(self.second),
            "images": self.images,
            "group": self.group,
            "units": interval.units,
            "level": interval.level,
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "differences": {name: difference.to_json() for name, difference in self.differences.items()},
            "warnings": self.warnings,
        }

    def _verdict(self) -> list[str]:
        found = self.differences["mean_iou"]
        interval = found.interval
        over = f"{self.images:,} image{'' if self.images == 1 else 's'}"
        over += "" if self.group is None else f" in {interval.units:,} groups by {self.group}"
        if interval.ends() is None:
            return [f"the difference in mean IoU has no interval: on {over} there is nothing to resample"]
        span = f"{interval.value:+.3f}, {100 * interval.level:g} % interval {interval.low:+.3f} to {interval.high:+.3f}"
        if found.is_told:
            better = self.second if interval.value > 0 else self.first
            return [f"{better} has the higher mean IoU on {over}: {span}"]
        return [f"the difference in mean IoU cannot be told from 0 on {over}: {span}"]


def compare_runs(
    first: str | Path | Run,
    second: str | Path | Run,
    group: str | None = None,
    level: float = 0.95,
    method: str = "bca",
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compares two evaluations on the images that both have.

    Args:
        first, second: runs, their folders, or folders of evaluations.
        group: a column of the first one's ``per_image.csv``, such as one with the patient of each image; groups are drawn then.
        level, method, resamples, seed: of the intervals; see :mod:`pixelwise.metrics.bootstrap`.

    Raises:
        CheckpointError: no such run, or none that was evaluated.
        DataError: other classes, no image in common, other masks, or no such column.
        ConfigError: one and the same folder twice, or a setting that is not allowed.
    """
    folders = evaluation_folder(first), evaluation_folder(second)
    if folders[0].resolve() == folders[1].resolve():
        raise ConfigError(f"both runs are {folders[0]}; give two, or the folders of two evaluations")
    one, other = (read_confusions(folder / CONFUSIONS) for folder in folders)
    _check_same_classes(one, other, folders)
    theirs = set(other.keys)
    shared = [key for key in one.keys if key in theirs]
    if not shared:
        raise DataError(
            f"{folders[0]} ({one.split}) and {folders[1]} ({other.split}) have no image in common; "
            "evaluate both on the same split of the same data"
        )
    counts = class_counts(one.rows(shared)), class_counts(other.rows(shared))
    _check_same_masks(counts, shared, folders)
    groups = None if group is None else _groups(folders[0] / "per_image.csv", group, shared)
    names = one.classes.names
    found = paired_differences(*counts, names, groups, level, method, resamples, seed)
    only_first, only_second = (tuple(sorted(set(keys) - set(shared))) for keys in (one.keys, other.keys))
    return Comparison(*folders, found, len(shared), only_first, only_second, group)


def evaluation_folder(run: str | Path | Run) -> Path:
    """The folder of a run, or of one of its evaluations, that holds confusion matrices per image.

    Raises:
        CheckpointError: there is no such folder, or it has not been evaluated.
    """
    path = existing(run)
    if (path / CONFUSIONS).is_file():
        return path
    others = sorted(str(found.parent) for found in path.glob(f"evaluations/*/{CONFUSIONS}"))
    more = f", or compare one of its other evaluations: {', '.join(others[:5])}" if others else ""
    raise CheckpointError(f"{path} has no {CONFUSIONS}; write it with: pixelwise evaluate {path}{more}")


def _check_same_classes(one: ImageConfusions, other: ImageConfusions, folders: tuple[Path, Path]) -> None:
    rows = [list(zip(part.classes.ids, part.classes.names, strict=True)) for part in (one, other)]
    if rows[0] != rows[1] or one.matrices.ndim != other.matrices.ndim:
        shown = [", ".join(f"{at} {name}" for at, name in part[:8]) + (", ..." if len(part) > 8 else "") for part in rows]
        kinds = [" (overlapping)" if part.matrices.ndim == 4 else "" for part in (one, other)]
        raise DataError(
            f"the runs have other classes: {folders[0]} has {shown[0]}{kinds[0]}, {folders[1]} has {shown[1]}{kinds[1]}; "
            "scores over other classes cannot be compared"
        )


def _check_same_masks(counts: tuple[np.ndarray, np.ndarray], keys: Sequence[str], folders: tuple[Path, Path]) -> None:
    """Images of one name may be other images: their masks then have other pixel counts; counts 1 and 4 are of masks alone."""
    differ = np.flatnonzero((counts[0][:, (1, 4)] != counts[1][:, (1, 4)]).any((1, 2)))
    if len(differ):
        more = f" and {len(differ) - 5} more" if len(differ) > 5 else ""
        raise DataError(
            f"{len(differ)} of {len(keys)} images have other masks in {folders[0]} than in {folders[1]}: "
            f"{', '.join(keys[at] for at in differ[:5])}{more}; evaluate both on the same data"
        )


def _groups(path: Path, column: str, keys: Sequence[str]) -> list[str]:
    if not path.is_file():
        raise DataError(f"groups are read from {path}, which is not there; write it with: pixelwise evaluate")
    table = read_table(path, f"the columns key and {column}")
    if "key" not in table.header:
        raise DataError(f"{path} has no column 'key' with the names of the images; write it again with: pixelwise evaluate")
    if column not in table.header:
        hint = nearest(column, table.header)
        raise DataError(f"{path} has no column {column!r}; add one with the group of each image, or {hint}")
    name, group = table.header.index("key"), table.header.index(column)
    group_of = {row[name]: row[group] for row in table.rows}
    return [group_of.get(key, "") for key in keys]
