"""Numbers of segments as colours: three bytes, the lowest in red."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.errors import DataError
from pixelwise.formats.panoptic_png import read_segments, write_segments


def test_numbers_of_three_bytes_come_back(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 1 << 24, (9, 14), dtype=np.uint32)
    numbers[0, :3] = 0, 255, (1 << 24) - 1
    write_segments(tmp_path / "a.png", numbers)
    np.testing.assert_array_equal(read_segments(tmp_path / "a.png"), numbers)


def test_red_is_the_lowest_byte(tmp_path):
    Image.fromarray(np.array([[[3, 2, 1]]], np.uint8)).save(tmp_path / "a.png")
    assert read_segments(tmp_path / "a.png").item() == 3 + 256 * 2 + 65536


@pytest.mark.parametrize("mode, expected", [("L", 7), ("RGBA", 7 + 256 * 7 + 65536 * 7)])
def test_grey_is_the_number_itself_and_alpha_does_not_count(tmp_path, mode, expected):
    Image.fromarray(np.full((2, 2), 7, np.uint8)).convert(mode).save(tmp_path / "a.png")
    assert (read_segments(tmp_path / "a.png") == expected).all()


@pytest.mark.parametrize("numbers", [np.full((2, 2), 1 << 24), np.full((2, 2), -1), np.zeros((2, 2)), np.zeros((2, 2, 3), int)])
def test_what_three_bytes_do_not_hold_is_refused(tmp_path, numbers):
    with pytest.raises(DataError, match=r"must be \(H, W\) whole numbers from 0 to 16,777,215"):
        write_segments(tmp_path / "a.png", numbers)


def test_other_files_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="must be a PNG"):
        read_segments(tmp_path / "a.jpg")
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="must be an 8-bit colour PNG, got uint16"):
        read_segments(tmp_path / "a.png")
