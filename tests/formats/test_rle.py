"""Run lengths: the counts and strings that COCO's own tools write, and what is refused."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats import rle, run_strings
from pixelwise.formats.rle import RunLengths


def draw_masks(count=4, size=(13, 17), share=0.4, seed=0):
    return np.random.default_rng(seed).random((count, *size)) < share


def count_runs(mask):
    """The counts by a loop over pixels, column by column."""
    counts, value = [0], False
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if bool(mask[row, column]) != value:
                counts.append(0)
                value = not value
            counts[-1] += 1
    return counts


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.97, 1.0])
def test_counts_equal_a_loop_over_pixels_column_by_column(share):
    masks = draw_masks(6, (9, 7), share)
    masks[0, 2:4] = True  # runs that reach over nothing but rows
    masks[1, :, 3:5] = True  # a run that goes on in the next column
    assert [runs.counts.tolist() for runs in rle.encode(masks)] == [count_runs(mask) for mask in masks]


# Short ones by hand; the test below compares thousands with pycocotools, where that is installed.
GOLDEN = [
    (["....", "....", "...."], [12], "<"),
    (["####", "####", "####"], [0, 12], "0<"),
    (["#...", "....", "...#"], [0, 1, 10, 1], "01:0"),
    ([".##.", ".##.", "..#."], [3, 2, 1, 3, 3], "32112"),
    (["#.#.", ".#.#", "#.#."], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
]


@pytest.mark.parametrize("rows, counts, text", GOLDEN, ids=["empty", "full", "corners", "over two columns", "checkers"])
def test_counts_and_strings_are_those_worked_out_by_hand(rows, counts, text):
    (runs,) = rle.encode(np.array([[[letter == "#" for letter in row] for row in rows]]))
    assert runs.counts.tolist() == counts
    assert text is None or rle.to_string(runs) == text


def test_every_mask_equals_that_of_pycocotools():
    reference = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    for seed in range(33):
        masks = draw_masks(3, (11 + seed % 5, 1 + seed % 9), (seed % 11) / 10, seed)
        ours, theirs = rle.encode(masks), reference.encode(np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8)))
        assert [rle.to_string(runs) for runs in ours] == [other["counts"].decode() for other in theirs]
        assert [runs.area for runs in ours] == reference.area(theirs).tolist()
        np.testing.assert_array_equal(rle.iou(ours, ours, [0, 1, 0]), reference.iou(theirs, theirs, [0, 1, 0]))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7, 1.0])
def test_decoding_and_reading_give_back_the_mask(share):
    masks = draw_masks(5, (60, 41), share)
    runs = rle.encode(masks)
    read = rle.from_strings((60, 41), [rle.to_string(one) for one in runs])
    for mask, one, other in zip(masks, runs, read, strict=True):
        np.testing.assert_array_equal(rle.decode(one), mask)
        np.testing.assert_array_equal(other.counts, one.counts)
        assert one.area == mask.sum()


def test_long_runs_and_large_steps_come_back_from_their_string():
    counts = np.array([70_000, 1, 2, 400_000, 1, 1, 500_000, 29_995])
    (read,) = rle.from_strings((1000, 1000), [rle.to_string(RunLengths((1000, 1000), counts))])
    np.testing.assert_array_equal(read.counts, counts)


def test_coco_dictionaries_are_read_compressed_or_not():
    (runs,) = rle.encode(draw_masks(1))
    for segmentation in (rle.to_coco(runs), {"size": [13, 17], "counts": runs.counts.tolist()}):
        np.testing.assert_array_equal(rle.from_coco(segmentation).counts, runs.counts)


def test_many_dictionaries_of_many_sizes_are_read_as_each_by_itself(monkeypatch):
    monkeypatch.setattr(run_strings, "_AT_ONCE", 40)
    rows = []
    for seed in range(30):
        (runs,) = rle.encode(draw_masks(1, (1 + seed % 7, 3 + seed % 11), (seed % 6) / 5, seed))
        rows.append({"size": list(runs.size), "counts": runs.counts.tolist()} if seed % 4 == 3 else rle.to_coco(runs))
    for row, runs in zip(rows, rle.from_coco_rows(rows), strict=True):
        alone = rle.from_coco(row)
        assert (runs.size, runs.counts.tolist()) == (alone.size, alone.counts.tolist())
        assert row["counts"] in (rle.to_string(runs), runs.counts.tolist())
    assert rle.from_coco_rows([]) == []


def test_runs_without_pixels_change_nothing():
    full = RunLengths((4, 5), np.array([2, 3, 15]))
    padded = RunLengths((4, 5), np.array([2, 1, 0, 2, 5, 0, 10, 0]))
    empty = RunLengths((4, 5), np.array([8, 0, 12]))
    masks = [empty, padded, full, empty]
    assert rle.boxes_around(masks).tolist() == [[0, 0, 0, 0], [0, 0, 2, 4], [0, 0, 2, 4], [0, 0, 0, 0]]
    pairs = np.array([[0, 1], [1, 2], [2, 1], [1, 3], [2, 2]])
    assert rle.intersections(masks, masks, pairs).tolist() == [0, 3, 3, 0, 3]


def test_overlaps_equal_those_of_the_masks_as_arrays():
    first, second = draw_masks(5, seed=1), draw_masks(4, share=0.1, seed=2)
    second[0] = False
    expected = [[(a & b).sum() / max((a | b).sum(), 1) for b in second] for a in first]
    np.testing.assert_array_equal(rle.iou(rle.encode(first), rle.encode(second)), expected)
    pairs = np.array([[4, 3], [0, 1], [4, 0], [2, 2], [2, 2]])
    common = rle.intersections(rle.encode(first), rle.encode(second), pairs)
    assert common.tolist() == [(first[i] & second[j]).sum() for i, j in pairs]


def test_the_overlap_with_a_crowd_is_over_the_area_of_the_other():
    first, second = np.zeros((1, 10, 10), bool), np.ones((1, 10, 10), bool)
    first[0, :3, :3] = True
    assert rle.iou(rle.encode(first), rle.encode(second), [True]).item() == 1.0


def test_boxes_are_the_smallest_around_the_foreground():
    masks = draw_masks(40, (8, 9), 0.05)
    masks[0], masks[1, :, 2:4] = False, True
    for mask, box in zip(masks, rle.boxes_around(rle.encode(masks)).tolist(), strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert box == ([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else [0, 0, 0, 0])


def test_no_mask_at_all_is_no_fault():
    assert rle.encode(np.zeros((0, 4, 4), bool)) == rle.from_strings((4, 4), []) == []
    assert rle.iou([], []).shape == (0, 0)
    assert rle.boxes_around([]).shape == (0, 4)


def make_runs(*counts, size=(2, 3)):
    return RunLengths(size, np.array(counts))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: make_runs(1, 2), r"add up to 3 pixels, but the mask is 2 x 3 = 6; .*cut off"),
        (lambda: make_runs(-1, 7), r"must be 0 to 6, the pixels of the mask, got -1 to 7"),
        (lambda: make_runs(2**62, 2**62), r"must be 0 to 6"),
        (lambda: make_runs(1.5, 4.5), r"must be a row of whole numbers, got float64"),
        (lambda: make_runs(6, size=(-2, -3)), r"size of a run-length mask must be \(height, width\)"),
        (lambda: make_runs(6, size=(1 << 20, 1 << 20)), r"at most 2\^31 pixels"),
        (lambda: rle.from_strings((2, 3), ["6 "]), r"a character that COCO does not use"),
        (lambda: rle.from_strings((2, 3), ["6", "é"]), r"a character that COCO does not use"),
        (lambda: rle.from_strings((2, 3), ["\ud800"]), r"a character that COCO does not use"),
        (lambda: rle.from_strings((2, 3), ["P", "6"]), r"end in the middle of a number; the string was cut off"),
        (lambda: rle.from_strings((2, 3), ["oooooooo0"]), r"a number of 9 characters; at most 7"),
        (lambda: rle.from_strings((2, 3), [""]), r"add up to 0 pixels"),
        (lambda: rle.from_strings((2, 3), ["6", "5"]), r"add up to 5 pixels"),
        (lambda: rle.from_strings((-2, -3), ["6"]), r"size of a run-length mask must be \(height, width\)"),
        (lambda: rle.from_coco({"size": [2, 3], "counts": [2**70]}), r"must be a row of whole numbers"),
        (lambda: rle.from_coco({"size": [2, 3], "counts": [7, -1]}), r"must be 0 to 6"),
        (lambda: rle.from_coco({"size": [2**70, 3], "counts": "6"}), r"at most 2\^31 pixels"),
        (lambda: rle.from_coco({"counts": [6]}), r"must be \{'size': .*got keys \['counts'\]; polygons"),
        (lambda: rle.from_coco({"size": [2, 3], "counts": [[1, 2], [3]]}), r"must be \{'size'"),
        (lambda: rle.encode(np.zeros((2, 3), bool)), r"must be \(N, height, width\) bool or uint8, got bool of shape \(2, 3\)"),
        (lambda: rle.encode(np.zeros((1, 2, 3))), r"bool or uint8, got float64"),
        (lambda: rle.iou([make_runs(6)], [make_runs(6, size=(3, 2))]), r"must be of one size, got \[\(2, 3\), \(3, 2\)\]"),
    ],
    ids=lambda value: "" if callable(value) else value[:24],
)
def test_what_is_no_mask_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()
