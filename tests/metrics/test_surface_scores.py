"""Surface distances over a data set: each class of each image by itself, exact means, and images where one mask is empty."""

import json
import math

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.surface import surface_distances
from pixelwise.metrics.surface_scores import SURFACE_MEASURES, SurfaceMetrics, SurfaceOptions


def draw_labels(seed, size=(30, 34)):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=size), 2)
    return np.digitize(field, [-0.1, 0.1]).astype(np.uint8)


@pytest.mark.parametrize("weighting", ["surfels", "pixels"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.5), (2.0, 1.0, 0.5)], ids=str)
def test_an_image_gives_what_each_class_gives_by_itself(spacing, weighting):
    size = (30, 34) if len(spacing) == 2 else (8, 12, 10)
    prediction, target = draw_labels(0, size), draw_labels(1, size)
    target[3:6, 4:9] = 255
    options = SurfaceOptions(spacing, tolerance=1.5, weighting=weighting)
    values = SurfaceMetrics(3, options=options).update(prediction, target)
    for index in range(3):
        alone = surface_distances((prediction == index) & (target != 255), target == index, spacing, weighting)
        expected = [alone.hausdorff(), alone.hausdorff(95), alone.assd(), alone.masd(), alone.surface_dice(1.5)]
        np.testing.assert_array_equal(values[index], expected)


def test_planes_give_what_the_label_map_gives():
    prediction, target = draw_labels(0), draw_labels(1)
    target[3:6, 4:9] = 255
    planes = [np.stack([np.where(m == 255, 255, m == k) for k in range(3)]).astype(np.uint8) for m in (prediction, target)]
    np.testing.assert_array_equal(SurfaceMetrics(3).update(*planes), SurfaceMetrics(3).update(prediction, target))


def test_what_is_predicted_on_ignored_pixels_changes_nothing():
    prediction, target = draw_labels(0), draw_labels(1)
    target[10:20, 10:30] = 255
    other = np.where(target == 255, 2 - prediction, prediction).astype(np.uint8)
    np.testing.assert_array_equal(SurfaceMetrics(3).update(prediction, target), SurfaceMetrics(3).update(other, target))


def one_of(*boxes):
    labels = np.zeros((6, 8), np.uint8)
    for rows, columns in boxes:
        labels[rows, columns] = 1
    return labels


SQUARE = one_of((slice(1, 4), slice(1, 4)))
MOVED = one_of((slice(1, 4), slice(2, 5)))
NOTHING = one_of()


def test_images_where_one_mask_is_empty_stand_apart_or_count_with_the_diagonal():
    found = {}
    for one_empty in ("apart", "diagonal"):
        metric = SurfaceMetrics(3, options=SurfaceOptions(one_empty=one_empty, tolerance=0.5, weighting="pixels"))
        own = [metric.update(*pair)[1] for pair in ((MOVED, SQUARE), (NOTHING, SQUARE), (NOTHING, NOTHING))]
        found[one_empty] = metric.compute()
        assert own[1][-1] == 0
        assert np.isnan(own[2]).all()
    for scores in found.values():
        assert (scores.images[1], scores.one_empty[1], scores.absent) == (1, 1, ("class_2",))
        assert scores.surface_dice[1] == pytest.approx((8 / 16) / 2)
    assert found["apart"].hausdorff[1] == 1.0
    assert found["diagonal"].hausdorff[1] == pytest.approx((1 + 10) / 2)
    assert found["diagonal"].assd[1] == pytest.approx((0.5 + 10) / 2)


def test_means_are_over_images_then_over_the_classes_that_are_there():
    metric = SurfaceMetrics(4)
    own = np.array([metric.update(draw_labels(seed), draw_labels(seed + 1)) for seed in range(3)])
    scores = metric.compute()
    for column, key in enumerate(SURFACE_MEASURES):
        np.testing.assert_allclose(getattr(scores, key)[:3], own[:, :3, column].mean(0), rtol=1e-12)
        assert scores.mean[key] == pytest.approx(own[:, :3, column].mean())
    plain = scores.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["per_class_assd"]["class_3"] is None
    assert plain["options"]["weighting"] == "surfels"


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)], ids=["in order", "shuffled"])
def test_merging_parts_in_any_order_equals_the_whole_to_the_last_digit(order):
    whole, parts = SurfaceMetrics(3), [SurfaceMetrics(3) for _ in range(4)]
    for seed, part in enumerate(parts):
        whole.update(draw_labels(seed), draw_labels(seed + 7))
        part.update(draw_labels(seed), draw_labels(seed + 7))
    merged = SurfaceMetrics(3)
    for index in order:
        merged.merge(parts[index])
    assert merged.compute() == whole.compute()


def test_a_set_without_images_has_no_score():
    scores = SurfaceMetrics(2).compute()
    assert all(math.isnan(value) for value in scores.mean.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": (1.0,)}, "spacing must have 2 sizes for images or 3 for volumes, got 1"),
        ({"spacing": (1.0, -1.0)}, "spacing must be 2 sizes above 0"),
        ({"tolerance": -1}, "tolerance must be 0 or more"),
        ({"percentile": 0}, "percentile must be above 0 and at most 100"),
        ({"weighting": "voxels"}, "weighting must be 'surfels' or 'pixels', got 'voxels'"),
        ({"one_empty": "zero"}, "one_empty must be 'apart' or 'diagonal', got 'zero'"),
    ],
)
def test_options_out_of_range_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        SurfaceOptions(**change)


def test_what_was_measured_differently_does_not_merge():
    with pytest.raises(DataError, match="different options cannot be merged"):
        SurfaceMetrics(2).merge(SurfaceMetrics(2, options=SurfaceOptions(tolerance=2)))
    with pytest.raises(DataError, match="surface distances of different classes cannot be merged"):
        SurfaceMetrics(2).merge(SurfaceMetrics(3))
    with pytest.raises(DataError, match=r"must be \(depth, height, width\) of one shape"):
        SurfaceMetrics(2, options=SurfaceOptions((1, 1, 1))).update(NOTHING, NOTHING)
