"""Partitions and membranes: naive pair counting, scikit-learn, and the queue of the challenge's watershed; hand-made cases are
in ``test_golden``."""

import itertools
import json
import math
from collections import deque

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score, mutual_info_score

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics.membrane import CHALLENGE_THRESHOLDS, MembraneMetrics, label_cells, thin_borders
from pixelwise.metrics.partition import partition_scores


def to_labels(rows):
    return np.array([[int(letter) for letter in row] for row in rows])


def draw_partitions(seed, size=(9, 11)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, size), rng.integers(0, 4, size)


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_counting_all_pairs_of_pixels(seed):
    prediction, target = draw_partitions(seed, (5, 6))
    counted = target.ravel() > 0
    truth, guess = target.ravel()[counted].tolist(), prediction.ravel()[counted].tolist()
    alone = [label or -1 - place for place, label in enumerate(guess)]  # each border pixel is a segment of its own
    pixels = range(len(truth))
    both = sum(truth[i] == truth[j] and alone[i] == alone[j] for i in pixels for j in pixels)
    in_truth = sum(truth[i] == truth[j] for i in pixels for j in pixels)
    in_guess = sum(alone[i] == alone[j] for i in pixels for j in pixels)
    found = partition_scores(prediction, target)
    assert (found.rand_split, found.rand_merge) == pytest.approx((both / in_truth, both / in_guess))
    assert found.v_rand == pytest.approx(2 * both / (in_truth + in_guess))
    pairs = list(itertools.combinations(pixels, 2))
    both = sum(truth[i] == truth[j] and guess[i] == guess[j] for i, j in pairs)
    sums = [sum(labels[i] == labels[j] for i, j in pairs) for labels in (truth, guess)]
    assert found.adapted_rand_error == pytest.approx(1 - 2 * both / sum(sums))


@pytest.mark.parametrize("seed", range(4))
def test_information_equals_that_of_scikit_learn(seed):
    prediction, target = draw_partitions(seed)
    counted = target > 0
    truth, guess = target[counted], prediction[counted]
    alone = np.where(guess == 0, -1 - np.arange(guess.size), guess)
    shared, of_truth, of_guess = (mutual_info_score(*pair) for pair in ((truth, alone), (truth, truth), (alone, alone)))
    found = partition_scores(prediction, target)
    assert found.v_info == pytest.approx(2 * shared / (of_truth + of_guess))
    assert (found.info_split, found.info_merge) == pytest.approx((shared / of_guess, shared / of_truth))
    assert found.adjusted_rand_index == pytest.approx(adjusted_rand_score(truth, guess))


def test_renaming_labels_and_permuting_pixels_changes_nothing():
    prediction, target = draw_partitions(0)
    renamed = np.array([0, 700, 3, 41])[prediction]
    order = np.random.default_rng(0).permutation(target.size)
    moved = [labels.ravel()[order].reshape(11, 9) for labels in (prediction, target)]
    expected = pytest.approx(list(vars(partition_scores(prediction, target)).values()), rel=1e-12)
    assert list(vars(partition_scores(renamed, target)).values()) == expected
    assert list(vars(partition_scores(*moved)).values()) == expected


def test_a_split_lowers_the_split_scores_alone_and_a_merge_the_merge_scores():
    target = to_labels(["1122", "1122"])
    split, merged = partition_scores(to_labels(["1123", "1123"]), target), partition_scores(to_labels(["1111", "1111"]), target)
    assert (split.rand_merge, split.info_merge, merged.rand_split, merged.info_split) == pytest.approx((1, 1, 1, 1))
    assert max(split.rand_split, split.info_split, merged.rand_merge, merged.info_merge) < 1


def test_a_target_without_cells_has_no_score():
    found = partition_scores(np.ones((3, 3), int), np.zeros((3, 3), int))
    assert all(math.isnan(value) for value in vars(found).values())


def flood_like_the_script(cells):
    """Vincent and Soille's second step with one first-in first-out queue, pixel by pixel, columns first."""
    state = {}
    labels = ndimage.label(cells)[0]
    height, width = cells.shape
    for x in range(width):
        for y in range(height):
            state[x, y] = int(labels[y, x]) or "open"

    def around(x, y):
        return [p for p in ((x - 1, y), (x, y - 1), (x + 1, y), (x, y + 1)) if p in state]

    queue = deque()
    for pixel in [p for p in state if state[p] == "open"]:
        if any(isinstance(state[p], int) for p in around(*pixel)):
            queue.append(pixel)
            state[pixel] = "queued"
    while queue:
        pixel = queue.popleft()
        came_from_line = False
        for beside in around(*pixel):
            if state[beside] == "open":
                state[beside] = "queued"
                queue.append(beside)
            elif state[beside] == 0 and state[pixel] == "queued":
                state[pixel], came_from_line = 0, True
            elif isinstance(state[beside], int) and state[beside] > 0:
                if state[pixel] == "queued" or (state[pixel] == 0 and came_from_line):
                    state[pixel] = state[beside]
                elif state[pixel] not in (0, state[beside]):
                    state[pixel], came_from_line = 0, False
    return np.array([[state[x, y] for x in range(width)] for y in range(height)])


