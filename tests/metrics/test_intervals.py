"""The bootstrap: by hand, against scipy with the same draws, on distributions whose truth is known, and at the edges."""

import math

import numpy as np
import pytest
from scipy import stats

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics import bootstrap as module
from pixelwise.metrics.bootstrap import bootstrap
from pixelwise.metrics.intervals import Interval, enough, interval_of_mean, score_intervals
from pixelwise.metrics.scores import mean_iou_per_image, scores_from_matrix, scores_from_multilabel
from pixelwise.metrics.stacks import SCORE_NAMES, class_counts, scores_of_sums, summable

NAMES = ["road", "car", "sky"]


def draw_matrices(images=30, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 100, (images, classes, classes)) + np.eye(classes, dtype=np.int64) * rng.integers(
        50, 900, (images, 1, 1)
    )


def quotient(sums):
    return sums[:, 0] / sums[:, 1]


def with_ones(values):
    return np.stack([values, np.ones(len(values))], 1)


@pytest.mark.parametrize("layered", [False, True], ids=["exclusive", "overlapping"])
def test_scores_of_sums_are_those_of_the_summed_matrices(layered):
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 50, (70, 4, 2, 2) if layered else (70, 4, 4))
    if layered:
        matrices[:, 3, 1], matrices[:, 3, :, 1] = 0, 0
    else:
        matrices[:, 3], matrices[..., 3] = 0, 0
    matrices[7] = 0  # an image without a counted pixel
    names = ["a", "b", "c", "ghost"]
    expected = (scores_from_multilabel if layered else scores_from_matrix)(matrices.sum(0), names)
    found = dict(zip([*SCORE_NAMES, *names], scores_of_sums(summable(class_counts(matrices)).sum(0)[None])[0], strict=True))
    for key in SCORE_NAMES[:-1]:
        assert found[key] == pytest.approx(getattr(expected, key), rel=1e-14)
    assert found["mean_iou_per_image"] == pytest.approx(mean_iou_per_image(matrices), rel=1e-13)
    np.testing.assert_allclose([found[name] for name in names], expected.iou, rtol=1e-14)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_mean_of_scores_has_the_interval_of_scipy(method, seed):
    """The draws are the same, so the ends agree to rounding."""
    values = np.random.default_rng(seed).beta(8, 2, 40)
    found = interval_of_mean(values, method=method, resamples=3000, seed=seed)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=3000, method=method, rng=np.random.default_rng(seed), vectorized=True
    ).confidence_interval
    np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-12)
    assert (found.value, found.units, found.method) == (pytest.approx(values.mean()), 40, method)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_mean_iou_of_the_set_has_the_interval_of_scipy(method):
    matrices = draw_matrices()

    def mean_iou(index, axis):
        whole = matrices[index.astype(int)].sum(axis if axis >= 0 else index.ndim + axis)
        hit = np.diagonal(whole, axis1=-2, axis2=-1)
        return (hit / (whole.sum(-1) + whole.sum(-2) - hit)).mean(-1)

    expected = stats.bootstrap(
        (np.arange(30),), mean_iou, n_resamples=2000, method=method, rng=np.random.default_rng(0), vectorized=True
    ).confidence_interval
    found = score_intervals(class_counts(matrices), NAMES, method=method)
    np.testing.assert_allclose(found.to_json()["mean_iou"], expected, rtol=1e-12)


def test_resamples_are_scored_as_a_plain_loop_scores_them():
    matrices = draw_matrices(9)
    drawn = bootstrap(summable(class_counts(matrices)), scores_of_sums, resamples=50, seed=3)
    picks = np.random.default_rng(3).integers(0, 9, (50, 9))
    for row, picked in zip(drawn.resampled, picks, strict=True):
        scores = scores_from_matrix(matrices[picked].sum(0), NAMES)
        assert row[0] == pytest.approx(scores.mean_iou, rel=1e-13)
        assert row[1] == pytest.approx(scores.mean_dice, rel=1e-13)
    for left_out, row in enumerate(drawn.without):
        assert row[0] == pytest.approx(scores_from_matrix(np.delete(matrices, left_out, 0).sum(0), NAMES).mean_iou, rel=1e-13)


