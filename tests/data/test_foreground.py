import numpy as np
import pytest

from pixelwise.data.foreground import around, rare_pixel
from pixelwise.data.geometry import compose, warp_target
from pixelwise.data.transforms import Augmenter
from pixelwise.types import IGNORE_INDEX


def scene() -> np.ndarray:
    """Background, a large class, and one of sixteen pixels; some of it ignored."""
    target = np.zeros((200, 300), np.uint8)
    target[10:110, 10:110] = 1
    target[150:154, 250:254] = 2
    target[:5] = IGNORE_INDEX
    return target


def test_classes_are_drawn_alike_and_then_their_pixels():
    target, rng = scene(), np.random.default_rng(0)
    found = [target[rare_pixel(target, rng)] for _ in range(600)]
    assert set(found) == {1, 2}
    assert np.mean(np.array(found) == 2) == pytest.approx(0.5, abs=0.07)
    pixels = {rare_pixel(target, rng) for _ in range(200)}
    assert {pixel for pixel in pixels if target[pixel] == 2} <= {(y, x) for y in range(150, 154) for x in range(250, 254)}


def test_planes_of_a_multilabel_target_are_classes_too():
    planes = np.zeros((3, 20, 20), np.uint8)
    planes[1, 5, 6] = planes[2, 7:9, 3] = 1
    rng = np.random.default_rng(0)
    assert {rare_pixel(planes, rng) for _ in range(60)} == {(5, 6), (7, 3), (8, 3)}


@pytest.mark.parametrize(
    "target", [np.zeros((5, 6), np.uint8), np.full((5, 6), IGNORE_INDEX, np.uint8), np.zeros((2, 5, 6), np.uint8)]
)
def test_where_one_class_alone_is_there_is_no_such_pixel(target):
    assert rare_pixel(target, np.random.default_rng(0)) is None
    moved = Augmenter((8, 8), foreground=1.0)(np.zeros((5, 6, 3), np.uint8), target, np.random.default_rng(0))[1]
    assert moved.shape[-2:] == (8, 8)


@pytest.mark.parametrize("rotation", [0.0, 180.0])
def test_a_forced_crop_shows_the_rare_class_as_often_as_it_is_drawn(rotation):
    target = scene()

    def shows(foreground: float) -> float:
        made = Augmenter((64, 64), (0.67, 1.5), rotation, 0.5, max_class_fraction=None, foreground=foreground)
        crops = [warp_target(target, made.draw(target.shape, target, np.random.default_rng(seed))) for seed in range(150)]
        return float(np.mean([(crop == 2).any() for crop in crops]))

    assert shows(0.0) < 0.15
    assert shows(1.0) > 0.42  # half of the draws choose this class


@pytest.mark.parametrize("angle", [0.0, 45.0, 90.0])
@pytest.mark.parametrize("pixel", [(0, 0), (0, 299), (199, 299), (100, 150), (3, 150)])
def test_the_crop_about_a_pixel_shows_it_and_stays_inside_where_it_can(pixel, angle):
    y, x = around(pixel, (200, 300), (64, 80), 1.0, angle)
    assert -33 <= y <= 200 - 31
    assert -41 <= x <= 300 - 39
    if angle == 0:
        assert 0 <= y <= 136
        assert 0 <= x <= 220
    target = np.zeros((200, 300), np.uint8)
    target[pixel] = 1
    assert (
        warp_target(target, compose((64, 80), (y, x), angle=angle)) == 1
    ).any() or angle == 45  # nearest may skip a pixel then


def test_a_small_image_stays_whole_within_its_crop():
    y, x = around((3, 4), (20, 30), (64, 80), 1.0, 0.0)
    assert -44 <= y <= 0
    assert -50 <= x <= 0
