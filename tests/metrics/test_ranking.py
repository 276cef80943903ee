"""ROC and precision-recall: scikit-learn's where exact, within the bound where not; exact sums; what is undefined is said."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from pixelwise.errors import DataError
from pixelwise.metrics.curves import auroc, average_precision
from pixelwise.metrics.ranking import ScoreHistograms

AREAS = ("macro_auroc", "micro_auroc", "macro_average_precision", "micro_average_precision")


def draw_image(num_classes=4, size=(24, 31), dtype=np.float16, ignored=0.2, seed=0):
    """Softmax scores (K, H, W) that know something about the target (H, W)."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, num_classes, size, dtype=np.uint8)
    logits = 3 * rng.normal(size=(num_classes, *size)) + 2 * (np.arange(num_classes)[:, None, None] == target)
    scores = np.exp(logits) / np.exp(logits).sum(0)
    target[rng.random(size) < ignored] = 255
    return scores.astype(dtype), target


def count(*images, num_classes=4, **options):
    metric = ScoreHistograms(num_classes, **options)
    for scores, target in images:
        metric.update(scores, target)
    return metric


def binary(scores, truth, dtype=np.float32):
    """A metric of one row of pixels, multilabel with one class."""
    plane = np.asarray(scores, dtype).reshape(1, 1, -1)
    return count((plane, np.asarray(truth, np.uint8).reshape(1, 1, -1)), num_classes=1, multilabel=True)


def test_areas_of_float16_scores_equal_those_of_scikit_learn():
    scores, target = draw_image()
    found = count((scores, target)).compute()
    counted = target != 255
    truth = (target[counted] == np.arange(4)[:, None]).T
    guess = scores[:, counted].T.astype(np.float64)
    for average in ("macro", "micro"):
        assert getattr(found, f"{average}_auroc") == pytest.approx(
            sklearn_metrics.roc_auc_score(truth, guess, average=average), abs=1e-14
        )
        expected = sklearn_metrics.average_precision_score(truth, guess, average=average)
        assert getattr(found, f"{average}_average_precision") == pytest.approx(expected, abs=1e-14)
    np.testing.assert_allclose(found.auroc, sklearn_metrics.roc_auc_score(truth, guess, average=None), rtol=1e-14)
    np.testing.assert_allclose(
        found.average_precision, sklearn_metrics.average_precision_score(truth, guess, average=None), rtol=1e-14
    )
    assert found.is_exact
    assert {*found.auroc_bound, *found.average_precision_bound, found.micro_auroc_bound, found.macro_auroc_bound} == {0.0}


def test_curves_of_float16_scores_equal_those_of_scikit_learn():
    scores, target = draw_image()
    metric, counted = count((scores, target)), target != 255
    for index in range(4):
        truth, guess = target[counted] == index, scores[index][counted].astype(np.float64)
        roc, precision_recall = metric.roc_curve(index), metric.precision_recall_curve(index)
        expected = sklearn_metrics.roc_curve(truth, guess, drop_intermediate=False)
        for found, wanted in zip((roc.false_positive_rate, roc.true_positive_rate, roc.thresholds), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-14)
        precision, recall, thresholds = sklearn_metrics.precision_recall_curve(truth, guess)
        np.testing.assert_allclose(precision_recall.precision, precision[::-1], rtol=1e-14)
        np.testing.assert_allclose(precision_recall.recall, recall[::-1], rtol=1e-14)
        np.testing.assert_array_equal(precision_recall.thresholds, [math.inf, *thresholds[::-1]])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), how_many=st.integers(2, 400), spread=st.sampled_from([1e-6, 1e-3, 0.05, 1.0]))
def test_areas_of_float32_scores_are_within_their_bound_of_scikit_learn(seed, how_many, spread):
    rng = np.random.default_rng(seed)
    centre = rng.choice([0.0, 0.3, 0.5, 1.0])
    scores = np.clip(centre + spread * rng.normal(size=how_many), 0, 1).astype(np.float32)
    truth = rng.random(how_many) < rng.uniform(0.1, 0.9)
    truth[:2] = (False, True)
    found = binary(scores, truth).compute()
    assert abs(found.auroc[0] - sklearn_metrics.roc_auc_score(truth, scores)) <= found.auroc_bound[0] + 1e-12
    exact = sklearn_metrics.average_precision_score(truth, scores)
    assert abs(found.average_precision[0] - exact) <= found.average_precision_bound[0] + 1e-12


