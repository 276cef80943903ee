"""Matching of objects: StarDist's published definition, the laws, and what is refused; hand-made cases are in ``test_golden``."""

import json
import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from pixelwise.errors import DataError
from pixelwise.metrics.object_matching import ObjectMatching, mean_precision_per_image, object_counts

THRESHOLDS = (0.1, 0.3, 0.5, 0.6, 0.75)


def to_map(rows):
    return np.array([[0 if letter == "." else int(letter) for letter in row] for row in rows], np.uint16)


def draw_map(seed, objects=12, size=(40, 40)):
    rng = np.random.default_rng(seed)
    ids = np.zeros(size, np.int32)
    for index in rng.permutation(objects) + 1:
        top, left = rng.integers(0, 36, 2)
        ids[top : top + rng.integers(2, 14), left : left + rng.integers(2, 14)] = index
    return ids


def match_as_published(prediction, target, threshold):
    """StarDist's definition: most pairs that reach the threshold, then the largest sum of IoU over all pairs."""
    ours, theirs = ([ids == index for index in np.unique(ids[ids > 0])] for ids in (prediction, target))
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in ours] for a in theirs]).reshape(len(theirs), len(ours))
    if not iou.size:
        return [0, 0, len(ours), len(theirs)]
    rows, columns = linear_sum_assignment(-(iou >= threshold).astype(float) - iou / (2 * min(iou.shape)))
    matched = iou[rows, columns][iou[rows, columns] >= threshold]
    return [matched.sum(), len(matched), len(ours) - len(matched), len(theirs) - len(matched)]


@pytest.mark.parametrize("seed", range(12))
def test_counts_equal_the_published_definition(seed):
    prediction, target = draw_map(seed), np.roll(draw_map(seed if seed % 2 else seed + 50), 1, 1)
    expected = [match_as_published(prediction, target, threshold) for threshold in THRESHOLDS]
    np.testing.assert_allclose(object_counts(prediction, target, THRESHOLDS), expected, rtol=1e-12)


def test_what_is_undefined_is_nan_and_not_zero():
    metric = ObjectMatching([0.5])
    metric.update(to_map(["...."]), to_map(["...."]))
    nothing = metric.compute()
    assert math.isnan(nothing.average_precision[0])
    assert nothing.to_json()["mean_average_precision"] is None
    metric.update(to_map(["...."]), to_map(["11.."]))
    missed = metric.compute()
    assert (missed.average_precision[0], missed.recall[0], math.isnan(missed.precision[0])) == (0, 0, True)
    assert json.loads(json.dumps(missed.to_json(), allow_nan=False)) == missed.to_json()


def test_the_mean_over_images_leaves_out_images_without_objects():
    metric = ObjectMatching([0.5, 0.9])
    perfect = metric.update(to_map(["11.."]), to_map(["22.."]))
    half = metric.update(to_map(["11.3"]), to_map(["22.."]))
    empty = metric.update(to_map(["...."]), to_map(["...."]))
    assert mean_precision_per_image([perfect, half, empty], (0.5, 0.9)) == (0.75, 0.75)
    assert metric.compute().average_precision == (2 / 3, 2 / 3)
    assert math.isnan(mean_precision_per_image([empty], (0.5, 0.9))[0])


def test_swapping_target_and_prediction_swaps_precision_and_recall():
    scores = []
    for pair in ((draw_map(1), draw_map(2)), (draw_map(2), draw_map(1))):
        metric = ObjectMatching([0.1])
        metric.update(*pair)
        scores.append(metric.compute())
    assert (scores[0].precision, scores[0].average_precision) == (scores[1].recall, scores[1].average_precision)


@pytest.mark.parametrize(
    "fail, message",
    [
        (lambda: ObjectMatching([]), r"thresholds of IoU must be above 0 and at most 1, at least one, got \[\]"),
        (lambda: ObjectMatching([0.5, 1.5]), r"thresholds of IoU must be above 0"),
        (lambda: ObjectMatching([math.nan]), r"thresholds of IoU must be above 0"),
        (lambda: ObjectMatching([0.5]).merge(ObjectMatching([0.6])), r"at thresholds \(0.5,\) and \(0.6,\) cannot be merged"),
        (lambda: ObjectMatching().update(to_map(["1"]), np.array([[-1]])), r"target ids must be 0 to 2147483647, got -1"),
        (lambda: ObjectMatching().update(np.array([[1 << 31]]), to_map(["1"])), r"prediction ids must be 0 to .* got 2147483648"),
    ],
    ids=lambda value: "" if callable(value) else value[:30],
)
def test_what_cannot_be_matched_is_refused(fail, message):
    with pytest.raises(DataError, match=message):
        fail()
