"""ROC and precision-recall figures: the lines are the curves, in the classes' colours, and the legend says whose."""

import numpy as np
from matplotlib.colors import to_hex

from pixelwise.report.class_inks import class_color
from pixelwise.report.plots import to_svg
from pixelwise.report.ranking_plots import named_classes, precision_recall_figure, roc_figure
from tests.report.svg import drawn_lines, read_texts


def make_ranking(areas):
    """Curves of one bend each, whose areas are as given; ``None`` is a class without a curve."""
    roc, recall = {}, {}
    for name, area in areas.items():
        bend = None if area is None else 2 * area - 1
        roc[name] = {"false_positive_rate": [0, 0.01, 1], "true_positive_rate": [0, bend, 1]}
        recall[name] = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, area, area]}
        if area is None:
            roc[name], recall[name] = ({key: [] for key in curve} for curve in (roc[name], recall[name]))
    return {"per_class_auroc": areas, "per_class_average_precision": areas, "roc": roc, "precision_recall": recall}


def colors_of(names):
    return {name: (10 * position, 200 - 5 * position, 60) for position, name in enumerate(names)}


def test_the_lines_of_the_roc_figure_are_the_curves():
    ranking = make_ranking({"a": 0.75, "b": 0.6, "none": None})
    lines = drawn_lines(roc_figure(ranking, colors_of("ab")).axes[0])
    assert list(lines) == ["0.750 a", "0.600 b"]
    np.testing.assert_allclose(lines["0.750 a"], [[0, 0], [0.01, 0.5], [1, 1]])
    np.testing.assert_allclose(lines["0.600 b"], [[0, 0], [0.01, 0.2], [1, 1]])


def test_precision_is_drawn_in_steps_against_recall():
    (line,) = precision_recall_figure(make_ranking({"a": 0.5}), colors_of("a")).axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [[0, 1], [0.5, 0.5], [1, 0.5]])
    assert line.get_drawstyle() == "steps-pre"  # average precision sums up precision times the step of recall before it


def test_lines_have_the_colours_of_their_classes():
    areas = {f"c{n}": 0.6 + n / 100 for n in range(11)}
    colors = colors_of(areas)
    for figure in (roc_figure(make_ranking(areas), colors), precision_recall_figure(make_ranking(areas), colors)):
        drawn = {
            line.get_label().split()[-1]: to_hex(line.get_color()) for line in figure.axes[0].lines if " c" in line.get_label()
        }
        assert drawn == {name: class_color(color) for name, color in colors.items()}


def test_chance_is_the_diagonal():
    diagonal = roc_figure(make_ranking({"a": 0.75}), colors_of("a")).axes[0].lines[0]
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert "chance" in read_texts(to_svg(roc_figure(make_ranking({"a": 0.75}), colors_of("a"))))


def test_up_to_twelve_classes_are_named_and_of_more_the_best_and_the_worst():
    areas = {f"c{n:02}": n / 100 for n in range(50, 63)}
    twelve = dict(list(areas.items())[:12])
    assert named_classes(twelve) == sorted(twelve, reverse=True)
    assert named_classes({**areas, "none": None}) == ["c62", "c61", "c60", "c54", "c53", "c52", "c51", "c50"]


def test_the_rest_is_grey_and_counted_in_the_legend():
    areas = {f"c{n:02}": n / 100 for n in range(60, 80)}
    figure = roc_figure(make_ranking(areas), colors_of(areas))
    texts = read_texts(to_svg(figure))
    grey = [line for line in figure.axes[0].lines if line.get_alpha() == 0.4]
    assert (len(grey), "12 others" in texts) == (12, True)
    assert next(text for text in texts if " c" in text) == "0.790 c79"


def test_areas_are_not_rounded_up_to_certainty():
    ranking = make_ranking({"a": 0.9996, "b": 0.99999, "c": 1.0})
    assert list(drawn_lines(roc_figure(ranking, colors_of("abc")).axes[0])) == ["1.0000 c", ">0.9999 b", "0.9996 a"]


def test_the_corner_is_enlarged_only_where_the_curves_run_into_it():
    steep, flat = make_ranking({"a": 0.98, "b": 0.99}), make_ranking({"a": 0.6, "b": 0.7})
    enlarged = roc_figure(steep, colors_of("ab")).axes[0].child_axes
    assert [len(axes.lines) for axes in enlarged] == [2]
    assert enlarged[0].get_xlim() == (0.0, 0.05)
    assert roc_figure(flat, colors_of("ab")).axes[0].child_axes == []


def test_what_is_enlarged_is_the_same_curve():
    inset = roc_figure(make_ranking({"a": 0.98}), colors_of("a")).axes[0].child_axes[0]
    np.testing.assert_allclose(inset.lines[0].get_xydata(), [[0, 0], [0.01, 0.96], [1, 1]])
