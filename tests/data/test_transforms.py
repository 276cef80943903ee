import pickle

import cv2
import numpy as np
import pytest

from pixelwise.data.color import color_matrix, jitter_colors
from pixelwise.data.geometry import compose, sample_nearest, warp_image, warp_target
from pixelwise.data.transforms import Augmenter
from pixelwise.types import IGNORE_INDEX

FULL = Augmenter((48, 64), (0.5, 2.0), 30.0, 0.5, 0.5, 0.3, 0.3, 0.3, 0.05)
GEOMETRY_ONLY = Augmenter((48, 64), (0.5, 2.0), 30.0, 0.5, 0.5)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def blobs(height: int, width: int, classes: int = 4, seed: int = 0) -> np.ndarray:
    """Smooth regions, so that a wrong half pixel changes few of them and a wrong matrix many."""
    field = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), 6)
    edges = np.quantile(field, np.linspace(0, 1, classes + 1)[1:-1])
    return np.digitize(field, edges).astype(np.uint8)


def test_nothing_drawn_gives_the_source_crop_exactly():
    image = noise(61, 83)
    geometry = compose((20, 31), (5, 7))
    np.testing.assert_array_equal(warp_image(image, geometry), image[5:25, 7:38])
    np.testing.assert_array_equal(warp_target(image[..., 0], geometry), image[5:25, 7:38, 0])


@pytest.mark.parametrize("crop", [(20, 31), (21, 30)])
@pytest.mark.parametrize("flip,flip_vertical", [(True, False), (False, True), (True, True)])
def test_a_flip_is_numpys_flip_exactly(crop, flip, flip_vertical):
    image = noise(61, 83)
    source = image[5 : 5 + crop[0], 7 : 7 + crop[1]]
    axes = [axis for axis, wanted in ((0, flip_vertical), (1, flip)) if wanted]
    geometry = compose(crop, (5, 7), flip=flip, flip_vertical=flip_vertical)
    np.testing.assert_array_equal(warp_image(image, geometry), np.flip(source, axes))
    np.testing.assert_array_equal(warp_target(image[..., 0], geometry), np.flip(source[..., 0], axes))


