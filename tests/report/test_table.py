"""The terminal table: numbers whole at every width, hostile names as they are."""

import io

import pytest
from rich.console import Console

from pixelwise.report.table import class_scores_table, summary_line
from pixelwise.types import ClassInfo, ClassTable

TABLE = ClassTable(
    (
        ClassInfo(0, "[red]road[/red]", (255, 0, 0)),
        ClassInfo(1, "a very long name of a class indeed, too long", (0, 0, 9)),
        ClassInfo(2, "ghost", (1, 2, 3)),
    )
)
SCORES = {
    "mean_iou": 0.625,
    "mean_dice": 0.762,
    "mean_accuracy": 0.81,
    "accuracy": 0.9,
    "pixels": 1234567,
    "absent_classes": ["ghost"],
    **{
        f"per_class_{key}": dict(zip(TABLE.names, (0.5, 0.75, None), strict=True))
        for key in ("iou", "dice", "precision", "recall")
    },
    "per_class_target_pixels": dict(zip(TABLE.names, (1000000, 234567, 0), strict=True)),
}


def render(renderable, width, encoding="utf-8"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, force_terminal=False, legacy_windows=False)
    console.print(renderable)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [100, 80, 64, 46, 36], ids="{} letters".format)
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width):
    text = render(class_scores_table(SCORES, TABLE), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert [number for number in ("0.500", "0.750", "0.625", "0.762", "absent") if number not in text] == []


def test_names_are_not_read_as_markup():
    assert "[red]road[/red]" in render(class_scores_table(SCORES, TABLE), 100)


def test_a_wide_terminal_shows_pixels_and_says_over_how_many_classes_the_mean_is():
    text = render(class_scores_table(SCORES, TABLE), 100)
    assert "1,000,000" in text
    assert "1,234,567" in text
    assert "mean over 2 classes" in text


def test_the_bar_is_as_long_as_the_score():
    rows = render(class_scores_table(SCORES, TABLE), 100).splitlines()
    half = next(row for row in rows if "road" in row)
    assert (half.count("█"), half.count("·")) == (7, 7)


def test_a_terminal_without_unicode_gets_plain_letters():
    text = render(class_scores_table(SCORES, TABLE), 100, encoding="ascii")
    assert "#######......." in text


def test_the_summary_line_names_what_matters():
    assert render(summary_line(SCORES, images=1), 200).strip() == (
        "mean IoU 0.625, accuracy 0.900, mean Dice 0.762, 1 image; absent, so in no mean: ghost"
    )


def test_the_summary_line_shows_the_foreground_of_a_binary_task_and_dashes_for_what_is_undefined():
    text = render(summary_line({"mean_iou": None, "foreground_iou": 0.5, "accuracy": 0.25}), 200)
    assert text.strip() == "mean IoU -, foreground IoU 0.500, accuracy 0.250, mean Dice -"


def test_the_interval_stands_beside_the_mean_iou():
    scores = {**SCORES, "intervals": {"mean_iou": [0.598, 0.6331], "mean_dice": None}}
    assert render(summary_line(scores), 200).startswith("mean IoU 0.625 [0.598, 0.633], accuracy 0.900")
    assert "0.625   [0.598, 0.633]" in render(class_scores_table(scores, TABLE), 100)
    for width in range(36, 100, 3):  # shown whole or not at all
        text = render(class_scores_table(scores, TABLE), width)
        assert text.count("[0.") == text.count("[0.598, 0.633]")
