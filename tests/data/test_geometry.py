"""Shear, zooms per axis, shift, tilt and bending in the one warp; plain crops, turns and flips are in test_transforms."""

import cv2
import numpy as np
import pytest

from pixelwise.data.deformation import Deformation
from pixelwise.data.distortion import draw_distortion
from pixelwise.data.geometry import Geometry, compose, sample_nearest, warp_image, warp_target
from pixelwise.data.transforms import Augmenter
from pixelwise.types import IGNORE_INDEX

EVERYTHING = Deformation(zoom=0.2, shear=15, shift=0.1, perspective=0.2, elastic=3, grid=0.3)
STRENGTHS = {
    "zoom": Deformation(zoom=0.3),
    "shear": Deformation(shear=25),
    "shift": Deformation(shift=0.3),
    "perspective": Deformation(perspective=0.3),
    "elastic": Deformation(elastic=4),
    "grid": Deformation(grid=0.5),
    "everything": EVERYTHING,
}


def blobs(height: int, width: int, classes: int = 4, seed: int = 0) -> np.ndarray:
    field = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width)).astype(np.float32), (0, 0), 6)
    return np.digitize(field, np.quantile(field, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.uint8)


def drawn(deformation: Deformation, seed: int, size=(120, 150), crop=(64, 80), **more) -> Geometry:
    augmenter = Augmenter(crop, (0.5, 2.0), 30.0, 0.5, 0.5, deformation=deformation, **more)
    return augmenter.draw(size, None, np.random.default_rng(seed))


def seen(geometry: Geometry) -> np.ndarray:
    """(h, w, 2): the source position (x, y) of every pixel of the crop, in plain double arithmetic."""
    height, width = geometry.size
    plane = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    if geometry.distortion is not None:
        plane = geometry.distortion.positions().astype(np.float64)
    matrix = np.vstack([geometry.matrix, [0, 0, 1]])[:3]
    moved = np.concatenate([plane, np.ones((height, width, 1))], axis=2) @ matrix.T
    return moved[..., :2] / moved[..., 2:]


@pytest.mark.parametrize("scale", [0.24, 0.9, 2.0])
@pytest.mark.parametrize("name", STRENGTHS)
def test_an_image_of_its_own_coordinates_shows_where_each_pixel_comes_from(name, scale):
    augmenter = Augmenter((60, 50), (scale, scale), 30.0, 0.5, 0.5, deformation=STRENGTHS[name])
    geometry = augmenter.draw((200, 240), None, np.random.default_rng(4))
    rows, columns = np.mgrid[:200, :240].astype(np.uint8)
    x, y = np.moveaxis(seen(geometry), 2, 0)
    rim = 1 if scale > 0.5 else 10  # what is averaged there reaches outside
    inside = (x > rim) & (x < 239 - rim) & (y > rim) & (y < 199 - rim)
    assert inside.mean() > 0.2
    moved = warp_image(np.dstack([columns, rows]), geometry)
    # rounding, and OpenCV interpolates at 1/32 of a pixel; zooming out averages areas first, and rounds once more
    tolerance = 0.8 if scale > 0.5 else 1.2
    np.testing.assert_allclose(moved[inside], np.stack([x, y], axis=-1)[inside], atol=tolerance)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", STRENGTHS)
def test_image_and_mask_move_together(name, seed):
    mask = blobs(120, 150, seed=seed)
    image = np.repeat((mask * 60)[..., None], 3, axis=2)
    geometry = drawn(STRENGTHS[name], seed)
    moved_image, moved_mask = warp_image(image, geometry), warp_target(mask, geometry)
    drawn_mask = np.where(moved_mask == IGNORE_INDEX, 127, moved_mask * 60).astype(np.uint8)
    # inside of regions they agree; only on borders does the image mix what lies within a pixel's reach
    reach = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(drawn_mask, reach).astype(int), cv2.dilate(drawn_mask, reach).astype(int)
    assert (low == high).mean() > 0.2
    assert ((moved_image[..., 0] >= low - 1) & (moved_image[..., 0] <= high + 1)).mean() > 0.985


@pytest.mark.parametrize("seed", range(10))
def test_no_label_appears_that_was_not_there(seed):
    mask = np.random.default_rng(seed).choice([0, 3, 7, 200], (70, 90)).astype(np.uint8)
    assert set(np.unique(warp_target(mask, drawn(EVERYTHING, seed, (70, 90))))) <= {0, 3, 7, 200, IGNORE_INDEX}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", STRENGTHS)
def test_the_coarse_look_sees_the_pixels_of_the_warp(name, seed):
    mask = blobs(120, 150, seed=seed)
    geometry = drawn(STRENGTHS[name], seed)
    everywhere = sample_nearest(mask, geometry, np.arange(64), np.arange(80))
    assert (everywhere == warp_target(mask, geometry)).mean() > 0.99
    np.testing.assert_array_equal(
        everywhere[5:60:7, 3:70:9], sample_nearest(mask, geometry, np.arange(5, 60, 7), np.arange(3, 70, 9))
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_inverse_of_the_matrix_brings_pixels_back(seed):
    mask = blobs(90, 90, seed=seed)
    geometry = drawn(Deformation(zoom=0.2, shear=10, shift=0.05, perspective=0.2), seed, (90, 90), (90, 90))
    there = warp_target(mask, geometry)
    inverse = np.linalg.inv(np.vstack([geometry.matrix, [0, 0, 1]])[:3])
    back = warp_target(there, Geometry(inverse / inverse[2, 2], (90, 90)))
    valid = back != IGNORE_INDEX
    assert valid.mean() > 0.05
    assert (back == mask)[valid].mean() > 0.85  # twice nearest: borders of regions move by up to a pixel


def test_shear_and_opposite_zooms_keep_areas():
    mask = np.zeros((160, 160), np.uint8)
    cv2.circle(mask, (80, 80), 30, 1, -1)
    area = int(mask.sum())
    for shape in ({"shear": 20.0}, {"zoom": (1.25, 0.8)}, {"shift": (9.0, -7.0)}, {"angle": 33.0, "shear": -20.0}):
        geometry = compose((160, 160), (0, 0), **shape)
        moved = warp_target(mask, geometry)
        determinant = np.linalg.det(geometry.matrix[:, :2])
        assert abs((moved == 1).sum() * determinant / area - 1) < 0.02
    assert np.linalg.det(compose((160, 160), (0, 0), zoom=(1.25, 0.8), angle=20).matrix[:, :2]) == pytest.approx(1)


def test_a_shift_is_that_many_pixels():
    mask = np.random.default_rng(0).integers(0, 9, (40, 50)).astype(np.uint8)
    moved = warp_target(mask, compose((40, 50), (0, 0), shift=(3, -5)))
    np.testing.assert_array_equal(moved[:37, 5:], mask[3:, :45])
    assert (moved[37:] == IGNORE_INDEX).all()
    assert (moved[:, :5] == IGNORE_INDEX).all()


def test_a_tilt_keeps_the_centre_and_is_larger_at_one_border_by_its_share():
    matrix = compose((101, 101), (0, 0), tilt=(0.0, 0.2)).matrix

    def look(x: float, y: float) -> np.ndarray:
        found = matrix @ (x, y, 1.0)
        return found[:2] / found[2]

    np.testing.assert_allclose(look(50, 50), (50, 50), atol=1e-9)
    right, left = look(100.5, 50)[0] - 50, 50 - look(-0.5, 50)[0]
    assert (50.5 / right, 50.5 / left) == pytest.approx((1.2, 0.8), rel=0.01)


def test_the_grid_keeps_the_border_and_never_folds():
    for seed in range(30):
        bent = draw_distortion((64, 80), np.random.default_rng(seed), grid=0.9)
        for line, length in ((bent.rows, 64), (bent.columns, 80)):
            assert (np.diff(line) > 0).all()
            assert -0.5 <= line[0] < line[-1] <= length - 0.5
    assert np.abs(bent.rows - np.arange(64)).max() > 1


def test_elastic_displacements_have_the_deviation_asked_for_and_are_smooth():
    fields = [
        draw_distortion((256, 256), np.random.default_rng(seed), elastic=5).positions()
        - np.indices((256, 256))[::-1].T.swapaxes(0, 1)
        for seed in range(60)
    ]
    stacked = np.stack(fields)
    corner = stacked[:, 0, 0]  # a node; in between, interpolation averages
    assert corner.std() == pytest.approx(5, rel=0.25)
    assert 2 < stacked.std() < 5
    assert np.abs(np.diff(stacked, axis=1)).max() < 1  # no pixel jumps over its neighbour
    most = np.abs(draw_distortion((64, 64), np.random.default_rng(0), elastic=100).nodes).max()
    assert most == pytest.approx(0.15 * 64)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("name", ["shear", "perspective", "elastic"])
def test_planes_of_any_integers_move_like_the_mask(dtype, name):
    mask = blobs(80, 90)
    geometry = drawn(STRENGTHS[name], 2, (80, 90))
    planes = np.stack([mask, mask.T.reshape(80, 90)]).astype(dtype) * dtype(31)
    moved = warp_target(planes, geometry, outside=0)
    assert moved.dtype == dtype
    expected = warp_target(mask, geometry)
    assert ((moved[0] == np.where(expected == 255, 0, expected.astype(dtype) * 31)).mean()) > 0.99


def test_raters_and_instances_go_through_the_geometry_of_the_image():
    mask = blobs(100, 120)
    raters = np.stack([mask, (mask + 1) % 4, np.zeros_like(mask)])
    instances = mask.astype(np.int32) * 70_000
    augmenter = Augmenter((64, 64), (0.7, 1.4), 20.0, 0.5, deformation=EVERYTHING)
    image = np.zeros((100, 120, 3), np.uint8)
    _, target, maps = augmenter.with_maps(
        image, mask, np.random.default_rng(3), {"raters": raters, "instances": instances}, outside=0
    )
    shown = target != IGNORE_INDEX
    np.testing.assert_array_equal(maps["raters"][0][shown], target[shown])
    np.testing.assert_array_equal(maps["raters"][1][shown], (target[shown] + 1) % 4)
    assert (maps["instances"][shown] == target[shown].astype(np.int32) * 70_000).mean() > 0.97  # another rounding of ties
    assert (maps["raters"][:, ~shown] == 0).all()


def test_the_edge_goes_on_outside_of_the_image_while_labels_are_ignored():
    image = np.full((20, 30, 3), 50, np.uint8)
    image[:, 15:] = 90
    mask = np.zeros((20, 30), np.uint8)
    for shape in ({}, {"tilt": (0.1, 0.1)}, {"distortion": draw_distortion((40, 60), np.random.default_rng(0), grid=0.2)}):
        geometry = compose((40, 60), (-10, -15), extend=True, **shape)
        moved, target = warp_image(image, geometry), warp_target(mask, geometry)
        assert set(np.unique(moved[:, :20])) == {50}
        assert set(np.unique(moved[:, 40:])) == {90}
        assert (target[0] == IGNORE_INDEX).all()
    far = compose((8, 8), (100, 100), extend=True)
    assert (warp_image(image, far) == 90).all()
    assert (warp_target(mask, far) == IGNORE_INDEX).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3, 2), (300, 40)])
