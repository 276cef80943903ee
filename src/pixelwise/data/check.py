"""The check before every training: every file read once, every fault named together with its cure. And the longer one that
``pixelwise check`` makes, which looks closely and remembers what it saw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pixelwise.data.check_memory import CheckMemory
from pixelwise.data.dataset import Dataset
from pixelwise.data.facts import gather
from pixelwise.data.faults import faults_of_classes, faults_of_files, faults_of_splits
from pixelwise.data.fingerprint import fingerprint
from pixelwise.data.inspection import Inspection, inspect_record
from pixelwise.data.leakage import faults_of_groups
from pixelwise.data.levels import thread_count
from pixelwise.data.likeness import Alike, find_alike
from pixelwise.data.problems import CheckReport, Problem
from pixelwise.data.suspicions import suspicions
from pixelwise.formats.raster import MAX_PIXELS
from pixelwise.types import Record

__all__ = ["Examination", "check", "examine"]

_ORDER = ("error", "warning", "note")

_Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Examination:
    """What a close check saw: ``inspections`` in the order of the data set's records, ``alike`` as pairs of their positions."""

    dataset: Dataset
    inspections: tuple[Inspection, ...]
    alike: tuple[Alike, ...]
    report: CheckReport


def check(
    dataset: Dataset,
    progress: _Progress | None = None,
    allow: Collection[str] = (),
    max_pixels: int = MAX_PIXELS,
    group: str | None = None,
) -> CheckReport:
    """Reads all images and masks whole, in threads, and reports what is wrong with them.

    ``progress(done, total)`` is called after each record. ``allow`` holds codes of errors to be taken as warnings, such as
    ``"duplicate_across_splits"``. ``group`` is the column that says which images belong together, see
    :func:`~pixelwise.data.leakage.group_column`. Never raises for faulty data; ``CheckReport.raise_if_bad`` does.
    """
    targets = dataset.targets
    inspections = list(_inspected(dataset, lambda record: inspect_record(record, targets, max_pixels), progress))
    return CheckReport(_in_order(_faults(dataset, inspections, group), allow), gather(dataset, inspections))


def examine(
    dataset: Dataset,
    progress: _Progress | None = None,
    allow: Collection[str] = (),
    max_pixels: int = MAX_PIXELS,
    group: str | None = None,
    memory: CheckMemory | None = None,
) -> Examination:
    """As :func:`check`, and looks closely at every pair: the facts have a ``fingerprint`` too, and the problems those of
    :func:`~pixelwise.data.suspicions.suspicions`. What ``memory`` knows of files that did not change is not read again."""
    targets = dataset.targets

    def look(record: Record) -> Inspection:
        known = memory.recall(record) if memory is not None else None
        return known or inspect_record(record, targets, max_pixels, closely=True)

    inspections = []
    if memory is not None:
        memory.begin(dataset, max_pixels)
    try:
        for inspection in _inspected(dataset, look, progress):
            inspections.append(inspection)
            if memory is not None:
                memory.keep(inspection)
    finally:
        if memory is not None:
            memory.save()  # also what was seen before an interruption
    alike = find_alike([i.closeup.image.thumbnail if i.closeup else b"" for i in inspections])
    seen = fingerprint(dataset, inspections, alike)
    problems = [*_faults(dataset, inspections, group), *suspicions(dataset, inspections, alike, seen["objects"])]
    report = CheckReport(_in_order(problems, allow), {**gather(dataset, inspections), "fingerprint": seen})
    return Examination(dataset, tuple(inspections), tuple(alike), report)


def _inspected(dataset: Dataset, inspect: Callable[[Record], Inspection], progress: _Progress | None) -> Iterator[Inspection]:
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for done, inspection in enumerate(pool.map(inspect, dataset.records), 1):
                yield inspection
                if progress is not None:
                    progress(done, len(dataset.records))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C ends the check at once


def _faults(dataset: Dataset, inspections: Sequence[Inspection], group: str | None) -> Iterator[Problem]:
    yield from faults_of_files(dataset, inspections)
    yield from faults_of_classes(dataset, inspections)
    yield from faults_of_splits(dataset, inspections)
    yield from faults_of_groups(dataset, group)


def _in_order(problems: Collection[Problem] | Iterator[Problem], allow: Collection[str]) -> tuple[Problem, ...]:
    taken = [replace(problem, severity="warning") if problem.code in allow else problem for problem in problems]
    return tuple(sorted(taken, key=lambda problem: _ORDER.index(problem.severity)))
