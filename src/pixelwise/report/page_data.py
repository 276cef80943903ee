"""What the page shows, as plain data: the report knows no metric, no task and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pixelwise.types import ClassTable

__all__ = ["Example", "ReportData"]


@dataclass(frozen=True)
class Example:
    """One image with its result: ``image`` (H, W, C) uint8; ``target`` and ``prediction`` (H, W), or (K, H, W) multilabel,
    uint8 class indices; ``mean_iou`` of this image in [0, 1], nan or ``None`` where undefined."""

    key: str
    image: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    mean_iou: float | None


@dataclass(frozen=True)
class ReportData:
    """All that the page shows; a section whose data are empty is left out.

    Args:
        scores: ``SegmentationScores.to_json()``, with ``intervals``, ``intervals_rule`` and ``too_small`` where there are any.
        confusion: (K, K) counts, rows = target, or ``None`` (multilabel).
        history: rows of ``metrics.csv``: ``step``, ``loss``, ``val_mean_iou``, ``lr``.
        per_image: rows of ``per_image.csv``: ``key``, ``mean_iou``, ``accuracy``, and ``iou_NAME`` of each class.
        worst, random, best: images to show. The first six of ``worst`` are drawn large.
        facts: text by name, or groups of them by title.
        decisions: what was decided and why.
        ranking: ``RankingScores.to_json()``.
        calibration: ``CalibrationScores.to_json()``.
        boundary: ``BoundaryScores.to_json()``.
        errors: where the wrong pixels are. ``places`` has for each of ``boundary``, ``inside``, ``small``, ``medium`` and
            ``large`` the ``pixels``, ``errors``, ``error_rate``, ``share_of_pixels`` and ``share_of_errors`` (shares in [0, 1],
            of all counted and of all wrong pixels; ``None`` where undefined); ``radius`` (pixels) and ``areas`` (two numbers
            of pixels) say what these are. ``pairs`` lists what is taken for what, most pixels first: ``target`` and
            ``predicted`` (class names), ``pixels``, ``share_of_errors``, and ``at_boundary``, the share of these pixels that
            is within the radius.
        subgroups: rows by the column that they divide the images by: ``value``, ``images``, ``mean_iou``, ``interval`` (two
            numbers or ``None``), ``mean_dice``, ``accuracy``, ``foreground_iou`` where there is one, ``absent_classes`` (names).
        extra: further metrics' ``to_json()`` by title.
        notes: sentences about the whole evaluation, such as what was left out.
    """

    title: str
    command: str
    scores: Mapping[str, Any]
    class_table: ClassTable
    confusion: np.ndarray | None = None
    history: Sequence[Mapping[str, Any]] = ()
    per_image: Sequence[Mapping[str, Any]] = ()
    worst: Sequence[Example] = ()
    best: Sequence[Example] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    decisions: Sequence[str] = ()
    subtitle: str = ""
    random: Sequence[Example] = ()
    ranking: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    boundary: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)
    subgroups: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