def draw_cells(seed, size=(24, 31)):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=size), 1.2)
    return np.abs(field) > np.quantile(np.abs(field), 0.1 + 0.08 * (seed % 10))


@pytest.mark.parametrize("seed", range(20))
def test_thinning_equals_the_queue_of_the_script(seed):
    cells = draw_cells(seed)
    found, expected = thin_borders(cells), flood_like_the_script(cells)
    np.testing.assert_array_equal(found > 0, expected > 0)
    pairs = {(int(a), int(b)) for a, b in zip(found.ravel(), expected.ravel(), strict=True)}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


def test_without_a_cell_all_is_one_segment():
    assert (thin_borders(np.zeros((3, 4), bool)) == 1).all()


def test_the_width_of_a_membrane_counts_only_without_thinning():
    target = np.ones((9, 20), np.uint8)
    target[:, 10] = 0
    wide = np.ones((9, 20), np.uint8)
    wide[:, 8:13] = 0
    values = {}
    for thin in (True, False):
        metric = MembraneMetrics(thresholds=None, thin=thin)
        metric.update(wide, target)
        values[thin] = metric.compute()
        assert values[thin].to_json()["border_thinning"] is thin
    assert values[True].v_rand == 1.0
    assert values[False].v_rand < 0.9


def test_cells_that_touch_at_corners_are_two():
    assert label_cells(np.eye(2, dtype=bool)).max() == 2


def draw_scores(seed, size=(20, 22)):
    rng = np.random.default_rng(seed)
    target = draw_cells(seed + 10, size).astype(np.uint8)
    noise = ndimage.gaussian_filter(rng.random(size), 1)
    return np.clip(0.6 * target + 0.8 * noise - 0.2, 0, 1), target


def test_the_best_threshold_is_that_of_the_mean_over_images():
    metric = MembraneMetrics()
    own = [metric.update(*draw_scores(seed)) for seed in range(3)]
    scores, means = metric.compute(), np.mean(own, 0)
    assert scores.thresholds == CHALLENGE_THRESHOLDS
    assert scores.v_rand == pytest.approx(means[:, 0].max())
    assert scores.v_rand_threshold == CHALLENGE_THRESHOLDS[int(means[:, 0].argmax())]
    assert scores.v_info == pytest.approx(means[:, 3].max())
    plain = scores.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["images"], plain["connectivity"]) == (3, 4)


def test_an_image_without_cells_counts_for_nothing():
    metric = MembraneMetrics(thresholds=None)
    assert np.isnan(metric.update(np.ones((4, 4), np.uint8), np.zeros((4, 4), np.uint8))).all()
    assert math.isnan(metric.compute().v_rand)
    metric.update(np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint8))
    assert (metric.compute().v_rand, metric.compute().v_info, metric.compute().images) == (1.0, 1.0, 1)


ONES = np.ones((3, 3), np.uint8)


@pytest.mark.parametrize(
    ("thresholds", "prediction", "target", "message"),
    [
        ((0.5,), ONES, ONES, "must be float scores of cell, got uint8; for class indices pass thresholds=None"),
        (None, np.ones((3, 3)), ONES, "must be uint8 class indices where there are no thresholds, got float64"),
        (None, ONES, np.ones((3, 3)), "target must be uint8 class indices, got float64"),
    ],
)
def test_what_cannot_be_scored_is_refused(thresholds, prediction, target, message):
    with pytest.raises(DataError, match=message):
        MembraneMetrics(thresholds=thresholds).update(prediction, target)


def test_other_refusals_name_what_is_allowed():
    with pytest.raises(ConfigError, match="thresholds must be numbers from 0 to 1, at least one"):
        MembraneMetrics(thresholds=[2.0])
    with pytest.raises(DataError, match="different settings cannot be merged"):
        MembraneMetrics().merge(MembraneMetrics(thin=False))
    with pytest.raises(DataError, match="must hold whole labels from 0, got float64"):
        partition_scores(np.ones((2, 2)), np.ones((2, 2), int))
    with pytest.raises(DataError, match="prediction must hold whole labels from 0"):
        partition_scores(-np.ones((2, 2), int), np.ones((2, 2), int))
    with pytest.raises(DataError, match="must be of one shape"):
        partition_scores(np.ones((2, 2), int), np.ones((2, 3), int))


def test_a_score_without_anything_to_lower_it_is_one():
    one, two = to_labels(["1111"]), to_labels(["1122"])
    split, merged = partition_scores(two, one), partition_scores(one, two)
    assert (split.info_merge, split.info_split, split.v_info) == (1.0, 0.0, 0.0)
    assert (merged.info_split, merged.info_merge, merged.v_info) == (1.0, 0.0, 0.0)
