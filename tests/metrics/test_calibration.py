"""Calibration: scikit-learn, a double loop over pixels, and the laws that hold; hand-made cases are in ``test_golden``."""

import json
import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from pixelwise.errors import DataError
from pixelwise.metrics.calibration import NLL_FLOOR, Calibration
from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.metrics.reliability import adaptive_calibration_error, expected_calibration_error
from pixelwise.metrics.score_bins import NUM_SCORE_BINS, bin_values
from pixelwise.metrics.strata import Strata


def draw_image(num_classes=3, size=(40, 50), dtype=np.float16, sharper=1.0, seed=0):
    """Scores (K, H, W), and a target drawn from them in 8x8 blocks: calibrated if ``sharper`` is 1."""
    rng = np.random.default_rng(seed)
    blocks = -(-size[0] // 8), -(-size[1] // 8)
    logits = 2 * rng.normal(size=(num_classes, *blocks))
    chances = np.exp(logits) / np.exp(logits).sum(0)
    target = (rng.random(blocks) > np.cumsum(chances, 0)[:-1, ...]).sum(0)
    scores = np.exp(sharper * logits) / np.exp(sharper * logits).sum(0)
    big = [np.kron(plane, np.ones((8, 8)))[: size[0], : size[1]] for plane in (*scores, target)]
    target = big[-1].astype(np.uint8)
    target[rng.random(size) < 0.1] = 255
    return np.stack(big[:-1]).astype(dtype), target


def count(*images, num_classes=3, **options):
    metric = Calibration(num_classes, **options)
    for scores, target in images:
        metric.update(scores, target)
    return metric


def looped_gaps(confidence, is_right, num_bins):
    """(answers, |accuracy - confidence|) of each occupied bin, pixel by pixel."""
    bins = [[] for _ in range(num_bins)]
    for value, right in zip(confidence.tolist(), is_right.tolist(), strict=True):
        bins[max(math.ceil(value * num_bins) - 1, 0)].append((value, right))
    return [(len(b), abs(sum(r for _, r in b) - sum(v for v, _ in b)) / len(b)) for b in bins if b]


@pytest.mark.slow  # importing torchmetrics takes seconds; test_golden holds its figures
def test_torchmetrics_agrees_on_more_pixels():
    classification = pytest.importorskip("torchmetrics.classification", reason="torchmetrics is not installed")
    import torch

    scores, target = draw_image(sharper=3.0)
    scores = np.minimum(scores, np.float16(0.999))  # it puts a confidence of exactly 1 in a bin of its own
    counted = target != 255
    pair = torch.tensor(scores[:, counted].T.astype(np.float32)), torch.tensor(target[counted].astype(np.int64))
    found = count((scores, target)).compute().top_label
    assert found.ece == pytest.approx(float(classification.MulticlassCalibrationError(3)(*pair)), abs=1e-6)
    assert found.mce == pytest.approx(float(classification.MulticlassCalibrationError(3, norm="max")(*pair)), abs=1e-5)


def test_errors_equal_a_loop_over_pixels():
    scores, target = draw_image(sharper=3.0)
    found, counted = count((scores, target)).compute(), target != 255
    picked = scores[:, counted].astype(np.float64)
    gaps = looped_gaps(picked.max(0), picked.argmax(0) == target[counted], 15)
    assert found.top_label.ece == pytest.approx(sum(n * gap for n, gap in gaps) / counted.sum(), rel=1e-12)
    assert found.top_label.mce == pytest.approx(max(gap for _, gap in gaps), rel=1e-12)
    assert found.top_label.unweighted_gap == pytest.approx(np.mean([gap for _, gap in gaps]), rel=1e-12)
    for index in range(3):
        gaps = looped_gaps(picked[index], target[counted] == index, 15)
        assert found.per_class_ece[index] == pytest.approx(sum(n * gap for n, gap in gaps) / counted.sum(), rel=1e-12)
    assert found.classwise_ece == pytest.approx(np.mean(found.per_class_ece))


def test_the_diagram_is_the_means_of_its_bins():
    scores, target = draw_image(size=(8, 8), sharper=2.0)
    found, counted = count((scores, target)).compute().top_label, target != 255
    confidence = scores[:, counted].astype(np.float64).max(0)
    is_right = scores[:, counted].argmax(0) == target[counted]
    place = np.ceil(confidence * 15).astype(int) - 1
    for index in range(15):
        here = place == index
        means = (confidence[here].mean(), is_right[here].mean()) if here.any() else (math.nan, math.nan)
        assert found.count[index] == here.sum()
        assert (found.confidence[index], found.accuracy[index]) == pytest.approx(means, nan_ok=True)
    assert (found.total, found.mean_accuracy) == (counted.sum(), is_right.mean())
    assert found.mean_confidence == pytest.approx(confidence.mean(), rel=1e-14)


def test_ace_equals_sorting_and_cutting_where_no_confidence_comes_twice():
    rng = np.random.default_rng(0)
    bins = rng.choice(NUM_SCORE_BINS, 150, replace=False)
    right = np.zeros(NUM_SCORE_BINS, np.int64)
    right[rng.permutation(bins)[:90]] = 1
    wrong = np.zeros_like(right)
    wrong[bins] = 1 - right[bins]
    ordered = np.sort(bins).reshape(15, 10)
    expected = np.abs(right[ordered].mean(1) - bin_values()[ordered].mean(1)).mean()
    assert adaptive_calibration_error(wrong, right, 15) == pytest.approx(expected, rel=1e-12)


def test_equal_confidences_are_shared_out_between_the_bins_of_ace():
    wrong, right = np.zeros((2, NUM_SCORE_BINS), np.int64)
    wrong[-1], right[-1] = 3, 4  # confidence 1, accuracy 4/7, whatever the order
    assert adaptive_calibration_error(wrong, right, 5) == pytest.approx(3 / 7)


def test_errors_of_calibrated_scores_vanish_and_those_of_sharpened_ones_do_not():
    size = (1200, 1200)
    calibrated, sharp = (count(draw_image(size=size, sharper=s), strata=None).compute() for s in (1.0, 3.0))
    assert max(calibrated.top_label.ece, calibrated.top_label.ace, calibrated.classwise_ece) < 0.015
    assert min(sharp.top_label.ece, sharp.top_label.ace, sharp.classwise_ece) > 0.08
    assert sharp.nll > calibrated.nll
    assert sharp.brier > calibrated.brier


def test_certain_and_right_has_no_error_and_certain_and_wrong_the_largest():
    target = draw_image()[1]
    right = (target == np.arange(3)[:, None, None]).astype(np.float16)
    right[0, target == 255] = 1
    best, worst = count((right, target)).compute(), count((right[[1, 2, 0]], target)).compute()
    assert {best.top_label.ece, best.top_label.mce, best.top_label.ace, best.classwise_ece, best.brier, best.nll} == {0.0}
    assert (worst.top_label.ece, worst.top_label.mce, worst.top_label.ace, worst.brier) == (1.0, 1.0, 1.0, 2.0)
    assert (worst.nll, worst.nll_clipped) == (pytest.approx(-math.log(NLL_FLOOR)), np.count_nonzero(target != 255))


def test_of_two_equal_scores_the_first_class_is_the_answer():
    scores = np.full((2, 1, 2), 0.5, np.float16)
    found = count((scores, np.array([[0, 1]], np.uint8)), num_classes=2).compute().top_label
    assert (found.mean_accuracy, found.mean_confidence) == (0.5, 0.5)
    assert count((scores, np.zeros((1, 2), np.uint8)), num_classes=2).compute().top_label.mean_accuracy == 1.0


def test_a_confidence_at_the_edge_of_two_bins_is_of_the_lower():
    scores = np.array([[[0.5]], [[0.5]]], np.float16)
    found = count((scores, np.zeros((1, 1), np.uint8)), num_classes=2, num_bins=4).compute()
    assert found.top_label.count == (0, 1, 0, 0)


def test_multilabel_answers_no_at_one_half():
    scores = np.full((1, 1, 4), 0.5, np.float16)
    found = count((scores, np.array([[[0, 0, 0, 1]]], np.uint8)), num_classes=1, multilabel=True).compute()
    assert found.top_label.mean_accuracy == 0.75


def test_float32_scores_give_nearly_the_same_and_say_how_far_they_were_moved():
    scores, target = draw_image(dtype=np.float32, sharper=2.0)
    found = count((scores, target)).compute()
    counted = target != 255
    guess = scores[:, counted].T.astype(np.float64)
    guess /= guess.sum(1, keepdims=True)
    assert found.nll == pytest.approx(log_loss(target[counted], guess), rel=1e-3)
    assert found.brier == pytest.approx(brier_score_loss(target[counted], guess), abs=1e-4)
    assert (found.score_rounding, count(draw_image()).compute().score_rounding) == (2.0**-13, 0.0)


def test_strata_are_the_errors_of_their_pixels_alone():
    scores, target = draw_image(sharper=2.0, size=(120, 160))
    strata = Strata(radius=2, areas=(70, 300))
    found = count((scores, target), strata=strata).compute()
    assert list(found.strata) == ["inside", "boundary", "small", "medium", "large"]
    for name, mask in strata.masks(target).items():
        alone = count((scores, np.where(mask, target, 255).astype(np.uint8)), strata=None).compute().top_label
        assert alone.total > 0
        assert found.strata[name].to_json() == alone.to_json()
    assert found.strata["inside"].total + found.strata["boundary"].total == found.top_label.total


def test_multilabel_asks_each_class_by_itself():
    rng = np.random.default_rng(0)
    scores, target = rng.random((2, 20, 30)).astype(np.float16), rng.choice(np.array([0, 1, 255], np.uint8), (2, 20, 30))
    found, counted = count((scores, target), num_classes=2, multilabel=True).compute(), target != 255
    guess, truth = scores[counted].astype(np.float64), target[counted]
    gaps = looped_gaps(np.maximum(guess, 1 - guess), (guess > 0.5) == truth, 15)
    assert found.top_label.ece == pytest.approx(sum(n * gap for n, gap in gaps) / counted.sum(), rel=1e-12)
    assert found.nll == pytest.approx(log_loss(truth, np.maximum(guess, NLL_FLOOR)), rel=1e-12)
    assert found.brier == pytest.approx(brier_score_loss(truth, guess), rel=1e-12)


def test_the_counts_of_images_add_up_to_the_ece_of_the_whole():
    metric = Calibration(3)
    counts = sum(metric.update(*draw_image(seed=seed, sharper=2.0)) for seed in range(3))
    assert expected_calibration_error(counts) == metric.compute().top_label.ece


def test_the_ranking_comes_from_the_same_counts():
    image = draw_image()
    metric = count(image)
    alone = ScoreHistograms(3)
    alone.update(*image)
    assert metric.histograms.compute() == alone.compute()


def test_an_absent_class_is_compared_with_never():
    scores, target = draw_image()
    target[target == 2] = 255
    found = count((scores, target)).compute()
    assert found.per_class_ece[2] == pytest.approx(scores[2][target != 255].astype(np.float64).mean())


def test_nothing_counted_is_undefined():
    scores, target = draw_image()
    found = count((scores, np.full_like(target, 255))).compute()
    values = [found.top_label.ece, found.top_label.ace, found.top_label.mce, found.brier, found.nll, found.classwise_ece]
    assert all(math.isnan(value) for value in (*values, *found.per_class_brier, found.strata["small"].ece))
    plain = found.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_scores_that_do_not_sum_to_one_are_refused_and_leave_the_counts_alone():
    metric, (_, target) = Calibration(3), draw_image()
    with pytest.raises(DataError, match=r"must sum to 1 at each pixel, got 1.500 .*softmax.*multilabel=True"):
        metric.update(np.full((3, *target.shape), 0.5, np.float16), target)
    assert metric.top.sum() == metric.histograms.counts.sum() == 0


def test_calibrations_that_differ_do_not_merge():
    with pytest.raises(DataError, match=r"other bins or strata cannot be merged: 15, .* and 10"):
        Calibration(3).merge(Calibration(3, num_bins=10))
    with pytest.raises(DataError, match="different classes or modes"):
        Calibration(3).merge(Calibration(4))


def test_no_bins_are_refused():
    with pytest.raises(DataError, match="num_bins must be 1 or more, got 0"):
        Calibration(3, num_bins=0)
