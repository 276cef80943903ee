"""COCO's average precision: pycocotools' values on official detections, the laws, and what is refused; hand-made cases are in
``test_golden``."""

import json
import math
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats import polygon, rle
from pixelwise.metrics.average_precision import AveragePrecision
from pixelwise.metrics.detection_matching import IOU_THRESHOLDS, match_detections
from pixelwise.metrics.instances import Instances

FIGURES = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large")
FIGURES += ("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large")
# What pycocotools 2.0.11 says, in COCO's order; to three digits these are its published figures.
OFFICIAL = {
    "mask": (
        0.31954528,
        0.5622884,
        0.29892653,
        0.38737403,
        0.31018272,
        0.32693391,
        0.26822972,
        0.41544868,
        0.4168395,
        0.46944986,
        0.37675923,
        0.38147151,
    ),
    "box": (
        0.5045807,
        0.69697272,
        0.57298167,
        0.58562572,
        0.51939969,
        0.5013979,
        0.38681278,
        0.59367958,
        0.59535298,
        0.63981096,
        0.5664206,
        0.5642906,
    ),
}


def to_instances(rows, size=(120, 140)):
    boxes = np.array([row["box"] for row in rows], float).reshape(-1, 4)
    masks = np.zeros((len(rows), *size), bool)
    for mask, row in zip(masks, rows, strict=True):
        x1, y1, x2, y2 = row["box"]
        mask[y1:y2, x1:x2] = True
    areas = [row.get("area", math.prod(side)) for row, side in zip(rows, boxes[:, 2:] - boxes[:, :2], strict=True)]
    return Instances(
        labels=np.array([row["label"] for row in rows], int),
        scores=np.array([row.get("score", 0) for row in rows], float),
        boxes=boxes,
        masks=masks,
        crowd=np.array([row.get("crowd", 0) for row in rows], bool),
        areas=np.array(areas, float),
    )


def draw_image(seed, classes=3, score_steps=8):
    """Targets and detections near them, with ties of scores and a crowd."""
    rng = np.random.default_rng(seed)
    targets = []
    for index in range(rng.integers(0, 8)):
        x, y, w, h = rng.integers(0, 80), rng.integers(0, 70), rng.integers(5, 50), rng.integers(5, 50)
        targets.append({"label": int(rng.integers(classes)), "box": [x, y, x + w, y + h], "crowd": index == 3})
    predictions = []
    for row in [*targets, *targets, *targets[:2]]:
        x1, y1, x2, y2 = np.array(row["box"]) + rng.integers(-4, 5, 4) * (rng.random() < 0.8)
        box = [max(int(x1), 0), max(int(y1), 0), max(int(x2), int(x1) + 2, 2), max(int(y2), int(y1) + 2, 2)]
        predictions.append({"label": row["label"], "box": box, "score": float(rng.integers(score_steps)) / score_steps})
    return to_instances(predictions), to_instances(targets)


def score(images, region="mask", classes=3, keys=None):
    metric = AveragePrecision(classes, region)
    for index, (prediction, target) in enumerate(images):
        metric.update(prediction, target, None if keys is None else keys[index])
    return metric.compute()


def match_slowly(prediction, target, low, high, threshold):
    """COCO's loop over detections and targets of one class, as published; (matched, ignored) by falling score."""
    order = np.argsort(-prediction.scores, kind="stable")
    area = (prediction.boxes[:, 2:] - prediction.boxes[:, :2]).prod(1)
    unwanted = target.crowd | (target.areas < low) | (target.areas > high)
    candidates = np.argsort(unwanted, kind="stable")
    taken, rows = set(), []
    for index in order:
        best, choice = min(threshold, 1 - 1e-10), -1
        for other in candidates:
            if other in taken and not target.crowd[other]:
                continue
            if choice >= 0 and not unwanted[choice] and unwanted[other]:
                break
            ours, theirs = prediction.boxes[index], target.boxes[other]
            common = np.clip(np.minimum(ours[2:], theirs[2:]) - np.maximum(ours[:2], theirs[:2]), 0, None).prod()
            union = area[index] if target.crowd[other] else area[index] + (theirs[2:] - theirs[:2]).prod() - common
            if common / union >= best:
                best, choice = common / union, other
        taken.add(choice)
        rows.append((choice >= 0, unwanted[choice] if choice >= 0 else not low <= area[index] <= high))
    return np.array(rows, bool).reshape(-1, 2)


