"""What the result of an evaluation tells in Python."""

from pathlib import Path

import pytest

from pixelwise.errors import ConfigError
from pixelwise.types import ClassTable
from pixelwise.verbs.scores import Scores

VALUES = {
    "mean_iou": 0.625, "accuracy": 0.9, "mean_dice": 0.7, "split": "test", "images": 3, "pixels": 99,
    "per_class_iou": {"sky": 0.75, "road": 0.5}, "absent_classes": [],
    "intervals": {"mean_iou": [0.5, 0.7], "accuracy": None, "per_class_iou": {"sky": [0.6, 0.8], "road": None}},
}  # fmt: skip
ROWS = [{"key": "b", "mean_iou": 0.2}, {"key": "void", "mean_iou": None}, {"key": "a", "mean_iou": 0.1}]


@pytest.fixture
def scores():
    rows = [{"id": 0, "name": "sky", "color": [0, 0, 255]}, {"id": 1, "name": "road", "color": [90, 90, 90]}]
    return Scores(VALUES, ROWS, ClassTable.from_json(rows), "test", Path("run"), Path("run/report.html"))


def test_intervals_are_found_by_the_name_of_the_score(scores):
    assert scores.ci("mean_iou") == scores.ci() == (0.5, 0.7)
    assert scores.ci("iou_sky") == (0.6, 0.8)
    assert scores.ci("accuracy") is None
    assert scores.ci("iou_road") is None


@pytest.mark.parametrize("name", ["mean_iuo", "per_class_iou", "iou_sea"])
def test_an_interval_that_was_not_taken_is_refused_with_the_nearest(scores, name):
    with pytest.raises(ConfigError, match=f"no interval of '{name}'.*iou"):
        scores.ci(name)


def test_the_worst_rows_come_first_without_those_that_have_no_score(scores):
    assert [row["key"] for row in scores.worst()] == ["a", "b"]
    assert [row["key"] for row in scores.worst(1)] == ["a"]


def test_the_table_holds_every_class_and_the_means(scores):
    table = scores.table()
    for word in ("sky", "road", "0.750", "0.500", "0.625", "[0.500, 0.700]", "3 images"):
        assert word in table
    assert "\x1b" not in table
