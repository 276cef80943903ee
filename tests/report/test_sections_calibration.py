"""Calibration in words and tables, from what the metric gives."""

import numpy as np
import pytest

from pixelwise.metrics.calibration import Calibration
from pixelwise.report.sections_calibration import calibration_section, calibration_sentence
from tests.report.sections import NAMES, cells, make_data, words


def measured(confidence=0.9, right=80):
    """A hundred answers of one confidence, of which so many are right; the image's left half is sky, the right half <b>."""
    target = np.zeros((10, 10), np.uint8)
    target[:, 5:] = 1
    wrong = np.arange(100).reshape(10, 10) >= right
    answer = np.where(wrong, 1 - target, target)
    scores = np.zeros((3, 10, 10), np.float32)
    scores[0], scores[1] = np.where(answer == 0, confidence, 1 - confidence), np.where(answer == 1, confidence, 1 - confidence)
    metric = Calibration(3, NAMES)
    metric.update(scores, target)
    return metric.compute().to_json()


@pytest.mark.parametrize(
    "confidence, right, said",
    [
        (0.9, 80, "On average scores are too sure: mean confidence 0.900, accuracy 0.800."),
        (0.75, 95, "On average scores are not sure enough: mean confidence 0.750, accuracy 0.950."),
        (0.8, 80, "On average scores are as sure as they are right: mean confidence 0.800, accuracy 0.800."),
    ],
    ids=["too sure", "not sure enough", "agree"],
)
def test_confidence_and_accuracy_are_compared_in_words(confidence, right, said):
    assert calibration_sentence(measured(confidence, right)) == said
    assert said in words(calibration_section(make_data(calibration=measured(confidence, right))))


def test_the_errors_are_those_of_the_metric():
    calibration = measured()
    rows = {row[0]: row[1] for row in cells(calibration_section(make_data(calibration=calibration))) if len(row) == 2}
    assert rows["ECE mean gap over bins of equal width"] == "0.1000"
    assert rows["ACE mean gap over bins of equal mass"] == "0.1000"
    assert rows["Brier score squared distance of scores and truth"] == f"{calibration['brier']:.4f}"
    assert rows["NLL minus log of the score of the true class, in nats"] == f"{calibration['nll']:.4f}"


def test_places_have_the_signed_gap_between_confidence_and_accuracy():
    section = calibration_section(make_data(calibration=measured(), errors={"radius": 3}))
    rows = {row[0]: row[1:] for row in cells(section)}
    assert rows["at a border within 3 px"] == ["60.0 %", "0.800", "+0.100", "0.100"]
    assert rows["away from borders beyond 3 px"] == ["40.0 %", "0.800", "+0.100", "0.100"]
    assert "large objects" not in rows  # none is there


def test_a_gap_below_zero_has_a_minus_sign_and_none_has_no_sign():
    below, none = (cells(calibration_section(make_data(calibration=measured(c, 80)))) for c in (0.7, 0.8))
    assert [next(row for row in rows if row[0] == "at a border")[3] for rows in (below, none)] == ["−0.100", "0.000"]


def test_each_class_has_its_errors_largest_first():
    calibration = measured()
    calibration["per_class_ece"] = {"sky": 0.1, "<b>": 0.3, "car": None}
    rows = cells(calibration_section(make_data(calibration=calibration)))
    at = next(index for index, row in enumerate(rows) if row[:2] == ["class", "ECE"])
    assert [row[:2] for row in rows[at + 1 :]] == [["<b>", "0.3000"], ["sky", "0.1000"], ["car", "–"]]


def test_without_a_counted_pixel_that_is_said_and_nothing_drawn():
    nothing = Calibration(3, NAMES).compute().to_json()
    section = calibration_section(make_data(calibration=nothing))
    assert "No pixel was counted" in section
    assert "<svg" not in section
    assert calibration_section(make_data()) == ""
