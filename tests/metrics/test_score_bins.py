"""The bins of scores: in order, mirrored, and one for each float16."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.metrics import score_bins as module
from pixelwise.metrics.score_bins import (
    NUM_SCORE_BINS,
    SCORE_ROUNDING,
    SCORE_UNITS,
    bin_starts,
    bin_values,
    check_scores,
    count_scores,
    score_bins,
)

ALL_FLOAT16 = np.arange(0x3C01, dtype=np.uint16).view(np.float16)


def draw_scores(how_many=50_000, seed=0):
    """float32 in order: even ones, and ones that crowd at 0 and at 1."""
    rng = np.random.default_rng(seed)
    tiny = 10.0 ** -rng.uniform(0, 12, how_many)
    drawn = np.concatenate([rng.random(how_many), tiny, 1 - tiny, [0, 0.5, 1]])
    return np.sort(drawn.astype(np.float32))


def test_every_float16_has_a_bin_of_its_own_with_its_value():
    bins = score_bins(ALL_FLOAT16)
    assert len(np.unique(bins)) == 15361
    np.testing.assert_array_equal(bin_values()[bins], ALL_FLOAT16.astype(np.float64))


def test_a_float16_and_the_same_number_as_float32_share_a_bin():
    np.testing.assert_array_equal(score_bins(ALL_FLOAT16), score_bins(ALL_FLOAT16.astype(np.float32)))


def test_bins_keep_the_order_of_float32_scores():
    assert (np.diff(score_bins(draw_scores()).astype(int)) >= 0).all()


def test_a_float32_moves_by_no_more_than_is_stated():
    scores = draw_scores()
    moved = np.abs(bin_values()[score_bins(scores)] - scores)
    assert moved.max() <= SCORE_ROUNDING
    nearer = np.minimum(scores, 1 - scores.astype(np.float64))
    assert (moved <= np.maximum(nearer * 2.0**-11, 2.0**-25)).all()


def test_bins_mirror_each_other():
    np.testing.assert_array_equal(bin_values() + bin_values()[::-1], 1.0)
    scores = draw_scores()
    upper = scores[scores >= 0.5]  # 1 - p is exact there
    np.testing.assert_array_equal(score_bins(np.float32(1) - upper), NUM_SCORE_BINS - 1 - score_bins(upper))


def test_values_rise_and_are_whole_multiples_of_the_unit():
    assert (np.diff(bin_values()) > 0).all()
    assert (bin_values() * SCORE_UNITS % 1 == 0).all()


def test_a_start_is_the_smallest_float32_of_its_bin():
    starts, bins = bin_starts().astype(np.float32), np.arange(NUM_SCORE_BINS)
    np.testing.assert_array_equal(score_bins(starts), bins)
    np.testing.assert_array_equal(score_bins(np.nextafter(starts[1:], np.float32(-1))), bins[:-1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids="{0.__name__}".format)
def test_counts_equal_a_plain_count_of_the_bins(dtype):
    scores = draw_scores(1000).astype(dtype).reshape(3, -1)
    expected = np.bincount(score_bins(scores).reshape(-1), minlength=NUM_SCORE_BINS)
    np.testing.assert_array_equal(count_scores(scores), expected)
    np.testing.assert_array_equal(
        count_scores(scores[:, ::-2]), np.bincount(score_bins(scores[:, ::-2]).ravel(), minlength=28673)
    )


def test_counts_do_not_depend_on_where_the_scores_are_cut(monkeypatch):
    scores = draw_scores(1000)
    whole = count_scores(scores)
    monkeypatch.setattr(module, "_EXACT_COUNT", 100)
    monkeypatch.setattr(module, "_CHUNK", 77)
    np.testing.assert_array_equal(count_scores(scores), whole)


def test_minus_zero_is_zero():
    for dtype in (np.float16, np.float32):
        minus = np.full((2, 2), -0.0, dtype)
        check_scores(minus, "road")
        assert (count_scores(minus)[0], score_bins(minus).tolist()) == (4, [[0, 0], [0, 0]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids="{0.__name__}".format)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -0.25, 1.5], ids=str)
def test_what_is_no_probability_is_refused_with_its_class(wrong, dtype):
    scores = np.full((2, 3), 0.5, dtype)
    scores[1, 1] = wrong
    message = f"probabilities from 0 to 1, got {wrong} for class 'road' .1 pixels.; apply softmax or sigmoid"
    with pytest.raises(DataError, match=message):
        check_scores(scores, "road")