def test_memory_is_bounded_and_the_result_does_not_depend_on_it(monkeypatch):
    counts = class_counts(draw_matrices(25))
    whole = score_intervals(counts, NAMES, resamples=300)
    largest = 0

    def watched(sums):
        nonlocal largest
        largest = max(largest, sums.size)
        return scores_of_sums(sums)

    monkeypatch.setattr(module, "_ENTRIES", 200)
    assert score_intervals(counts, NAMES, resamples=300) == whole
    bootstrap(summable(counts), watched, resamples=300)
    assert largest <= 200


def test_two_images_by_hand():
    """Images of score 0 and 1: of the draws, a quarter has mean 0, half 1/2, a quarter 1, so both ends are extremes."""
    drawn = bootstrap(with_ones(np.array([0.0, 1.0])), quotient, resamples=4000)
    shares = [np.mean(drawn.resampled == value) for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.03)
    assert drawn.interval(0, method="percentile") == (0.0, 1.0, "percentile")
    np.testing.assert_array_equal(drawn.without, [[1.0], [0.0]])


def test_groups_are_drawn_whole():
    """Copies of an image are no new information: with them as a group the interval is that of the images."""
    values = np.random.default_rng(1).random(12)
    once = interval_of_mean(values)
    groups = np.repeat([f"patient {index:02}" for index in range(12)], 5)
    copied = interval_of_mean(np.repeat(values, 5), groups=list(groups))
    np.testing.assert_allclose([copied.low, copied.high], [once.low, once.high], rtol=1e-12)
    assert (copied.units, once.units) == (12, 12)
    assert interval_of_mean(np.repeat(values, 5)).width < 0.6 * once.width


def test_the_order_of_images_within_groups_does_not_matter():
    counts, groups = class_counts(draw_matrices(24)), np.array(list("abcdef") * 4)
    order = np.random.default_rng(0).permutation(24)
    straight = score_intervals(counts, NAMES, list(groups)).to_json()["mean_iou"]
    np.testing.assert_allclose(score_intervals(counts[order], NAMES, list(groups[order])).to_json()["mean_iou"], straight)


def test_a_class_in_one_image_has_no_interval_and_leaves_the_mean_of_resamples_without_it():
    matrices = np.zeros((25, 2, 2), np.int64)
    matrices[:, 0, 0] = 90
    matrices[0] = [[90, 0], [6, 4]]
    found = score_intervals(class_counts(matrices), ["most", "rare"])
    rare = found.iou[1]
    assert (rare.value, rare.ends()) == (0.4, None)
    assert rare.undefined / 2000 == pytest.approx((24 / 25) ** 25, abs=0.03)
    assert found.means["mean_iou"].undefined == 0
    assert found.means["mean_iou"].high == 1.0  # where the image was not drawn, only the other class is there


def test_an_absent_class_has_no_interval():
    matrices = draw_matrices()
    matrices[:, 2], matrices[:, :, 2] = 0, 0
    found = score_intervals(class_counts(matrices), NAMES).to_json()
    assert found["per_class_iou"]["sky"] is None
    assert found["mean_iou"] is not None


def test_a_perfect_result_has_an_interval_of_width_zero_and_one_image_none():
    perfect = class_counts(np.stack([np.diag([5, 6, 7])] * 30))
    assert score_intervals(perfect, NAMES).to_json()["mean_iou"] == [1.0, 1.0]
    assert score_intervals(perfect[:1], NAMES).to_json()["mean_iou"] is None


def test_where_the_corrected_interval_is_undefined_the_percentile_interval_stands_and_says_so():
    """All resamples lie below the score."""
    drawn = module.Bootstrap(np.array([5.0]), np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[1.0], [2.0]]))
    low, high, method = drawn.interval(0)
    assert method == "percentile"
    assert (low, high) == drawn.interval(0, method="percentile")[:2]


