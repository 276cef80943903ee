"""Strata: the border and the size of objects, against loops over pixels and scipy."""

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import DataError
from pixelwise.metrics import strata as module
from pixelwise.metrics.strata import Strata, boundary_mask, object_size_map


def draw_target(size=(40, 60), seed=0):
    rng = np.random.default_rng(seed)
    target = np.kron(rng.integers(0, 4, (size[0] // 4, size[1] // 5)), np.ones((4, 5))).astype(np.uint8)
    target[rng.random(size) < 0.03] = 255
    return target


def naive_sizes(target, areas, background=None):
    expected = np.full(target.shape, 255, np.uint8)
    for index in set(np.unique(target).tolist()) - {background, 255}:
        labels, _ = ndimage.label(target == index, np.ones((3, 3)))
        area = np.bincount(labels.ravel())[labels]
        expected[labels > 0] = np.digitize(area, areas)[labels > 0]
    return expected


@pytest.mark.parametrize("radius", [1, 3], ids="{} px".format)
def test_boundary_equals_a_loop_over_windows(radius):
    target = draw_target()
    expected = np.zeros(target.shape, bool)
    for row, column in np.argwhere(target != 255):
        window = target[max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1]
        expected[row, column] = len(set(window.ravel().tolist()) - {255}) > 1
    np.testing.assert_array_equal(boundary_mask(target, radius), expected)


def test_ignored_pixels_and_the_edge_of_the_image_are_no_boundary():
    target = np.full((6, 6), 2, np.uint8)
    target[2:4, 2:4] = 255
    assert not boundary_mask(target, 2).any()


def test_sizes_equal_those_of_scipys_components():
    target = draw_target((80, 100))
    expected = naive_sizes(target, (60, 200))
    assert set(np.unique(expected)) == {0, 1, 2, 255}
    np.testing.assert_array_equal(object_size_map(target, (60, 200)), expected)


@pytest.mark.parametrize("pixels_per_run", [0, 10**9], ids=["by runs", "by classes"])
@pytest.mark.parametrize("background", [None, 1], ids=["no background", "background"])
def test_both_ways_to_the_sizes_give_those_of_scipys_components(monkeypatch, pixels_per_run, background):
    monkeypatch.setattr(module, "_PIXELS_PER_RUN", pixels_per_run)
    rng = np.random.default_rng(0)
    for size in [(1, 1), (1, 30), (30, 1), (2, 2), (7, 9), (24, 31)] * 8:
        target = rng.choice([0, 1, 2, 255], size, p=[0.5, 0.3, 0.15, 0.05]).astype(np.uint8)
        np.testing.assert_array_equal(object_size_map(target, (3, 9), background), naive_sizes(target, (3, 9), background))


def test_noise_does_not_make_a_graph_larger_than_the_image(monkeypatch):
    monkeypatch.setattr(module, "_sizes_by_run", lambda *_: pytest.fail("a graph of single pixels"))
    object_size_map(np.random.default_rng(0).integers(0, 9, (64, 64)).astype(np.uint8))


def test_an_area_at_the_edge_of_two_sizes_is_of_the_larger():
    target = np.zeros((10, 10), np.uint8)
    target[:2, :2], target[5:8, 5:8] = 1, 1
    sizes = object_size_map(target, (4, 10), background=0)
    assert (sizes[0, 0], sizes[5, 5], sizes[9, 9]) == (1, 1, 255)
    assert object_size_map(target, (5, 9), background=0)[[0, 5], [0, 5]].tolist() == [0, 2]


def test_every_counted_pixel_is_in_one_side_and_one_size():
    target = draw_target()
    masks = Strata(2, (50, 200)).masks(target)
    counted = (target != 255).astype(int)
    np.testing.assert_array_equal(masks["inside"].astype(int) + masks["boundary"], counted)
    np.testing.assert_array_equal(masks["small"].astype(int) + masks["medium"] + masks["large"], counted)


def test_background_has_a_side_and_no_size():
    target = draw_target()
    masks = Strata(2, (50, 200), background=0).masks(target)
    assert not (masks["small"] | masks["medium"] | masks["large"])[target == 0].any()
    assert (masks["inside"] | masks["boundary"])[target == 0].all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Strata(radius=0), "radius of the boundary must be 1 pixel or more, got 0"),
        (lambda: Strata(areas=(9, 9)), r"two rising numbers of pixels, got \(9, 9\)"),
        (lambda: boundary_mask(np.zeros((2, 3, 3), np.uint8), 1), r"\(height, width\) uint8 target, got \(2, 3, 3\)"),
        (lambda: object_size_map(np.zeros((3, 3), np.int64)), r"uint8 target, got \(3, 3\) int64"),
    ],
    ids=["no radius", "equal areas", "three axes", "int64"],
)
def test_strata_that_make_no_sense_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()
