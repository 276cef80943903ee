"""Subgroups: the scores of their images alone, in an order that can be read, with a word where they are small."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.confusion import ConfusionMatrix
from pixelwise.metrics.intervals import score_intervals
from pixelwise.metrics.scores import scores_from_multilabel
from pixelwise.metrics.stacks import class_counts
from pixelwise.metrics.subgroups import UNKNOWN, subgroup_scores

NAMES = ["road", "car", "sky"]


def draw_maps(images, classes=3, seed=0, right=0.7):
    """Targets and predictions, (N, 20, 30) uint8 each."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, (images, 20, 30)).astype(np.uint8)
    guesses = rng.integers(0, classes, targets.shape).astype(np.uint8)
    return targets, np.where(rng.random(targets.shape) < right, targets, guesses)


def matrices_of(targets, predictions, classes=3):
    return [ConfusionMatrix(classes).update(p, t) for p, t in zip(predictions, targets, strict=True)]


def by_value(rows):
    return {row["value"]: row for row in rows}


def test_each_subgroup_has_the_scores_of_its_images_alone():
    """scikit-learn sees the pixels of these images and nothing else."""
    targets, predictions = draw_maps(12)
    labels = ["day", "night", "dusk"] * 4
    rows = by_value(subgroup_scores(class_counts(matrices_of(targets, predictions)), labels, NAMES))
    for value in ("day", "night", "dusk"):
        own = [label == value for label in labels]
        truth, found = targets[own].ravel(), predictions[own].ravel()
        assert rows[value]["images"] == 4
        assert rows[value]["mean_iou"] == pytest.approx(jaccard_score(truth, found, average="macro"), abs=1e-12)
        assert rows[value]["mean_dice"] == pytest.approx(f1_score(truth, found, average="macro"), abs=1e-12)
        assert rows[value]["accuracy"] == pytest.approx(accuracy_score(truth, found), abs=1e-12)


@pytest.mark.parametrize("has_groups", [False, True], ids=["images", "patients"])
def test_each_subgroup_has_the_interval_of_its_images_alone(has_groups):
    counts = class_counts(matrices_of(*draw_maps(40)))
    labels = ["a" if number % 3 else "b" for number in range(40)]
    patients = [f"p{number // 4}" for number in range(40)]
    rows = by_value(subgroup_scores(counts, labels, NAMES, patients if has_groups else None, resamples=300, seed=5))
    for value in "ab":
        own = [number for number, label in enumerate(labels) if label == value]
        groups = [patients[number] for number in own] if has_groups else None
        alone = score_intervals(counts[own], NAMES, groups, resamples=300, seed=5).means["mean_iou"]
        assert rows[value]["interval"] == alone.ends()
        assert rows[value].get("units") == (len(set(groups)) if has_groups else None)
    assert rows["a"]["interval"] != rows["b"]["interval"]


def test_rows_are_in_order_of_mean_iou_undefined_ones_last_and_equal_ones_by_name():
    right, wrong = np.array([[5, 0], [0, 5]]), np.array([[2, 3], [3, 2]])
    counts = class_counts([right, wrong, np.zeros_like(right), right])
    rows = subgroup_scores(counts, ["zebra", "worst", "nothing", "apple"], ["no", "yes"], resamples=50)
    assert [(row["value"], row["mean_iou"]) for row in rows] == [
        ("worst", 0.25), ("apple", 1.0), ("zebra", 1.0), ("nothing", None),
    ]  # fmt: skip
    assert rows[-1]["absent_classes"] == ["no", "yes"]
    assert json.loads(json.dumps(rows)) == rows


def test_images_without_a_label_are_a_subgroup_of_their_own_and_count_once():
    counts = class_counts(matrices_of(*draw_maps(5)))
    rows = by_value(subgroup_scores(counts, ["A", "", " ", "A", UNKNOWN], NAMES, resamples=50))
    assert {value: row["images"] for value, row in rows.items()} == {"A": 2, "unknown": 3}


def test_classes_that_a_subgroup_lacks_are_in_no_mean_and_named():
    counts = class_counts([np.diag([4, 4, 0]), np.array([[3, 1, 0], [0, 4, 0], [0, 0, 4]])])
    rows = by_value(subgroup_scores(counts, ["city", "coast"], NAMES, resamples=50))
    assert (rows["city"]["mean_iou"], rows["city"]["absent_classes"]) == (1.0, ["sky"])
    assert rows["coast"]["absent_classes"] == []
    assert rows["coast"]["mean_iou"] == pytest.approx((3 / 4 + 4 / 5 + 1) / 3)


def test_binary_and_multilabel_rows():
    targets, predictions = draw_maps(4, classes=2)
    row = subgroup_scores(class_counts(matrices_of(targets, predictions, 2)), ["x"] * 4, ["no", "yes"], is_binary=True)[0]
    assert row["foreground_iou"] == pytest.approx(jaccard_score(targets.ravel(), predictions.ravel()), abs=1e-12)
    layered = np.random.default_rng(0).integers(0, 50, (6, 3, 2, 2))
    row = by_value(subgroup_scores(class_counts(layered), list("ababab"), NAMES, resamples=50))["a"]
    expected = scores_from_multilabel(layered[::2].sum(0), NAMES)
    assert (row["mean_iou"], row["accuracy"]) == (pytest.approx(expected.mean_iou), pytest.approx(expected.accuracy))
    assert "foreground_iou" not in row


def test_small_subgroups_are_said_to_be_small():
    counts = class_counts(matrices_of(*draw_maps(46)))
    rows = by_value(subgroup_scores(counts, ["few"] * 5 + ["one"] + ["many"] * 40, NAMES, resamples=200))
    assert rows["few"]["too_small"].startswith("5 images are too few to tell how good the model is")
    assert rows["one"]["too_small"].startswith("1 image is too few to tell")
    assert rows["one"]["interval"] is None
    assert rows["many"]["too_small"] is None
    assert len({tuple(row) for row in rows.values()}) == 1  # one header fits all rows of a table
    whole = subgroup_scores(counts, ["all"] * 46, NAMES, [f"p{number % 3}" for number in range(46)], resamples=200)
    assert whole[0]["too_small"].startswith("3 groups are too few to tell")


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"labels": ["a"]}, DataError, "1 labels for counts of 3 images; there must be 3"),
        ({"groups": ["a", "b"]}, DataError, "2 groups for counts of 3 images; there must be 3"),
        ({"class_names": ["a"]}, DataError, "1 class names for counts of 3 images; there must be 2"),
        ({"groups": ["a", "", "b"]}, DataError, "1 of 3 images have no group"),
        ({"resamples": 0}, ConfigError, "resamples must be at least 1, got 0"),
    ],
    ids=["labels", "groups", "classes", "no group", "no resamples"],
)
def test_what_does_not_fit_is_refused(change, error, message):
    settings = {"counts": class_counts([np.eye(2, dtype=int)] * 3), "labels": ["x"] * 3, "class_names": ["no", "yes"], **change}
    with pytest.raises(error, match=message):
        subgroup_scores(**settings)
