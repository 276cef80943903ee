"""The look at images agrees with NumPy's arithmetic; traces of JPEG are told from classes."""

import cv2
import numpy as np
import pytest

from pixelwise.data.closeup import background_of, look_at_image, look_at_layers, look_at_mask, stray_values
from pixelwise.data.targets import TargetReader
from pixelwise.types import ClassTable


def shapes(ids=(0, 60, 120, 200), size=(160, 200), seed=0):
    rng = np.random.default_rng(seed)
    mask = np.full(size, ids[0], np.uint8)
    for _ in range(14):
        centre = (int(rng.integers(0, size[1])), int(rng.integers(0, size[0])))
        cv2.circle(mask, centre, int(rng.integers(3, 25)), int(rng.choice(ids[1:])), -1)
    return mask


def as_jpeg(mask, quality):
    return cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_channels_are_measured_as_numpy_does(dtype, channels):
    pixels = np.random.default_rng(0).gamma(4, 20, (57, 43, channels)).clip(0, 255).astype(dtype)
    look = look_at_image(pixels if channels > 1 else pixels[..., 0])
    assert len(look.channels) == {1: 1, 2: 1, 3: 3, 4: 3, 6: 6}[channels]
    for number, channel in enumerate(look.channels):
        values = pixels[..., number].astype(np.float64)
        assert channel.mean == pytest.approx(values.mean())
        assert channel.power == pytest.approx((values**2).mean())
        percentiles = np.percentile(values, (1, 50, 99), method="inverted_cdf" if dtype == np.uint8 else "linear")
        assert (channel.low, channel.median, channel.high) == pytest.approx(tuple(percentiles))


def test_values_that_are_no_numbers_count_for_nothing():
    pixels = np.full((20, 20), 3.0, np.float32)
    pixels[:5] = np.nan
    assert look_at_image(pixels).channels[0].mean == 3.0
    assert look_at_image(np.full((20, 20), np.inf, np.float32)).channels[0].high == 0.0


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_jpeg_leaves_stray_values_and_sound_masks_have_none(quality):
    mask = shapes()
    assert stray_values(mask) == {}
    damaged = as_jpeg(mask, quality)
    found = stray_values(damaged)
    assert len(found) >= 8
    assert not found.keys() & {0, 60, 120, 200}
    assert all(found[value] == int((damaged == value).sum()) for value in found)


def test_smoothing_leaves_stray_values():
    assert len(stray_values(cv2.GaussianBlur(shapes(), (0, 0), 1.0))) >= 8


def test_many_classes_and_thin_lines_are_no_strays():
    mask = shapes(ids=tuple(range(0, 240, 8)))
    for number in range(3):
        cv2.line(mask, (0, number), (150, 150 + number), 241, 1)
    assert stray_values(mask) == {}
    assert stray_values(mask.astype(np.uint16)) == {}


def test_the_loneliness_of_a_value_is_that_of_its_four_neighbours():
    mask = np.zeros((40, 40), np.uint8)
    for value in range(1, 13):  # pairs side by side, or one above the other, are not alone
        mask[3 * value, 3:5] = value
    assert stray_values(mask) == {}
    assert stray_values(np.ascontiguousarray(mask.T)) == {}
    mask[mask > 0] = 0
    for value in range(1, 13):  # pixels that touch at a corner only are
        mask[3 * value, 3] = mask[3 * value + 1, 4] = value
    assert stray_values(mask) == dict.fromkeys(range(1, 13), 2)


def test_the_digest_tells_pixels_apart_and_not_files():
    targets = TargetReader(ClassTable.from_ids([0, 60, 120, 200]), "multiclass")
    mask = shapes()
    indices = targets.indices(mask, "x")
    first = look_at_mask(mask, indices, targets)
    assert look_at_mask(mask.copy(order="F"), indices, targets).digest == first.digest
    other = mask.copy()
    other[0, 0] ^= 60
    assert look_at_mask(other, indices, targets).digest != first.digest
    assert look_at_mask(mask.reshape(200, 160), indices.reshape(200, 160), targets).digest != first.digest


def test_a_mask_at_a_threshold_is_soft_and_has_no_strays():
    soft = as_jpeg(shapes(ids=(0, 255)), 60)
    targets = TargetReader(ClassTable.from_ids([0, 255]), "binary", threshold=127)
    look = look_at_mask(soft, (soft > 127).astype(np.uint8), targets)
    assert look.soft_pixels == int(((soft > 0) & (soft < 255)).sum())
    assert look.strays == 0
    assert list(look.objects) == [1]  # the background has no objects


def test_numbers_of_objects_are_objects():
    ids = np.zeros((30, 30), np.uint8)
    ids[2:9, 2:9], ids[2:9, 9:15] = 3, 4
    targets = TargetReader(ClassTable.from_ids([0, 1]), "binary", threshold=0)
    assert look_at_mask(ids, (ids > 0).astype(np.uint8), targets).objects[1].count == 2


def test_layers_are_classes():
    first, second = np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint8)
    first[2:9, 2:9], first[20:25, 20:25] = 255, 200
    look = look_at_layers({0: first, 2: second}, 127)
    assert {index: own.count for index, own in look.objects.items()} == {0: 2}
    assert look.soft_pixels == 25
    assert look_at_layers({0: second, 2: first}, 127).digest != look.digest


@pytest.mark.parametrize(
    "names, mode, expected",
    [
        (["a", "b"], "binary", 0),
        (["Background", "b", "c"], "multiclass", 0),
        (["class_0", "b", "c"], "multiclass", 0),
        (["sky", "b", "c"], "multiclass", None),
        (["background", "b"], "multilabel", None),
    ],
)
def test_the_background_is_told_by_its_name(names, mode, expected):
    table = ClassTable.from_json([{"id": place, "name": name} for place, name in enumerate(names)])
    assert background_of(table, mode) == expected
