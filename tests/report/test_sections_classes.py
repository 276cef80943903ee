"""Classes: a row each, absent ones said, and the largest confusions in words."""

from pixelwise.report.sections_classes import classes_section, confusion_section
from tests.report.sections import cells, confusion, make_data, widths, words


def test_each_class_has_its_scores_and_its_share_of_the_pixels():
    found = cells(classes_section(make_data()))
    assert found[0] == ["class", "IoU", "Dice", "precision", "recall", "of pixels"]
    assert found[2] == ["<b>", "0.250", "0.250", "0.250", "0.250", "25.0 %"]
    assert found[3] == ["car", "absent", "–", "–", "–", "0.0 %"]


def test_boundary_iou_and_intervals_are_columns_where_they_were_measured():
    scores = {**make_data().scores, "intervals": {"per_class_iou": {"sky": [0.85, 0.95], "<b>": None, "car": None}}}
    section = classes_section(
        make_data(scores=scores, boundary={"per_class_boundary_iou": {"sky": 0.7, "<b>": 0.1, "car": None}})
    )
    found = cells(section)
    assert found[0] == ["class", "IoU", "95 % interval", "boundary IoU", "Dice", "precision", "recall", "of pixels"]
    assert [row[1:4] for row in found[1:]] == [["0.900", "[0.850, 0.950]", "0.700"], ["0.250", "", "0.100"], ["absent", "", "–"]]
    assert widths(section, "b") == [[90.0], [25.0]]
    assert widths(section, "s") == [[85.0, 10.0]]


def test_the_largest_shares_of_a_class_that_are_taken_for_another_are_told():
    section = confusion_section(make_data(confusion=confusion([60, 40, 0], [3, 997, 0], [0, 0, 0])))
    assert "40.0 % of sky is taken for <b>" in words(section)
    assert "of <b> is taken" not in words(section)  # 0.3 % is below half a percent


def test_without_a_matrix_or_a_pixel_in_it_there_is_no_section():
    empty = confusion([0, 0, 0], [0, 0, 0], [0, 0, 0])
    assert [confusion_section(make_data(confusion=matrix)) for matrix in (None, empty)] == ["", ""]
