"""What comes before every training: find the data, check them, and say what was decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pixelwise.config import DataConfig, RunConfig, with_overrides
from pixelwise.data.check import Examination, check, examine
from pixelwise.data.check_memory import CheckMemory
from pixelwise.data.dataset import Dataset
from pixelwise.data.folds import in_fold
from pixelwise.data.levels import Levels, scan
from pixelwise.data.problems import CheckReport
from pixelwise.data.sources import find
from pixelwise.data.sources.foreign import cache_folder
from pixelwise.errors import DataError

__all__ = ["check_folder", "checked_dataset", "examine_folder", "found_dataset"]

_Progress = Callable[[int, int], None]


def found_dataset(config: DataConfig, scan: Callable[[Sequence[Path]], Levels] = scan) -> Dataset:
    """The data set of a config; ``scan`` as in :func:`~pixelwise.data.sources.find`. Raises DataError where there is none."""
    if not config.path:
        raise DataError("no data set was named; give its folder, as in: pixelwise train DATA")
    return in_fold(find(Path(config.path), config.source, config.task, scan), config.fold)


def check_folder(
    data: str | Path,
    source: str = "auto",
    task: str = "auto",
    progress: _Progress | None = None,
    quick: bool = False,
    cached: bool = True,
) -> CheckReport:
    """Reads every file of a data set and reports what is wrong, each fault with files and cure; changes nothing.

    Args:
        data: the folder.
        source, task: as for training.
        progress: is told (files done, of how many), for the masks alone first where no ``classes.json`` names the classes.
        quick: only what is checked before every training, which takes a third of the time.
        cached: what an earlier check saw of files that did not change since is not read again.

    Raises:
        DataError: there is no data set at ``data``.
        ConfigError: no such source or task.
    """
    if quick:
        return check(found_dataset(_config(data, source, task)), progress)
    return examine_folder(data, source, task, progress, cached).report


def examine_folder(
    data: str | Path, source: str = "auto", task: str = "auto", progress: _Progress | None = None, cached: bool = True
) -> Examination:
    """As :func:`check_folder`, with all that the check saw, for a report with pictures."""
    config = _config(data, source, task)
    memory = CheckMemory(cache_folder() / "checks" if cached else None, Path(data).expanduser())
    dataset = found_dataset(config, lambda masks: memory.scan(masks, progress))
    return examine(dataset, progress, memory=memory)


def checked_dataset(config: DataConfig, say: Callable[[str], None]) -> Dataset:
    """Finds and checks a data set; says decisions and warnings; raises DataError where training would go wrong."""
    dataset = found_dataset(config)
    for decision in dataset.decisions:
        say(decision)
    report = check(dataset, max_pixels=config.max_pixels, group=config.group)
    for problem in report.problems:
        if problem.severity == "warning":
            say(f"warning: {problem.message}; {problem.cure}")
    report.raise_if_bad()
    return dataset


def _config(data: str | Path, source: str, task: str) -> DataConfig:
    return with_overrides(RunConfig(), {"data.path": str(data), "data.source": source, "data.task": task}).data
