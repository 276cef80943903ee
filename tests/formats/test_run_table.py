"""Masks end to end: areas, boxes and overlaps are those of the masks as arrays."""

import numpy as np
import pytest

from pixelwise.formats import rle
from pixelwise.formats.run_table import lay_out


def draw_masks(seed, size, count=12):
    """From empty to full, with whole columns, single pixels and first and last pixels among them."""
    rng = np.random.default_rng(seed)
    masks = rng.random((count, *size)) < rng.choice([0.0, 0.05, 0.5, 0.95, 1.0], count)[:, None, None]
    masks[0, :, size[1] // 2] = True
    masks[1] = False
    masks[2, 0, 0] = masks[2, -1, -1] = True
    masks[3:5] = False
    masks[3, -2:, 0] = masks[3, :2, 1:2] = True  # one run over two columns that touches neither with its ends
    return masks


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (8, 13), (40, 30)], ids=str)
def test_areas_boxes_and_overlaps_are_those_of_the_arrays(size):
    for seed in range(8):
        masks = draw_masks(seed, size)
        table = lay_out(size, [runs.counts for runs in rle.encode(masks)])
        assert table.areas.tolist() == masks.sum((1, 2)).tolist()
        for mask, box in zip(masks, table.boxes.tolist(), strict=True):
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            assert box == ([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else [0, 0, 0, 0])
        pairs = np.random.default_rng(seed).integers(len(masks), size=(50, 2))
        expected = [int((masks[i] & masks[j]).sum()) for i, j in pairs]
        assert table.intersections(pairs).tolist() == expected


def test_nothing_to_lay_out_is_no_fault():
    table = lay_out((3, 4), [])
    assert (table.areas.shape, table.boxes.shape) == ((0,), (0, 4))
    assert table.intersections(np.zeros((0, 2), int)).shape == (0,)
    for size in ((0, 0), (0, 5)):
        empty = lay_out(size, [np.zeros(0, np.int64)] * 2)
        assert empty.areas.tolist() == [0, 0]
        assert empty.intersections(np.array([[0, 1]])).tolist() == [0]
