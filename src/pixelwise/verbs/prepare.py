"""What comes before every training: find the data, check them, and say what was decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pixelwise.config import DataConfig, RunConfig, with_overrides
from pixelwise.data.check import check
from pixelwise.data.dataset import Dataset
from pixelwise.data.folds import in_fold
from pixelwise.data.problems import CheckReport
from pixelwise.data.sources import find
from pixelwise.errors import DataError

__all__ = ["check_folder", "checked_dataset", "found_dataset"]


def found_dataset(config: DataConfig) -> Dataset:
    """The data set of a config. Raises DataError where there is none."""
    if not config.path:
        raise DataError("no data set was named; give its folder, as in: pixelwise train DATA")
    return in_fold(find(Path(config.path), config.source, config.task), config.fold)


def check_folder(
    data: str | Path, source: str = "auto", task: str = "auto", progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """Reads every file of a data set and reports what is wrong, each fault with files and cure; changes nothing.

    Raises:
        DataError: there is no data set at ``data``.
        ConfigError: no such source or task.
    """
    config = with_overrides(RunConfig(), {"data.path": str(data), "data.source": source, "data.task": task})
    return check(found_dataset(config.data), progress)


def checked_dataset(config: DataConfig, say: Callable[[str], None]) -> Dataset:
    """Finds and checks a data set; says decisions and warnings; raises DataError where training would go wrong."""
    dataset = found_dataset(config)
    for decision in dataset.decisions:
        say(decision)
    report = check(dataset, max_pixels=config.max_pixels)
    for problem in report.problems:
        if problem.severity == "warning":
            say(f"warning: {problem.message}; {problem.cure}")
    report.raise_if_bad()
    return dataset
