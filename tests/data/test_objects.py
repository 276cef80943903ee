"""Objects are counted as SciPy counts them, and what a coarse map loses as plain loops find it."""

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.data.objects import STRIDES, area_bins, area_quantiles, bin_area, numbered_objects, objects_by_class


def blobs(size=(70, 90), classes=4, seed=0, scale=3.0):
    """Random regions with many small ones, 255 here and there."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=size), scale)
    edges = np.quantile(smooth, np.linspace(0, 1, classes + 1)[1:-1])
    indices = np.digitize(smooth, edges).astype(np.uint8)
    indices[rng.random(size) < 0.03] = 255
    return indices


def test_bins_of_areas_are_whole_and_in_order():
    areas = np.arange(1, 5000)
    bins = area_bins(areas)
    lowest = np.array([bin_area(position) for position in range(1, int(bins.max()) + 2)])
    assert np.all(np.diff(lowest) > 0)
    assert np.array_equal(bins, np.searchsorted(lowest, areas, side="right"))
    assert np.array_equal(bins[:15], areas[:15])
    assert all(1 << power in lowest for power in range(12))
    width = np.array([bin_area(position + 1) / bin_area(position) for position in range(8, int(bins.max()))])
    assert width.max() <= 1 + 1 / 8


def test_areas_up_to_the_largest_image_have_bins():
    areas = np.array([2**31 - 1, 2**31, 2**40 + 12345])
    bins = area_bins(areas)
    pairs = zip(bins.tolist(), areas.tolist(), strict=True)
    assert all(bin_area(position) <= area < bin_area(position + 1) for position, area in pairs)


def test_quantiles_from_bins_are_near_those_of_the_areas():
    areas = np.random.default_rng(0).lognormal(5, 2, 20_000).astype(int) + 1
    bins, counts = np.unique(area_bins(areas), return_counts=True)
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = area_quantiles(dict(zip(bins.tolist(), counts.tolist(), strict=True)), shares)
    assert found == pytest.approx(np.quantile(areas, shares, method="inverted_cdf"), rel=1 / 15, abs=1)
    assert area_quantiles({}, shares) == []
    assert area_quantiles({7: 3}, shares) == [7] * 5


@pytest.mark.parametrize("scale", [0.4, 3.0])  # the first has regions of single pixels, the second large ones
def test_objects_are_the_regions_that_scipy_finds(scale):
    indices = blobs(scale=scale)
    found = objects_by_class(indices, skip=(0,))
    assert sorted(found) == [1, 2, 3]
    for index, own in found.items():
        labels, count = ndimage.label(indices == index, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())[1:]
        assert own.count == count
        assert own.areas == dict(zip(*(part.tolist() for part in np.unique(area_bins(areas), return_counts=True)), strict=True))
        for stride, missing in zip(STRIDES, own.lost_objects, strict=True):
            grid = labels[stride // 2 :: stride, stride // 2 :: stride]
            assert missing == len(set(range(1, count + 1)) - set(grid.ravel().tolist()))


def test_large_maps_take_another_way_with_the_same_result():
    indices = np.tile(blobs((64, 64)), (9, 9))
    index, (labels, count) = 1, ndimage.label(indices == 1, np.ones((3, 3)))
    own = objects_by_class(indices)[index]
    bins, counts = np.unique(area_bins(np.bincount(labels.ravel())[1:]), return_counts=True)
    assert own.count == count
    assert own.areas == dict(zip(bins.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("size", [(70, 90), (64, 64), (33, 31), (3, 50)])
def test_lost_pixels_are_those_that_loops_find(size):
    indices = blobs(size, scale=1.0)
    found = objects_by_class(indices)
    for place, stride in enumerate(STRIDES):
        lost = np.zeros(256, int)
        for row in range(size[0]):
            for column in range(size[1]):
                block = (row // stride * stride + stride // 2, column // stride * stride + stride // 2)
                at = (min(block[0], size[0] - 1), min(block[1], size[1] - 1))
                if indices[at] not in (255, indices[row, column]):
                    lost[indices[row, column]] += 1
        assert {index: own.lost_pixels[place] for index, own in found.items()} == {index: lost[index] for index in found}


def test_a_line_is_lost_and_a_disc_is_not():
    indices = np.zeros((128, 128), np.uint8)
    indices[1] = 1
    indices[40:100, 40:100] = 2
    found = objects_by_class(indices, skip=(0,))
    assert found[1].lost_objects == (1, 1, 1, 1)
    assert found[1].lost_pixels == (128, 128, 128, 128)
    assert found[2].lost_objects == (0, 0, 0, 0)
    assert found[2].lost_pixels[0] == 0  # its edges lie on the blocks' own


@pytest.mark.parametrize("at, is_lost", [((6, 10), False), ((6, 11), True), ((7, 10), True), ((2, 2), False), ((4, 4), True)])
def test_a_single_pixel_is_lost_unless_the_grid_of_stride_4_meets_it(at, is_lost):
    indices = np.zeros((40, 40), np.uint8)
    indices[at] = 1
    assert objects_by_class(indices, skip=(0,))[1].lost_objects[0] == is_lost


def test_numbered_objects_count_by_number_not_by_touching():
    ids = np.zeros((40, 40), np.uint16)
    ids[2:10, 2:10], ids[2:10, 10:20], ids[31, 31], ids[35:37, 35:37] = 5, 900, 7, 7
    own = numbered_objects(ids, (ids > 0).astype(np.uint8))[1]
    assert own.count == 3
    assert own.areas == {int(area_bins(np.array([area]))[0]): 1 for area in (64, 80, 5)}
    assert own.lost_objects[0] == 1  # 7 falls through the grid
    assert numbered_objects(np.zeros((5, 5), np.uint8), np.zeros((5, 5), np.uint8)) == {}
