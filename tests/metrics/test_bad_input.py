"""What no metric may do with bad input: go on in silence, show another library's error, or count a part of it.

Each fault gets one sentence that names what came and the cure, and leaves the metric as it was. What is undefined is nan, and
said.
"""

import json
import math

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.instances import Instances
from pixelwise.metrics.panoptic import PanopticMap
from tests.metrics.subjects import SIZE, SUBJECTS, K, count_seeds, look_up, result, to_instances

EVERY = pytest.mark.parametrize("name", list(SUBJECTS))
LABELS = ("ConfusionMatrix", "BoundaryIoU", "SurfaceMetrics", "ClDice", "ErrorPlaces")
SCORES = ("ScoreHistograms", "Calibration", "Calibration with strata")
AVERAGE_PRECISIONS = ("AveragePrecision of masks", "AveragePrecision of boxes")
BOX = np.array([[2, 2, 8, 8]])
WHOLE = np.zeros(1, int)


def with_value(place, value, dtype=None):
    """An image with one number of its prediction (0) or target (1) replaced."""

    def change(image):
        parts = [part if dtype is None or at != place else part.astype(dtype) for at, part in enumerate(image)]
        parts[place] = parts[place].copy()
        parts[place][..., -1, -1] = value
        return tuple(parts)

    return change


def narrower(image):
    """The prediction without its last column."""
    return (image[0][..., :-1], *image[1:])


def panoptic(ids=None, labels=None, crowd=frozenset()):
    """A change of the prediction of a panoptic image; by default one segment of class 0."""
    ids = np.ones(SIZE, np.int32) if ids is None else ids
    labels = {1: 0} if labels is None else labels
    return lambda image: (PanopticMap(ids, labels, crowd), image[1])


def detections(boxes=BOX, labels=WHOLE, scores=(0.5,)):
    return lambda image: (to_instances(boxes, np.asarray(labels), scores=np.asarray(scores)), *image[1:])


def other_masks(image):
    """Of another size, and of a class that no target has: nothing would be compared."""
    target = to_instances(BOX, WHOLE + 1)
    return Instances(WHOLE, np.ones(1), masks=np.ones((1, 5, 5), bool)), target, image[2]


TWO_SIZES = r"of one shape.*got \((3, )?18, 21\) and \((3, )?18, 22\); scores are taken at the original size"
FAULTS = [
    *((name, "two sizes", narrower, TWO_SIZES) for name in (*LABELS, "MultilabelConfusion", "MembraneMetrics", "ObjectMatching")),
    *((name, "two sizes", narrower, r"must be \(18, 21\) uint8, got \(18, 22\) uint8; scores are taken") for name in SCORES),
    (
        "PanopticQuality",
        "two sizes",
        panoptic(np.ones((18, 21), int)),
        r"of one shape, got \(18, 21\) and \(18, 22\); scores are",
    ),
    ("AveragePrecision of masks", "two sizes", other_masks, r"of one size, got \[\(5, 5\), \(18, 22\)\]; scores are"),
    *((name, "unknown prediction", with_value(0, K), r"class indices 0 to 2, got 3; was the model trained") for name in LABELS),
    *((name, "ignored as prediction", with_value(0, 255), r"class indices 0 to 2, got 255; was the model") for name in LABELS),
    *((name, "unknown target", with_value(1, 37), r"0 to 2, or 255 where ignored, got \[37\]; map ids to") for name in LABELS),
    ("MultilabelConfusion", "unknown prediction", with_value(0, 2), r"0 or 1|class indices 0 to 1, got 2; was the model trained"),
    ("MultilabelConfusion", "unknown target", with_value(1, 37), r"0 to 1, or 255 where ignored, got \[37\]; map ids"),
    *((name, "unknown target", with_value(1, 37), r"0 to 2, or 255 where ignored, got \[37\]; map ids to") for name in SCORES),
    ("PanopticQuality", "unknown class", panoptic(labels={1: 4}), r"class indices 0 to 3, got 4; map category ids"),
    ("PanopticQuality", "segment without a class", panoptic(labels={}), r"segments \[1\] without a label; give every id"),
    ("PanopticQuality", "class without a segment", panoptic(labels={1: 0, 9: 1}), r"\[9\] that have no pixels; leave them out"),
    ("PanopticQuality", "crowd predicted", panoptic(crowd=frozenset({1})), r"segments \[1\] .* are crowds; only targets can"),
    ("PanopticQuality", "negative id", panoptic(-np.ones(SIZE, int)), r"must be 0 to 2147483647, got -1; 0 is no object"),
    ("ObjectMatching", "negative id", with_value(0, -1), r"must be 0 to 2147483647, got -1; 0 is no object"),
    *(
        (name, "unknown class", detections(labels=[3]), r"class indices 0 to 2, got 3; map category ids")
        for name in AVERAGE_PRECISIONS
    ),
    *(
        (name, "negative class", detections(labels=[-1]), r"class indices from 0 on, got -1; leave out")
        for name in AVERAGE_PRECISIONS
    ),
    *(
        (name, "nan for an index", with_value(0, math.nan, float), r"uint8 class indices, got float64; convert")
        for name in LABELS
    ),
    ("MultilabelConfusion", "nan for an answer", with_value(0, math.nan, float), r"uint8 .*, got float64; convert"),
    ("ObjectMatching", "nan for an id", with_value(0, math.nan, float), r"whole numbers, one id per pixel, got float64; "),
    *(
        (name, "nan for a score", with_value(0, math.nan), r"0 to 1, got nan for class 'class_0' .*; apply softmax")
        for name in SCORES
    ),
    *((name, "logit for a score", with_value(0, 7), r"from 0 to 1, got 7.0 .*; apply softmax or sigmoid") for name in SCORES),
    ("MembraneMetrics", "nan for a score", with_value(0, math.nan), r"from 0 to 1, got nan .*; .* softmax or sigmoid"),
    ("MembraneMetrics", "logit for a score", with_value(0, -2.5), r"from 0 to 1, got -2.5 .*; .* softmax or sigmoid"),
    *(
        (name, "nan for a score", detections(scores=[math.nan]), r"finite, got nan .* instance \[0\]; ")
        for name in AVERAGE_PRECISIONS
    ),
    *((name, "no scores", lambda i: (i[1], *i[1:]), r"predicted instances need scores.*; ") for name in AVERAGE_PRECISIONS),
]