def test_images_of_any_size_are_bent(size):
    augmenter = Augmenter((48, 64), (0.1, 2.0), 180.0, deformation=EVERYTHING, extend=True)
    for seed in range(10):
        image, target = augmenter(np.full((*size, 3), 9, np.uint8), np.zeros(size, np.uint8), np.random.default_rng(seed))
        assert image.shape == (48, 64, 3)
        assert (image == 9).all()
        assert set(np.unique(target)) <= {0, IGNORE_INDEX}


def test_strengths_of_nothing_change_nothing():
    mask = blobs(100, 120)
    image = np.dstack([mask * 50] * 3)
    plain = Augmenter((64, 64), (0.5, 2.0), 20.0, 0.5, 0.5, 0.3, 0.3, 0.3, 0.05)
    other = Augmenter((64, 64), (0.5, 2.0), 20.0, 0.5, 0.5, 0.3, 0.3, 0.3, 0.05, deformation=Deformation())
    for seed in range(5):
        for one, two in zip(
            plain(image, mask, np.random.default_rng(seed)), other(image, mask, np.random.default_rng(seed)), strict=True
        ):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name, most", [("zoom", 0.3), ("shear", 25), ("shift", 0.3 * 64), ("tilt", 0.3)])
def test_numbers_are_drawn_uniformly_from_the_range_asked_for(name, most):
    strength = Deformation(zoom=0.3, shear=25, shift=0.3, perspective=0.3)
    draws = [strength.draw((200, 200), (64, 64), 1.0, np.random.default_rng(seed))[name] for seed in range(600)]
    values = np.array(draws).ravel() - (1 if name == "zoom" else 0)
    assert -most <= values.min() < -0.96 * most
    assert 0.96 * most < values.max() <= most
    assert np.abs(np.quantile(values / most, [0.25, 0.5, 0.75]) - [-0.5, 0, 0.5]).max() < 0.12
    if name != "shear":  # the axes are independent
        assert abs(np.corrcoef(np.array(draws).T)[0, 1]) < 0.15


def test_distortions_come_with_their_probability():
    strength = Deformation(elastic=2, distortion_probability=0.3)
    drawn_ones = ["distortion" in strength.draw((64, 64), (64, 64), 1.0, np.random.default_rng(seed)) for seed in range(400)]
    assert 0.22 < np.mean(drawn_ones) < 0.38


@pytest.mark.parametrize("seed", range(20))
def test_the_bounds_of_a_bend_hold_all_its_positions(seed):
    bent = draw_distortion((50, 70), np.random.default_rng(seed), elastic=4, elastic_cells=1 + seed % 6, grid=0.4 * (seed % 2))
    top, left, bottom, right = bent.bounds()
    (low_x, low_y), (high_x, high_y) = bent.positions().min(axis=(0, 1)), bent.positions().max(axis=(0, 1))
    assert top <= low_y <= high_y <= bottom
    assert left <= low_x <= high_x <= right
