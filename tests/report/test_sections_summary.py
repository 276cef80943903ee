"""What stands first: scores with intervals, what they leave out, and the weak points in words."""

from pixelwise.report.sections_summary import header, summary_section, tiles
from tests.report.sections import NAMES, cells, make_data, widths, words


def with_scores(**changes):
    return {**make_data().scores, **changes}


def test_title_and_subtitle_are_escaped():
    assert header(make_data(title="<a>", subtitle="b & c")) == '<h1>&lt;a&gt;</h1><p class="soft">b &amp; c</p>'


def test_tiles_have_the_scores_and_say_what_is_absent():
    text = words(tiles(make_data(boundary={"mean_boundary_iou": 0.4}, per_image=[{"mean_iou": 0.5}] * 3)))
    assert "0.575 mean IoU 0.670 mean Dice 0.400 boundary IoU 0.900 pixel accuracy 3 images 2 of 3 classes" in text
    assert "Absent, so in no mean: car." in text


def test_no_rule_of_intervals_is_told_where_there_are_none():
    scores = with_scores(intervals={"mean_iou": None}, intervals_rule="95 % of 1 image")
    assert "95 %" not in words(tiles(make_data(scores=scores)))


def test_one_image_is_one_image():
    assert "1 image 2 of 3" in words(tiles(make_data(per_image=[{"mean_iou": 0.5}])))


def test_notes_are_sentences():
    assert "Two images <were> left out." in words(tiles(make_data(notes=["two images <were> left out"])))


def test_weak_classes_borders_and_confidence_are_told_in_short():
    iou = {**dict(zip(NAMES, (0.9, 0.25, 0.5), strict=True)), "road": 0.7}
    places = {"boundary": {"share_of_errors": 0.71, "share_of_pixels": 0.12}}
    data = make_data(
        scores=with_scores(per_class_iou=iou),
        errors={"places": places, "radius": 3},
        calibration={"top_label": {"mean_confidence": 0.95, "mean_accuracy": 0.9}},
    )
    text = words(tiles(data))
    assert "The weakest classes are <b> (IoU 0.250), car (IoU 0.500), road (IoU 0.700)." in text
    assert "71 % of the wrong pixels lie within 3 px of a border between classes, where 12 % of the pixels are." in text
    assert "On average scores are too sure: mean confidence 0.950, accuracy 0.900." in text


def test_with_three_classes_or_fewer_none_is_called_weakest():
    assert "weakest" not in words(tiles(make_data()))


def test_every_score_stands_on_one_axis_with_its_interval():
    scores = with_scores(intervals={"mean_iou": [0.55, 0.6]}, mcc=0.8)
    section = summary_section(make_data(scores=scores))
    rows = {row[0]: row[2] for row in cells(section)[1:]}
    assert rows["mean IoU of all pixels of the set, mean over classes"] == "0.575 [0.550, 0.600]"
    assert rows["MCC correlation of truth and prediction, 1 at most"] == "0.800"
    assert cells(section)[0][1] == "0.5 0.75 1"
    assert widths(section, "i") == [[10.0, 10.0]]
    assert widths(section, "b")[0] == [15.0]


def test_the_mean_of_the_images_is_over_those_that_have_a_score():
    section = summary_section(make_data(per_image=[{"mean_iou": 0.2}, {"mean_iou": None}, {"mean_iou": 0.5}]))
    assert ["mean IoU per image of each image by itself, mean over images", "", "0.350"] in cells(section)


def test_why_a_score_is_undefined_is_said():
    scores = with_scores(mcc=None, undefined={"mcc": "only <one> class"})
    row = next(row for row in cells(summary_section(make_data(scores=scores))) if row[0].startswith("MCC"))
    assert row == ["MCC undefined: only <one> class", "", "–"]
