"""Scores: scikit-learn, and the laws that hold for every matrix; hand-made cases are in ``test_golden``."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pixelwise.errors import DataError
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.scores import image_scores, mean_iou_per_image, scores_from_matrix, scores_from_multilabel

MEANS = ("mean_iou", "accuracy", "mean_accuracy", "mean_dice", "fwiou")
PER_CLASS = ("iou", "dice", "precision", "recall")


def draw_matrix(num_classes=6, seed=0):
    return np.random.default_rng(seed).integers(0, 1000, (num_classes, num_classes)).astype(np.int64)


def name_all(count):
    return [f"c{index}" for index in range(count)]


def test_scores_equal_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    prediction, target = (rng.integers(0, 6, (40, 50), dtype=np.uint8) for _ in range(2))
    metric = ConfusionMatrix(6)
    metric.update(prediction, target)
    scores, truth, guess = metric.compute(), target.ravel(), prediction.ravel()
    precision, recall, dice, _ = sklearn_metrics.precision_recall_fscore_support(truth, guess)
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.dice, dice)
    np.testing.assert_allclose(scores.iou, sklearn_metrics.jaccard_score(truth, guess, average=None))
    assert scores.accuracy == pytest.approx(sklearn_metrics.accuracy_score(truth, guess))
    assert scores.mean_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, guess))
    assert scores.fwiou == pytest.approx(sklearn_metrics.jaccard_score(truth, guess, average="weighted"))


@pytest.mark.parametrize("seed", range(5))
def test_iou_is_dice_over_two_minus_dice(seed):
    scores = scores_from_matrix(draw_matrix(seed=seed), name_all(6))
    dice = np.array(scores.dice)
    np.testing.assert_allclose(scores.iou, dice / (2 - dice), rtol=1e-12)


def test_a_perfect_prediction_scores_one_everywhere():
    scores = scores_from_matrix(np.diag([5, 3, 9]).astype(np.int64), name_all(3))
    assert {getattr(scores, key) for key in MEANS} | {v for key in PER_CLASS for v in getattr(scores, key)} == {1.0}


def test_renaming_classes_moves_their_scores_and_keeps_the_means():
    matrix, order = draw_matrix(), [3, 0, 5, 1, 4, 2]
    before, after = scores_from_matrix(matrix, name_all(6)), scores_from_matrix(matrix[np.ix_(order, order)], name_all(6))
    assert after.iou == tuple(before.iou[index] for index in order)
    np.testing.assert_allclose([getattr(after, key) for key in MEANS], [getattr(before, key) for key in MEANS])


def test_swapping_target_and_prediction_swaps_precision_and_recall():
    matrix = draw_matrix()
    scores, swapped = scores_from_matrix(matrix, name_all(6)), scores_from_matrix(matrix.T, name_all(6))
    assert (scores.iou, scores.precision, scores.recall) == (swapped.iou, swapped.recall, swapped.precision)


def test_an_absent_class_is_listed_and_changes_no_mean():
    matrix = draw_matrix(3)
    wider = np.zeros((4, 4), np.int64)
    wider[np.ix_([0, 2, 3], [0, 2, 3])] = matrix
    narrow, wide = scores_from_matrix(matrix, name_all(3)), scores_from_matrix(wider, ["a", "ghost", "b", "c"])
    assert (wide.absent, wide.absent_indices) == (("ghost",), (1,))
    assert [getattr(wide, key) for key in MEANS] == [getattr(narrow, key) for key in MEANS]


def test_counts_beyond_32_bits_do_not_overflow():
    matrix = np.array([[3 << 40, 1 << 40], [0, 1 << 41]], np.int64)
    scores = scores_from_matrix(matrix, name_all(2))
    assert scores.iou == (0.75, 2 / 3)
    assert scores.pixels == 6 << 40


def test_only_two_exclusive_classes_have_a_foreground():
    binary, more = scores_from_matrix(draw_matrix(2), name_all(2)), scores_from_matrix(draw_matrix(3), name_all(3))
    overlapping = scores_from_multilabel(np.ones((2, 2, 2), np.int64), name_all(2))
    assert (binary.foreground_iou, more.foreground_iou, overlapping.foreground_iou) == (binary.iou[1], None, None)


def test_multilabel_scores_equal_those_of_each_class_as_a_binary_question():
    rng = np.random.default_rng(0)
    prediction, target = (rng.integers(0, 2, (3, 20, 20), dtype=np.uint8) for _ in range(2))
    metric = MultilabelConfusion(3, name_all(3))
    metric.update(prediction, target)
    scores = metric.compute()
    expected = [sklearn_metrics.jaccard_score(t.ravel(), p.ravel()) for t, p in zip(target, prediction, strict=True)]
    np.testing.assert_allclose(scores.iou, expected)
    assert scores.mean_iou == pytest.approx(np.mean(expected))
    assert scores.accuracy == pytest.approx((prediction == target).mean())


def test_an_image_is_scored_over_the_classes_that_it_holds():
    matrix = np.zeros((4, 4), np.int64)
    matrix[0, 0], matrix[0, 1], matrix[1, 1] = 6, 2, 8
    found = image_scores(matrix)
    assert (found.mean_iou, found.accuracy) == (pytest.approx((6 / 8 + 8 / 10) / 2), 14 / 16)
    assert found.to_row(["a", "b", "c", "d"]) == {
        "mean_iou": found.mean_iou,
        "accuracy": found.accuracy,
        "iou_a": 0.75,
        "iou_b": 0.8,
        "iou_c": None,
        "iou_d": None,
    }


def test_the_mean_over_images_leaves_out_images_without_a_counted_pixel():
    right, wrong, nothing = np.diag([4, 4]), np.array([[0, 4], [4, 0]]), np.zeros((2, 2), np.int64)
    assert mean_iou_per_image([right, wrong, nothing]) == 0.5
    assert math.isnan(mean_iou_per_image([nothing]))


def test_json_holds_no_nan_and_comes_back_as_it_was():
    matrix = draw_matrix(3)
    matrix[1], matrix[:, 1] = 0, 0
    plain = scores_from_matrix(matrix, ["a", "b", "c"]).to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["per_class_iou"]["b"] is None
    assert plain["absent_classes"] == ["b"]
    assert plain["mean_iou"] > 0


@pytest.mark.parametrize("matrix", [np.zeros((2, 3), np.int64), np.zeros((3, 3))], ids=["not square", "not whole numbers"])
def test_a_matrix_that_is_no_confusion_matrix_is_refused(matrix):
    with pytest.raises(DataError, match=r"must be \(3, 3\) whole numbers, one row per class, got"):
        scores_from_matrix(matrix, name_all(3))
