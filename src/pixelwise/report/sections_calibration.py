"""Whether scores mean what they say: the reliability diagram, the errors, and where confidence is furthest from accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixelwise.report.calibration_plot import reliability_figure
from pixelwise.report.markup import class_name, drawn, finite, number, percent, section, table, two_lines
from pixelwise.report.page_data import ReportData
from pixelwise.report.places import place_names

__all__ = ["calibration_section", "calibration_sentence"]

_TOP = {
    "ece": ("ECE", "mean gap over bins of equal width"),
    "ace": ("ACE", "mean gap over bins of equal mass"),
    "mce": ("MCE", "largest gap of a bin"),
}
_WHOLE = {
    "classwise_ece": ("classwise ECE", "gap of each class's own scores, mean over classes"),
    "brier": ("Brier score", "squared distance of scores and truth"),
    "nll": ("NLL", "minus log of the score of the true class, in nats"),
}
_AGREES = 0.005  # of confidence and accuracy, in words


def calibration_section(data: ReportData) -> str:
    """Diagram, errors, and the same by place; the errors of each class on demand."""
    calibration = data.calibration
    if not calibration:
        return ""
    top = calibration["top_label"]
    if not top.get("pixels"):
        return section("calibration", "Calibration", '<p class="note">No pixel was counted, so there is nothing to compare.</p>')
    said = calibration_sentence(calibration)
    lead = f"<p>{said}</p>" if said else ""
    caption = f"<b>Reliability</b> of {int(top['pixels']):,} answers: how often they are right, by how sure they are."
    figure = drawn(reliability_figure(top), "reliability diagram over a histogram of confidences", caption)
    places = _strata(calibration.get("strata", {}), place_names(data.errors))
    figures = f'<div class="split even">{figure}<div>{_errors(calibration)}</div></div>'
    return section("calibration", "Calibration", f"{lead}{figures}{places}{_classes(data)}")


def calibration_sentence(calibration: Mapping[str, Any]) -> str:
    """Mean confidence against accuracy, in words; empty where nothing was measured."""
    top = calibration.get("top_label", {})
    confidence, accuracy = finite(top.get("mean_confidence")), finite(top.get("mean_accuracy"))
    if confidence is None or accuracy is None:
        return ""
    both = f"mean confidence {confidence:.3f}, accuracy {accuracy:.3f}"
    if abs(confidence - accuracy) < _AGREES:
        return f"On average scores are as sure as they are right: {both}."
    return f"On average scores are {'too sure' if confidence > accuracy else 'not sure enough'}: {both}."


def _errors(calibration: Mapping[str, Any]) -> str:
    values = [(label, calibration["top_label"].get(key)) for key, label in _TOP.items()]
    values += [(label, calibration.get(key)) for key, label in _WHOLE.items()]
    rows = [f"<tr><td>{two_lines(name, meaning)}</td><td>{number(value, 4)}</td></tr>" for (name, meaning), value in values]
    clipped = calibration.get("nll_clipped")
    note = "Lower is better."
    if clipped:
        note += f" For the NLL {int(clipped):,} scores near 0 were raised to {calibration['nll_floor']:.2g}."
    return table(["error", "value"], rows, note)


def _strata(strata: Mapping[str, Mapping[str, Any]], names: Mapping[str, tuple[str, str]]) -> str:
    total = sum(strata[key]["pixels"] for key in ("boundary", "inside") if key in strata)
    rows = []
    for key, name in names.items():
        if not strata.get(key, {}).get("pixels"):
            continue
        own = strata[key]
        gap = own["mean_confidence"] - own["mean_accuracy"]
        rows.append(
            f"<tr><td>{two_lines(*name)}</td><td>{percent(own['pixels'] / total) if total else ''}</td>"
            f"<td>{number(own['mean_accuracy'])}</td><td>{_signed(gap)}</td><td>{number(own['ece'])}</td></tr>"
        )
    heads = ["where", "of pixels", "accuracy", "confidence &minus; accuracy", "ECE"]
    return f'<h3 class="group">By place</h3>{table(heads, rows)}' if rows else ""


def _signed(value: float) -> str:
    return "0.000" if abs(value) < 5e-4 else f"{value:+.3f}".replace("-", "&minus;")


def _classes(data: ReportData) -> str:
    """The classes' own errors, largest first."""
    errors = data.calibration.get("per_class_ece", {})
    if not errors:
        return ""
    rows = []
    for name, color in zip(data.class_table.names, data.class_table.colors.tolist(), strict=True):
        own = [data.calibration.get(f"per_class_{key}", {}).get(name) for key in ("ece", "ace", "brier")]
        cells = "".join(f"<td>{number(value, 4)}</td>" for value in own)
        rows.append((-(finite(own[0]) or 0.0), f"<tr><td>{class_name(name, color)}</td>{cells}</tr>"))
    shown = table(["class", "ECE", "ACE", "Brier score"], [row for _, row in sorted(rows, key=lambda pair: pair[0])])
    note = '<p class="note">Each class as a question of its own: its score against how often the pixel is of this class.</p>'
    return f"<details><summary>Errors of each class</summary><div>{note}{shown}</div></details>"