@pytest.mark.parametrize("side", [20, 21])
@pytest.mark.parametrize("angle", [90, 180, 270, -90])
def test_a_quarter_turn_of_a_square_is_numpys_rot90_exactly(angle, side):
    image = noise(61, 83)
    source = image[5 : 5 + side, 7 : 7 + side]
    geometry = compose((side, side), (5, 7), angle=angle)
    np.testing.assert_array_equal(warp_image(image, geometry), np.rot90(source, angle // 90))
    np.testing.assert_array_equal(warp_target(image[..., 0], geometry), np.rot90(source[..., 0], angle // 90))


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_zooming_out_by_a_whole_number_averages_areas(factor):
    image = noise(48, 72)
    small = warp_image(image, compose((48 // factor, 72 // factor), (0, 0), scale=1 / factor))
    means = image.reshape(48 // factor, factor, 72 // factor, factor, 3).mean(axis=(1, 3))
    assert np.abs(small.astype(float) - means).max() <= 1.0


def test_zooming_in_agrees_with_a_resize():
    image = cv2.GaussianBlur(noise(40, 50), (0, 0), 2)
    ours = warp_image(image, compose((80, 100), (0, 0), scale=2.0))
    theirs = cv2.resize(image, (100, 80), interpolation=cv2.INTER_LINEAR)
    inner = (slice(2, -2), slice(2, -2))  # at the border a resize repeats the edge, we blend with the fill
    assert np.abs(ours[inner].astype(int) - theirs[inner].astype(int)).max() <= 2


def test_the_matrix_maps_a_marked_pixel_to_where_it_came_from():
    image = np.zeros((101, 101, 3), np.uint8)
    image[70:73, 30:33] = 255
    geometry = compose((90, 90), (6, 6), scale=1.0, angle=25.0, flip=True)
    ys, xs = np.nonzero(warp_image(image, geometry)[..., 0] > 128)
    back = geometry.matrix @ np.array([xs.mean(), ys.mean(), 1.0])
    assert np.abs(back - (31, 71)).max() < 0.3


@pytest.mark.parametrize("seed", range(12))
def test_image_and_mask_move_together(seed):
    mask = blobs(120, 150, seed=seed)
    image = np.repeat((mask * 60)[..., None], 3, axis=2)
    moved_image, moved_mask = GEOMETRY_ONLY(image, mask, np.random.default_rng(seed))
    drawn = np.where(moved_mask == IGNORE_INDEX, 127, moved_mask * 60).astype(np.uint8)
    # inside of regions they agree; only on borders does the image mix what lies within a pixel's reach
    reach = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(drawn, reach).astype(int), cv2.dilate(drawn, reach).astype(int)
    assert (low == high).mean() > 0.2
    assert ((moved_image[..., 0] >= low - 1) & (moved_image[..., 0] <= high + 1)).mean() > 0.995


@pytest.mark.parametrize("seed", range(8))
def test_labels_are_only_those_of_the_source_or_ignored(seed):
    mask = np.random.default_rng(seed).choice([0, 3, 7, 200, 255], (70, 90)).astype(np.uint8)
    _, moved = FULL(noise(70, 90), mask, np.random.default_rng(seed))
    assert set(np.unique(moved)) <= {0, 3, 7, 200, 255}
    assert moved.dtype == np.uint8


def test_padding_is_ignored_in_the_target_and_filled_in_the_image():
    image, target = Augmenter((32, 40), fill=99)(
        np.zeros((10, 12, 3), np.uint8), np.ones((10, 12), np.uint8), np.random.default_rng(0)
    )
    assert (target == 1).sum() == 120
    assert (target == IGNORE_INDEX).sum() == 32 * 40 - 120
    np.testing.assert_array_equal(image[target == IGNORE_INDEX], 99)
    np.testing.assert_array_equal(image[target == 1], 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (48, 64), (300, 40)])
@pytest.mark.parametrize("rotation", [0.0, 180.0])
def test_images_of_any_size_give_a_crop_that_shows_some_of_them(size, rotation):
    augmenter = Augmenter((48, 64), (0.5, 2.0), rotation, 0.5, 0.5, 0.3, 0.3, 0.3, 0.05)
    shown = 0
    for seed in range(20):
        image, target = augmenter(noise(*size), np.zeros(size, np.uint8), np.random.default_rng(seed))
        assert image.shape == (48, 64, 3)
        assert target.shape == (48, 64)
        shown += bool((target == 0).any())
    assert shown == 20 or min(size) == 1  # a line one pixel wide can fall between the crop's pixels when zoomed out


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
def test_any_number_of_channels_is_moved_alike(channels):
    plane = noise(90, 80, 1)
    moved, _ = Augmenter((40, 40), (0.3, 0.9), 20.0)(np.repeat(plane, channels, axis=2), None, np.random.default_rng(3))
    assert moved.shape == (40, 40, channels)
    for channel in range(channels):
        assert np.abs(moved[..., channel].astype(int) - moved[..., 0].astype(int)).max() <= 1


def test_multilabel_planes_move_like_single_ones():
    planes = np.stack([(blobs(80, 90, seed=seed) > 1).astype(np.uint8) for seed in range(6)])
    geometry = GEOMETRY_ONLY.draw((80, 90), planes, np.random.default_rng(5))
    moved = warp_target(planes, geometry)
    assert moved.shape == (6, 48, 64)
    for plane, result in zip(planes, moved, strict=True):
        np.testing.assert_array_equal(result, warp_target(plane, geometry))


@pytest.mark.parametrize("seed", range(6))
def test_the_coarse_look_sees_the_pixels_of_the_warp(seed):
    mask = blobs(100, 130, seed=seed)
    geometry = GEOMETRY_ONLY.draw((100, 130), None, np.random.default_rng(seed))
    everywhere = sample_nearest(mask, geometry, np.arange(48), np.arange(64))
    assert (everywhere == warp_target(mask, geometry)).mean() > 0.995  # OpenCV rounds ties in fixed point


def test_a_source_longer_than_opencv_can_address_is_warped():
    mask = np.zeros((4, 70_000), np.uint8)
    mask[:, 35_000:] = 1
    image = np.repeat(mask[..., None] * 200, 3, axis=2)
    geometry = compose((1, 700), (-0.48, 0), scale=0.01)
    target = warp_target(mask, geometry)
    assert set(np.unique(target[0, :345])) == {0}
    assert set(np.unique(target[0, 355:])) == {1}
    row = warp_image(image, geometry)[0, :, 0].astype(int)
    assert row[300] < row[400]


def test_the_same_generator_gives_the_same_sample_and_another_one_does_not():
    image, mask = noise(120, 150), blobs(120, 150)
    first, again, other = (FULL(image, mask, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


def test_the_source_is_left_as_it_was():
    image, mask = noise(120, 150), blobs(120, 150)
    before = image.copy(), mask.copy()
    FULL(image, mask, np.random.default_rng(1))
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_an_augmenter_survives_pickling():
    assert pickle.loads(pickle.dumps(FULL)) == FULL


def test_zoom_angle_and_flips_are_drawn_from_the_ranges_asked_for():
    draws = [GEOMETRY_ONLY.draw((200, 200), None, np.random.default_rng(seed)) for seed in range(400)]
    scales, angles = np.array([draw.scale for draw in draws]), np.array([draw.angle for draw in draws])
    assert 0.5 <= scales.min() < 0.52
    assert 1.92 < scales.max() <= 2.0
    assert abs(np.log(scales).mean()) < 0.1  # log-uniform: as often smaller as larger
    assert -30 <= angles.min() < -27
    assert 27 < angles.max() <= 30
    assert 0.4 < np.mean([draw.flip for draw in draws]) < 0.6
    assert 0.4 < np.mean([draw.flip_vertical for draw in draws]) < 0.6


def test_crops_lie_everywhere_within_a_larger_image():
    augmenter = Augmenter((32, 32))
    corners = np.array([augmenter.draw((64, 96), None, np.random.default_rng(seed)).matrix[:, 2] for seed in range(400)])
    assert corners.min() == 0
    np.testing.assert_array_equal(corners.max(axis=0), (64, 32))


def test_crops_with_several_classes_are_preferred():
    mask = np.zeros((128, 256), np.uint8)
    mask[:, 200:] = 1
    plain, mixing = Augmenter((32, 32), max_class_fraction=None), Augmenter((32, 32))

    def mixed(augmenter: Augmenter) -> float:
        crops = [warp_target(mask, augmenter.draw(mask.shape, mask, np.random.default_rng(seed))) for seed in range(150)]
        return float(np.mean([0.25 <= crop.mean() <= 0.75 for crop in crops]))

    assert mixed(mixing) > 2 * mixed(plain)


def test_crops_without_any_valid_pixel_are_avoided():
    mask = np.full((128, 256), IGNORE_INDEX, np.uint8)
    mask[:, 128:] = 0
    targets = [warp_target(mask, Augmenter((32, 32)).draw((128, 256), mask, np.random.default_rng(seed))) for seed in range(100)]
    empty = [(target == IGNORE_INDEX).all() for target in targets]
    assert np.mean(empty) < 0.12  # about 0.43 for one try


def test_no_strength_leaves_colours_alone():
    image = noise(20, 30)
    np.testing.assert_array_equal(jitter_colors(image, np.random.default_rng(0), 0, 0, 0, 0), image)


def test_grey_pixels_stay_grey_and_keep_their_luma_under_saturation_and_hue():
    grey = np.repeat(noise(16, 16, 1), 3, axis=2)
    moved = jitter_colors(grey, np.random.default_rng(0), 0, 0, 0.9, 0.5)
    assert np.abs(moved.astype(int) - grey.astype(int)).max() <= 1
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(luma @ color_matrix(0.3, 0.2), luma, atol=1e-4)


def test_a_whole_turn_of_the_hue_is_none():
    np.testing.assert_allclose(color_matrix(1.0, 1.0), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(color_matrix(1.0, 0.25) @ color_matrix(1.0, 0.75), np.eye(3), atol=1e-9)


def test_no_saturation_is_the_luminance():
    image = noise(12, 12)
    flat = image @ color_matrix(0.0, 0.0).T
    np.testing.assert_allclose(flat, np.repeat((image @ [0.299, 0.587, 0.114])[..., None], 3, axis=2), atol=0.01)


def test_contrast_keeps_the_mean_and_brightness_scales_it():
    image = np.full((64, 64, 3), 100, np.uint8)
    image[::2] = 60
    draws = [jitter_colors(image, np.random.default_rng(seed), 0, 0.5, 0, 0) for seed in range(20)]
    assert np.abs([draw.mean() - 80 for draw in draws]).max() < 21  # the mean is sampled on every eighth row
    flat = np.full((64, 64, 3), 100, np.uint8)
    means = [jitter_colors(flat, np.random.default_rng(seed), 0.3, 0, 0, 0).mean() for seed in range(50)]
    assert 70 <= min(means) < 80
    assert 120 < max(means) <= 130


def test_alpha_is_no_colour():
    image = noise(20, 20, 4)
    for strengths in ((0.3, 0.3, 0.3, 0.05), (0.3, 0.3, 0, 0)):
        moved = jitter_colors(image, np.random.default_rng(0), *strengths)
        np.testing.assert_array_equal(moved[..., 3], image[..., 3])
        assert (moved[..., :3] != image[..., :3]).any()


@pytest.mark.parametrize("channels", [1, 2, 7])
def test_images_that_are_not_colour_change_brightness_alike_in_all_channels(channels):
    image = np.repeat(noise(20, 20, 1), channels, axis=2)
    moved = jitter_colors(image, np.random.default_rng(0), 0.3, 0.3, 0.3, 0.05)
    assert moved.shape == image.shape
    assert (moved != image).any()
    np.testing.assert_array_equal(moved, np.repeat(moved[..., :1], channels, axis=2))
