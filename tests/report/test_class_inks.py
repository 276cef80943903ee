"""Class colours as ink: seen on both papers, changed no more than needed."""

import re

import numpy as np
import pytest

from pixelwise.report.class_inks import class_color, contrast, ink_style, inks

WHITE, DARK = (255, 255, 255), (20, 22, 27)


def read_colors(style):
    """The value of each variable in light and in dark."""
    light, dark = style.split("@media")
    found = [dict(re.findall(r"--c(\w{6}): #(\w{6})", part)) for part in (light, dark)]
    return {name: [tuple(bytes.fromhex(part[name])) for part in found] for name in found[0]}


@pytest.mark.parametrize(
    "one, other, expected",
    [((0, 0, 0), (255, 255, 255), 21.0), ((9, 9, 9), (9, 9, 9), 1.0), ((255, 255, 255), (119, 119, 119), 4.478)],
    ids=["black on white", "itself", "the grey that just fails"],
)
def test_contrast_is_that_of_wcag(one, other, expected):
    assert contrast(one, other) == pytest.approx(expected, abs=2e-3)
    assert contrast(other, one) == contrast(one, other)


def test_every_colour_is_seen_on_both_papers():
    colors = np.random.default_rng(0).integers(0, 256, (300, 3)).astype(np.uint8)
    for light, dark in read_colors(ink_style(colors)).values():
        assert min(contrast(light, WHITE), contrast(dark, DARK)) >= 2.5


def test_a_colour_that_is_seen_anyway_is_left_alone():
    middle = np.array([[200, 60, 60]], np.uint8)
    assert (ink_style(middle), inks(middle)) == ("", {})


def test_only_the_paper_that_swallows_a_colour_changes_it():
    found = read_colors(ink_style(np.array([[255, 255, 255], [0, 0, 0]], np.uint8)))
    assert found["ffffff"][1] == (255, 255, 255)
    assert found["000000"][0] == (0, 0, 0)
    assert found["ffffff"][0] != (255, 255, 255)
    assert found["000000"][1] != (0, 0, 0)


def test_the_names_of_the_variables_are_those_that_figures_use():
    colors = np.array([[255, 255, 255], [0, 0, 64]], np.uint8)
    assert inks(colors) == {"#ffffff": "var(--cffffff, #ffffff)", "#000040": "var(--c000040, #000040)"}
    assert set(read_colors(ink_style(colors))) == {"ffffff", "000040"}
    assert class_color((0, 0, 64)) == "#000040"
