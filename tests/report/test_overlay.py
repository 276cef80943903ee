"""Pictures: sizes, colours where they belong, ignored pixels never coloured as a class."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.report.overlay import batch_picture, contact_sheet, error_overlay, legend, overlay
from pixelwise.types import ClassInfo, ClassTable

COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
TABLE = ClassTable(tuple(ClassInfo(index, f"class {index}", tuple(COLORS[index].tolist())) for index in range(3)))


def make_image(height=40, width=60, channels=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def make_halves(height=40, width=60):
    indices = np.zeros((height, width), np.uint8)
    indices[:, width // 2 :] = 1
    return indices


def test_inside_a_region_the_tint_is_the_weighted_mean_of_image_and_colour():
    image, indices = make_image(), make_halves()
    drawn = overlay(image, indices, COLORS, alpha=0.25)
    inside = np.abs(np.arange(60) - 29.5) > 1
    expected = 0.75 * image + 0.25 * COLORS[indices].astype(float)
    assert np.abs(drawn.astype(float) - expected)[:, inside].max() <= 0.5


def test_boundaries_have_the_full_colour_of_their_own_side():
    drawn = overlay(make_image(), make_halves(), COLORS, alpha=0.25)
    assert (drawn[:, 29] == COLORS[0]).all()
    assert (drawn[:, 30] == COLORS[1]).all()


@pytest.mark.parametrize("channels", [1, 3, 4], ids=["grey", "colour", "with alpha"])
def test_any_image_gives_an_overlay_of_its_size(channels):
    image = make_image(channels=channels)
    before = image.copy()
    assert overlay(image, make_halves(), COLORS).shape == (40, 60, 3)
    assert (image == before).all()


def test_ignored_pixels_are_grey_whatever_the_palette():
    indices = np.full((40, 60), 255, np.uint8)
    for drawn in (overlay(make_image(), indices, COLORS), error_overlay(make_image(), make_halves(), indices, COLORS)):
        assert int(np.ptp(drawn.astype(int), axis=2).max()) == 0
        assert len(np.unique(drawn)) > 1  # hatched, not flat


def test_right_pixels_are_grey_and_wrong_ones_have_the_predicted_colour():
    image, target = np.full((40, 60, 3), 100, np.uint8), make_halves()
    prediction = target.copy()
    prediction[:10, :10] = 2
    drawn = error_overlay(image, prediction, target, COLORS).astype(int)
    is_colored = np.ptp(drawn, axis=2) > 0
    assert (is_colored == (prediction != target)).all()
    assert (drawn[:10, :10].argmax(2) == 2).all()


def test_errors_are_red_without_colours():
    target = make_halves()
    drawn = error_overlay(np.zeros((40, 60, 3), np.uint8), 1 - target, target).astype(int)
    assert (drawn[..., 0] > drawn[..., 1] + 100).all()


def test_a_multilabel_map_shows_the_first_class_present_and_the_bare_image_where_none_is():
    image, planes = make_image(), np.zeros((3, 40, 60), np.uint8)
    planes[1:, 10:30, 10:30] = 1
    drawn = overlay(image, planes, COLORS, alpha=1.0)
    assert (drawn[12:28, 12:28] == COLORS[1]).all()
    assert (drawn[35:] == image[35:]).all()


def test_multilabel_errors_are_marked_in_any_plane():
    target = np.zeros((3, 40, 60), np.uint8)
    prediction = target.copy()
    prediction[2, :5] = 1
    target[2, 20:] = 255
    prediction[2, 20:] = 1
    drawn = error_overlay(np.zeros((40, 60, 3), np.uint8), prediction, target, COLORS).astype(int)
    assert (np.ptp(drawn, axis=2) > 0).all(axis=1).tolist() == [True] * 5 + [False] * 35


def test_an_image_of_one_pixel_can_be_drawn():
    image, indices = make_image(1, 1), np.zeros((1, 1), np.uint8)
    assert overlay(image, indices, COLORS).shape == error_overlay(image, indices, indices).shape == (1, 1, 3)


def test_a_map_of_another_size_is_refused():
    with pytest.raises(DataError, match=r"must have one size, got \(40, 60\) and \(20, 30\); resize the map"):
        overlay(make_image(), make_halves(20, 30), COLORS)


def test_the_legend_shows_each_colour_and_breaks_into_lines():
    wide, narrow = legend(TABLE.names, TABLE.colors, 800), legend(TABLE.names, TABLE.colors, 130, ignored=True)
    shown = {tuple(pixel) for pixel in wide.reshape(-1, 3).tolist()}
    assert {tuple(color) for color in COLORS.tolist()} <= shown
    assert wide.shape[1] == 800
    assert narrow.shape[1] == 130
    assert narrow.shape[0] > wide.shape[0]


def test_a_contact_sheet_holds_every_picture():
    pictures = [(np.full((32, 32, 3), 40 * position, np.uint8), f"picture {position}") for position in range(1, 6)]
    sheet = contact_sheet(pictures, columns=3, cell=64)
    counts = [int((sheet == 40 * position).all(2).sum()) for position in range(1, 6)]
    assert min(counts) >= 60 * 60


def test_an_empty_contact_sheet_is_refused():
    with pytest.raises(DataError, match="at least one picture"):
        contact_sheet([])


@pytest.mark.parametrize("batch", [1, 2, 4, 5, 13], ids="{} samples".format)
def test_a_batch_picture_shows_images_and_overlays(batch):
    images = np.full((batch, 64, 64, 3), 77, np.uint8)
    targets = np.ones((batch, 64, 64), np.uint8)
    picture = batch_picture(images, targets, TABLE)
    shown = int((picture == 77).all(2).sum())
    assert picture.dtype == np.uint8
    assert shown >= min(batch, 12) * 64 * 64 * 0.9


def test_a_multilabel_batch_of_grey_images_can_be_drawn():
    planes = np.random.default_rng(0).integers(0, 2, (2, 3, 32, 32), dtype=np.uint8)
    assert batch_picture(np.zeros((2, 32, 32, 1), np.uint8), planes, TABLE).ndim == 3
