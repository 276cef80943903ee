"""Learning curves: drawn for what was measured, with the best score named."""

import math

from pixelwise.report.plots import to_svg
from pixelwise.report.training_plots import learning_curves
from tests.report.svg import read_texts


def test_curves_are_drawn_only_for_what_was_measured():
    history = [{"step": s, "loss": 2.0 / (s + 1), "lr": 1e-3, "val_mean_iou": 0.01 * s if s % 10 == 0 else ""} for s in range(40)]
    only_scores = [{"step": 1, "loss": "", "val_mean_iou": "0.5"}, {"step": 2, "loss": math.nan}]
    assert [list(learning_curves(rows)) for rows in (history, only_scores, [])] == [
        ["Training loss", "Validation mIoU", "Learning rate"],
        ["Validation mIoU"],
        [],
    ]


def test_the_best_validation_score_is_named():
    rows = [{"step": step, "val_mean_iou": value} for step, value in ((10, 0.2), (20, 0.61), (30, 0.5))]
    assert "best 0.610 at step 20" in read_texts(to_svg(learning_curves(rows)["Validation mIoU"]))
