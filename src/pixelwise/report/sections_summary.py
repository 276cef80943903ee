"""What a reader needs first: the scores with their intervals, what they leave out, and where the model is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pixelwise.report.markup import axis_heading, axis_of, finite, interval, list_of, number, section, table, two_lines, whisker
from pixelwise.report.page_data import ReportData
from pixelwise.report.sections_calibration import calibration_sentence
from pixelwise.report.sections_errors import border_sentence

__all__ = ["header", "summary_section", "tiles"]

_TILES = {
    "mean_iou": "mean IoU",
    "foreground_iou": "foreground IoU",
    "mean_dice": "mean Dice",
    "mean_boundary_iou": "boundary IoU",
    "accuracy": "pixel accuracy",
}
_SCORES = {
    "mean_iou": ("mean IoU", "of all pixels of the set, mean over classes"),
    "mean_iou_per_image": ("mean IoU per image", "of each image by itself, mean over images"),
    "foreground_iou": ("foreground IoU", "of the second class alone"),
    "mean_dice": ("mean Dice", "also F1, mean over classes"),
    "mean_boundary_iou": ("boundary IoU", "of the pixels near the edges of each class, mean over classes"),
    "fwiou": ("frequency-weighted IoU", "mean over classes by their pixels"),
    "accuracy": ("pixel accuracy", "share of pixels that are right"),
    "balanced_accuracy": ("balanced accuracy", "mean recall of the classes"),
    "cohen_kappa": ("Cohen's kappa", "agreement beyond chance, 1 at most"),
    "mcc": ("MCC", "correlation of truth and prediction, 1 at most"),
}
_WEAKEST = 3


def header(data: ReportData) -> str:
    """Title and subtitle."""
    subtitle = f'<p class="soft">{escape(data.subtitle)}</p>' if data.subtitle else ""
    return f"<h1>{escape(data.title)}</h1>{subtitle}"


def tiles(data: ReportData) -> str:
    """The numbers that matter most, what they leave out, and the weakest points in a sentence each."""
    scores, absent = _all_scores(data), data.scores.get("absent_classes", ())
    ends = data.scores.get("intervals", {})
    images = "image" if len(data.per_image) == 1 else "images"
    classes = f"{len(data.class_table) - len(absent)} of {len(data.class_table)} classes"
    shown = [
        *((name + _below(ends.get(key)), number(scores[key])) for key, name in _TILES.items() if key in scores),
        (f"{images}<br>{classes}", f"{len(data.per_image):,}")
        if data.per_image
        else ("classes scored", classes.removesuffix(" classes")),
    ]
    cells = [
        f'<div class="tile{" main" if position == 0 else ""}"><b>{value}</b><span>{name}</span></div>'
        for position, (name, value) in enumerate(shown)
    ]
    notes = [f"Absent, so in no mean: {', '.join(absent)}."] if absent else []
    rule = data.scores.get("intervals_rule", "95 % interval")
    notes += [f"In brackets: {rule}."] if any(ends.get(key) for key in _TILES) else []
    notes += [f"{text[:1].upper()}{text[1:]}." for text in (str(said).rstrip(".") for said in data.notes)]
    note = f'<p class="note">{escape(" ".join(notes))}</p>' if notes else ""
    small = data.scores.get("too_small")
    warning = f'<p class="warning">{escape(f"Too small a set: {small}.")}</p>' if small else ""
    points = _in_short(data)
    short = f'<div class="short"><h3>In short</h3>{list_of(points)}</div>' if points else ""
    return f'<div class="tiles">{"".join(cells)}</div>{warning}{note}{short}'


def summary_section(data: ReportData) -> str:
    """Every score of the set on one axis, with its interval where there is one."""
    scores, ends = _all_scores(data), data.scores.get("intervals", {})
    known = [ends[key] for key in _SCORES if ends.get(key) is not None]
    low, high = axis_of([*(scores.get(key) for key in _SCORES), *(end for pair in known for end in pair)])
    rows = []
    for key, (name, meaning) in _SCORES.items():
        if key not in scores and ends.get(key) is None:
            continue
        reason = data.scores.get("undefined", {}).get(key, "") if finite(scores.get(key)) is None else ""
        said = two_lines(name, f"undefined: {escape(reason)}" if reason else meaning)
        graph = whisker(scores.get(key), ends.get(key), low, high)
        value = two_lines(number(scores.get(key)), interval(ends.get(key)))
        rows.append(f'<tr><td>{said}</td><td class="wide">{graph}</td><td>{value}</td></tr>')
    heads = ["score", axis_heading(low, high), "95 % interval" if known else ""]
    return section("scores", "All scores", table(heads, rows)) if rows else ""


def _all_scores(data: ReportData) -> dict[str, Any]:
    """The scores of the set, with boundary IoU and the mean of the images' own."""
    own = [value for value in (finite(row.get("mean_iou")) for row in data.per_image) if value is not None]
    extra = {"mean_iou_per_image": sum(own) / len(own)} if own else {}
    boundary = {"mean_boundary_iou": data.boundary["mean_boundary_iou"]} if "mean_boundary_iou" in data.boundary else {}
    return {**data.scores, **extra, **boundary}


def _below(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"<br>{interval(ends)}"


def _in_short(data: ReportData) -> list[str]:
    return [
        point for point in (_weakest(data.scores), border_sentence(data.errors), calibration_sentence(data.calibration)) if point
    ]


def _weakest(scores: Mapping[str, Any]) -> str:
    known = {name: finite(value) for name, value in scores.get("per_class_iou", {}).items()}
    order = sorted((value, name) for name, value in known.items() if value is not None)
    if len(order) <= _WEAKEST:
        return ""
    named = ", ".join(f"{escape(name)} (IoU {value:.3f})" for value, name in order[:_WEAKEST])
    return f"The weakest classes are {named}."
