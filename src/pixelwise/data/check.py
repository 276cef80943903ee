"""The check before every training: every file read once, every fault named together with its cure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pixelwise.data.dataset import Dataset
from pixelwise.data.facts import gather
from pixelwise.data.faults import faults_of_classes, faults_of_files, faults_of_splits
from pixelwise.data.inspection import Inspection, inspect_record
from pixelwise.data.levels import thread_count
from pixelwise.data.problems import CheckReport, Problem
from pixelwise.formats.raster import MAX_PIXELS

__all__ = ["check"]


def check(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    allow: Collection[str] = (),
    max_pixels: int = MAX_PIXELS,
) -> CheckReport:
    """Reads all images and masks whole, in threads, and reports what is wrong with them.

    ``progress(done, total)`` is called after each record. ``allow`` holds codes of errors to be taken as warnings, such as
    ``"duplicate_across_splits"``. Never raises for faulty data; ``CheckReport.raise_if_bad`` does.
    """
    inspections = []
    for inspection in _inspect_all(dataset, max_pixels):
        inspections.append(inspection)
        if progress is not None:
            progress(len(inspections), len(dataset.records))
    problems = [
        *faults_of_files(dataset, inspections),
        *faults_of_classes(dataset, inspections),
        *faults_of_splits(dataset, inspections),
    ]
    problems = [replace(problem, severity="warning") if problem.code in allow else problem for problem in problems]
    return CheckReport(tuple(_errors_first(problems)), gather(dataset, inspections))


def _inspect_all(dataset: Dataset, max_pixels: int) -> Iterator[Inspection]:
    targets = dataset.targets
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            yield from pool.map(lambda record: inspect_record(record, targets, max_pixels), dataset.records)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C ends the check at once


def _errors_first(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.severity != "error")
