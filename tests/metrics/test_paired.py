"""Differences between two results on the same images."""

import math

import numpy as np
import pytest
from scipy import stats

from pixelwise.errors import DataError
from pixelwise.metrics.intervals import score_intervals
from pixelwise.metrics.paired import paired_differences
from pixelwise.metrics.stacks import class_counts

NAMES = ["no", "yes"]


def draw_pair(images=40, gain=0.02, seed=0):
    """Two results on images that differ much from one another; the second is right on ``gain`` more of the pixels."""
    rng = np.random.default_rng(seed)
    hard = rng.uniform(0.05, 0.5, images)
    results = []
    for less in (0.0, gain):
        wrong = rng.binomial(1000, np.clip(hard - less, 0, 1))
        results.append(np.stack([[[1000 - w, w], [w // 2, 500 - w // 2]] for w in wrong]).astype(np.int64))
    return results


def compare(first, second, **settings):
    return paired_differences(class_counts(first), class_counts(second), NAMES, **settings)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_interval_of_the_difference_is_that_of_scipy(method):
    first, second = draw_pair()

    def difference(index, axis):
        accuracies = []
        for matrices in (first, second):
            whole = matrices[index.astype(int)].sum(axis if axis >= 0 else index.ndim + axis)
            accuracies.append(np.trace(whole, axis1=-2, axis2=-1) / whole.sum((-2, -1)))
        return accuracies[1] - accuracies[0]

    expected = stats.bootstrap(
        (np.arange(40),), difference, n_resamples=2000, method=method, rng=np.random.default_rng(0), vectorized=True
    ).confidence_interval
    found = compare(first, second, method=method)["accuracy"]
    np.testing.assert_allclose([found.interval.low, found.interval.high], expected, rtol=1e-9)


def test_a_small_gain_on_the_same_images_is_told_though_the_intervals_of_both_overlap():
    first, second = draw_pair()
    alone = [score_intervals(class_counts(part), NAMES).means["mean_iou"] for part in (first, second)]
    found = compare(first, second)["mean_iou"]
    assert alone[0].high > alone[1].low
    assert found.is_told
    assert found.interval.low > 0
    assert found.share_above > 0.99
    assert (found.first, found.second) == (alone[0].value, alone[1].value)


def test_swapping_the_results_turns_every_sign():
    first, second = draw_pair(gain=0.003)
    found, swapped = compare(first, second)["mean_iou"], compare(second, first)["mean_iou"]
    assert swapped.interval.value == -found.interval.value
    assert swapped.interval.low == pytest.approx(-found.interval.high, abs=2e-3)
    assert swapped.share_above == pytest.approx(1 - found.share_above)


def test_a_result_and_itself_differ_by_nothing_in_half_of_the_resamples():
    first, _ = draw_pair()
    found = compare(first, first)["mean_dice"]
    assert (found.interval.value, found.interval.ends(), found.share_above, found.is_told) == (0.0, [0.0, 0.0], 0.5, False)


def test_noise_alone_is_seldom_told():
    told = sum(compare(*draw_pair(gain=0.0, seed=seed), resamples=500)["accuracy"].is_told for seed in range(60))
    assert told <= 9  # 3 are expected


def test_two_images_by_hand():
    """Accuracy rises from 1/2 to 1 in one image and falls from 1 to 3/4 in the other, of one size: by 1/8 in all."""
    first, second = np.array([[[2, 2], [2, 2]], [[4, 0], [0, 4]]]), np.array([[[4, 0], [0, 4]], [[3, 1], [1, 3]]])
    found = compare(first, second, method="percentile")["accuracy"]
    assert (found.first, found.second, found.interval.value) == (0.75, 0.875, 0.125)
    assert found.interval.ends() == [-0.25, 0.5]
    assert found.share_above == pytest.approx(0.75, abs=0.03)


def test_names_are_those_of_the_scores_and_classes():
    found = compare(*draw_pair())
    assert list(found) == [
        "mean_iou", "mean_dice", "accuracy", "mean_accuracy", "fwiou", "mean_iou_per_image", "iou_no", "iou_yes",
    ]  # fmt: skip


def test_an_absent_class_has_no_difference():
    matrices = np.zeros((30, 3, 3), np.int64)
    matrices[:, :2, :2] = draw_pair(30)[0]
    found = paired_differences(class_counts(matrices), class_counts(matrices), [*NAMES, "ghost"])["iou_ghost"]
    assert math.isnan(found.interval.value)
    assert set(found.to_json().values()) == {None}
    assert not found.is_told


def test_results_of_other_shapes_are_refused():
    first, second = draw_pair()
    with pytest.raises(DataError, match=r"must have the same images and classes, got counts of \(40, 5, 2\) and \(39, 5, 2\)"):
        compare(first, second[1:])
