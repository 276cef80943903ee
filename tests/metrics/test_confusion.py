"""The counts: equal to scikit-learn's and to a double loop; hand-made cases are in ``test_golden``."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from pixelwise.errors import DataError
from pixelwise.metrics import confusion as confusion_module
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion


def draw_maps(size=(16, 16), num_classes=5, ignored=0.2, seed=0):
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, num_classes, size, dtype=np.uint8)
    target = rng.integers(0, num_classes, size, dtype=np.uint8)
    target[rng.random(size) < ignored] = 255
    return prediction, target


@pytest.mark.parametrize("num_classes", [2, 5, 19, 255], ids="{} classes".format)
def test_counts_equal_those_of_scikit_learn(num_classes):
    prediction, target = draw_maps((61, 83), num_classes)
    counted = target != 255
    expected = confusion_matrix(target[counted], prediction[counted], labels=range(num_classes))
    np.testing.assert_array_equal(ConfusionMatrix(num_classes).update(prediction, target), expected)


def test_counts_equal_a_double_loop_with_rows_as_targets():
    prediction, target = draw_maps()
    expected = np.zeros((5, 5), np.int64)
    for row in range(16):
        for column in range(16):
            if target[row, column] != 255:
                expected[target[row, column], prediction[row, column]] += 1
    np.testing.assert_array_equal(ConfusionMatrix(5).update(prediction, target), expected)


def test_a_single_class_counts_the_pixels_that_are_not_ignored():
    prediction, target = draw_maps(num_classes=1)
    assert ConfusionMatrix(1).update(prediction, target).tolist() == [[np.count_nonzero(target == 0)]]


def test_counts_stay_exact_beyond_what_a_float32_can_count():
    ones = np.ones((4099, 4099), np.uint8)  # 16 801 801 pixels, an odd number above 2**24
    assert ConfusionMatrix(2).update(ones, ones).tolist() == [[0, 0], [0, 4099 * 4099]]


def test_counts_do_not_depend_on_where_the_image_is_cut(monkeypatch):
    prediction, target = draw_maps((33, 47))
    whole = ConfusionMatrix(5).update(prediction, target)
    monkeypatch.setattr(confusion_module, "_EXACT_PIXELS", 100)
    np.testing.assert_array_equal(ConfusionMatrix(5).update(prediction, target), whole)


def test_views_that_are_not_contiguous_are_counted_like_copies():
    prediction, target = draw_maps((32, 32))
    views = prediction[::2, ::-1], target[::2, ::-1]
    np.testing.assert_array_equal(ConfusionMatrix(5).update(*views), ConfusionMatrix(5).update(*(v.copy() for v in views)))


def test_an_update_returns_its_own_image_and_adds_it_to_the_sum():
    metric = ConfusionMatrix(5)
    parts = [metric.update(*draw_maps(seed=seed)) for seed in range(3)]
    np.testing.assert_array_equal(metric.matrix, sum(parts))
    assert not np.shares_memory(metric.matrix, parts[0])


def test_multilabel_counts_equal_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    prediction, target = (rng.integers(0, 2, (3, 17, 19), dtype=np.uint8) for _ in range(2))
    expected = multilabel_confusion_matrix(target.reshape(3, -1).T, prediction.reshape(3, -1).T)
    np.testing.assert_array_equal(MultilabelConfusion(3).update(prediction, target), expected)


def test_multilabel_counts_equal_a_double_loop():
    rng = np.random.default_rng(1)
    prediction, target = rng.integers(0, 2, (3, 6, 7), dtype=np.uint8), rng.choice(np.array([0, 1, 255], np.uint8), (3, 6, 7))
    expected = np.zeros((3, 2, 2), np.int64)
    for place, truth in np.ndenumerate(target):
        if truth != 255:
            expected[place[0], truth, prediction[place]] += 1
    np.testing.assert_array_equal(MultilabelConfusion(3).update(prediction, target), expected)


def test_multilabel_ignores_a_pixel_for_the_class_that_ignores_it_alone():
    target = np.zeros((2, 1, 3), np.uint8)
    target[0, 0] = (255, 1, 0)
    target[1, 0] = (1, 1, 0)
    counts = MultilabelConfusion(2).update(np.ones((2, 1, 3), bool), target)
    assert counts.tolist() == [[[0, 1], [0, 1]], [[0, 1], [0, 2]]]


def make_zeros(*shape, value=0, dtype=np.uint8):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (make_zeros(1, 2, 2), make_zeros(1, 2, 2), r"must be \(height, width\)"),
        (make_zeros(2, 2, dtype=np.int64), make_zeros(2, 2), r"prediction must be uint8 .* got int64; .*astype"),
        (make_zeros(2, 2), make_zeros(2, 2, dtype=bool), r"target must be uint8 .* got bool"),
    ],
    ids=["three axes", "int64", "bool"],
)
def test_maps_that_cannot_be_counted_are_refused_and_leave_the_sum_alone(prediction, target, message):
    metric = ConfusionMatrix(3)
    with pytest.raises(DataError, match=message):
        metric.update(prediction, target)
    assert metric.matrix.sum() == 0


def test_multilabel_maps_with_another_number_of_planes_are_refused():
    with pytest.raises(DataError, match="must have 3 planes, one per class, got 2"):
        MultilabelConfusion(3).update(make_zeros(2, 4, 4), make_zeros(2, 4, 4))


def test_a_number_of_classes_out_of_range_is_refused():
    with pytest.raises(DataError, match="num_classes must be 1 to 255, got 0"):
        ConfusionMatrix(0)


def test_names_that_do_not_fit_the_number_of_classes_are_refused():
    with pytest.raises(DataError, match="class_names must hold 3 names, one per class, got 1"):
        ConfusionMatrix(3, ["road"])


def test_matrices_of_different_classes_do_not_merge():
    with pytest.raises(DataError, match="different classes cannot be merged"):
        ConfusionMatrix(2).merge(ConfusionMatrix(3))
