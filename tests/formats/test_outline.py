"""Outlines of masks: drawn again they are the mask, and parts and holes are as many as there are."""

import itertools

import cv2
import numpy as np
import pytest

from pixelwise.formats import outline, polygon


def draw(rings, size):
    drawn = polygon.draw([polygon.as_ring(ring) for ring in rings], size)
    mask = np.zeros(size, bool)
    rows, columns = drawn.mask.shape
    mask[drawn.top : drawn.top + rows, drawn.left : drawn.left + columns] = drawn.mask
    return mask


def make_masks():
    rng = np.random.default_rng(0)
    for number in range(60):
        size = tuple(rng.integers(1, 30, 2).tolist())
        if number % 3 == 0:
            yield cv2.GaussianBlur(rng.random(size), (0, 0), 2) > 0.5
        else:
            yield rng.random(size) < rng.choice([0.05, 0.3, 0.5, 0.7, 0.95, 1.0])


def test_outlines_drawn_again_are_the_mask():
    for mask in make_masks():
        again = np.zeros_like(mask)
        for ring, _ in outline.trace(mask):
            again ^= draw([ring], mask.shape)
        np.testing.assert_array_equal(again, mask)


def test_parts_without_holes_drawn_as_one_object_are_the_mask():
    count = 0
    for mask in make_masks():
        outlines = outline.trace(mask)
        if outlines and not any(found.is_hole for found in outlines):
            np.testing.assert_array_equal(draw([found.ring for found in outlines], mask.shape), mask)
            count += 1
    assert count > 10


def test_parts_and_holes_are_counted_as_by_connected_components():
    for mask in make_masks():
        outlines = outline.trace(mask)
        parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
        around = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
        holes = cv2.connectedComponents(around, connectivity=8)[0] - 2
        assert (sum(not found.is_hole for found in outlines), sum(found.is_hole for found in outlines)) == (parts, holes)


def test_one_joined_ring_holds_the_same_pixels():
    several = 0
    for mask in make_masks():
        rings = [found.ring for found in outline.trace(mask)]
        several += len(rings) > 3
        if rings:
            np.testing.assert_array_equal(draw([outline.join(rings)], mask.shape), mask)
    assert several > 20


def test_the_outline_of_a_square_with_a_hole_is_worked_out_by_hand():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    outer, hole = outline.trace(np.pad(mask, ((2, 0), (1, 0))))
    assert (outer.ring.tolist(), outer.is_hole) == ([[1, 2], [4, 2], [4, 5], [1, 5]], False)
    assert (hole.ring.tolist(), hole.is_hole) == ([[2, 3], [3, 3], [3, 4], [2, 4]], True)
    joined = outline.join([outer.ring, hole.ring]).tolist()
    assert joined == [[1, 2], [2, 3], [3, 3], [3, 4], [2, 4], [2, 3], [1, 2], [4, 2], [4, 5], [1, 5]]


def test_cuts_lead_to_the_nearest_corner():
    ring = np.array([[0, 0], [50, 0], [50, 40], [0, 40]])
    hole = np.array([[45, 30], [48, 30], [48, 38], [45, 38]])
    joined = outline.join([ring, hole]).tolist()
    assert [[50, 40], [48, 38]] in [list(pair) for pair in itertools.pairwise(joined)]


@pytest.mark.parametrize("value, expected", [(False, []), (True, [[0, 0], [7, 0], [7, 1], [0, 1]])])
def test_empty_and_full_masks(value, expected):
    assert [found.ring.tolist() for found in outline.trace(np.full((1, 7), value))] == ([expected] if expected else [])
