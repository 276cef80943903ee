"""``split``: which images train, validate and test, written down once and for all in ``splits.csv``."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.folds import FOLD_COLUMN
from pixelwise.data.leakage import group_column
from pixelwise.data.levels import thread_count
from pixelwise.data.sources import find
from pixelwise.data.sources.columns import RECORDS_FILE, column_names, groups_of
from pixelwise.data.sources.tables import read_table
from pixelwise.data.splitting import stratified_parts
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.types import Record

__all__ = ["Split", "split_data"]

_GROUP = "group"  # the column that a pattern makes


@dataclass(frozen=True)
class Split:
    """What was written: ``table`` holds, by part (or ``fold 0`` ...), ``images``, ``groups`` and ``with`` (images by class)."""

    path: Path
    table: dict[str, dict[str, Any]]
    decisions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {"path": str(self.path), "parts": self.table, "decisions": list(self.decisions)}


def split_data(
    data: str | Path,
    to: str | Path | None = None,
    shares: Sequence[float] = (70, 15, 15),
    folds: int | None = None,
    group: str | None = None,
    pattern: str | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Split:
    """Splits by iterative stratification over the classes in each image, groups kept whole.

    Args:
        data: a data set.
        to: the file to write, new; ``splits.csv`` in the data set by default.
        shares: of train, val and test images; the last may be 0.
        folds: so many folds of the images that do not test, for ``--set data.fold=N``; fold 0 validates without it.
        group: column with what belongs together, such as the patient; by default one that is called so, if there is any.
        pattern: regular expression with one group in parentheses that finds the same in the names of images.
        seed: of the order among equals.

    Raises:
        DataError: no such data or column, an image without a group, fewer groups than parts, masks that cannot be read.
        ConfigError: shares, folds, a pattern or a place that cannot be used.
    """
    dataset = find(data)
    path = Path(to) if to is not None else dataset.root / "splits.csv"
    if path.exists():
        raise ConfigError(f"{path} exists and is not overwritten; move it away, or write elsewhere with --to")
    wanted = _wanted(shares, folds)
    if group is not None and pattern is not None:
        raise ConfigError("group and pattern both say what belongs together; give one of them")
    column = None if pattern is not None else group_column(dataset, group)
    groups, why = _groups(dataset, column, pattern)
    keys = [record.key for record in dataset.records]
    presence = _presence(dataset, progress)
    parts = stratified_parts(keys, presence, wanted, groups, seed) if len(wanted) > 1 else list(wanted) * len(keys)
    fold_of = _fold_of(keys, presence, groups, parts, folds, seed)
    rows = _rows(dataset, parts, fold_of, groups if pattern is not None else None)
    _write(path, rows)
    method = f"stratified by the classes in each image, {why}, seed {seed}"
    facts = {"seed": seed, "shares": list(shares), "folds": folds, "group": column, "pattern": pattern, "method": method}
    with atomic_write(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    labels = [f"fold {fold_of[key]}" if key in fold_of else part for key, part in zip(keys, parts, strict=True)]
    return Split(path, _table(labels, presence, groups, dataset.classes.names), (method,))


def _wanted(shares: Sequence[float], folds: int | None) -> dict[str, float]:
    is_share = len(shares) == 3 and all(np.isfinite(share) and share >= 0 for share in shares)
    if not is_share or not shares[0] or (folds is None and not shares[1]):
        raise ConfigError(
            f"shares must be three numbers, of train, val and test, such as 70,15,15 (test may be 0), got {list(shares)}"
        )
    if folds is not None and folds < 2:
        raise ConfigError(f"folds must be 2 or more, got {folds}")
    given = dict(zip(("train", "val", "test"), shares, strict=True))
    wanted = given if folds is None else {"train": given["train"] + given["val"], "test": given["test"]}
    return {name: share for name, share in wanted.items() if share}


def _groups(dataset: Dataset, column: str | None, pattern: str | None) -> tuple[list[str] | None, str]:
    if column is not None:
        groups = groups_of(dataset.records, column)
        return groups, f"{len(set(groups))} groups by {column} kept whole"
    if pattern is None:
        return None, "every image by itself"
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"pattern {pattern!r} is no regular expression: {error}") from None
    if expression.groups != 1:
        raise ConfigError(f"pattern must have one group in parentheses, such as '^(\\w+)_', got {pattern!r}")
    found = [expression.search(record.key) for record in dataset.records]
    bare = [record.key for record, match in zip(dataset.records, found, strict=True) if match is None]
    if bare:
        raise DataError(f"pattern {pattern!r} finds nothing in {len(bare)} names, such as {bare[0]!r}; correct it")
    groups = [match[1] or "" for match in found if match is not None]
    return groups, f"{len(set(groups))} groups by the pattern {pattern} kept whole"


def _presence(dataset: Dataset, progress: Callable[[int, int], None] | None) -> np.ndarray:
    """(N, K) bool: whether class k is in image n. Images without a mask hold none."""
    presence = np.zeros((len(dataset.records), len(dataset.classes)), bool)
    read = dataset.targets

    def present(record: Record) -> np.ndarray:
        if not any(record.masks):
            return np.zeros(len(dataset.classes), bool)
        target = read(record)
        if target.ndim == 3:
            return (target == 1).any((1, 2))
        return np.bincount(target.reshape(-1), minlength=256)[: len(dataset.classes)] > 0

    with ThreadPoolExecutor(thread_count()) as pool:
        for at, found in enumerate(pool.map(present, dataset.records)):
            presence[at] = found
            if progress is not None:
                progress(at + 1, len(presence))
    return presence


def _fold_of(
    keys: Sequence[str], presence: np.ndarray, groups: Sequence[str] | None, parts: list[str], folds: int | None, seed: int
) -> dict[str, int]:
    """The fold of each image that does not test; fold 0 becomes ``val`` in ``parts``."""
    if folds is None:
        return {}
    at = [place for place, part in enumerate(parts) if part != "test"]
    own = None if groups is None else [groups[place] for place in at]
    names = stratified_parts([keys[place] for place in at], presence[at], {str(fold): 1 for fold in range(folds)}, own, seed)
    for place, name in zip(at, names, strict=True):
        parts[place] = "val" if name == "0" else "train"
    return {keys[place]: int(name) for place, name in zip(at, names, strict=True)}


def _rows(
    dataset: Dataset, parts: Sequence[str], fold_of: Mapping[str, int], groups: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Rows of ``splits.csv``, with the columns that would be lost with an older one; those of ``records.csv`` stay there."""
    records, other = dataset.records, dataset.root / RECORDS_FILE
    elsewhere = read_table(other, "columns").header if other.is_file() else []
    kept = [name for name in column_names(records) if name not in (FOLD_COLUMN, _GROUP, *elsewhere)]
    rows = []
    for at, (record, part) in enumerate(zip(records, parts, strict=True)):
        row: dict[str, Any] = {"id": record.key, "split": part, **{name: record.columns[name] for name in kept}}
        if fold_of:
            row[FOLD_COLUMN] = fold_of.get(record.key, "")
        if groups is not None:
            row[_GROUP] = groups[at]
        rows.append(row)
    return rows


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _table(
    labels: Sequence[str], presence: np.ndarray, groups: Sequence[str] | None, class_names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    table = {}
    order = {"train": 0, "val": 1, "test": 3}
    for label in sorted(set(labels), key=lambda name: (order.get(name, 2), len(name), name)):
        at = [place for place, own in enumerate(labels) if own == label]
        counts = dict(zip(class_names, presence[at].sum(0).tolist(), strict=True))
        own = set(at) if groups is None else {groups[place] for place in at}
        table[label] = {"images": len(at), "groups": len(own), "with": counts}
    return table
