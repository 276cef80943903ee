"""Boundary IoU: the same pixels as the reference's erosions, sums that merge, and what ignored pixels do."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics import bitmaps
from pixelwise.metrics import boundary as boundary_module
from pixelwise.metrics.boundary import BoundaryIoU, boundary_band, boundary_distance, boundary_iou, boundary_iou_per_image

CASES = json.loads((Path(__file__).parents[1] / "golden" / "surface.json").read_text(encoding="utf-8"))["cases"]


def to_map(rows):
    return np.array([[255 if letter == "." else int(letter) for letter in row] for row in rows], np.uint8)


def erode_like_the_reference(mask, distance):
    """Cheng et al.: one row of nothing around the image, then ``distance`` erosions by 3 x 3."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=distance)[1:-1, 1:-1] > 0


def draw_labels(seed, size=None, is_smooth=False):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 40, 2)) if size is None else size
    if is_smooth:
        return np.digitize(ndimage.gaussian_filter(rng.normal(size=size), 2), [-0.1, 0.1]).astype(np.uint8)
    return rng.integers(0, 3, size, dtype=np.uint8)


@pytest.mark.parametrize("is_smooth", [False, True], ids=["noise", "regions"])
@pytest.mark.parametrize("distance", [1, 2, 3, 7, 50])
def test_the_band_holds_the_pixels_that_the_erosions_of_each_class_remove(distance, is_smooth):
    for seed in range(20):
        labels = draw_labels(seed, is_smooth=is_smooth)
        band = boundary_band(labels, distance)
        for index in range(3):
            mask = labels == index
            np.testing.assert_array_equal(band & mask, mask & ~erode_like_the_reference(mask, distance))


def test_the_band_equals_a_naive_look_at_every_square():
    labels, distance = draw_labels(3, (9, 11)), 2
    band = boundary_band(labels, distance)
    for row in range(9):
        for column in range(11):
            square = [
                labels[r, c] if 0 <= r < 9 and 0 <= c < 11 else -1
                for r in range(row - distance, row + distance + 1)
                for c in range(column - distance, column + distance + 1)
            ]
            assert band[row, column] == (len(set(square)) > 1)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("distance", [1, 2])
def test_counts_equal_those_of_both_references(case, distance, monkeypatch):
    monkeypatch.setattr(boundary_module, "boundary_distance", lambda height, width, ratio: distance)
    counts = BoundaryIoU(2).update(to_map(case["prediction"]), to_map(case["target"]))
    for name, reference in case["boundary"].items():
        assert counts[1].tolist() == reference[str(distance)], name


@pytest.mark.parametrize("size, expected", [((8, 8), 1), ((480, 640), 16), ((1024, 2048), 46), ((33, 44), 1)])
def test_the_distance_is_two_percent_of_the_diagonal_and_at_least_one(size, expected):
    assert boundary_distance(*size) == expected


def test_counts_of_all_classes_equal_those_of_each_class_as_planes():
    prediction, target = draw_labels(0, (40, 50), True), draw_labels(1, (40, 50), True)
    target[10:14, 10:30] = 255
    planes = [np.stack([np.where(m == 255, 255, m == k) for k in range(3)]).astype(np.uint8) for m in (prediction, target)]
    np.testing.assert_array_equal(BoundaryIoU(3).update(prediction, target), BoundaryIoU(3).update(*planes))


def test_a_perfect_prediction_scores_one_even_beside_ignored_pixels():
    target = draw_labels(0, (40, 50), True)
    prediction = target.copy()
    target[10:20, 10:30] = 255
    prediction[12:18, 12:28] = 0
    scores = BoundaryIoU(3)
    scores.update(prediction, target)
    assert scores.compute().boundary_iou == (1.0, 1.0, 1.0)


def test_what_is_predicted_on_ignored_pixels_changes_nothing():
    prediction, target = draw_labels(0, (40, 50), True), draw_labels(1, (40, 50), True)
    target[10:20, 10:30] = 255
    other = np.where(target == 255, 2 - prediction, prediction).astype(np.uint8)
    np.testing.assert_array_equal(BoundaryIoU(3).update(prediction, target), BoundaryIoU(3).update(other, target))


def test_an_absent_class_is_listed_and_in_no_mean_and_a_missed_class_has_zero():
    target, prediction = np.zeros((12, 12), np.uint8), np.zeros((12, 12), np.uint8)
    target[4:8, 4:8] = 1
    metric = BoundaryIoU(3, ["ground", "tree", "ghost"])
    metric.update(prediction, target)
    scores = metric.compute()
    assert scores.absent == ("ghost",)
    assert scores.boundary_iou[1] == 0.0
    assert scores.mean_boundary_iou == pytest.approx(scores.boundary_iou[0] / 2)
    plain = scores.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["per_class_boundary_iou"]["ghost"] is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["in order", "shuffled"])
def test_merging_parts_in_any_order_equals_the_whole(order):
    whole, parts, own = BoundaryIoU(3), [BoundaryIoU(3) for _ in range(3)], []
    for seed, part in enumerate(parts):
        pair = draw_labels(seed, (30, 30), True), draw_labels(seed + 9, (30, 30), True)
        own.append(whole.update(*pair))
        part.update(*pair)
    merged = BoundaryIoU(3)
    for index in order:
        merged.merge(parts[index])
    assert merged.compute() == whole.compute()
    means = [np.nanmean(boundary_iou(counts)) for counts in own]
    assert boundary_iou_per_image(own) == pytest.approx(np.mean(means))


