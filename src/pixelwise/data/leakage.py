"""Images of one patient or place in several splits: scores would be of what was trained on, and nobody would see it."""

from __future__ import annotations

from collections import Counter, defaultdict

from pixelwise.data.dataset import Dataset
from pixelwise.data.problems import Problem
from pixelwise.data.sources.columns import column_names, column_of
from pixelwise.data.sources.found import some

__all__ = ["GROUP_NAMES", "faults_of_groups", "group_column"]

GROUP_NAMES = ("patient", "subject", "case", "group", "scene", "slide", "video", "sequence", "donor", "animal", "plot", "site")
"""Columns of these names, also with ``_id`` behind, say what belongs together, unless ``data.group`` names another."""


def group_column(dataset: Dataset, group: str | None = None) -> str | None:
    """The column that says which images belong together: ``group``, else the first of :data:`GROUP_NAMES` that is there.

    ``"none"`` is no column. Raises :class:`DataError` where ``group`` names a column that is not there.
    """
    if group is not None:
        if group == "none":
            return None
        column_of(dataset.records, group)
        return group
    names = {name.lower().removesuffix("_id"): name for name in column_names(dataset.records)}
    return next((names[known] for known in GROUP_NAMES if known in names), None)


def faults_of_groups(dataset: Dataset, group: str | None = None) -> list[Problem]:
    """An error where images of one group are in several splits; empty where there is no column of groups, or all is well."""
    column = group_column(dataset, group)
    if column is None:
        return []
    splits: dict[str, Counter[str]] = defaultdict(Counter)
    for record, value in zip(dataset.records, column_of(dataset.records, column), strict=True):
        if value:
            splits[value][record.split] += 1
    parted = {value: counts for value, counts in splits.items() if len(counts) > 1}
    if not parted:
        return []
    told = [f"{value} ({', '.join(f'{name} {count}' for name, count in counts.items())})" for value, counts in parted.items()]
    files = tuple(str(record.image) for record in dataset.records if record.columns.get(column) in parted)
    return [
        Problem(
            "error", "group_across_splits",
            f"{len(parted)} of {len(splits)} values of {column!r} have images in several splits: {some(told, 3)}",
            f"the scores would be of what was trained on; split anew with: pixelwise split {dataset.root} --group {column}; or, "
            f"where {column!r} is no such thing, --set data.group=none",
            files, len(parted),
        )
    ]  # fmt: skip