def test_images_without_a_score_are_in_no_mean():
    values = np.random.default_rng(0).random(30)
    assert interval_of_mean([*values, math.nan]) == interval_of_mean(values)
    groups = [index // 3 for index in range(30)]
    assert interval_of_mean([math.nan, *values], groups=["gone", *groups]) == interval_of_mean(values, groups=groups)


def test_one_seed_gives_one_interval_and_another_seed_another():
    counts = class_counts(draw_matrices())
    first, again, other = (score_intervals(counts, NAMES, seed=seed).to_json() for seed in (0, 0, 1))
    assert first == again
    assert first["mean_iou"] != other["mean_iou"]
    np.testing.assert_allclose(first["mean_iou"], other["mean_iou"], atol=5e-3)


def test_the_rule_and_the_foreground_are_named():
    found = score_intervals(class_counts(draw_matrices(classes=2)), ["no", "yes"], list("ab" * 15), is_binary=True, resamples=99)
    assert found.rule == "95 % BCa interval, 99 resamples of 2 groups, seed 0"
    assert found.to_json()["foreground_iou"] == found.to_json()["per_class_iou"]["yes"]
    assert str(Interval(0.6157, 0.598, 0.633, 30)) == "0.616 [0.598, 0.633]"
    assert str(Interval(0.5, math.nan, math.nan, 1)) == "0.500"


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(method):
    """500 sets of 40 scores from a known, skewed distribution; 1000 resamples each."""
    rng = np.random.default_rng(0)
    truth = 6 / 8
    held = 0
    for seed in range(500):
        interval = interval_of_mean(rng.beta(6, 2, 40), method=method, resamples=1000, seed=seed)
        held += interval.low <= truth <= interval.high
    assert 0.92 <= held / 500 <= 0.98


def test_enough_is_silent_for_a_large_set_and_a_narrow_interval():
    assert enough(Interval(0.6, 0.58, 0.64, 20)) is None
    assert enough(Interval(math.nan, math.nan, math.nan, 200)) is None


def test_enough_says_when_images_are_few():
    assert enough(Interval(0.6, 0.6, 0.6, 19)) == (
        "19 images are too few to tell how good the model is: below 20 the intervals themselves are unsure; score more images"
    )
    assert enough(Interval(0.6, 0.6, 0.6, 1)).startswith("1 image is too few")


def test_enough_says_how_many_images_a_narrow_interval_takes():
    """0.16 wide is twice the bound, so four times the images."""
    assert enough(Interval(0.6, 0.5, 0.66, 30), "mean Dice") == (
        "the 95 % interval of mean Dice is 0.160 wide, too wide to tell smaller differences; "
        "about 120 images like these 30 would bring it down to 0.08"
    )


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"method": "basic"}, ConfigError, "unknown interval 'basic'; allowed: bca, percentile"),
        ({"level": 95}, ConfigError, "the level of an interval must be between 0 and 1, such as 0.95, got 95"),
        ({"resamples": 0}, ConfigError, "resamples must be at least 1, got 0"),
        ({"groups": ["a"]}, DataError, "1 groups for 3 images; there must be one per image"),
        ({"groups": ["a", "", None]}, DataError, "2 of 3 images have no group; give each one"),
    ],
)
def test_wrong_settings_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        interval_of_mean([0.1, 0.2, 0.3], **arguments)


def test_wrong_numbers_are_refused():
    with pytest.raises(DataError, match="an image, got shape"):
        interval_of_mean([])
    with pytest.raises(DataError, match="needs finite numbers per image"):
        bootstrap(np.array([[1.0], [np.inf]]), quotient)
    with pytest.raises(DataError, match="one confusion matrix per image is needed, got none"):
        class_counts([])
    with pytest.raises(DataError, match=r"must be \(classes, classes\) or \(classes, 2, 2\), got \(2, 3\)"):
        class_counts(np.zeros((4, 2, 3), np.int64))
    with pytest.raises(DataError, match="must be whole numbers, got float64"):
        class_counts(np.zeros((4, 2, 2)))