def draw_heap(seed):
    """Targets of all ranges, crowds among them, and detections that each overlap most of them; many of the same overlap."""
    rng = np.random.default_rng(100 + seed)

    def box():
        x, y = rng.integers(0, 5, 2)
        return [int(x), int(y), int(x + 20), int(y + 20)]

    areas = rng.choice([500, 1024, 5000, 9216, 20000], 6)
    targets = [{"label": 0, "box": box(), "area": int(area), "crowd": rng.random() < 0.2} for area in areas]
    predictions = [{"label": 0, "box": box(), "score": float(rng.integers(4))} for _ in range(12)]
    return to_instances(predictions), to_instances(targets)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draw", [lambda seed: draw_image(seed, classes=1), draw_heap], ids=["apart", "heap"])
def test_matches_equal_the_published_loop_at_every_threshold_and_range(seed, draw):
    prediction, target = draw(seed)
    found = match_detections(prediction, target, "box")
    for area, (low, high) in enumerate([(0, 1e10), (0, 1024), (1024, 9216), (9216, 1e10)]):
        for bit, threshold in enumerate(IOU_THRESHOLDS):
            rows = np.stack([found.matched[area] >> bit & 1, found.ignored[area] >> bit & 1], 1)
            np.testing.assert_array_equal(rows, match_slowly(prediction, target, low, high, threshold))


@pytest.mark.parametrize("seed", range(3))
def test_filled_boxes_score_as_masks_what_they_score_as_boxes(seed):
    images = [draw_image(10 * seed + index) for index in range(6)]
    assert score(images, "mask").per_class_ap == score(images, "box").per_class_ap


def test_masks_as_run_lengths_score_like_masks_as_arrays():
    prediction, target = draw_image(3)
    masks = np.stack([rle.decode(runs) for runs in prediction.runs])
    again = Instances(prediction.labels, prediction.scores, masks=masks.astype(np.uint8))
    assert score([(again, target)]) == score([(prediction, target)])


def test_merging_parts_in_any_order_equals_the_whole_where_images_have_keys():
    images = [draw_image(seed, score_steps=2) for seed in range(8)]  # nearly all scores are tied
    whole = score(images, keys=range(8))
    parts = [AveragePrecision(3) for _ in range(3)]
    for index in (7, 2, 4, 0, 6, 5, 1, 3):
        parts[index % 3].update(*images[index], key=index)
    for order in ((0, 1, 2), (2, 0, 1)):
        merged = AveragePrecision(3)
        for index in order:
            merged.merge(parts[index])
        assert repr(merged.compute()) == repr(whole)  # nan is nan


def test_a_target_with_position_zero_can_be_found():
    image = to_instances([{"label": 0, "box": [0, 0, 9, 9], "score": 0.5}])
    assert score([(image, image)]).per_class_ap[0] == pytest.approx(1.0)


def test_absent_classes_are_listed_and_json_holds_no_nan():
    prediction = to_instances([{"label": 2, "box": [0, 0, 9, 9], "score": 0.5}])
    target = to_instances([{"label": 0, "box": [0, 0, 9, 9]}, {"label": 1, "box": [20, 0, 29, 9], "crowd": 1}])
    scores = score([(prediction, target)])
    assert (scores.absent, scores.ap, scores.targets) == (("class_1", "class_2"), 0.0, (1, 0, 0))
    plain = scores.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["per_class_ap"] == {"class_0": 0.0, "class_1": None, "class_2": None}
    assert plain["ap_large"] is None


def test_an_empty_set_is_undefined_and_not_zero():
    scores = AveragePrecision(2).compute()
    assert (math.isnan(scores.ap), math.isnan(scores.ar_100), scores.images) == (True, True, 0)


def make(count=1, **others):
    return Instances(**({"labels": np.zeros(count, int), "scores": np.full(count, 0.5)} | others))


ONE_BOX = np.array([[0.0, 0, 9, 9]])