@pytest.mark.parametrize("truth, expected", [((0, 1), 1.0), ((1, 0), 0.0)], ids=["right order", "wrong order"])
def test_the_bound_of_auroc_is_reached_by_two_scores_of_one_bin(truth, expected):
    near = np.float32(0.3), np.nextafter(np.float32(0.3), np.float32(1))
    found = binary(near, truth).compute()
    assert (found.auroc, found.auroc_bound, found.is_exact) == ((0.5,), (0.5,), False)
    assert sklearn_metrics.roc_auc_score(truth, near) == expected


def test_the_bound_of_average_precision_is_nearly_reached_by_the_worst_order_in_a_bin():
    # A negative far above; in one bin the other negative, and below it ten positives one by one.
    scores = np.array([0.9, *(0.3 - 1e-6 * np.arange(11))], np.float32)
    truth = [0, 0, *[1] * 10]
    found, exact = binary(scores, truth).compute(), sklearn_metrics.average_precision_score(truth, scores)
    assert found.average_precision[0] == pytest.approx(10 / 12)
    assert exact == pytest.approx(sum(k / (k + 2) for k in range(1, 11)) / 10)
    assert 10 / 12 - exact <= found.average_precision_bound[0] <= 1.05 * (10 / 12 - exact)


def test_a_double_loop_over_pairs_gives_the_same_auroc():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 9, 60) / 8, rng.integers(0, 2, 60)
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[truth == 1] for n in scores[truth == 0]]
    assert binary(scores, truth).compute().auroc[0] == sum(pairs) / len(pairs)


def test_every_point_of_a_float32_curve_is_what_its_threshold_gives():
    scores, target = draw_image(dtype=np.float32)
    metric, counted = count((scores, target)), target != 255
    curve, truth, guess = metric.roc_curve(1), target[counted] == 1, scores[1][counted].astype(np.float64)
    there = guess[None] >= np.array(curve.thresholds)[:, None]
    np.testing.assert_allclose(curve.true_positive_rate, there[:, truth].mean(1), rtol=1e-14)
    np.testing.assert_allclose(curve.false_positive_rate, there[:, ~truth].mean(1), rtol=1e-14)


def test_best_thresholds_are_those_of_a_search_over_all():
    scores, target = draw_image(size=(9, 11))
    found, counted = count((scores, target)).compute(), target != 255
    truth, guess = target[counted] == 2, scores[2][counted]
    tried = np.unique(guess)[::-1]
    f1 = [sklearn_metrics.f1_score(truth, guess >= t) for t in tried]
    j = [(guess >= t)[truth].mean() - (guess >= t)[~truth].mean() for t in tried]
    assert (found.best_f1[2], found.best_f1_threshold[2]) == (pytest.approx(max(f1)), tried[np.argmax(f1)])
    assert (found.best_youden[2], found.best_youden_threshold[2]) == (pytest.approx(max(j)), tried[np.argmax(j)])


def test_scores_that_rank_all_pixels_wrongly_are_best_never_believed():
    found = binary([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]).compute()
    assert (found.auroc[0], found.best_youden[0], found.best_youden_threshold[0]) == (0.0, 0.0, math.inf)


@pytest.mark.parametrize(
    "truth, reason",
    [([0, 0], "no target pixel"), ([1, 1], "all counted pixels are target pixels"), ([255, 255], "no counted pixel")],
    ids=["no positives", "no negatives", "all ignored"],
)
def test_one_side_only_is_undefined_and_said_and_never_one_half(truth, reason):
    found = binary([0.2, 0.7], truth, np.float16).compute()
    assert found.undefined == {"class_0": reason}
    values = [*found.auroc, *found.average_precision, *found.best_f1, *found.best_youden, *(getattr(found, key) for key in AREAS)]
    assert all(math.isnan(value) for value in values)
    assert (found.roc[0].thresholds, found.precision_recall[0].thresholds) == ((), ())


def test_an_undefined_class_is_in_no_macro_mean():
    scores, target = draw_image()
    target[target == 3] = 255
    found = count((scores, target)).compute()
    assert found.undefined == {"class_3": "no target pixel"}
    assert found.macro_auroc == pytest.approx(np.mean(found.auroc[:3]))


def test_multilabel_ranks_each_class_by_its_own_layer():
    rng = np.random.default_rng(0)
    scores, target = rng.random((2, 9, 9)).astype(np.float16), rng.choice(np.array([0, 1, 255], np.uint8), (2, 9, 9))
    found = count((scores, target), num_classes=2, multilabel=True).compute()
    expected = [sklearn_metrics.roc_auc_score(t[t != 255], s[t != 255]) for s, t in zip(scores, target, strict=True)]
    np.testing.assert_allclose(found.auroc, expected, rtol=1e-14)