@pytest.mark.parametrize("few", [0, 3], ids=["by histograms", "by masks"])
@pytest.mark.parametrize("size", [(1, 1), (1, 90), (70, 1), (33, 63), (40, 64), (41, 65), (150, 200)], ids=str)
def test_counts_equal_those_of_the_erosions_by_either_way(size, few, monkeypatch):
    monkeypatch.setattr(boundary_module, "_FEW", few)
    monkeypatch.setattr(bitmaps, "_STRIP", 1000)
    for seed, distance in enumerate((1, 2, 5, 70)):
        monkeypatch.setattr(boundary_module, "boundary_distance", lambda height, width, ratio, d=distance: d)
        prediction, target = draw_labels(seed, size, True), draw_labels(seed + 9, size, True)
        if seed % 2:
            target[: size[0] // 3, : size[1] // 4] = 255
        counts = BoundaryIoU(3).update(prediction, target)
        for index in range(3):
            masks = [(labels == index) & (target != 255) for labels in (prediction, target)]
            ours, theirs = (mask & ~erode_like_the_reference(mask, distance) for mask in masks)
            assert counts[index].tolist() == [(ours & theirs).sum(), (ours | theirs).sum()]


def test_a_band_wider_than_a_word_equals_that_of_the_erosions():
    labels = np.zeros((300, 333), np.uint8)
    labels[120:170, 130:200] = 1
    for distance in (63, 64, 65, 66, 100):
        for index in (0, 1):
            mask = labels == index
            expected = mask & ~erode_like_the_reference(mask, distance)
            np.testing.assert_array_equal(boundary_band(labels, distance) & mask, expected)


def test_counts_do_not_depend_on_where_the_histogram_is_cut(monkeypatch):
    pair = draw_labels(0, (33, 47)), draw_labels(1, (33, 47))
    whole = BoundaryIoU(20).update(*pair)
    monkeypatch.setattr(boundary_module, "_EXACT_PIXELS", 100)
    np.testing.assert_array_equal(BoundaryIoU(20).update(*pair), whole)


def test_scoring_leaves_the_maps_as_they_are():
    for ignored in (False, True):
        prediction, target = draw_labels(0, (33, 47)), draw_labels(1, (33, 47))
        target[:4] = 255 if ignored else 0
        before = prediction.copy(), target.copy()
        BoundaryIoU(3).update(prediction, target)
        np.testing.assert_array_equal((prediction, target), before)


def test_a_set_without_images_has_no_score():
    assert math.isnan(BoundaryIoU(2).compute().mean_boundary_iou)


def test_figures_of_different_ratios_or_classes_do_not_merge():
    with pytest.raises(DataError, match=r"dilation_ratio 0\.02 and 0\.05 cannot be merged; evaluate both"):
        BoundaryIoU(2).merge(BoundaryIoU(2, dilation_ratio=0.05))
    with pytest.raises(DataError, match="boundary counts of different classes cannot be merged"):
        BoundaryIoU(2).merge(BoundaryIoU(3))


@pytest.mark.parametrize("ratio", [0, -0.1, 1.5, math.nan])
def test_a_ratio_that_is_no_share_of_the_diagonal_is_refused(ratio):
    with pytest.raises(ConfigError, match="dilation_ratio must be above 0 and at most 1"):
        BoundaryIoU(2, dilation_ratio=ratio)


def make(*shape, value=0, dtype=np.uint8):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (make(2, 2, value=3), make(2, 2), r"predictions must be class indices 0 to 2, got 3; was the model"),
        (make(2, 2, value=255), make(2, 2, value=255), r"predictions must be .* got 255"),
        (make(2, 2), make(2, 2, value=37), r"targets must be .*255 where ignored, got \[37\]; .*to_indices"),
        (make(3, 2, 2, value=2), make(3, 2, 2), r"predictions must be 0 or 1, got 2"),
        (make(3, 2, 2), make(3, 2, 2, value=4), r"targets must be 0 or 1, or 255 where ignored, got \[4\]"),
        (make(2, 2), make(2, 3), r"of one shape, .*got \(2, 2\) and \(2, 3\); .*original size"),
        (make(2), make(2), r"must be \(height, width\)"),
        (make(2, 4, 4), make(2, 4, 4), r"multilabel maps must have 3 planes, one per class, got 2"),
        (make(2, 2, dtype=np.int64), make(2, 2), r"prediction must be uint8 .* got int64; .*astype"),
        (make(2, 2), make(2, 2, dtype=np.float32), r"target must be uint8 .* got float32"),
    ],
)
def test_maps_that_cannot_be_counted_are_refused_and_leave_the_sum_alone(prediction, target, message):
    metric = BoundaryIoU(3)
    with pytest.raises(DataError, match=message):
        metric.update(prediction, target)
    assert metric.counts.sum() == 0


def test_names_and_numbers_of_classes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="class_names must hold 3 names, one per class, got 1"):
        BoundaryIoU(3, ["road"])
    with pytest.raises(DataError, match="num_classes must be 1 to 255, got 0"):
        BoundaryIoU(0)
