"""Where the errors sit: the sentences and the table say what the data say."""

import numpy as np
import pytest

from pixelwise.metrics.error_places import ErrorPlaces
from pixelwise.report.sections_errors import border_sentence, errors_section
from tests.report.sections import NAMES, cells, make_data, widths, words


def place(pixels, errors, all_pixels=1000, all_errors=100):
    shares = {"share_of_pixels": pixels / all_pixels, "share_of_errors": errors / all_errors}
    return {"pixels": pixels, "errors": errors, "error_rate": errors / pixels if pixels else None, **shares}


def make_errors(**changes):
    places = {"boundary": place(120, 71), "inside": place(880, 29), "small": place(50, 40), "medium": place(0, 0)}
    pairs = [
        {"target": "sky", "predicted": "<b>", "pixels": 60, "share_of_errors": 0.6, "at_boundary": 0.25},
        {"target": "car", "predicted": "no car", "pixels": 30, "share_of_errors": 0.3, "at_boundary": 1.0},
    ]
    return {"places": places | {"large": place(950, 60)}, "radius": 3, "areas": [1024, 9216], "pairs": pairs, **changes}


def test_the_sentence_tells_the_shares_at_borders():
    said = words(border_sentence(make_errors()))
    assert said == "71 % of the wrong pixels lie within 3 px of a border between classes, where 12 % of the pixels are."


@pytest.mark.parametrize(
    "share, start",
    [
        (0.0, "0.0 % of"),
        (0.0001, "Under 0.1 % of"),
        (0.034, "3.4 % of"),
        (0.0996, "10 % of"),
        (0.999, "Over 99 % of"),
        (1.0, "100 % of"),
    ],
)
def test_shares_in_sentences_are_never_rounded_to_none_or_all(share, start):
    places = {"boundary": {"share_of_errors": share, "share_of_pixels": 0.5}}
    assert words(border_sentence({"places": places})).startswith(start)


def test_the_size_with_most_errors_for_its_pixels_is_told():
    assert (
        "Small objects (below 32 × 32 px) hold 5.0 % of the pixels and 40 % of the errors, 8.0 times as many as their share."
        in words(errors_section(make_data(errors=make_errors())))
    )


def test_places_have_their_shares_from_ring_to_dot():
    section = errors_section(make_data(errors=make_errors()))
    found = cells(section)
    assert ["at a border within 3 px", "", "12.0 %", "71.0 %", "59.2 %"] in found
    assert ["large objects from 96 × 96 px", "", "95.0 %", "60.0 %", "6.3 %"] in found
    assert [row for row in found if row[0].startswith("medium")] == []  # no pixel is there
    assert widths(section, "u") == [[12.0], [88.0], [5.0], [95.0]]
    assert widths(section, "i")[:2] == [[12.0, 59.0], [29.0, 59.0]]


def test_pairs_are_told_with_their_share_and_how_much_is_at_borders():
    found = cells(errors_section(make_data(errors=make_errors())))
    assert ["sky", "<b>", "60.0 %", "60", "25 %"] in found
    assert ["car", "no car", "30.0 %", "30", "100 %"] in found
    assert "These 2 pairs hold 90.0 % of all wrong pixels." in words(errors_section(make_data(errors=make_errors())))


def test_what_the_metric_gives_is_what_the_section_takes():
    target = np.zeros((20, 20), np.uint8)
    target[:, 10:] = 1
    prediction = target.copy()
    prediction[:, 9] = 1
    metric = ErrorPlaces(3, NAMES)
    metric.update(prediction, target)
    section = errors_section(make_data(errors=metric.compute().to_json()))
    assert "100 % of the wrong pixels lie within 3 px of a border between classes, where 30 % of the pixels are." in words(
        section
    )
    assert ["sky", "<b>", "100.0 %", "20", "100 %"] in cells(section)


def test_without_an_error_there_is_nothing_to_say_about_shares():
    perfect = place(10, 0, 10, 1) | {"share_of_errors": None}
    section = errors_section(make_data(errors={"places": {"boundary": perfect}, "pairs": []}))
    assert "wrong pixels" not in words(section)
    assert errors_section(make_data()) == ""
