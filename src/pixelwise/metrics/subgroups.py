"""Scores of parts of a set, such as one scanner's images or the night's, each with its interval.

A subgroup has the scores that evaluating its images alone would give. Its mean IoU is over the classes that occur in it, so two
subgroups with other ``absent_classes`` have means of other things. Of many subgroups one is the lowest by chance: where
intervals overlap, the order says little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelwise.errors import DataError
from pixelwise.metrics.bootstrap import Bootstrap, bootstrap
from pixelwise.metrics.intervals import enough, interval_of
from pixelwise.metrics.stacks import SCORE_NAMES, scores_of_sums, summable

__all__ = ["UNKNOWN", "subgroup_scores"]

UNKNOWN = "unknown"
"""The subgroup of images whose label is empty."""


def subgroup_scores(
    counts: np.ndarray,
    labels: Sequence[str],
    class_names: Sequence[str],
    groups: Sequence[Any] | None = None,
    is_binary: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """One row of plain data per label, lowest mean IoU first, undefined ones last, equal ones by name.

    A row holds ``value`` (the label), ``images``, ``mean_iou`` with its 95 % BCa ``interval`` (``[low, high]``, or ``None`` where
    there is none), ``mean_dice``, ``accuracy``, ``foreground_iou`` if ``is_binary``, ``absent_classes`` (names), and
    ``too_small``: a sentence, or ``None`` where it is large enough to tell. Undefined scores are ``None``.

    Args:
        counts: (N, 5, K) counts per image, of :func:`~pixelwise.metrics.stacks.class_counts`.
        labels: what each image is, such as its scanner; empty ones form the subgroup :data:`UNKNOWN`.
        groups: what each image belongs to, such as a patient: whole groups are drawn then, and each row says how many there
            are as ``units``.
        is_binary: whether class 1 is the foreground of two exclusive classes.

    Raises:
        DataError: labels, groups or class names that do not fit the counts, or images without a group.
        ConfigError: fewer than 1 resample.
    """
    given = {"labels": (labels, len(counts)), "class names": (class_names, counts.shape[-1])}
    if groups is not None:
        given["groups"] = groups, len(counts)
    for what, (values, needed) in given.items():
        if len(values) != needed:
            raise DataError(f"{len(values)} {what} for counts of {len(counts)} images; there must be {needed}")
    members: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        members.setdefault(label.strip() or UNKNOWN, []).append(position)
    sums, rows = summable(counts), []
    for value, at in members.items():
        own = None if groups is None else [groups[position] for position in at]
        drawn = bootstrap(sums[at], scores_of_sums, own, resamples, seed)
        rows.append({"value": value, "images": len(at), **_scores(drawn, class_names, is_binary, has_groups=own is not None)})
    return sorted(rows, key=lambda row: (row["mean_iou"] is None, row["mean_iou"] or 0.0, row["value"]))


def _scores(drawn: Bootstrap, class_names: Sequence[str], is_binary: bool, has_groups: bool) -> dict[str, Any]:
    """What a row says beside its name and its number of images."""
    found = dict(zip(SCORE_NAMES, drawn.value.tolist(), strict=False))
    iou = drawn.value[len(SCORE_NAMES) :].tolist()
    interval = interval_of(drawn, SCORE_NAMES.index("mean_iou"))
    row: dict[str, Any] = {"units": interval.units} if has_groups else {}
    row |= {"mean_iou": _plain(interval.value), "interval": interval.ends()}
    row |= {name: _plain(found[name]) for name in ("mean_dice", "accuracy")}
    if is_binary:
        row["foreground_iou"] = _plain(iou[1])
    row["absent_classes"] = [name for name, value in zip(class_names, iou, strict=True) if math.isnan(value)]
    row["too_small"] = enough(interval, unit="groups" if has_groups else "images")
    return row


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
