"""What all plots share: ink and font of the page, no markup from names, numbers without idle decimals."""

import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from pixelwise.report import plots
from pixelwise.report.confusion_plot import confusion_heatmap
from pixelwise.report.image_plots import per_image_histogram
from pixelwise.report.plots import short_name, to_png, to_svg
from pixelwise.report.training_plots import learning_curves
from tests.report.svg import read_texts

HOSTILE = ["<b>bold</b>", "a$b$c", "--> x", '"quoted" & more', "道路"]


def make_matrix(num_classes):
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (num_classes, num_classes)) + np.diag(rng.integers(300, 900, num_classes))


def draw(**options):
    with mpl.rc_context(plots.SETTINGS):
        figure, axes = plots.new_figure(2, 2)
        axes.plot([0, 1], [0, 1 / 3], **options)
    return figure


def test_names_are_shown_as_they_are_and_never_as_markup():
    svg = to_svg(confusion_heatmap(make_matrix(5), HOSTILE), 'of "names" <here>')
    assert set(HOSTILE) <= set(read_texts(svg))
    assert "<b>" not in svg


def test_ink_and_font_come_from_the_page_and_nothing_from_outside():
    svg = to_svg(learning_curves([{"step": step, "loss": 2.0 / (step + 1)} for step in range(40)])["Training loss"])
    assert "currentColor" in svg
    assert [word for word in ("#717783", "font-family", "<style", "http:", "https:", 'id="figure') if word in svg] == []


def test_colours_are_replaced_where_they_are_ink_and_not_where_they_are_text():
    svg = to_svg(draw(color="#ff0000", label="#ff0000"), inks={"#ff0000": "var(--red, #ff0000)"})
    assert re.findall(r"stroke: ([^;]*var\(--red[^;]*)", svg) == ["var(--red, #ff0000)"]
    figure = draw()
    figure.axes[0].set_xlabel("#717783")
    assert "#717783" in read_texts(to_svg(figure))


def test_points_are_written_with_two_decimals():
    paths = re.findall(r' d="([^"]*)"', to_svg(draw()))
    decimals = [len(found) for path in paths for found in re.findall(r"\.(\d+)", path)]
    assert max(decimals) == 2


def test_a_short_name_is_one_line_of_at_most_eighteen_letters():
    names = ["road", "two\nlines", "x" * 18, "x" * 19, "  "]
    assert [short_name(name) for name in names] == ["road", "two lines", "x" * 18, "x" * 17 + "…", "?"]


def test_a_png_is_opaque_and_of_the_asked_resolution():
    figure = per_image_histogram([0.5, 0.6])
    with Image.open(io.BytesIO(to_png(figure, dpi=100))) as picture:
        opacity = np.asarray(picture.convert("RGBA"))[..., 3]
        assert picture.size == (420, 260)
        assert int(opacity.min()) == 255


def test_no_figure_is_left_in_pyplot():
    to_svg(confusion_heatmap(make_matrix(3), ["a", "b", "c"]))
    assert plt.get_fignums() == []