@pytest.mark.parametrize("name, change, message", [pytest.param(n, c, m, id=f"{n}, {f}") for n, f, c, m in FAULTS])
def test_a_fault_is_named_with_its_cure_and_leaves_the_metric_as_it_was(name, change, message):
    metric = count_seeds(name, [1])
    with pytest.raises(DataError, match=message):
        metric.update(*change(SUBJECTS[name].draw(2)))
    assert result(metric) == result(count_seeds(name, [1]))


def test_every_metric_refuses_what_cannot_be_its_image():
    named = {name for name, _, _, _ in FAULTS}
    assert set(SUBJECTS) - named == set()


def said(found):
    """All that a result says about what is undefined or missing."""
    words = [found.get(key) for key in ("undefined", "absent_classes", "undefined_classes")]
    counted = [look_up(found, key) for key in ("images", "pixels") if key in found]
    return any(words) or [0] in counted or {place["pixels"] for place in found.get("places", {}).values()} == {0}


@EVERY
def test_an_empty_set_has_no_value_and_says_so(name):
    found = result(SUBJECTS[name].make())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(math.isnan(value) for key in SUBJECTS[name].best for value in look_up(found, key))
    assert said(found)


@pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if subject.spoil])
def test_a_set_with_all_classes_says_nothing_of_what_is_undefined(name):
    assert not said(result(count_seeds(name, range(4))))


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name not in AVERAGE_PRECISIONS])  # these see no image
def test_an_image_without_pixels_adds_nothing(name):
    metric = count_seeds(name, [1])
    metric.update(*(cut(part) for part in SUBJECTS[name].draw(2)))
    assert result(metric) == result(count_seeds(name, [1]))


def cut(part):
    return PanopticMap(part.ids[:0], {}) if isinstance(part, PanopticMap) else part[..., :0, :]


@pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if subject.spoil])
def test_where_all_pixels_are_ignored_there_is_no_value(name):
    prediction, target = SUBJECTS[name].draw(1)
    metric = SUBJECTS[name].make()
    metric.update(prediction, np.full_like(target, 255))
    assert all(math.isnan(value) for key in SUBJECTS[name].best for value in look_up(result(metric), key))


def test_one_class_only_leaves_ranking_undefined_with_the_reason_and_is_not_one_half():
    metric = SUBJECTS["ScoreHistograms"].make()
    metric.update(SUBJECTS["ScoreHistograms"].draw(1)[0], np.zeros(SIZE, np.uint8))
    found = result(metric)
    assert found["per_class_auroc"] == found["per_class_average_precision"] == {f"class_{index}": None for index in range(K)}
    assert found["macro_auroc"] is None
    reasons = {"class_0": "all counted pixels are target pixels", "class_1": "no target pixel", "class_2": "no target pixel"}
    assert found["undefined_classes"] == reasons


def test_one_class_only_leaves_agreement_undefined_with_the_reason_and_is_not_zero():
    metric = ConfusionMatrix(2)
    metric.update(np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8))
    found = result(metric)
    assert (found["cohen_kappa"], found["mcc"], found["mean_iou"]) == (None, None, 1.0)
    assert set(found["undefined"]) == {"cohen_kappa", "mcc"}
    assert all("one class" in reason for reason in found["undefined"].values())


@pytest.mark.parametrize("pair", [(ConfusionMatrix, MultilabelConfusion), (MultilabelConfusion, ConfusionMatrix)])
def test_counts_of_two_kinds_do_not_merge_even_if_their_shapes_would(pair):
    first, second = (kind(2) for kind in pair)
    with pytest.raises(DataError, match="cannot be merged with"):
        first.merge(second)
