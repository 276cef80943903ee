"""Distributions over images: medians, quartiles and whiskers as NumPy and Matplotlib have them, and every image as a dot."""

import math

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats

from pixelwise.report.image_plots import class_distribution, per_image_histogram
from pixelwise.report.plots import to_svg
from tests.report.svg import read_texts

RED, BLUE = (200, 0, 0), (0, 0, 200)


def test_the_histogram_names_the_median_and_survives_missing_scores():
    texts = read_texts(to_svg(per_image_histogram([0.2, 0.4, 0.9, None, math.nan])))
    assert "median 0.400" in texts
    assert "images" in read_texts(to_svg(per_image_histogram([])))


def test_each_image_counts_in_the_histogram():
    bars = per_image_histogram([0.0, 0.04, 0.5, 0.51, 0.52, 1.0]).axes[0].patches
    assert sorted(bar.get_height() for bar in bars if bar.get_height()) == [1, 2, 3]


def test_boxes_are_those_of_matplotlib():
    own = np.append(0.5 + 0.05 * np.random.default_rng(0).standard_normal(41), [0.01, 0.02, 0.99])  # outliers on both sides
    axes = class_distribution({"a": own.tolist()}, {"a": RED}).axes[0]
    expected = boxplot_stats(own)[0]
    (box,) = axes.patches
    whiskers, caps, median = (collection.get_segments() for collection in axes.collections)
    drawn = [box.get_x(), box.get_x() + box.get_width(), median[0][0][0], caps[0][0][0], caps[1][0][0]]
    assert drawn == pytest.approx([expected[key] for key in ("q1", "q3", "med", "whislo", "whishi")])
    assert [whiskers[0][0][0], whiskers[1][1][0]] == pytest.approx([expected["whislo"], expected["whishi"]])


def test_each_image_is_a_dot_in_the_row_of_its_class_and_is_counted():
    values = {"a": [0.1, 0.9, 0.9], "b": [0.5]}
    figure = class_distribution(values, {"a": RED, "b": BLUE})
    points = [line.get_xydata() for line in figure.axes[0].lines]
    assert [sorted(found[:, 0].tolist()) for found in points] == [[0.1, 0.9, 0.9], [0.5]]
    assert [np.round(found[:, 1]).tolist() for found in points] == [[0, 0, 0], [1]]
    assert [text for text in read_texts(to_svg(figure)) if text in {"a", "b", "1", "3"}] == ["a", "b", "3", "1"]


def test_dots_of_equal_scores_do_not_cover_each_other():
    line = class_distribution({"a": [0.5] * 40}, {"a": RED}).axes[0].lines[0]
    heights = np.sort(line.get_ydata())
    assert np.diff(heights).min() > 0.002
    assert np.abs(heights).max() <= 0.24


def test_many_dots_are_pixels_and_stay_light():
    many = {f"c{row}": np.random.default_rng(row).random(1000).tolist() for row in range(4)}
    svg = to_svg(class_distribution(many, dict.fromkeys(many, RED)))
    assert svg.count("data:image/png") == 1
    assert len(svg) < 150_000
