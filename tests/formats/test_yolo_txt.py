"""Lines of YOLO's label files: what is written comes back, and what is no line is refused."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats.yolo_txt import read_row, write_row


def test_an_outline_is_pairs_of_shares():
    row = read_row("3 0.1 0.2  0.5 0.25\t1 1\n")
    assert (row.number, row.is_box, row.ring.tolist()) == (3, False, [[0.1, 0.2], [0.5, 0.25], [1, 1]])


def test_a_box_is_given_by_its_middle():
    row = read_row("0 0.5 0.25 0.5 0.125")
    assert (row.number, row.is_box) == (0, True)
    assert row.ring.tolist() == [[0.25, 0.1875], [0.75, 0.1875], [0.75, 0.3125], [0.25, 0.3125]]


@pytest.mark.parametrize("size", [(7, 13), (4000, 6000), (99_991, 99_989)])
def test_corners_come_back_to_within_a_thousandth_of_a_pixel(size):
    ring = np.random.default_rng(0).random((50, 2)) * size[::-1]
    row = read_row(write_row(5, ring.tolist(), size))
    assert row.number == 5
    np.testing.assert_allclose(row.ring * size[::-1], ring, rtol=0, atol=0.001)


def test_whole_corners_come_back_whole():
    corners = [(x, 3) for x in range(0, 1921, 7)]
    row = read_row(write_row(0, corners, (1080, 1920)))
    np.testing.assert_array_equal(np.rint(row.ring * (1920, 1080)), corners)


@pytest.mark.parametrize(
    "line, message",
    [
        ("", "a line must be a class number and coordinates"),
        ("cat 1 2 3 4", "a line must be a class number and coordinates"),
        ("0", "behind its class, got 0"),
        ("0 1 1", "behind its class, got 2"),
        ("0 1 1 1 1 1 1 1", "behind its class, got 7; is the last one a score"),
        ("70000 0 0 1 1 0 1", "the class must be a whole number from 0 to 65,535, got 70000"),
        ("inf 0 0 1 1 0 1", "the class must be a whole number"),
        ("0 0 0 1 1e300 0 1", r"from 0 to 1, got 1e\+300; are they pixels"),
        ("0 0 0 1 inf 0 1", "got inf"),
        ("0 1 1 0.1 -0.1", "height -0.1, less than nothing"),
    ],
)
def test_what_is_no_line_is_refused(line, message):
    with pytest.raises(DataError, match=message):
        read_row(line)
