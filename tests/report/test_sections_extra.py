"""Further metrics: whatever their JSON holds is shown, as a list, a table per class, or rows."""

from pixelwise.metrics.object_matching import ObjectMatching
from pixelwise.report.sections_extra import extra_section
from tests.report.sections import cells, make_data, words


def show(values, title="<Title>"):
    return extra_section(make_data(extra={title: values}))


def test_numbers_and_texts_are_listed_by_name():
    section = show({"mean_hd95": 2.5, "images": 1200, "mean_nsd": None, "rule": "<none>", "is_thinned": True, "tiny": 3.2e-7})
    assert words(section) == (
        "More metrics <Title> mean HD95 2.500 images 1,200 mean NSD – rule <none> is thinned yes tiny 3.2e-07"
    )


def test_values_per_class_are_columns_in_the_order_of_the_classes():
    values = {
        "per_class_dice": {"car": 0.5, "sky": None},
        "per_class_images": {"sky": 3, "car": 2},
        "pq": {"sky": 0.25, "car": 1.0},
    }
    assert cells(show(values)) == [["class", "Dice", "images", "PQ"], ["sky", "–", "3", "0.250"], ["car", "0.500", "2", "1.000"]]


def test_classes_that_the_table_lacks_come_last():
    assert [row[0] for row in cells(show({"per_class_x": {"<new>": 1, "sky": 2}}))] == ["class", "sky", "<new>"]


def test_options_in_groups_are_listed_by_all_their_names_without_idle_zeros():
    assert "options spacing 1, 0.500 options tolerance 2" in words(show({"options": {"spacing": [1.0, 0.5], "tolerance": 2.0}}))


def test_notes_are_texts_and_empty_lists_are_nothing():
    assert words(show({"absent_classes": ["<a>", "b"], "notes": []})) == "More metrics <Title> absent classes <a>, b"


def test_a_long_list_is_cut_and_counted():
    assert words(show({"values": list(range(20))})).endswith("10, 11, and 8 more")


def test_rows_are_a_table_to_open():
    section = show({"by_threshold": [{"threshold": 0.5, "v_rand": 0.9}, {"threshold": 0.6, "v_rand": None}]})
    assert "<summary>by threshold</summary>" in section
    assert cells(section) == [["threshold", "v rand"], ["0.500", "0.900"], ["0.600", "–"]]


def test_lists_of_one_length_are_columns_of_one_table():
    rows = cells(show(ObjectMatching((0.5, 0.75, 0.9)).compute().to_json()))
    assert rows[0][:3] == ["thresholds", "average precision", "precision"]
    assert [row[0] for row in rows[1:]] == ["0.500", "0.750", "0.900"]


def test_nothing_measured_nothing_shown():
    assert [extra_section(make_data(extra=extra)) for extra in ({}, {"a": {}}, {"a": {"notes": []}})] == ["", "", ""]
