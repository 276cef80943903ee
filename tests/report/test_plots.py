"""Plots: well-formed, themed by the page, faithful to hostile names and odd numbers."""

import io
import math
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from pixelwise.report.plots import class_iou_bars, confusion_heatmap, learning_curves, per_image_histogram, to_png, to_svg

HOSTILE = ["<b>bold</b>", "a$b$c", "--> x", '"quoted" & more', "道路"]


def make_matrix(num_classes):
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (num_classes, num_classes)) + np.diag(rng.integers(300, 900, num_classes))


def make_history(count=40):
    return [{"step": s, "loss": 2.0 / (s + 1), "lr": 1e-3, "val_mean_iou": 0.01 * s if s % 10 == 0 else ""} for s in range(count)]


def read_texts(svg):
    named = svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
    return ["".join(node.itertext()) for node in ElementTree.fromstring(named).iter() if node.tag.endswith("text")]


def test_names_are_shown_as_they_are_and_never_as_markup():
    svg = to_svg(confusion_heatmap(make_matrix(5), HOSTILE), 'of "names" <here>')
    assert set(HOSTILE) <= set(read_texts(svg))
    assert "<b>" not in svg


def test_ink_and_font_come_from_the_page_and_nothing_from_outside():
    svg = to_svg(learning_curves(make_history())["Training loss"])
    assert "currentColor" in svg
    assert [word for word in ("#717783", "font-family", "<style", "http:", "https:", 'id="figure') if word in svg] == []


@pytest.mark.parametrize("num_classes", [1, 2, 11, 30, 60], ids="{} classes".format)
def test_a_confusion_matrix_of_any_size_has_a_label_for_its_first_class(num_classes):
    figure = confusion_heatmap(make_matrix(num_classes), [f"c{index}" for index in range(num_classes)])
    assert read_texts(to_svg(figure)).count("c0") == 2


def test_cells_are_percent_of_their_row_and_small_ones_are_blank():
    texts = read_texts(to_svg(confusion_heatmap(np.array([[996, 4], [30, 70]]), ["a", "b"])))
    assert sorted(text for text in texts if text.isdigit()) == ["100", "30", "70"]


def test_a_row_without_pixels_stays_empty():
    texts = read_texts(to_svg(confusion_heatmap(np.array([[5, 0], [0, 0]]), ["a", "b"])))
    assert [text for text in texts if text.isdigit()] == ["100"]


def test_curves_are_drawn_only_for_what_was_measured():
    only_scores = [{"step": 1, "loss": "", "val_mean_iou": "0.5"}, {"step": 2, "loss": math.nan}]
    assert [list(learning_curves(rows)) for rows in (make_history(), only_scores, [])] == [
        ["Training loss", "Validation mIoU", "Learning rate"],
        ["Validation mIoU"],
        [],
    ]


def test_the_best_validation_score_is_named():
    rows = [{"step": step, "val_mean_iou": value} for step, value in ((10, 0.2), (20, 0.61), (30, 0.5))]
    assert "best 0.610 at step 20" in read_texts(to_svg(learning_curves(rows)["Validation mIoU"]))


def test_the_histogram_names_the_median_and_survives_missing_scores():
    texts = read_texts(to_svg(per_image_histogram([0.2, 0.4, 0.9, None, math.nan])))
    assert "median 0.400" in texts
    assert "images" in read_texts(to_svg(per_image_histogram([])))


def test_absent_classes_are_said_to_be_absent_in_the_bars():
    texts = read_texts(to_svg(class_iou_bars(["a", "b", "c"], [0.25, None, 0.75], np.zeros((3, 3), np.uint8))))
    assert [text for text in texts if text in {"a", "b", "c", "absent", "0.250", "0.750"}] == [
        "c",
        "a",
        "b",
        "0.750",
        "0.250",
        "absent",
    ]


def test_a_png_is_opaque_and_of_the_asked_resolution():
    figure = per_image_histogram([0.5, 0.6])
    with Image.open(io.BytesIO(to_png(figure, dpi=100))) as picture:
        opacity = np.asarray(picture.convert("RGBA"))[..., 3]
        assert picture.size == (420, 260)
        assert int(opacity.min()) == 255


def test_no_figure_is_left_in_pyplot():
    to_svg(confusion_heatmap(make_matrix(3), ["a", "b", "c"]))
    assert plt.get_fignums() == []
