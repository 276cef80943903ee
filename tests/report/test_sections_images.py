"""Images and parts of the set: lowest first, whiskers on a common axis, long lists folded."""

from pixelwise.report.sections_images import images_section, subgroups_section
from tests.report.sections import cells, make_data, widths, words


def rows_of(count, **changes):
    return [{"key": f"image <{n}>", "mean_iou": 0.05 * (n + 1), "accuracy": 0.5, **changes} for n in range(count)]


def part(value, mean_iou=0.7, interval=(0.6, 0.75), **changes):
    ends = None if interval is None else list(interval)
    return {"value": value, "images": 12, "mean_iou": mean_iou, "interval": ends, "mean_dice": 0.8, "accuracy": 0.9, **changes}


def test_the_eight_lowest_images_are_listed():
    listed = [row[0] for row in cells(images_section(make_data(per_image=rows_of(12)[::-1])))[1:]]
    assert listed == [f"image <{n}>" for n in range(8)]


def test_classes_are_drawn_over_the_images_that_have_them():
    rows = [*rows_of(3, iou_sky="0.5", iou_car=None), {"key": "x", "mean_iou": 0.1, "iou_sky": None, "iou_car": None}]
    section = images_section(make_data(per_image=rows))
    assert section.count("<svg") == 2
    assert [">sky</text>" in section, ">car</text>" in section, ">3</text>" in section] == [True, False, True]
    assert images_section(make_data(per_image=rows_of(3))).count("<svg") == 1


def test_one_image_has_no_distribution():
    assert images_section(make_data(per_image=rows_of(1))) == ""


def test_parts_of_the_set_have_their_scores_and_their_interval_on_one_axis():
    section = subgroups_section(make_data(subgroups={"<scanner>": [part("<old>"), part("new", 0.4, None)]}))
    found = cells(section)
    assert found[0] == ["<scanner>", "0.3 0.55 0.8", "mean IoU", "95 % interval", "mean Dice", "accuracy", "images"]
    assert found[1:] == [
        ["<old>", "", "0.700", "[0.600, 0.750]", "0.800", "0.900", "12"],
        ["new", "", "0.400", "", "0.800", "0.900", "12"],
    ]
    assert widths(section, "i") == [[60.0, 30.0]]
    assert widths(section, "b") == [[80.0], [20.0]]


def test_a_binary_set_has_a_column_of_its_foreground():
    section = subgroups_section(make_data(subgroups={"a": [part("x", foreground_iou=0.55)]}))
    assert cells(section)[1][4] == "0.550"


def test_classes_that_a_part_lacks_are_named_unless_all_lack_them():
    parts = [part("x", absent_classes=["car"]), part("y", absent_classes=["car", "<b>"])]
    rows = cells(subgroups_section(make_data(subgroups={"a": parts})))
    assert [row[0] for row in rows[1:]] == ["x", "y without <b>"]


def test_a_long_list_of_parts_is_folded_after_twelve():
    section = subgroups_section(make_data(subgroups={"patient": [part(f"p{n}") for n in range(30)]}))
    shown, folded = section.split("<details>")
    assert (shown.count("<tr>"), folded.count("<tr>")) == (13, 19)
    assert "18 more" in words(folded)


def test_a_column_without_rows_is_left_out():
    assert subgroups_section(make_data(subgroups={"empty": []})) == ""
