"""Kappa, MCC, balanced accuracy and specificity: against scikit-learn, and where they are undefined."""

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pixelwise.metrics.agreement import cohen_kappa, matthews_correlation
from pixelwise.metrics.confusion import ConfusionMatrix
from pixelwise.metrics.scores import scores_from_matrix, scores_from_multilabel


def score(matrix):
    return scores_from_matrix(np.array(matrix, np.int64), [f"c{index}" for index in range(len(matrix))])


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_scores_equal_those_of_scikit_learn_on_random_maps(classes):
    rng = np.random.default_rng(classes)
    target = rng.integers(0, classes, (30, 40), dtype=np.uint8)
    prediction = np.where(rng.random((30, 40)) < 0.6, target, rng.integers(0, classes, (30, 40))).astype(np.uint8)
    metric = ConfusionMatrix(classes)
    metric.update(prediction, target)
    found, truth, guess = metric.compute(), target.ravel(), prediction.ravel()
    assert found.cohen_kappa == pytest.approx(sklearn_metrics.cohen_kappa_score(truth, guess), rel=1e-12)
    assert found.mcc == pytest.approx(sklearn_metrics.matthews_corrcoef(truth, guess), rel=1e-12)
    assert found.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, guess), rel=1e-12)
    expected = [sklearn_metrics.recall_score(truth != index, guess != index) for index in range(classes)]
    np.testing.assert_allclose(found.specificity, expected, rtol=1e-12)


def test_overlapping_classes_are_scored_each_by_itself():
    rng = np.random.default_rng(0)
    target, prediction = rng.random((3, 500)) < 0.3, rng.random((3, 500)) < 0.4
    matrix = np.stack([sklearn_metrics.confusion_matrix(t, p) for t, p in zip(target, prediction, strict=True)]).astype(np.int64)
    found = scores_from_multilabel(matrix, ["a", "b", "c"])
    pairs = list(zip(target, prediction, strict=True))
    assert found.cohen_kappa == pytest.approx(np.mean([sklearn_metrics.cohen_kappa_score(*pair) for pair in pairs]))
    assert found.mcc == pytest.approx(np.mean([sklearn_metrics.matthews_corrcoef(*pair) for pair in pairs]))
    assert found.balanced_accuracy == pytest.approx(np.mean([sklearn_metrics.balanced_accuracy_score(*pair) for pair in pairs]))
    np.testing.assert_allclose(found.specificity, [sklearn_metrics.recall_score(~t, ~p) for t, p in pairs])


def test_an_overlapping_class_that_is_absent_is_in_no_mean():
    there = [[70, 10], [5, 15]]
    alone = scores_from_multilabel(np.array([there]), ["a"])
    with_ghost = scores_from_multilabel(np.array([there, [[100, 0], [0, 0]]]), ["a", "ghost"])
    for key in ("balanced_accuracy", "cohen_kappa", "mcc"):
        assert getattr(with_ghost, key) == getattr(alone, key)
    assert alone.balanced_accuracy == pytest.approx((70 / 80 + 15 / 20) / 2)
    assert math.isnan(with_ghost.specificity[1])


@pytest.mark.parametrize(
    "matrix, kappa",
    [([[9, 0], [0, 0]], math.nan), ([[5, 4], [0, 0]], 0.0), ([[5, 0], [4, 0]], 0.0)],
    ids=["both of one class", "target of one class", "prediction of one class"],
)
def test_one_class_only_leaves_the_correlation_undefined_and_says_so(matrix, kappa):
    """scikit-learn says 0 for the correlation."""
    found = score(matrix)
    assert math.isnan(found.mcc)
    assert found.cohen_kappa == pytest.approx(kappa, nan_ok=True)
    plain = found.to_json()
    assert plain["mcc"] is None
    assert "all target pixels, or all predicted ones, are of one class" in plain["undefined"]["mcc"]
    assert ("cohen_kappa" in plain["undefined"]) == math.isnan(kappa)
    with warnings.catch_warnings(action="ignore"):
        assert sklearn_metrics.matthews_corrcoef(*np.repeat(np.indices((2, 2)).reshape(2, 4), np.ravel(matrix), 1)) == 0


def test_where_no_pixel_was_counted_all_is_undefined_and_says_so():
    undefined = score([[0, 0], [0, 0]]).undefined
    assert set(undefined.values()) == {"no pixel was counted"}
    assert len(undefined) == 8


def test_a_defined_result_says_nothing_of_what_is_undefined():
    assert "undefined" not in score([[8, 2], [3, 7]]).to_json()


def test_specificity_is_undefined_without_other_pixels_and_for_absent_classes():
    assert math.isnan(score([[5, 4], [0, 0]]).specificity[0])
    np.testing.assert_array_equal(score([[5, 0, 1], [0, 0, 0], [0, 0, 4]]).specificity, [1.0, math.nan, 5 / 6])


def test_squares_of_counts_beyond_64_bits_do_not_overflow():
    matrix = np.array([[8, 2], [3, 7]], np.int64)
    for large in (1 << 33, 1 << 58):
        assert cohen_kappa(matrix * large) == cohen_kappa(matrix)
        assert matthews_correlation(matrix * large) == pytest.approx(matthews_correlation(matrix), rel=1e-14)


def test_chance_agreement_is_zero():
    independent = np.outer([10, 30, 60], [5, 3, 2])
    assert (cohen_kappa(independent), matthews_correlation(independent)) == (0, 0)
