"""A data set as found on disk: records, classes, and every decision that was taken in reading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.targets import TargetReader
from pixelwise.formats.label_png import Color
from pixelwise.types import ClassTable, Mode, Record

__all__ = ["SPLITS", "Dataset"]

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Dataset:
    """What a source found. ``decisions`` are sentences for the user, each with its evidence.

    ``threshold``: where set, mask values above it are the second class and all others the first (0/255 masks with soft
    edges, instance maps, class folders). ``colors``: (colour, id) pairs where masks hold colours. ``orphans``: masks
    without an image.
    """

    root: Path
    source: str
    records: tuple[Record, ...]
    classes: ClassTable
    mode: Mode
    decisions: tuple[str, ...] = ()
    threshold: int | None = None
    colors: tuple[tuple[Color, int], ...] = ()
    orphans: tuple[Path, ...] = ()

    def split(self, name: str) -> tuple[Record, ...]:
        """The records of ``train``, ``val`` or ``test``, in order of key; empty where there are none."""
        return tuple(record for record in self.records if record.split == name)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold records, in the order train, val, test."""
        present = {record.split for record in self.records}
        return tuple(name for name in SPLITS if name in present)

    @property
    def targets(self) -> TargetReader:
        """What turns a record into its target; small and picklable, for loader processes."""
        return TargetReader(self.classes, self.mode, self.threshold, self.colors)
