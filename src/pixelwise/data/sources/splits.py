"""Who trains, who validates, who tests: from ``splits.csv``, or by a hash of the names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pixelwise.data.sources.columns import further_columns, with_columns
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.data.sources.tables import NAME_COLUMNS, Table, read_table
from pixelwise.errors import DataError
from pixelwise.types import Record

__all__ = ["completed", "from_csv", "hashed"]

_SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
_NEEDED = "the columns id and split"


def completed(root: Path, records: Sequence[Record]) -> tuple[list[Record], tuple[str, ...]]:
    """The records split as they are or as ``splits.csv`` says; what these leave open, by a hash of the names."""
    if (root / "splits.csv").is_file():
        return from_csv(root / "splits.csv", records)
    names = {record.split for record in records}
    if names <= {"", "train"}:
        return hashed(records)
    if "val" not in names and "train" in names:
        train, reasons = hashed([record for record in records if record.split == "train"], ("train", "val"))
        return [*train, *(record for record in records if record.split != "train")], reasons
    return list(records), ()


def hashed(records: Sequence[Record], names: tuple[str, ...] = ("train", "val", "test")) -> tuple[list[Record], tuple[str, ...]]:
    """Records in order of the hash of their keys, the last 15 % to ``test``, 15 % before them to ``val``, at least one each.

    The same names give the same split on every machine. Raises :class:`DataError` for fewer records than splits.
    """
    if len(records) < len(names):
        raise DataError(
            f"{len(records)} image{'s' if len(records) != 1 else ''}, too few to split into {' and '.join(names)}: "
            f"at least {len(names)} are needed (20 and more give usable models); add labelled images"
        )
    order = sorted(records, key=lambda r: hashlib.sha256(r.key.encode()).hexdigest())
    parts: dict[str, list[Record]] = {}
    for name in reversed(names[1:]):
        count = max(1, round(_SHARES[name] * len(records)))
        parts[name], order = order[len(order) - count :], order[: len(order) - count]
    parts[names[0]] = order
    split = {record.key: name for name, part in parts.items() for record in part}
    counts = ", ".join(f"{name} {len(parts[name])}" for name in names)
    what = "no split given" if len(names) == 3 else "no val folder: taken from train"
    reason = (
        f"{what}: {counts}, by a hash of the file names; if several images show the same patient, place or video, "
        f"scores will be too good: put them into one split with splits.csv (columns id, split)"
    )
    return [replace(record, split=split[record.key]) for record in records], (reason,)


def from_csv(path: Path, records: Sequence[Record]) -> tuple[list[Record], tuple[str, ...]]:
    """Splits by a table with the columns ``id`` (image name, suffix optional) and ``split``; others go into the records."""
    table = read_table(path, _NEEDED)
    names, splits = table.find(*NAME_COLUMNS), table.find("split")
    if names is None or splits is None:
        raise DataError(f"{path} needs {_NEEDED}, got {', '.join(table.header) or 'nothing'}")
    keys = table.keys(names)
    wanted = _wanted(table, keys, names, splits)
    known = {record.key for record in records}
    absent = [name for name in wanted if name not in known]
    if absent:
        raise DataError(
            f"{path} names {len(absent)} images that do not exist: {some(absent)}; correct the names, or remove the rows"
        )
    kept = [replace(record, split=wanted[record.key]) for record in records if record.key in wanted]
    counts = Counter(record.split for record in kept)
    reasons = [f"split by splits.csv: {', '.join(f'{name} {counts[name]}' for name in _SHARES if counts[name])}"]
    left = [record.key for record in records if record.key not in wanted]
    if left:
        reasons.append(f"{len(left)} images are not in splits.csv and are left out: {some(left)}")
    columns, faults = further_columns(table, keys, {names, splits})
    described, said = with_columns(kept, columns, "splits.csv")
    return list(described), (*reasons, *said, *(f"left out of splits.csv: {fault}" for fault in faults))


def _wanted(table: Table, keys: Sequence[str], names: int, splits: int) -> dict[str, str]:
    """The split of each key."""
    wanted: dict[str, str] = {}
    for key, line, row in zip(keys, table.lines, table.rows, strict=True):
        split = row[splits].lower()
        if split not in SPLIT_NAMES:
            raise DataError(f"{table.path}, line {line}: split must be train, val or test, got {row[splits]!r}")
        if wanted.setdefault(key, SPLIT_NAMES[split]) != SPLIT_NAMES[split]:
            raise DataError(
                f"{table.path}, line {line}: {row[names]!r} stands in two splits, {wanted[key]} and {split}; keep one of them"
            )
    return wanted
