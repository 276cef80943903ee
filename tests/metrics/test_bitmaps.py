"""Masks as bits: they say what the arrays say. What the boundary makes of them is compared in test_boundary.py."""

import numpy as np
import pytest

from pixelwise.metrics.bitmaps import dilated, mixed_squares, mixed_squares_of, packed, packed_classes

SIZES = [(1, 1), (5, 63), (4, 64), (7, 65), (9, 200)]


def draw_labels(size, seed=0, classes=3):
    return np.random.default_rng(seed).integers(0, classes, size, dtype=np.uint8)


def to_pixels(bits, width):
    return np.array([[bool(int(row[column // 64]) >> column % 64 & 1) for column in range(width)] for row in bits], bool)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bits_are_the_pixels_and_the_rest_of_a_row_is_empty(size):
    mask = draw_labels(size, classes=2).astype(bool)
    bits = packed(mask)
    assert bits.shape == (size[0], size[1] // 64 + 1)
    np.testing.assert_array_equal(to_pixels(bits, size[1]), mask)
    assert np.bitwise_count(bits).sum() == mask.sum()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bits_of_classes_are_those_of_their_masks(size):
    labels = draw_labels(size)
    expected = [packed(labels == index) for index in (2, 0)]
    np.testing.assert_array_equal(packed_classes(labels, (2, 0)), expected)
    expected.append(packed(labels == 1))
    np.testing.assert_array_equal(packed_classes(labels, (2, 0, 1), last_is_rest=True), expected)


@pytest.mark.parametrize("size", [(5, 63), (4, 64), (7, 65), (9, 200)], ids=str)
def test_a_square_of_two_by_two_is_mixed_where_its_labels_differ(size):
    labels = draw_labels(size)
    labels[1:4, : size[1] // 2] = 1
    squares = np.stack([labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]])
    expected = (squares != squares[0]).any(0)
    by_masks = mixed_squares_of(packed_classes(labels, (0, 1, 2)))
    for bits in (mixed_squares(labels), by_masks):
        np.testing.assert_array_equal(to_pixels(bits, size[1])[:, 1:], expected)


@pytest.mark.parametrize("distance", [1, 2, 7, 33, 64, 65, 80])
def test_one_mixed_square_reaches_as_far_as_the_distance_says(distance):
    height, width, row, column = 170, 300, 90, 140
    squares = np.zeros((height - 1, width), bool)
    squares[row, column] = True  # pixels row, row + 1 and column - 1, column
    expected = np.zeros((height, width), bool)
    expected[row + 1 - distance : row + 1 + distance, column - distance : column + distance] = True
    expected[:distance], expected[-distance:] = True, True
    expected[:, :distance], expected[:, -distance:] = True, True
    np.testing.assert_array_equal(to_pixels(dilated(packed(squares), width, distance), width), expected)
