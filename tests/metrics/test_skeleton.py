"""clDice: the skeletons of scikit-image's ``thin``, and what thinning must keep; hand-made cases are in ``test_golden``."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pixelwise.errors import DataError
from pixelwise.metrics.skeleton import ClDice, cldice, cldice_per_image, skeleton_counts, thin

EIGHT = np.ones((3, 3))


def draw_mask(seed, size=(40, 46)):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=size), 1 + seed % 3)
    return field > np.quantile(field, 0.3 + 0.1 * (seed % 5))


def thin_slowly(mask):
    """Guo and Hall's two sub-iterations, pixel by pixel, neighbours by their direction."""
    compass = {"E": (0, 1), "NE": (-1, 1), "N": (-1, 0), "NW": (-1, -1), "W": (0, -1), "SW": (1, -1), "S": (1, 0), "SE": (1, 1)}
    around, is_on = list(compass), np.pad(mask, 1)
    before = None
    while before is None or (before != is_on).any():
        before = is_on.copy()
        for near, further, across in (("E", ("NE", "N"), "SE"), ("W", ("SW", "S"), "NW")):
            gone = []
            for row, column in np.argwhere(is_on).tolist():
                at = {name: bool(is_on[row + down, column + right]) for name, (down, right) in compass.items()}
                ring = [at[name] for name in around]
                pieces = sum(not ring[k] and (ring[k + 1] or ring[(k + 2) % 8]) for k in (0, 2, 4, 6))
                pairs = [sum(ring[k] or ring[(k + 1) % 8] for k in range(start, 8, 2)) for start in (0, 1)]
                keeps_side = at[near] and (any(at[name] for name in further) or not at[across])
                if pieces == 1 and 2 <= min(pairs) <= 3 and not keeps_side:
                    gone.append((row, column))
            for place in gone:
                is_on[place] = False
    return is_on[1:-1, 1:-1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_skeletons_equal_a_loop_over_pixels(seed):
    mask = draw_mask(seed, (9, 11)) if seed % 2 else np.random.default_rng(seed).random((7, 8)) < 0.7
    np.testing.assert_array_equal(thin(mask), thin_slowly(mask))


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


def test_means_are_over_the_classes_that_are_there_and_over_images():
    metric = ClDice(4)
    own = [metric.update(draw_labels(seed), draw_labels(seed + 1)) for seed in range(3)]
    scores = metric.compute()
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