@pytest.mark.parametrize(
    "fail, message",
    [
        (lambda: make(scores=np.array([math.nan])), r"scores must be finite, got nan or infinity at instance \[0\]"),
        (lambda: make(scores=np.zeros(2)), r"scores must be numbers of shape \(1,\) for 1 instances, got float64 of \(2,\)"),
        (
            lambda: make(boxes=np.array([[5, 5, 4, 9]])),
            r"boxes must be x1, y1, x2, y2 with .*\[5.0, 5.0, 4.0, 9.0\] at instance 0",
        ),
        (lambda: make(boxes=np.zeros((1, 3))), r"boxes must be numbers of shape \(1, 4\)"),
        (lambda: make(areas=np.array([-1.0])), r"areas must not be negative, got -1.0"),
        (lambda: make(crowd=np.zeros(3, bool)), r"crowd must have one flag per instance, 1, got \(3,\)"),
        (lambda: make(masks=np.zeros((2, 4, 4), bool)), r"masks must be one per instance, 1, got 2"),
        (
            lambda: make(labels=np.array([-1])),
            r"labels of instances must be class indices from 0 on, got -1; leave out what has no class",
        ),
        (lambda: make(labels=np.array([0.5])), r"labels of instances must be .* got float64"),
        (lambda: score([(make(scores=None), make())]), r"predicted instances need scores"),
        (lambda: score([(make(), make())], "mask"), r"mask average precision needs masks"),
        (lambda: score([(make(), make())], "box"), r"box average precision needs boxes"),
        (lambda: score([(make(labels=np.array([3])), make())]), r"predicted labels must be class indices 0 to 2, got 3"),
        (lambda: score([(make(boxes=ONE_BOX), make(labels=np.array([9]), boxes=ONE_BOX))], "box"), r"target labels .* got 9"),
        (lambda: score([draw_image(0), draw_image(1)], keys=["a", "a"]), r"image 'a' was scored twice"),
        (lambda: AveragePrecision(3).merge(AveragePrecision(3, "box")), r"of masks and boxes, cannot be merged"),
        (lambda: AveragePrecision(3, "polygon"), r"region must be 'mask' or 'box', got 'polygon'"),
        (lambda: AveragePrecision(3, class_names=["a"]), r"one name per class, at least one, got 1 for 3 classes"),
    ],
    ids=lambda value: "" if callable(value) else value[:30],
)
def test_what_cannot_be_scored_is_refused(fail, message):
    with pytest.raises(DataError, match=message):
        fail()


def test_masks_of_two_sizes_are_refused():
    prediction, target = make(masks=np.ones((1, 4, 4), bool)), make(masks=np.ones((1, 4, 5), bool))
    with pytest.raises(DataError, match=r"must be of one size, got \[\(4, 4\), \(4, 5\)\]"):
        score([(prediction, target)])


def read_official(region):
    """(image id, prediction, target) of the 100 images that pycocotools comes with."""
    folder = Path(os.environ["PIXELWISE_DATA"]) / "reference" / "coco_ap"
    truth = json.loads((folder / "instances_val2014_100.json").read_text(encoding="utf-8"))
    kind = {"mask": "segm", "box": "bbox"}[region]
    results = json.loads((folder / f"instances_val2014_fake{kind}100_results.json").read_text(encoding="utf-8"))
    index_of = {row["id"]: index for index, row in enumerate(truth["categories"])}
    grouped = defaultdict(lambda: ([], []))
    for place, rows in ((0, results), (1, truth["annotations"])):
        for row in rows:
            grouped[row["image_id"]][place].append(row)
    for image in truth["images"]:
        size = image["height"], image["width"]
        sides = [to_official(rows, size, index_of, region) for rows in grouped[image["id"]]]
        yield image["id"], *sides


def to_official(rows, size, index_of, region):
    boxes = np.array([row.get("bbox", [0, 0, 0, 0]) for row in rows], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return Instances(
        labels=np.array([index_of[row["category_id"]] for row in rows], int),
        scores=np.array([row.get("score", 0) for row in rows], float),
        boxes=boxes,
        masks=[to_runs(row["segmentation"], size) for row in rows] if region == "mask" else None,
        crowd=np.array([row.get("iscrowd", 0) for row in rows], bool),
        areas=np.array([row["area"] for row in rows], float) if rows and "area" in rows[0] else None,
    )


def to_runs(segmentation, size):
    if isinstance(segmentation, dict):
        return rle.from_coco(segmentation)
    return polygon.to_runs([polygon.as_ring(ring) for ring in segmentation], size)


@pytest.mark.skipif(
    "PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with reference/coco_ap/"
)
@pytest.mark.parametrize("region", ["mask", "box"])
def test_official_detections_get_their_official_scores(region):
    metric = AveragePrecision(80, region)
    for key, prediction, target in read_official(region):
        metric.update(prediction, target, key)
    scores = metric.compute()
    np.testing.assert_allclose([getattr(scores, name) for name in FIGURES], OFFICIAL[region], atol=1e-6)
