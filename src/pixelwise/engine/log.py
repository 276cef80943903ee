"""What a run writes while it goes: ``metrics.csv`` for everybody, ``events/`` for TensorBoard."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from pixelwise.errors import StorageError
from pixelwise.formats.atomic import atomic_write

__all__ = ["RunLog", "read_rows"]

_Row = dict[str, Any]


class RunLog:
    """Appends rows of numbers; a resumed run first drops what was logged after its checkpoint.

    Args:
        run: the run folder.
        step: rows beyond this step are dropped; 0 begins anew.
    """

    def __init__(self, run: Path, step: int = 0) -> None:
        self._path = run / "metrics.csv"
        self._rows = [row for row in read_rows(self._path) if int(row["step"]) <= step] if step else []
        self._write()
        self._events = SummaryWriter(str(run / "events"), purge_step=step + 1 if step else None)

    @property
    def rows(self) -> list[_Row]:
        return self._rows

    def add(self, row: _Row) -> None:
        """One row: ``step`` and any other numbers; keys may differ from row to row."""
        new_columns = set(row) - {key for known in self._rows for key in known}
        self._rows.append(row)
        if new_columns:
            self._write()
        else:
            self._append(row)
        for name, value in row.items():
            if name not in {"step", "time_s"}:
                self._events.add_scalar(_tag(name), value, int(row["step"]))

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """An (H, W, 3) uint8 picture for TensorBoard."""
        self._events.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        self._events.close()

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(key for row in self._rows for key in row))

    def _append(self, row: _Row) -> None:
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns()).writerow(row)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror}; make room, then resume the run") from None

    def _write(self) -> None:
        with atomic_write(self._path) as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns())
            writer.writeheader()
            writer.writerows(self._rows)


def read_rows(path: Path) -> list[_Row]:
    """Rows of a ``metrics.csv``, numbers as float, empty cells left out; none where there is no file. A row that a kill or
    a full disk has cut off is left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [numbers for row in csv.DictReader(file) if (numbers := _numbers(row)) is not None]


def _numbers(row: dict[str, str]) -> _Row | None:
    if None in row.values():  # fewer cells than columns
        return None
    try:
        return {key: float(value) for key, value in row.items() if key and value}
    except ValueError:
        return None


def _tag(name: str) -> str:
    if name.startswith("loss"):
        return f"loss/{name.removeprefix('loss_') if name != 'loss' else 'total'}"
    return f"validation/{name.removeprefix('val_')}" if name.startswith("val_") else f"training/{name}"
