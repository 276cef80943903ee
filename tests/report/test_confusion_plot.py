"""The heat map: a label per class, percent of each row, nothing where there is nothing."""

import numpy as np
import pytest

from pixelwise.report.confusion_plot import confusion_heatmap
from pixelwise.report.plots import to_svg
from tests.report.svg import read_texts


@pytest.mark.parametrize("num_classes", [1, 2, 11, 30, 60], ids="{} classes".format)
def test_a_confusion_matrix_of_any_size_has_a_label_for_its_first_class(num_classes):
    figure = confusion_heatmap(np.eye(num_classes, dtype=np.int64) * 300, [f"c{index}" for index in range(num_classes)])
    assert read_texts(to_svg(figure)).count("c0") == 2


def test_cells_are_percent_of_their_row_and_small_ones_are_blank():
    texts = read_texts(to_svg(confusion_heatmap(np.array([[996, 4], [30, 70]]), ["a", "b"])))
    assert sorted(text for text in texts if text.isdigit()) == ["100", "30", "70"]


def test_a_row_without_pixels_stays_empty():
    texts = read_texts(to_svg(confusion_heatmap(np.array([[5, 0], [0, 0]]), ["a", "b"])))
    assert [text for text in texts if text.isdigit()] == ["100"]
