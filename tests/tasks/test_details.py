"""Details: each metric sees what it is about, and what was asked for is what is measured."""

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import ConfigError
from pixelwise.metrics.object_matching import ObjectMatching
from pixelwise.metrics.surface_scores import SurfaceOptions
from pixelwise.tasks.details import foreground_objects, foreground_scores
from pixelwise.tasks.semantic_details import EXTRAS, background_index, semantic_details
from pixelwise.types import ClassTable, LabelMap

BINARY = ClassTable.from_ids([0, 255])
THREE = ClassTable.from_ids([0, 1, 2])
RNG = np.random.default_rng(0)


def result_of(classes, mode, size=(24, 32)):
    scores = RNG.dirichlet(np.ones(len(classes)), size).transpose(2, 0, 1).astype(np.float16)
    if mode == "multilabel":
        return LabelMap((scores > 0.4).astype(np.uint8), classes, scores)
    return LabelMap(scores.argmax(0).astype(np.uint8), classes, scores)


@pytest.mark.parametrize("mode, classes", [("binary", BINARY), ("multiclass", THREE), ("multilabel", THREE)])
def test_every_mode_has_all_details_and_parts_merge_into_the_whole(mode, classes):
    extras = EXTRAS if mode == "binary" else ("surface", "cldice")
    whole, first, second = (semantic_details(classes, mode, extras) for _ in range(3))
    assert set(whole.parts) == {"boundary", "errors", "calibration", *extras}
    for number in range(4):
        result = result_of(classes, mode)
        target = np.roll(result.indices, 1, -1)
        whole.update(result, target)
        (first if number % 2 else second).update(result, target)
    second.merge(first)
    for name in whole.parts:
        assert whole[name].compute().to_json() == second[name].compute().to_json()


def test_objects_are_the_connected_components_of_the_foreground_where_it_counts():
    result = result_of(BINARY, "binary")
    target = np.roll(result.indices, 2, 0)
    target[:, :5] = 255
    found, expected = foreground_objects(result, target)
    eight = np.ones((3, 3))
    assert not found[:, :5].any()
    assert not expected[:, :5].any()
    for labels, mask in ((found, (result.indices == 1) & (target != 255)), (expected, target == 1)):
        reference, count = ndimage.label(mask, eight)
        assert labels.max() == count
        assert len(np.unique(np.stack([labels, reference]).reshape(2, -1), axis=1).T) == count + 1


def test_objects_that_are_found_exactly_have_an_average_precision_of_1():
    details = semantic_details(BINARY, "binary", ["objects"])
    result = result_of(BINARY, "binary")
    details.update(result, result.indices)
    assert isinstance(details["objects"], ObjectMatching)
    assert details["objects"].compute().mean_average_precision == 1


def test_scores_of_the_foreground_are_those_of_class_1():
    result = result_of(BINARY, "binary")
    scores, _ = foreground_scores(result, result.indices)
    assert scores.dtype == np.float32
    assert (scores == result.scores[1]).all()


def test_options_reach_the_surface_distances():
    options = SurfaceOptions((0.5, 2.0), tolerance=3.0)
    assert semantic_details(THREE, "multiclass", ["surface"], options)["surface"].options == options


@pytest.mark.parametrize(
    "mode, extra, message",
    [
        ("multiclass", "surfaces", "'surfaces' is unknown.*surface"),
        ("multiclass", "membrane", "one foreground class.*multiclass"),
    ],
)
def test_extras_that_are_unknown_or_do_not_suit_are_refused(mode, extra, message):
    with pytest.raises(ConfigError, match=message):
        semantic_details(THREE, mode, [extra])


def test_background_is_the_first_of_two_classes_or_what_is_called_so():
    named = ClassTable.from_json([{"id": 0, "name": "road"}, {"id": 1, "name": "Background"}, {"id": 2, "name": "car"}])
    assert background_index(BINARY, "binary") == 0
    assert background_index(THREE, "multiclass") is None
    assert background_index(named, "multiclass") == 1
