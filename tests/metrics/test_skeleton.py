"""clDice: the skeletons of scikit-image's ``thin``, and what thinning must keep; hand-made cases are in ``test_golden``."""

import json
import math

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import DataError
from pixelwise.metrics.skeleton import ClDice, cldice, cldice_per_image, skeleton_counts, thin

EIGHT = np.ones((3, 3))


def draw_mask(seed, size=(40, 46)):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=size), 1 + seed % 3)
    return field > np.quantile(field, 0.3 + 0.1 * (seed % 5))


@pytest.mark.parametrize("seed", range(10))
def test_random_skeletons_equal_those_of_scikit_image(seed):
    morphology = pytest.importorskip("skimage.morphology", reason="scikit-image is not installed; golden skeletons are tested")
    np.testing.assert_array_equal(thin(draw_mask(seed)), morphology.thin(draw_mask(seed)))


@pytest.mark.parametrize("seed", range(10))
def test_thinning_keeps_every_component_and_hole_and_thins_no_further(seed):
    mask = draw_mask(seed)
    skeleton = thin(mask)
    assert not (skeleton & ~mask).any()
    assert ndimage.label(skeleton, EIGHT)[1] == ndimage.label(mask, EIGHT)[1]
    holes = [ndimage.label(~np.pad(m, 1))[1] for m in (skeleton, mask)]
    assert holes[0] == holes[1]
    np.testing.assert_array_equal(thin(skeleton), skeleton)


def test_a_perfect_prediction_scores_one_and_swapping_changes_nothing():
    mask, other = draw_mask(0), draw_mask(3)
    assert cldice(np.array([skeleton_counts(mask, mask)])).tolist() == [1.0]
    one, two = (cldice(np.array([skeleton_counts(*pair)])) for pair in ((mask, other), (other, mask)))
    np.testing.assert_array_equal(one, two)


def test_empty_masks_are_undefined_if_both_and_zero_if_one():
    nothing, line = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    line[2, 1:5] = True
    pairs = [(nothing, nothing), (line, nothing), (nothing, line), (line, line[::-1])]
    values = cldice(np.array([skeleton_counts(*pair) for pair in pairs]))
    assert math.isnan(values[0])
    assert values[1:].tolist() == [0, 0, 0]


def draw_labels(seed):
    return (draw_mask(seed).astype(np.uint8) + draw_mask(seed + 5)).astype(np.uint8)


def test_counts_of_a_label_map_are_those_of_its_classes_without_ignored_pixels():
    prediction, target = draw_labels(0), draw_labels(1)
    target[8:12, 5:30] = 255
    counts = ClDice(4).update(prediction, target)
    for index in range(4):
        masks = (prediction == index) & (target != 255), target == index
        assert tuple(counts[index]) == skeleton_counts(*masks)


def test_another_skeleton_can_be_passed_and_is_named():
    metric = ClDice(2, skeletonize=ndimage.binary_erosion)
    metric.update(np.ones((5, 5), np.uint8), np.ones((5, 5), np.uint8))
    assert metric.counts[1].tolist() == [9, 9, 9, 9]
    assert "binary_erosion" in metric.compute().skeletonize
    assert ClDice(2).compute().to_json()["skeletonize"] == "pixelwise.metrics.skeleton.thin"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["in order", "shuffled"])
def test_merging_parts_in_any_order_equals_the_whole(order):
    whole, parts, own = ClDice(4), [ClDice(4) for _ in range(3)], []
    for seed, part in enumerate(parts):
        own.append(whole.update(draw_labels(seed), draw_labels(seed + 1)))
        part.update(draw_labels(seed), draw_labels(seed + 1))
    merged = ClDice(4)
    for index in order:
        merged.merge(parts[index])
    scores = merged.compute()
    np.testing.assert_array_equal(merged.counts, whole.counts)
    assert scores.absent == ("class_3",)
    assert scores.mean_cldice == pytest.approx(np.nanmean(scores.cldice))
    assert cldice_per_image(own) == pytest.approx(np.mean([np.nanmean(cldice(counts)) for counts in own]))
    plain = scores.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_refusals_name_the_cure():
    with pytest.raises(DataError, match=r"volumes need a skeleton of three dimensions: pass skeletonize=skimage\.morphology"):
        ClDice(2, dims=3)
    with pytest.raises(DataError, match="different skeletons cannot be merged"):
        ClDice(2).merge(ClDice(2, skeletonize=ndimage.binary_erosion))
    with pytest.raises(DataError, match="skeleton counts of different classes cannot be merged"):
        ClDice(2).merge(ClDice(3))
    with pytest.raises(DataError, match=r"must be boolean \(H, W\), got uint8"):
        thin(np.ones((3, 3), np.uint8))
