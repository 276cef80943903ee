"""Pixels that two id maps share: equal to counting every pixel, whatever the ids."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.metrics.contingency import ids_of_masks, shared_pixels


@pytest.mark.parametrize("dtype, top", [(np.uint8, 9), (np.uint16, 60_000), (np.int32, 1 << 24), (np.int64, (1 << 31) - 1)])
@pytest.mark.parametrize("grain", [1, 5], ids=["noise", "blocks"])
def test_counts_equal_counting_every_pixel(dtype, top, grain):
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, top, 12, endpoint=True)
    chosen[0] = top
    target, prediction = (np.kron(rng.choice(chosen, (10, 12)), np.ones((grain, grain), int)).astype(dtype) for _ in range(2))
    pairs, counts = np.unique(np.stack([target.ravel(), prediction.ravel()]).astype(np.int64), axis=1, return_counts=True)
    found = shared_pixels(target, prediction)
    np.testing.assert_array_equal(found, [*pairs, counts])
    np.testing.assert_array_equal(shared_pixels(target[::2, ::-1], prediction[::2, ::-1])[2].sum(), target[::2].size)


def test_an_empty_map_shares_nothing():
    assert [len(part) for part in shared_pixels(np.zeros((0, 4), int), np.zeros((0, 4), int))] == [0, 0, 0]


def test_masks_that_do_not_overlap_become_ids_by_position():
    masks = np.eye(3, dtype=bool)[:, None]
    assert ids_of_masks(masks).tolist() == [[1, 2, 3]]
    with pytest.raises(DataError, match=r"masks must be \(N, height, width\) bool, got uint8"):
        ids_of_masks(masks.astype(np.uint8))
    with pytest.raises(DataError, match="masks 0 and 1 overlap in 1 px"):
        ids_of_masks(np.ones((2, 1, 1), bool))
