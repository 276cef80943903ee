"""One fold of a cross-validation: its images validate, all other images of training and validation train."""

from __future__ import annotations

from dataclasses import replace

from pixelwise.data.dataset import Dataset
from pixelwise.errors import ConfigError
from pixelwise.types import Record

__all__ = ["FOLD_COLUMN", "in_fold"]

FOLD_COLUMN = "fold"
"""Column of ``splits.csv`` with the number of the fold, from 0; empty for test images."""


def in_fold(dataset: Dataset, fold: int | None) -> Dataset:
    """The data set with ``fold`` as validation images; as it is for ``None``. Test images stay test images.

    Raises :class:`ConfigError` where no image is in this fold.
    """
    if fold is None:
        return dataset
    folds = {record.columns.get(FOLD_COLUMN, "") for record in dataset.records if record.split != "test"} - {""}
    if str(fold) not in folds:
        have = f"its folds are {', '.join(sorted(folds, key=lambda name: (len(name), name)))}" if folds else "it has no folds"
        raise ConfigError(
            f"data.fold must be a fold of {dataset.root}, got {fold}; {have}; make folds with: pixelwise split DATA --folds 5"
        )
    records = [record if record.split == "test" else replace(record, split=_side(record, fold)) for record in dataset.records]
    counts = {name: sum(record.split == name for record in records) for name in ("train", "val", "test")}
    told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return replace(dataset, records=tuple(records), decisions=(*dataset.decisions, f"fold {fold} validates: {told}"))


def _side(record: Record, fold: int) -> str:
    return "val" if record.columns.get(FOLD_COLUMN) == str(fold) else "train"
