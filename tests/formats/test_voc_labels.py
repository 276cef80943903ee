"""VOC's colours are the bits of a number, and back; labelmap.txt line by line."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats.voc_labels import VOC_CLASSES, VOID_COLOR, color_of, numbers_of_colors, read_labelmap


def test_the_first_colours_are_those_that_the_challenge_prints():
    published = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (128, 128, 128)]
    published += [(64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128), (64, 128, 128)]
    published += [(192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128)]
    assert [color_of(number) for number in range(len(VOC_CLASSES))] == published
    assert color_of(255) == VOID_COLOR


def test_every_number_has_a_colour_of_its_own_and_back():
    numbers = np.concatenate([np.arange(3000), np.random.default_rng(0).integers(0, 1 << 24, 2000)])
    pixels = np.array([color_of(int(number)) for number in numbers], np.uint8)[None]
    assert np.array_equal(numbers_of_colors(pixels)[0], numbers)


def read(tmp_path, text):
    path = tmp_path / "labelmap.txt"
    path.write_text(text, encoding="utf-8")
    return read_labelmap(path)


def test_names_and_colours_come_in_their_order_and_missing_colours_are_vocs(tmp_path):
    rows = read(
        tmp_path,
        "\ufeff# label:color_rgb:parts:actions\nbackground:0,0,0::\n\n night sky :1,2,3:head,hand:run\ncar:::\nbus:9,9,9\n",
    )
    assert rows == (("background", (0, 0, 0)), ("night sky", (1, 2, 3)), ("car", color_of(2)), ("bus", (9, 9, 9)))


@pytest.mark.parametrize(
    "text, told",
    [
        ("car\n", "line 1: needs a name"),
        ("car:1,2::\n", "line 1: needs a name"),
        (":1,2,3::\n", "line 1: needs a name"),
        ("car:1,2,3::\ncar:1,2,4::\n", "line 2: needs a name of its own"),
        ("car:1,2,3::\nbus:1,2,3::\n", "line 2: the colour"),
        ("car:1,2,300::\n", "0 to 255"),
        ("# nothing\n", "lists no labels"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text)


def test_no_text_is_refused(tmp_path):
    (tmp_path / "labelmap.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as text"):
        read_labelmap(tmp_path / "labelmap.txt")
