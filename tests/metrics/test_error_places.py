"""Where errors sit: against loops over pixels, and in agreement with the confusion matrices."""

import json

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import DataError
from pixelwise.metrics import error_places as module
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.error_places import ErrorPlaces
from pixelwise.metrics.strata import Strata

STRATA = Strata(radius=2, areas=(30, 120))
NAMES = ["road", "car", "sky", "tree"]


def draw_pair(classes=4, seed=0, size=(40, 60)):
    """(prediction, target): blocks, some pixels ignored, a fifth predicted at random."""
    rng = np.random.default_rng(seed)
    target = np.kron(rng.integers(0, classes, (size[0] // 5, size[1] // 6)), np.ones((5, 6))).astype(np.uint8)
    prediction = np.where(rng.random(size) < 0.2, rng.integers(0, classes, size), target).astype(np.uint8)
    target[rng.random(size) < 0.05] = 255
    return prediction, target


def draw_layers(classes=3, seed=0):
    pairs = [draw_pair(2, seed + 10 * layer) for layer in range(classes)]
    return tuple(np.stack(maps) for maps in zip(*pairs, strict=True))


def naive_counts(prediction, target, strata, classes):
    """By definition, pixel after pixel."""
    area = np.zeros(target.shape, int)
    for index in set(np.unique(target).tolist()) - {255}:
        labels, _ = ndimage.label(target == index, np.ones((3, 3)))
        area += np.where(labels > 0, np.bincount(labels.ravel())[labels], 0)
    counts = np.zeros((8, classes, classes), np.int64)
    for row, column in np.argwhere(target != 255):
        truth, reach = target[row, column], strata.radius
        window = target[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        is_boundary = any(value not in (255, truth) for value in window.ravel())
        size = 3 if truth == strata.background else sum(area[row, column] >= edge for edge in strata.areas)
        counts[4 * is_boundary + size, truth, prediction[row, column]] += 1
    return counts


@pytest.mark.parametrize("background", [None, 0], ids=["no background", "background"])
def test_counts_equal_a_loop_over_pixels(background):
    strata = Strata(STRATA.radius, STRATA.areas, background)
    prediction, target = draw_pair()
    counts = ErrorPlaces(4, NAMES, strata).update(prediction, target)
    np.testing.assert_array_equal(counts, naive_counts(prediction, target, strata, 4))
    assert (counts.sum((1, 2)) > 0).sum() == (6 if background is None else 8)


def test_layers_are_counted_each_by_itself_and_no_is_background():
    prediction, target = draw_layers()
    counts = ErrorPlaces(3, strata=STRATA, multilabel=True).update(prediction, target)
    own = Strata(STRATA.radius, STRATA.areas, background=0)
    expected = [naive_counts(p, t, own, 2) for p, t in zip(prediction, target, strict=True)]
    np.testing.assert_array_equal(counts, np.stack(expected, 1))


def test_the_sum_over_places_is_the_confusion_matrix():
    prediction, target = draw_pair(seed=3)
    np.testing.assert_array_equal(
        ErrorPlaces(4, strata=STRATA).update(prediction, target).sum(0), ConfusionMatrix(4).update(prediction, target)
    )
    prediction, target = draw_layers(seed=3)
    np.testing.assert_array_equal(
        ErrorPlaces(3, multilabel=True).update(prediction, target).sum(0), MultilabelConfusion(3).update(prediction, target)
    )


def test_halves_merged_in_any_order_equal_the_whole():
    pairs = [draw_pair(seed=seed) for seed in range(4)]
    whole, first, second = (ErrorPlaces(4, NAMES, STRATA) for _ in range(3))
    own = [whole.update(*pair) for pair in pairs]
    for part, some in ((first, pairs[::2]), (second, pairs[1::2])):
        for pair in some:
            part.update(*pair)
    second.merge(first)
    assert second.compute() == whole.compute()
    np.testing.assert_array_equal(sum(own), whole.counts)


def hand_case():
    """Left half road, right half sky, one pixel of car inside the road; three pixels are wrong, one is ignored."""
    target = np.zeros((8, 12), np.uint8)
    target[:, 6:] = 2
    target[4, 1] = 1
    target[7, 11] = 255
    prediction = np.where(target == 255, 0, target).astype(np.uint8)
    prediction[4, 1] = 0  # the car was missed: at a boundary, small
    prediction[0, 5], prediction[1, 6] = 2, 0  # both sides of the border
    prediction[0, 11] = 3  # inside the sky
    return prediction, target


def test_a_case_by_hand():
    metric = ErrorPlaces(4, NAMES, Strata(radius=1, areas=(2, 48)))
    metric.update(*hand_case())
    found = metric.compute().to_json()
    # 8 + 8 pixels on both sides of the border, the car and its 8 neighbours; the sky has 47 pixels, the road 47
    assert found["places"] == {
        "boundary": {
            "pixels": 25, "errors": 3, "error_rate": 3 / 25, "share_of_pixels": 25 / 95, "share_of_errors": 3 / 4,
        },
        "inside": {"pixels": 70, "errors": 1, "error_rate": 1 / 70, "share_of_pixels": 70 / 95, "share_of_errors": 1 / 4},
        "small": {"pixels": 1, "errors": 1, "error_rate": 1.0, "share_of_pixels": 1 / 95, "share_of_errors": 1 / 4},
        "medium": {"pixels": 94, "errors": 3, "error_rate": 3 / 94, "share_of_pixels": 94 / 95, "share_of_errors": 3 / 4},
        "large": {"pixels": 0, "errors": 0, "error_rate": None, "share_of_pixels": 0.0, "share_of_errors": 0.0},
    }  # fmt: skip
    assert (found["radius"], found["areas"]) == (1, [2, 48])
    assert found["pairs"] == [
        {"target": "road", "predicted": "sky", "pixels": 1, "share_of_errors": 0.25, "at_boundary": 1.0},
        {"target": "car", "predicted": "road", "pixels": 1, "share_of_errors": 0.25, "at_boundary": 1.0},
        {"target": "sky", "predicted": "road", "pixels": 1, "share_of_errors": 0.25, "at_boundary": 1.0},
        {"target": "sky", "predicted": "tree", "pixels": 1, "share_of_errors": 0.25, "at_boundary": 0.0},
    ]
    assert json.loads(json.dumps(found)) == found


def test_places_add_up_and_pairs_are_all_errors_largest_first():
    metric = ErrorPlaces(4, NAMES, STRATA)
    metric.update(*draw_pair())
    scores = metric.compute()
    for key in ("share_of_pixels", "share_of_errors"):
        share = {name: getattr(place, key) for name, place in scores.places.items()}
        assert share["boundary"] + share["inside"] == pytest.approx(1)
        assert share["small"] + share["medium"] + share["large"] == pytest.approx(1)
    sizes = [pair.pixels for pair in scores.pairs]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == scores.places["boundary"].errors + scores.places["inside"].errors
    assert sum(pair.share_of_errors for pair in scores.pairs) == pytest.approx(1)


def test_at_most_twelve_pairs_are_written():
    metric = ErrorPlaces(6)
    metric.update(*draw_pair(6))
    assert len(metric.compute().pairs) == 30
    written = metric.compute().to_json()["pairs"]
    assert [pair["pixels"] for pair in written] == [pair.pixels for pair in metric.compute().pairs[:12]]


def test_class_0_of_two_is_background_unless_strata_say_otherwise():
    prediction, target = draw_pair(2)
    for strata, has_size in ((None, False), (Strata(), True)):
        counts = ErrorPlaces(2, strata=strata).update(prediction, target)
        assert bool(counts.reshape(2, 4, 2, 2)[:, :3, 0].any()) is has_size
        assert bool(counts.reshape(2, 4, 2, 2)[:, 3, 0].any()) is not has_size


def test_missed_and_invented_answers_of_layers_are_named():
    target = np.zeros((2, 4, 4), np.uint8)
    target[0, :2] = 1
    prediction = target.copy()
    prediction[0, 0, :3] = 0
    prediction[1, 3, 3] = 1
    metric = ErrorPlaces(2, ["crack", "rust"], multilabel=True)
    metric.update(prediction, target)
    assert [(pair.target, pair.predicted, pair.pixels, pair.at_boundary) for pair in metric.compute().pairs] == [
        ("crack", "no crack", 3, 1.0), ("no rust", "rust", 1, 0.0),
    ]  # fmt: skip


def test_what_is_predicted_on_ignored_pixels_changes_nothing():
    prediction, target = draw_pair()
    other = np.where(target == 255, 3 - prediction, prediction)
    assert (other != prediction).any()
    np.testing.assert_array_equal(*(ErrorPlaces(4).update(found, target) for found in (prediction, other)))


def test_without_a_counted_pixel_rates_are_unknown():
    metric = ErrorPlaces(3)
    metric.update(np.zeros((4, 5), np.uint8), np.full((4, 5), 255, np.uint8))
    found = metric.compute().to_json()
    unknown = {"pixels": 0, "errors": 0, "error_rate": None, "share_of_pixels": None, "share_of_errors": None}
    assert found["places"] == dict.fromkeys(["boundary", "inside", "small", "medium", "large"], unknown)
    assert found["pairs"] == []


def test_a_perfect_prediction_has_pixels_and_no_errors():
    metric = ErrorPlaces(4)
    target = draw_pair()[1]
    metric.update(np.where(target == 255, 0, target).astype(np.uint8), target)
    assert metric.compute().pairs == ()
    assert {place.errors for place in metric.compute().places.values()} == {0}
    assert metric.compute().places["boundary"].to_json()["share_of_errors"] is None


def test_many_pixels_are_counted_in_parts(monkeypatch):
    prediction, target = draw_pair()
    whole = ErrorPlaces(4).update(prediction, target)
    monkeypatch.setattr(module, "_EXACT_PIXELS", 97)
    np.testing.assert_array_equal(ErrorPlaces(4).update(prediction, target), whole)


def test_what_does_not_fit_is_refused_and_counts_stay():
    prediction, target = draw_pair()
    metric = ErrorPlaces(4, NAMES)
    wrong = {
        r"target must be \(height, width\), got \(4, 40, 60\); multilabel=True is for": (
            prediction,
            np.zeros((4, 40, 60), np.uint8),
        ),
        "of one shape": (prediction[:-1], target),
        "class indices 0 to 3, got 9": (prediction + np.uint8(9) * (prediction == 0), target),
        r"or 255 where ignored, got \[4\]": (prediction, np.where(target == 0, 4, target).astype(np.uint8)),
        "must be uint8": (prediction.astype(int), target),
    }
    for message, pair in wrong.items():
        with pytest.raises(DataError, match=message):
            metric.update(*pair)
    with pytest.raises(DataError, match=r"target must be \(classes, height, width\), got \(40, 60\)"):
        ErrorPlaces(4, multilabel=True).update(prediction, target)
    assert not metric.counts.any()
    with pytest.raises(DataError, match="places of errors of different classes cannot be merged"):
        metric.merge(ErrorPlaces(4))
    with pytest.raises(DataError, match=r"of other kinds cannot be merged: .*radius=3.*radius=2"):
        metric.merge(ErrorPlaces(4, NAMES, STRATA))
    with pytest.raises(DataError, match=r"multilabel=True and .*multilabel=False"):
        ErrorPlaces(2, multilabel=True).merge(ErrorPlaces(2))
