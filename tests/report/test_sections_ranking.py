"""ROC and precision-recall in words: areas with what they can be off by, chance, and who has no curve."""

import numpy as np

from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.report.sections_ranking import ranking_section
from tests.report.sections import NAMES, cells, make_data, words


def measured(dtype=np.float32, present=2):
    """Ten pixels of two classes; the third has no target pixel."""
    metric = ScoreHistograms(3, NAMES)
    first = np.array([[0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.3, 0.2, 0.1, 0.1]], np.float64)
    target = np.array([[0, 0, 0, 1, 0, 1, 1, 1, 1, 1]], np.uint8) if present == 2 else np.zeros((1, 10), np.uint8)
    metric.update(np.stack([first, 0.9 * (1 - first), 0.1 * (1 - first)]).astype(dtype), target)
    return metric.compute()


def test_areas_are_those_of_the_metric_and_chance_is_told_in_words():
    scores = measured(np.float16)
    text = words(ranking_section(make_data(ranking=scores.to_json())))
    assert f"Area under the curve: macro {scores.macro_auroc:.3f}, micro {scores.micro_auroc:.3f}." in text
    assert f"Average precision: macro {scores.macro_average_precision:.3f}, micro" in text
    assert "Chance is a level line at the class's share of the pixels, from 40.0 % to 60.0 %." in text


def test_bounds_are_told_only_where_the_areas_are_not_exact():
    rounded, exact = (ranking_section(make_data(ranking=measured(dtype).to_json())) for dtype in (np.float32, np.float16))
    assert "±" not in exact
    assert words(rounded).count("macro") == 2
    assert "± is the most that rounding of the scores can have changed." in words(rounded)


def test_areas_are_not_rounded_up_to_certainty():
    ranking = measured(np.float16).to_json() | {"macro_auroc": 0.9996, "micro_auroc": 0.99999}
    ranking |= {"macro_average_precision": 1.0, "micro_average_precision": 0.9994}
    text = words(ranking_section(make_data(ranking=ranking)))
    assert "macro 0.9996, micro >0.9999." in text
    assert "macro 1.000, micro 0.999." in text


def test_a_small_bound_is_not_nothing():
    ranking = measured().to_json() | {"macro_auroc_bound": 3.24e-7, "micro_auroc_bound": 0.0123}
    section = ranking_section(make_data(ranking=ranking))
    assert "±&nbsp;3.2&nbsp;×&nbsp;10<sup>&minus;7</sup>" in section
    assert "±&nbsp;0.012" in section


def test_classes_without_a_curve_are_named_with_the_reason():
    text = words(ranking_section(make_data(ranking=measured().to_json())))
    assert "Undefined, so without a curve and in no mean: car (no target pixel)." in text


def test_where_no_class_has_a_curve_there_is_no_figure():
    section = ranking_section(make_data(ranking=measured(present=1).to_json()))
    assert "<svg" not in section
    assert "sky (all counted pixels are target pixels); <b> (no target pixel)" in words(section)


def test_each_class_has_its_areas_and_thresholds_smallest_first():
    scores = measured(np.float16)
    rows = cells(ranking_section(make_data(ranking=scores.to_json())))
    order = sorted((0, 1), key=lambda index: scores.average_precision[index])
    assert [row[0] for row in rows[1:]] == [*(NAMES[index] for index in order), "car"]
    at = rows[1 + order.index(0)]
    assert at[1:4] == [f"{scores.auroc[0]:.4f}", f"{scores.average_precision[0]:.4f}", "40.0 %"]
    assert at[4:6] == [f"{scores.best_f1[0]:.3f}", f"{scores.best_f1_threshold[0]:.3g}"]
    assert rows[-1][1:3] == ["–", "–"]


def test_a_threshold_that_is_never_reached_is_called_never():
    ranking = measured(np.float16).to_json()
    ranking["per_class_best_youden_threshold"]["sky"] = None
    row = next(row for row in cells(ranking_section(make_data(ranking=ranking))) if row[0] == "sky")
    assert row[-1] == "never"
