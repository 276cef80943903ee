"""Colour tables as text."""

import pytest

from pixelwise.errors import DataError
from pixelwise.formats.color_table import find_color_table, read_color_table


@pytest.mark.parametrize(
    "name, text",
    [
        ("label_colors.txt", "64 128 64\tAnimal\n\n# remark\n0 0 192 Cart and pram\n"),
        ("label_colors.txt", "\ufeff64 128 64 Animal\r\n0 0 192 Cart and pram\r\n"),
        ("class_dict.csv", "name,r,g,b\nAnimal,64,128,64\nCart and pram, 0, 0, 192\n"),
    ],
    ids=["tabs", "windows", "csv"],
)
def test_colours_and_names_are_read_in_order(name, text, tmp_path):
    (tmp_path / name).write_bytes(text.encode())
    assert find_color_table(tmp_path / "nowhere", tmp_path) == tmp_path / name
    assert read_color_table(tmp_path / name) == (((64, 128, 64), "Animal"), ((0, 0, 192), "Cart and pram"))


@pytest.mark.parametrize(
    "text, reason",
    [
        ("1 2 3 a\n1 2 3 b\n", r"gives the colour \(1, 2, 3\) to both 'a' and 'b'"),
        ("1 2 256 a\n", "line 1: needs three numbers"),
        ("1 2 3\n", "line 1: needs three numbers"),
        ("1 2 -3 a\n", "line 1: needs three numbers"),
        ("1 2 ² a\n", "line 1: needs three numbers"),
        ("1 2 " + "3" * 5000 + " a\n", "line 1: needs three numbers"),
        ("", "lists 0 colours"),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "line 1"),
    ],
    ids=["twice", "256", "no name", "negative", "no digit", "endless", "empty", "other letters"],
)
def test_a_damaged_table_is_refused(text, reason, tmp_path):
    path = tmp_path / "label_colors.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"label_colors.txt.*{reason}"):
        read_color_table(path)


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path):
    path = tmp_path / "label_colors.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as text"):
        read_color_table(path)
    path.write_bytes(b"1 2 3 a\n" * 200_000)
    with pytest.raises(DataError, match="too many for a table"):
        read_color_table(path)
