"""Shapes as pixels, against the inequality that each stands for, evaluated at every pixel's centre."""

import math
from itertools import pairwise

import numpy as np
import pytest

from pixelwise.data.importing.geometry import (
    Region,
    box,
    coordinate,
    ellipse,
    foreground,
    line,
    points_of,
    polygon,
    turned,
    union,
    whole,
)
from pixelwise.errors import DataError

SIZE = (30, 40)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5


def whole_mask(region):
    mask = np.zeros(SIZE, bool)
    rows, columns = region.mask.shape
    mask[region.top : region.top + rows, region.left : region.left + columns] = region.mask
    return mask


@pytest.mark.parametrize("seed", range(20))
def test_an_ellipse_is_where_its_equation_says(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-8, 48), rng.uniform(-8, 38)
    along, across = rng.uniform(0.3, 22, 2)
    degrees = rng.uniform(-360, 360)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    u, v = (X - x) * cosine + (Y - y) * sine, -(X - x) * sine + (Y - y) * cosine
    expected = (u / along) ** 2 + (v / across) ** 2 <= 1
    assert np.array_equal(whole_mask(ellipse((x, y), (along, across), SIZE, degrees)), expected)


def test_an_ellipse_without_width_or_outside_holds_nothing():
    for radii, centre in (((0, 5), (9, 9)), ((1e-9, 5), (9, 9)), ((1e-7, 1e-300), (9, 9)), ((3, 3), (90, 90))):
        assert ellipse(centre, radii, SIZE).mask.size == 0


@pytest.mark.parametrize(
    "corners, rows, columns",
    [
        ((3, 4, 9, 11), (4, 11), (3, 9)),
        ((9, 11, 3, 4), (4, 11), (3, 9)),
        ((3.4, 4.6, 8.6, 10.4), (5, 10), (3, 9)),
        ((-50, -60, 1e6, 1e6), (0, 30), (0, 40)),
        ((38.2, 2, 77, 3), (2, 3), (38, 40)),
    ],
)
def test_a_box_holds_the_pixels_whose_centres_it_holds(corners, rows, columns):
    expected = np.zeros(SIZE, bool)
    expected[rows[0] : rows[1], columns[0] : columns[1]] = True
    assert np.array_equal(whole_mask(box(*corners, SIZE)), expected)


@pytest.mark.parametrize("corners", [(3, 4, 3, 9), (3.6, 4, 4.4, 9), (-9, -9, 0, 0), (40, 30, 50, 50)])
def test_a_box_without_a_centre_is_empty(corners):
    assert box(*corners, SIZE).mask.size == 0


def test_a_box_is_the_polygon_of_its_corners_where_these_are_whole():
    corners = np.array([(3, 4), (19, 4), (19, 26), (3, 26)])
    assert np.array_equal(whole_mask(box(3, 4, 19, 26, SIZE)), whole_mask(polygon(corners, SIZE)))


def test_fewer_than_three_points_and_what_is_outside_hold_nothing():
    for points in ([[3, 4]], [[3, 4], [9, 9]], [[50, 50], [60, 50], [60, 60]]):
        assert polygon(np.array(points, float), SIZE).mask.size == 0


def test_a_quarter_turn_is_clockwise_on_the_screen():
    corners = np.array([(10.0, 5.0), (14.0, 5.0)])
    np.testing.assert_allclose(turned(corners, 90, (10, 5)), [(10, 5), (10, 9)], atol=1e-12)


@pytest.mark.parametrize("width", [1.5, 2, 3, 6, 10])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_line_is_what_lies_near_it(width, count):
    for seed in range(6):
        points = np.random.default_rng(seed).uniform(-10, 50, (count, 2)).round(1)
        points[-1, seed % 2] = points[0, seed % 2]  # upright and level ones among them
        distance = np.full(SIZE, np.inf)
        for (x1, y1), (x2, y2) in pairwise([*points, points[-1]]):
            squared = (x2 - x1) ** 2 + (y2 - y1) ** 2
            along = np.clip(((X - x1) * (x2 - x1) + (Y - y1) * (y2 - y1)) / max(squared, 1e-12), 0, 1)
            distance = np.minimum(distance, np.hypot(X - x1 - along * (x2 - x1), Y - y1 - along * (y2 - y1)))
        mask = whole_mask(line(points, width, SIZE))
        is_clear = abs(distance - width / 2) > 1e-6  # which side of the edge a pixel falls on may be rounding
        assert np.array_equal(mask[is_clear], (distance <= width / 2)[is_clear])


def test_a_line_of_one_pixel_has_no_gap_and_is_cut_at_the_edge():
    mask = whole_mask(line(np.array([(-20.0, -10.0), (60.0, 40.0)]), 1, SIZE))
    rows, columns = np.nonzero(mask)
    assert {int(column) for column in columns} == set(range(40))
    assert np.abs((rows + 0.5) - (-10 + (columns + 0.5 + 20) * 50 / 80)).max() <= 0.75
    assert line(np.array([(90.0, 90.0), (95.0, 95.0)]), 1, SIZE).mask.size == 0


def test_regions_unite_wherever_they_lie():
    parts = [box(2, 3, 9, 9, SIZE), ellipse((30, 20), (6, 3), SIZE), Region(np.zeros((0, 0), bool)), box(8, 8, 12, 10, SIZE)]
    expected = np.logical_or.reduce([whole_mask(part) for part in parts])
    assert np.array_equal(whole_mask(union(parts)), expected)
    assert union([]).mask.size == 0


@pytest.mark.parametrize(
    "levels, expected",
    [
        ([0, 1, 1], [0, 1, 1]),
        ([0, 127, 128, 255], [0, 0, 1, 1]),
        ([0, 0], [0, 0]),
        ([0, 5, 9, 20], [0, 0, 0, 1]),
        ([10, 20], [1, 1]),
    ],
)
def test_the_foreground_is_at_least_half_as_strong_as_the_strongest(levels, expected):
    assert foreground(np.array([levels], np.uint8)).astype(int).tolist() == [expected]


def test_numbers_are_read_from_texts_too():
    assert [coordinate(value) for value in (3, "4.5", -2.25, "1e3")] == [3, 4.5, -2.25, 1000]
    assert [whole(value, "it") for value in (3, "4", 5.0)] == [3, 4, 5]
    assert points_of([[1, "2"], (3.5, 4)]).tolist() == [[1, 2], [3.5, 4]]


@pytest.mark.parametrize("value", [math.nan, math.inf, "-inf", "nan", None, True, "a", [], 1e7, -2_000_000, 10**400, "1" * 400])
def test_what_is_no_coordinate_is_refused(value):
    with pytest.raises(DataError, match="must be a number of at most 1,000,000"):
        coordinate(value)
    with pytest.raises(DataError, match="must be a number"):
        points_of([[1, 2], [3, value]])


@pytest.mark.parametrize("value", [math.nan, math.inf, None, True, "a", [], 2.5, "2.5", -1, 1 << 40, 10**400])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(DataError, match="the width must be a whole number from 0 to"):
        whole(value, "the width")


@pytest.mark.parametrize("pairs", [None, [], "12", {}, [1, 2, 3], [[1, 2], [3]], [[1, 2, 3]], [["1,2"]]])
def test_what_are_no_points_is_refused(pairs):
    with pytest.raises(DataError, match="points"):
        points_of(pairs)
