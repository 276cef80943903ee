"""Panoptic quality: a double loop over segments, the laws, and what is refused; hand-made cases are in ``test_golden``."""

import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats import rle
from pixelwise.metrics.contingency import ids_of_masks
from pixelwise.metrics.panoptic import PanopticMap, PanopticQuality
from pixelwise.types import ClassInfo, ClassTable

CLASSES = ClassTable(tuple(ClassInfo(index, f"c{index}", (0, 0, 0), index > 1) for index in range(4)))


def to_map(rows, labels, crowd=()):
    ids = np.array([[0 if letter == "." else int(letter) for letter in row] for row in rows], np.int32)
    return PanopticMap(ids, {int(index): label for index, label in labels.items()}, frozenset(map(int, crowd)))


def draw_map(seed, size=(30, 40), segments=9):
    rng = np.random.default_rng(seed)
    ids, labels = np.zeros(size, np.int64), {}
    for index in range(segments):
        top, left = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 6)
        segment = int(rng.integers(1, 1 << 24))
        ids[top : top + rng.integers(3, 20), left : left + rng.integers(3, 20)] = segment
        labels[segment] = index % 4
    return PanopticMap(ids, {index: labels[index] for index in np.unique(ids[ids > 0]).tolist()})


def draw_pair(seed):
    """A target with crowds, and a prediction that is the target moved by one pixel, with one segment relabelled."""
    target = draw_map(seed)
    ids = np.roll(target.ids, 1, 1)
    labels = dict(target.labels)
    first = next(iter(labels))
    labels[first] = (labels[first] + 1) % 4
    crowds = {}  # one crowd per class: panopticapi knows no more
    for index, label in list(target.labels.items())[1:4]:
        crowds[label] = index
    return PanopticMap(ids, labels), PanopticMap(target.ids, target.labels, frozenset(crowds.values()))


def count_slowly(prediction, target):
    """(K, 4) by the published rules, one pair of segments at a time."""
    counts = np.zeros((4, 4))
    matched = set()
    crowds = {target.labels[index]: index for index in target.crowd}
    for theirs, label in target.labels.items():
        if theirs in target.crowd:
            continue
        for ours, other in prediction.labels.items():
            inside, mask = prediction.ids == ours, target.ids == theirs
            union = (inside | mask).sum() - (inside & (target.ids == 0)).sum()
            if other == label and (inside & mask).sum() / union > 0.5:
                counts[label] += ((inside & mask).sum() / union, 1, 0, 0)
                matched |= {("target", theirs), ("prediction", ours)}
        counts[label, 3] += ("target", theirs) not in matched
    for ours, label in prediction.labels.items():
        inside = prediction.ids == ours
        excused = inside & ((target.ids == 0) | (target.ids == crowds.get(label, -1)))
        counts[label, 2] += ("prediction", ours) not in matched and excused.sum() / inside.sum() <= 0.5
    return counts


@pytest.mark.parametrize("seed", range(8))
def test_counts_equal_a_loop_over_pairs_of_segments(seed):
    pair = draw_pair(seed)
    np.testing.assert_allclose(PanopticQuality(CLASSES).update(*pair), count_slowly(*pair), rtol=1e-12)


def test_things_and_stuff_are_means_of_their_own_classes():
    metric = PanopticQuality(CLASSES)
    for seed in range(4):
        metric.update(*draw_pair(seed))
    scores = metric.compute()
    assert scores.pq_stuff == pytest.approx(np.mean(scores.per_class_pq[:2]))
    assert scores.pq_things == pytest.approx(np.mean(scores.per_class_pq[2:]))
    np.testing.assert_allclose(scores.per_class_pq, np.multiply(scores.per_class_sq, scores.per_class_rq))


def test_the_numbers_of_segments_do_not_matter():
    prediction, target = draw_pair(1)
    renamed = PanopticMap(prediction.ids * 3, {3 * index: label for index, label in prediction.labels.items()})
    np.testing.assert_array_equal(
        PanopticQuality(CLASSES).update(renamed, target), PanopticQuality(CLASSES).update(prediction, target)
    )


def test_all_crowds_of_a_class_excuse_a_prediction():
    target = to_map(["11122233"], {1: 2, 2: 2, 3: 0}, [1, 2])
    counts = PanopticQuality(CLASSES).update(to_map(["44444433"], {4: 2, 3: 0}), target)
    assert counts[2].tolist() == [0, 0, 0, 0]


def test_without_any_segment_the_scores_are_undefined_and_said_to_be():
    metric = PanopticQuality(CLASSES)
    metric.update(to_map(["...."], {}), to_map(["...."], {}))
    scores = metric.compute()
    assert math.isnan(scores.pq)
    assert scores.absent == ("c0", "c1", "c2", "c3")
    plain = scores.to_json()
    assert plain["pq"] is None
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_masks_become_a_map_and_may_not_overlap():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :2], masks[1, 3] = True, True
    made = PanopticMap.from_masks(masks, [3, 0], crowd=[1])
    assert (made.ids[:, 0].tolist(), made.labels, made.crowd) == ([1, 1, 0, 2], {1: 3, 2: 0}, frozenset({2}))
    masks[1, 1:] = True
    with pytest.raises(DataError, match="masks 0 and 1 overlap in 4 px, but an id map has one object per pixel"):
        PanopticMap.from_masks(masks, [3, 0])
    with pytest.raises(DataError, match="labels must be one per mask, 2, got 1"):
        PanopticMap.from_masks(masks, [3])