def test_an_update_returns_negatives_and_positives_of_its_image():
    scores, target = draw_image()
    metric = count((scores, target))
    expected = [[np.count_nonzero((target != index) & (target != 255)), np.count_nonzero(target == index)] for index in range(4)]
    assert metric.update(scores, target).tolist() == expected
    assert metric.counts.sum(2).tolist() == (2 * np.array(expected)).tolist()


def test_counts_beyond_64_bits_of_pairs_do_not_overflow():
    positives, negatives = np.array([1 << 40, 3 << 40]), np.array([3 << 40, 1 << 40])
    assert auroc(positives, negatives) == ((9 + 1.5 + 1.5) / 16, 3 / 16)
    assert average_precision(positives, negatives)[0] == pytest.approx(0.75 * 0.75 + 0.25 * 0.5)


def test_a_thinned_curve_stays_near_the_whole():
    curve = count(draw_image(size=(200, 200))).roc_curve(None)
    thin = curve.thinned(64)
    assert len(curve.thresholds) > 2000
    assert len(thin.thresholds) <= 65
    drawn = np.interp(curve.false_positive_rate, thin.false_positive_rate, thin.true_positive_rate)
    assert np.abs(drawn - curve.true_positive_rate).max() <= 2 / 64
    assert (thin.thresholds[0], thin.thresholds[-1]) == (curve.thresholds[0], curve.thresholds[-1])


def test_json_holds_no_nan_and_comes_back_as_it_was():
    scores, target = draw_image()
    target[target == 3] = 255
    plain = count((scores, target)).compute().to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["per_class_auroc"]["class_3"], plain["undefined_classes"]) == (None, {"class_3": "no target pixel"})
    assert plain["roc"]["class_0"]["thresholds"][0] is None


def test_memory_does_not_grow_with_the_images():
    metric = count(draw_image())
    before = metric.counts.nbytes
    metric.update(*draw_image(size=(100, 100)))
    assert (metric.counts.nbytes, before) == (4 * 2 * 28673 * 8,) * 2


def zeros(*shape, value=0, dtype=np.uint8):
    return np.full(shape, value, dtype)


HALF = zeros(3, 2, 2, value=1 / 3, dtype=np.float16)


@pytest.mark.parametrize(
    "scores, target, message",
    [
        (zeros(2, 2, 2, dtype=np.float16), zeros(2, 2), r"must be \(3, height, width\), .* got \(2, 2, 2\); .*stack"),
        (zeros(2, 2, dtype=np.float16), zeros(2, 2), r"must be \(3, height, width\)"),
        (zeros(3, 2, 2), zeros(2, 2), r"float16, float32 or float64 probabilities, got uint8"),
        (HALF, zeros(2, 2, dtype=np.int64), r"must be \(2, 2\) uint8, got \(2, 2\) int64"),
        (zeros(3, 2, 2, value=7, dtype=np.float32), zeros(2, 2, value=255), r"from 0 to 1, got 7.0"),
    ],
    ids=["two planes", "no planes", "whole numbers", "int64", "logits on ignored pixels"],
)
def test_what_cannot_be_ranked_is_refused_and_leaves_the_counts_alone(scores, target, message):
    metric = ScoreHistograms(3)
    with pytest.raises(DataError, match=message):
        metric.update(scores, target)
    assert metric.counts.sum() == 0


def test_a_multilabel_target_is_zero_one_or_ignored():
    with pytest.raises(DataError, match=r"targets must be 0 to 1, or 255 where ignored, got \[2\]"):
        ScoreHistograms(3, multilabel=True).update(HALF, zeros(3, 2, 2, value=2))


def test_histograms_of_different_classes_or_modes_do_not_merge():
    for other in (ScoreHistograms(3), ScoreHistograms(2, multilabel=True)):
        with pytest.raises(DataError, match="different classes or modes cannot be merged"):
            ScoreHistograms(2).merge(other)


def test_class_counts_that_make_no_sense_are_refused():
    with pytest.raises(DataError, match="num_classes must be 1 to 255, got 0"):
        ScoreHistograms(0)
    with pytest.raises(DataError, match="class_names must hold 3 names, one per class, got 1"):
        ScoreHistograms(3, ["road"])


@pytest.mark.slow  # sixty million pixels take their time
def test_many_pixels_are_counted_exactly():
    scores, target = draw_image(num_classes=2, size=(4000, 5000))
    once = count((scores, target), num_classes=2)
    metric = ScoreHistograms(2)
    for _ in range(3):
        metric.update(scores, target)
    np.testing.assert_array_equal(metric.counts, 3 * once.counts)
    assert metric.compute().auroc == once.compute().auroc
