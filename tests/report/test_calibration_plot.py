"""The reliability diagram: bars as high as the accuracy, gaps from confidence to accuracy, shares that add up."""

import numpy as np
from matplotlib.colors import to_hex

from pixelwise.report.calibration_plot import reliability_figure
from pixelwise.report.plots import ACCENT, SECOND, to_svg
from tests.report.svg import read_texts


def make_reliability(**changes):
    """Four bins, the second one empty: the first is not sure enough, the third too sure, the last is right."""
    bins = {"confidence": [0.2, None, 0.7, 0.95], "accuracy": [0.3, None, 0.5, 0.95], "count": [10, 0, 90, 900]}
    return {"bins": bins, "mean_confidence": 0.92, "mean_accuracy": 0.9, **changes}


def spans(axes):
    """Middle, bottom and top of each bar."""
    return [(bar.get_x() + bar.get_width() / 2, bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches]


def test_the_curve_is_accuracy_by_mean_confidence_and_empty_bins_are_left_out():
    diagonal, curve = reliability_figure(make_reliability()).axes[0].lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    np.testing.assert_allclose(curve.get_xydata(), [[0.2, 0.3], [0.7, 0.5], [0.95, 0.95]])


def test_bars_reach_up_to_the_accuracy_and_gaps_from_there_to_the_confidence():
    axes = reliability_figure(make_reliability()).axes[0]
    bars, too_sure, not_sure_enough = spans(axes)[:3], spans(axes)[3:4], spans(axes)[4:]
    np.testing.assert_allclose(bars, [(0.125, 0, 0.3), (0.625, 0, 0.5), (0.875, 0, 0.95)])
    np.testing.assert_allclose(too_sure, [(0.625, 0.5, 0.7)])
    np.testing.assert_allclose(not_sure_enough, [(0.125, 0.2, 0.3), (0.875, 0.95, 0.95)])
    assert [to_hex(patch.get_facecolor()) for patch in axes.patches[3:]] == [SECOND, ACCENT, ACCENT]


def test_the_histogram_has_the_shares_of_the_bins_on_a_scale_that_holds_them():
    axes = reliability_figure(make_reliability()).axes[1]
    np.testing.assert_allclose([(x, top) for x, _, top in spans(axes)], [(0.125, 0.01), (0.625, 0.09), (0.875, 0.9)])
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] < 0.01


def test_mean_confidence_and_accuracy_are_marked():
    figure = reliability_figure(make_reliability())
    assert [line.get_xdata()[0] for line in figure.axes[1].lines] == [0.92, 0.9]
    assert {"confidence 0.920", "accuracy 0.900"} <= set(read_texts(to_svg(figure)))


def test_answers_in_one_bin_alone_are_drawn():
    one = {"confidence": [None, 0.99], "accuracy": [None, 1.0], "count": [0, 5]}
    figure = reliability_figure(make_reliability(bins=one, mean_confidence=0.99, mean_accuracy=None))
    np.testing.assert_allclose([top for _, _, top in spans(figure.axes[1])], [1.0])
    assert "confidence" in read_texts(to_svg(figure))