GOOD = to_map(["1122"], {1: 0, 2: 2})


@pytest.mark.parametrize(
    "prediction, target, message",
    [
        (GOOD, to_map(["1133"], {1: 0}), r"target holds segments \[3\] without a label"),
        (to_map(["1122"], {1: 0, 2: -1}), GOOD, r"prediction labels must be class indices 0 to 3, got -1"),
        (GOOD, to_map(["1122"], {1: 0, 2: 2}, [7]), r"the target calls \[7\] crowds, but has no such segments"),
        (PanopticMap(GOOD.ids / 2, {}), GOOD, r"prediction must hold whole numbers, one id per pixel, got float64"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_maps_that_cannot_be_scored_are_refused_and_leave_the_sum_alone(prediction, target, message):
    metric = PanopticQuality(CLASSES)
    with pytest.raises(DataError, match=message):
        metric.update(prediction, target)
    assert metric.compute().true_positives == (0, 0, 0, 0)


def test_different_classes_do_not_merge():
    with pytest.raises(DataError, match="different classes cannot be merged"):
        PanopticQuality(CLASSES).merge(PanopticQuality(ClassTable(CLASSES.classes[:2])))


def read_sample(folder, image, index_of):
    """(ids, class by id, crowds) of one photo of panopticapi's sample, in each of its three encodings."""
    red, green, blue = (read_channel(folder / "panoptic_examples" / image["file_name"], place) for place in (2, 1, 0))
    segments = image["segments_info"]
    labels = {segment["id"]: index_of[segment["category_id"]] for segment in segments}
    yield "png", red + 256 * green + 65536 * blue, labels, {row["id"] for row in segments if row["iscrowd"]}

    category, instance = (read_channel(folder / "panoptic_examples_2ch_format" / image["file_name"], at) for at in (2, 1))
    ids = np.where(category > 0, 256 * category + instance, 0)
    labels = {index: index_of[index // 256] for index in np.unique(ids[ids > 0]).tolist()}
    yield "two channels", ids, labels, {index for index in labels if index % 256 == 255}

    rows = json.loads((folder / "panoptic_coco_detection_format.json").read_text(encoding="utf-8"))["annotations"]
    rows = [row for row in rows if row["image_id"] == image["image_id"]]
    masks = np.stack([rle.decode(rle.from_coco(row["segmentation"])) for row in rows])
    labels = {place + 1: index_of[row["category_id"]] for place, row in enumerate(rows)}
    yield "detections", ids_of_masks(masks), labels, {place + 1 for place, row in enumerate(rows) if row["iscrowd"]}


def read_channel(path, place):
    return cv2.imread(str(path))[..., place].astype(np.int32)


def read_categories(folder):
    read = json.loads((folder / "panoptic_examples.json").read_text(encoding="utf-8"))
    classes = ClassTable.from_json([{"id": c["id"], "name": c["name"], "thing": c["isthing"] == 1} for c in read["categories"]])
    return read, classes, {id: index for index, id in enumerate(classes.ids)}


needs_sample = pytest.mark.skipif(
    "PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with reference/panoptic/"
)
SAMPLE = Path(os.environ.get("PIXELWISE_DATA", "")) / "reference" / "panoptic" / "sample_data"


@needs_sample
def test_the_sample_of_the_panoptic_api_scores_one_in_each_of_its_encodings():
    read, classes, index_of = read_categories(SAMPLE)
    metrics = {name: PanopticQuality(classes) for name in ("png", "two channels", "detections")}
    for image in read["annotations"]:
        _, ids, labels, crowd = next(read_sample(SAMPLE, image, index_of))
        target = PanopticMap(ids, labels, frozenset(crowd))
        for name, ids, labels, crowd in read_sample(SAMPLE, image, index_of):
            counted = {index: label for index, label in labels.items() if index not in crowd}
            metrics[name].update(PanopticMap(np.where(np.isin(ids, list(crowd)), 0, ids), counted), target)
    for name, metric in metrics.items():
        scores = metric.compute()
        assert (scores.pq, scores.sq, scores.rq) == (1.0, 1.0, 1.0), name
        assert (sum(scores.true_positives), sum(scores.false_positives), sum(scores.false_negatives)) == (47, 0, 0), name


@needs_sample
def test_the_sample_moved_by_five_columns_scores_what_panopticapi_says():
    """Its ``pq_compute_single_core`` and ``pq_average`` at 1ad5afa4."""
    read, classes, index_of = read_categories(SAMPLE)
    metric = PanopticQuality(classes)
    for image in read["annotations"]:
        _, ids, labels, crowd = next(read_sample(SAMPLE, image, index_of))
        counted = {index: label for index, label in labels.items() if index not in crowd}
        moved = np.roll(np.where(np.isin(ids, list(crowd)), 0, ids), 5, 1)
        metric.update(PanopticMap(moved, counted), PanopticMap(ids, labels, frozenset(crowd)))
    scores = metric.compute()
    found = [getattr(scores, f"{kind}{part}") for part in ("", "_things", "_stuff") for kind in ("pq", "sq", "rq")]
    expected = [0.62060507, 0.67521376, 0.79108392, 0.40639858, 0.51561596, 0.58216783, 0.83481156, 0.83481156, 1.0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (sum(scores.true_positives), sum(scores.false_positives), sum(scores.false_negatives)) == (34, 13, 13)
