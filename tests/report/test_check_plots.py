"""Figures of a data set show the numbers they are given."""

import numpy as np
import pytest

from pixelwise.report import check_plots
from pixelwise.report.check_plots import brightness_histogram, class_balance, lost_by_stride, object_areas, size_scatter
from pixelwise.report.plots import to_svg
from tests.report.svg import drawn_lines, read_texts

COLORS = {"road": (200, 30, 30), "a $b$ <c>": (30, 30, 200)}


def test_class_balance_has_a_mark_for_each_class_and_split():
    figure = class_balance({"train": {"road": 0.9, "a $b$ <c>": 0.1}, "test": {"road": 1.0, "a $b$ <c>": 0.0}})
    axes = figure.axes[0]
    lines = drawn_lines(axes)
    assert lines["train"][:, 0].tolist() == [0.9, 0.1]
    assert lines["test"][:, 0].tolist() == [1.0, 0.05]  # at the left end, half of the smallest share
    assert axes.get_xscale() == "log"
    assert {"road", "a $b$ <c>", "train", "test"} <= set(read_texts(to_svg(figure)))


def test_one_split_needs_no_legend_and_no_pixels_no_crash():
    figure = class_balance({"train": {"road": 0.0}})
    assert "train" not in read_texts(to_svg(figure))


def test_sizes_are_points_and_more_images_larger_ones():
    figure = size_scatter(np.array([[100, 200, 1], [300, 50, 16]]))
    dots = figure.axes[0].collections[0]
    assert dots.get_offsets().tolist() == [[200, 100], [50, 300]]
    assert dots.get_sizes()[1] > dots.get_sizes()[0]


def test_areas_are_drawn_from_percentile_to_percentile():
    figure = object_areas(
        {"road": [[1, 3], [64, 5]], "a $b$ <c>": [[16, 1]]}, {"road": [1, 2, 64, 70, 90], "a $b$ <c>": [16] * 5}, COLORS
    )
    spans = [line.get_xydata()[:, 0].tolist() for line in figure.axes[0].lines]
    assert spans == [[1, 90], [2, 70], [64], [16, 16], [16, 16], [16]]
    assert {"road", "a $b$ <c>"} <= set(read_texts(to_svg(figure)))


def test_octaves_add_up():
    centres, heights = check_plots._octaves([[1, 3], [2, 4], [3, 5], [9, 7]])
    assert heights.tolist() == [0, 3, 9, 0, 7, 0]
    assert centres[1:5] == pytest.approx(np.array([1, 2, 4, 8]) * 2**0.5)


def test_lost_shares_are_lines_with_names_that_do_not_touch():
    figure = lost_by_stride((4, 8), {"road": [0.1, 0.5], "a $b$ <c>": [0.2, 0.5]}, COLORS)
    lines = [line.get_xydata()[:, 1].tolist() for line in figure.axes[0].lines]
    assert lines == [[0.1, 0.5], [0.2, 0.5]]
    heights = [text.get_position()[1] for text in figure.axes[0].texts]
    assert abs(heights[0] - heights[1]) >= 0.06


@pytest.mark.parametrize("heights", [[1.0, 1.0, 1.0], [0.9, 0.5, 0.0, 0.0], [0.3], [0.02, 0.01, 0.0]])
def test_labels_keep_their_distance_inside_of_the_axis(heights):
    placed = check_plots._apart(heights, 0.1)
    assert np.diff(placed).max(initial=-1) <= -0.1 + 1e-9
    assert min(placed) >= 0.05 - 1e-9
    assert max(placed) <= 0.95 + 1e-9
    assert check_plots._apart([0.8, 0.5], 0.1) == [0.8, 0.5]


@pytest.mark.parametrize("unit, ends", [("of 255", (0, 255)), ("in the files' own units", (10, 3000))])
def test_brightness_counts_images(unit, ends):
    figure = brightness_histogram({"red": np.array([10.0, 20.0, 3000.0]), "blue": np.array([10.0, 11.0, 12.0])}, unit)
    assert figure.axes[0].get_xlim() == ends
    assert {"red", "blue", "images"} <= set(read_texts(to_svg(figure)))
    same = brightness_histogram({"grey": np.array([7.0, 7.0])}, "in the files' own units")
    assert "grey" not in read_texts(to_svg(same))
