"""The small pieces: numbers that round to nothing false, whiskers at their places, ids that never stand twice."""

import math
import re

import pytest

from pixelwise.report.markup import (
    axis_heading,
    axis_of,
    bar,
    class_name,
    interval,
    number,
    percent,
    table,
    whisker,
    with_unique_ids,
)


@pytest.mark.parametrize(
    "share, text",
    [
        (1 / 3, "33.3&nbsp;%"),
        (0, "0.0&nbsp;%"),
        (1, "100.0&nbsp;%"),
        (0.0004, "&lt;0.1&nbsp;%"),
        (0.0006, "0.1&nbsp;%"),
        (0.99951, "&gt;99.9&nbsp;%"),
        (None, "&ndash;"),
        (math.nan, "&ndash;"),
    ],
)
def test_no_share_is_rounded_to_none_or_to_all(share, text):
    assert percent(share) == text


def test_whole_percent_round_to_one_or_to_ninety_nine_at_the_ends():
    assert [percent(share, 0) for share in (0.004, 0.71, 0.996, 1.0)] == [
        "&lt;1&nbsp;%",
        "71&nbsp;%",
        "&gt;99&nbsp;%",
        "100&nbsp;%",
    ]


def test_what_is_no_number_is_a_dash():
    assert [number(value) for value in (0.5, "0.25", None, math.inf, "x")] == ["0.500", "0.250", "&ndash;", "&ndash;", "&ndash;"]
    assert [interval(ends) for ends in ([0.1, 0.25], None)] == ["[0.100, 0.250]", ""]


def test_a_whisker_stands_where_its_numbers_are_on_the_axis():
    drawn = whisker(0.6, [0.55, 0.7], 0.5, 0.9)
    assert re.findall(r"(left|width):([\d.]+)%", drawn) == [("left", "12.5"), ("width", "37.5"), ("left", "25.0")]
    assert whisker(None, [0.1, 0.2]) == ""
    assert "<i" not in whisker(0.6, None)


def test_what_lies_beyond_the_axis_stands_at_its_end():
    assert re.findall(r"(?:left|width):([\d.]+)%", whisker(-1, [-2, 5])) == ["0.0", "100.0", "0.0"]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0.62, 0.71, None], (0.6, 0.8)),
        ([0.999, 1.0], (0.9, 1.0)),
        ([0.0], (0.0, 0.1)),
        ([-0.05, 0.4], (-0.1, 0.5)),
        ([], (0.0, 1.0)),
    ],
    ids=["two", "near one", "zero", "negative", "none"],
)
def test_an_axis_holds_all_values_in_steps_of_a_tenth(values, expected):
    assert axis_of(values) == pytest.approx(expected)


def test_an_axis_is_written_with_its_ends_and_its_middle():
    assert re.findall(r"<span>([^<]*)</span>", axis_heading(0.6, 0.9)) == ["0.6", "0.75", "0.9"]


def test_a_bar_is_as_long_as_its_share_and_its_interval_lies_across_the_end():
    assert re.findall(r"(left|width):([\d.]+)%", bar(0.5, "0.500", [0.4, 0.6])) == [
        ("width", "50.0"),
        ("left", "40.0"),
        ("width", "20.0"),
    ]
    assert "width:0.0%" in bar(None, "-")


def test_headings_that_begin_with_any_letter_are_headings():
    assert re.findall("<th>([^<]*)</th>", table(["|pipe", "_line", "&lt;wide&gt;x"], [])) == ["|pipe", "_line", "&lt;wide&gt;x"]


def test_class_names_are_escaped():
    assert "&lt;b&gt; &amp;" in class_name("<b> &", (1, 2, 3))
    assert "rgb(1,2,3)" in class_name("x", (1, 2, 3))


def test_ids_of_figures_are_numbered_with_what_refers_to_them():
    figure = (
        '<svg a="1"><path id="p1"/><use xlink:href="#p1" clip-path="url(#c2)"/><g id="c2"></g><text>url(#p1) id="p1"</text></svg>'
    )
    page = with_unique_ids(f'<a href="#p1">p</a><i id="p1"></i>{figure}{figure}')
    assert re.findall(r' id="([^"]*)"', re.sub("<text>.*?</text>", "", page)) == ["p1", "f1-p1", "f1-c2", "f2-p1", "f2-c2"]
    assert re.findall(r'href="#([^"]*)"', page) == ["p1", "f1-p1", "f2-p1"]
    assert re.findall(r'clip-path="url\(#([^)]*)\)', page) == ["f1-c2", "f2-c2"]
    assert page.count('<text>url(#p1) id="p1"</text>') == 2
