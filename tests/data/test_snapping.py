"""Masks that went through JPEG come back as well as the docstring says; what cannot come back is refused."""

import cv2
import numpy as np
import pytest

from pixelwise.data.snapping import snap
from pixelwise.errors import DataError


def shapes(ids, seed=0, size=(200, 240)):
    rng = np.random.default_rng(seed)
    mask = np.full(size, ids[0], np.uint8)
    for _ in range(16):
        centre = (int(rng.integers(0, size[1])), int(rng.integers(0, size[0])))
        cv2.circle(mask, centre, int(rng.integers(5, 30)), int(rng.choice(ids)), -1)
    return mask


def as_jpeg(pixels, quality):
    code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(code, cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("quality, most", [(90, 0.004), (75, 0.006), (50, 0.012)])
def test_ids_far_apart_come_back_and_better_than_by_value_alone(quality, most):
    ids = list(range(0, 240, 20))
    wrong, alone = [], []
    for seed in range(4):
        mask = shapes(ids, seed)
        damaged = as_jpeg(mask, quality)
        wrong.append((snap(damaged, ids, np.array(ids)[:, None]) != mask).mean())
        alone.append((np.array(ids)[np.abs(damaged[..., None].astype(int) - ids).argmin(2)] != mask).mean())
    assert np.mean(wrong) < most
    assert quality == 90 or np.mean(wrong) < np.mean(alone) / 1.5


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_black_and_white_come_back_exactly(quality):
    mask = shapes([0, 255])
    assert np.array_equal(snap(as_jpeg(mask, quality), [0, 255], np.array([[0], [255]])), mask)


def test_a_sound_mask_stays_as_it_is():
    ids = [0, 60, 120, 200]
    mask = np.random.default_rng(0).choice(ids, (40, 50)).astype(np.uint8).repeat(2, 0).repeat(3, 1)
    assert np.array_equal(snap(mask, ids, np.array(ids)[:, None]), mask)


def test_colours_come_back():
    colors = np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)])
    ids = [0, 3, 9, 300, 7]
    places = shapes(list(range(5)))
    damaged = as_jpeg(np.ascontiguousarray(colors.astype(np.uint8)[places][..., ::-1]), 80)[..., ::-1]
    found = snap(np.ascontiguousarray(damaged), ids, colors)
    assert found.dtype == np.uint16
    assert (found != np.array(ids)[places]).mean() < 0.02


@pytest.mark.parametrize("values", [[[0], [1]], [[0], [100], [107]], [[0, 0, 0], [10, 10, 10]]])
def test_ids_too_near_each_other_are_refused(values):
    pixels = np.zeros((9, 9) if len(values[0]) == 1 else (9, 9, 3), np.uint8)
    with pytest.raises(DataError, match="export the masks again as PNG"):
        snap(pixels, list(range(len(values))), np.array(values))
