"""The table of two runs: numbers whole at every width, hostile names as they are."""

import pytest

from pixelwise.report.comparison_table import comparison_table
from tests.report.test_table import render

DATA = {
    "differences": {
        "mean_iou": {"first": 0.5, "second": 0.625, "difference": 0.125, "interval": [0.1, 0.15], "share_above": 0.9996},
        "accuracy": {"first": 0.9, "second": 0.89, "difference": -0.01, "interval": [-0.03, 0.01], "share_above": 0.2},
        "iou_[red]a long name of a class indeed[/red]": {
            "first": 0.5, "second": 0.5, "difference": 0.0, "interval": None, "share_above": 0.0004,
        },
        "iou_ghost": {"first": None, "second": None, "difference": None, "interval": None, "share_above": None},
    }
}  # fmt: skip


@pytest.mark.parametrize("width", [100, 76, 56, 40], ids="{} letters".format)
def test_no_line_is_wider_than_the_terminal_and_no_difference_is_cut(width):
    text = render(comparison_table(DATA), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "+0.125 [+0.100, +0.150]" in text
    assert "-0.010 [-0.030, +0.010]" in text
    assert ("0.625" in text.replace("+0.125", ""), "99.9 %" in text) == (width >= 56, width >= 76)


def test_names_are_not_read_as_markup_and_absent_classes_have_dashes():
    text = render(comparison_table(DATA), 100)
    assert "IoU [red]a long name" in text
    assert next(line for line in text.splitlines() if "ghost" in line).split()[2:] == ["-"] * 4


def test_a_share_is_never_rounded_to_certainty():
    text = render(comparison_table(DATA), 100)
    assert "99.9 %" in text
    assert "0.1 %" in text


def test_a_terminal_without_unicode_gets_plain_letters():
    render(comparison_table(DATA), 40, encoding="ascii").encode("ascii")
