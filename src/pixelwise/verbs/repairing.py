"""``check --fix``: a repaired copy of a data set, a table of what was done, and the proof that the copy is sound."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.levels import Levels, scan
from pixelwise.data.problems import CheckReport
from pixelwise.data.repair import Repair, is_jpeg
from pixelwise.data.repaired_copy import refuse_place, write_repaired
from pixelwise.data.sources import find
from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.raster import open_raster, raw_pixels, read_bytes
from pixelwise.verbs.prepare import check_folder

__all__ = ["REPAIRS", "RepairedFolder", "repair_folder"]

REPAIRS = "repairs.csv"
_SOFT = 32  # JPEG moves black and white by less


@dataclass(frozen=True)
class RepairedFolder:
    """The copy: how many pairs it has, what was done, and what the check says of it."""

    path: Path
    pairs: int
    repairs: tuple[Repair, ...]
    report: CheckReport

    def counts(self) -> list[tuple[str, str, int, int]]:
        """Fault, action, files and pixels, in the order in which they were met."""
        files: Counter[tuple[str, str]] = Counter()
        pixels: Counter[tuple[str, str]] = Counter()
        for repair in self.repairs:
            files[repair.fault, repair.action] += 1
            pixels[repair.fault, repair.action] += repair.pixels
        return [(fault, action, count, pixels[fault, action]) for (fault, action), count in files.items()]

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        rows = [dict(zip(("fault", "action", "files", "pixels"), row, strict=True)) for row in self.counts()]
        return {"path": str(self.path), "pairs": self.pairs, "repairs": rows, "check": self.report.to_json()}


def repair_folder(
    data: str | Path, to: str | Path, source: str = "auto", task: str = "auto", progress: Callable[[int, int], None] | None = None
) -> RepairedFolder:
    """Writes a copy of a data set without the faults that can be repaired without guessing; ``data`` is never changed.

    What cannot be repaired is left out, if it would stop a training, and else left as it is; ``repairs.csv`` in the copy lists
    each file with its fault and what was done. The copy is then checked.

    Args:
        data: the folder.
        to: new or empty folder for the copy, not inside of ``data``.
        source, task: as for training.
        progress: is told (pairs done, of how many).

    Raises:
        DataError: there is no data set, or nothing of it can be used.
        ConfigError: ``to`` is taken; no such source or task.
        StorageError: the copy cannot be written; nothing is left of it then.
    """
    data, to = Path(data).expanduser(), Path(to).expanduser()
    refuse_place(data, to)
    dataset = find(data, source, task, _scan_with_jpeg)
    copied = write_repaired(dataset, to, progress)
    report = check_folder(to, "folders", task, progress)
    _write_table(to / REPAIRS, data, copied.repairs, report)
    return RepairedFolder(to, copied.pairs, copied.repairs, report)


def _scan_with_jpeg(masks: Sequence[Path]) -> Levels:
    """As :func:`~pixelwise.data.levels.scan`; masks that all are JPEGs of black and white are taken for that."""
    try:
        return scan(masks)
    except DataError:
        counts = sum((_grey_counts(path) for path in masks), np.zeros(256, np.int64))
        between = int(counts[_SOFT : 256 - _SOFT].sum())
        if not counts[0] or not counts[255] or between > counts.sum() // 20:
            raise
    found = np.zeros(65536, np.int64)
    found[0], found[255] = counts[:128].sum(), counts[128:].sum()
    return Levels(found, (found > 0) * len(masks), len(masks))


def _grey_counts(path: Path) -> np.ndarray:
    """Pixels per grey level of a JPEG; none of what is no grey JPEG."""
    try:
        data = read_bytes(path)
        pixels = raw_pixels(open_raster(path, io.BytesIO(data)), data)
    except DataError:
        return np.zeros(256, np.int64)
    grey = pixels if pixels.ndim == 2 else pixels[..., 0]
    if not is_jpeg(data) or (pixels.ndim == 3 and (pixels != pixels[..., :1]).any()):
        return np.zeros(256, np.int64)
    return np.bincount(grey.ravel(), minlength=256)


def _write_table(path: Path, data: Path, repairs: Sequence[Repair], report: CheckReport) -> None:
    """One row for each thing that was done, and one for each fault that the copy still has."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "fault", "action", "pixels", "detail"])
        for repair in repairs:
            name = repair.file.relative_to(data) if repair.file.is_relative_to(data) else repair.file
            table.writerow([name, repair.fault, repair.action, repair.pixels, repair.detail])
        for problem in report.problems:
            table.writerow(["", problem.code, "left as it is", 0, problem.message])
