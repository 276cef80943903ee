"""Numbers of classes: the source's stay, and background gets one that none of them has."""

import pytest

from pixelwise.data.importing.categories import Category, number_classes
from pixelwise.errors import DataError
from pixelwise.types import ClassTable


def named(*numbers):
    return {number: Category(f"c{number}") for number in numbers}


@pytest.mark.parametrize(
    "numbers, background",
    [((1, 3), 0), ((0, 1), 2), ((0, 2), 1), (tuple(range(255)), 256), ((7,), 0)],
    ids=["gaps", "from 0", "a gap", "all below 255", "one"],
)
def test_ids_stay_and_background_is_the_first_that_is_free(numbers, background):
    found = number_classes(named(*numbers))
    assert dict(found.ids) == {number: number for number in numbers}
    assert (found.background, found.rows[0]) == (background, {"id": background, "name": "background"})
    assert found.ignored not in (*numbers, background)


def test_rows_are_a_class_table():
    table = ClassTable.from_json(number_classes(named(0, 4)).rows_with_ignored())
    assert (table.names, table.ids, table.ignore_ids) == (["background", "c0", "c4"], [1, 0, 4], (255,))


def test_what_is_not_annotated_is_ignored_where_whole_images_are():
    found = number_classes(named(1, 2), whole_image=True)
    assert found.rows[0] == {"id": 0, "name": "unlabeled", "ignore": True}
    assert (found.background, found.ignored) == (0, 0)
    assert found.rows_with_ignored() == found.rows


def test_255_is_not_given_to_what_is_ignored_if_it_is_a_class():
    assert number_classes(named(1, 255)).ignored == 2


@pytest.mark.parametrize("numbers", [(5, 70_000), (-3, 2)])
def test_numbers_beyond_sixteen_bits_are_counted_anew_in_their_order(numbers):
    found = number_classes(named(*numbers))
    assert dict(found.ids) == {min(numbers): 1, max(numbers): 2}
    assert "class ids are counted from 1, as ids of the source go beyond 0 to 65,535" in found.decision


def test_classes_without_a_name_are_called_by_their_number():
    assert number_classes({4: Category("")}).rows[1]["name"] == "class_4"


def test_more_categories_than_ids_are_refused():
    with pytest.raises(DataError, match="there are 65,001 categories, at most 65,000"):
        number_classes(dict.fromkeys(range(65_001), Category("c")))
