"""What a budget keeps back is what the evaluation will take: more for more images, larger ones, and more classes."""

import numpy as np
import pytest

from pixelwise.engine.evaluate import Evaluation, ImageCounts
from pixelwise.metrics.confusion import ConfusionMatrix
from pixelwise.types import ClassTable, Record
from pixelwise.verbs import reserve
from tests.engine.make import make_task


class Data:
    """As much of a data set as the reserve looks at."""

    def __init__(self, test):
        self.records = {"test": [Record(str(number), None) for number in range(test)], "val": [Record("v", None)] * 5}

    def split(self, name):
        return self.records[name]


def validation(seconds=2.0, images=4):
    counts = [ImageCounts(Record(str(number), None), (32, 48), np.eye(3, dtype=np.int64)) for number in range(images)]
    metric = ConfusionMatrix(3)
    return Evaluation(metric, counts, seconds)


def test_time_is_that_of_the_validation_per_image_and_of_the_details(monkeypatch):
    monkeypatch.setattr(reserve, "details_seconds", lambda *_: 0.25)
    found = reserve.evaluation_seconds(Data(test=10), make_task(), 1000.0, validation())
    assert found == pytest.approx(reserve.report_seconds(1000.0) + 1.1 * 10 * (2.0 / 4 + 0.25))


def test_without_test_images_it_is_judged_by_the_validation_images(monkeypatch):
    monkeypatch.setattr(reserve, "details_seconds", lambda *_: 0.0)
    assert reserve.evaluation_seconds(Data(test=0), make_task(), 100.0, validation()) == pytest.approx(
        reserve.report_seconds(100.0) + 1.1 * 5 * 0.5
    )


def test_a_run_without_a_budget_keeps_nothing_back():
    assert reserve.evaluation_seconds(Data(test=10), make_task(), None, validation()) == 0


@pytest.mark.parametrize("mode", ["multiclass", "binary", "multilabel"])
def test_details_are_tried_out_once_per_size(mode):
    classes = ClassTable.from_ids(range(2 if mode == "binary" else 4))
    first = reserve.details_seconds(classes, mode, (64, 96))
    assert 0 < first < 30
    assert reserve.details_seconds(classes, mode, (64, 96)) == first
