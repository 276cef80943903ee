"""Class tables are inverse look-ups; label maps and batches keep their parts together."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX, Batch, ClassInfo, ClassTable, LabelMap, Record, distinct_colors

ids_of_classes = st.lists(st.integers(0, 65535), min_size=1, max_size=255, unique=True)


@settings(max_examples=50, deadline=None)
@given(ids_of_classes)
def test_ids_and_indices_are_inverse_to_each_other(ids):
    table = ClassTable.from_ids(ids)
    indices = table.to_indices(np.array([ids], np.uint16))
    assert indices.dtype == np.uint8
    assert indices.tolist() == [list(range(len(ids)))]
    assert table.to_ids(indices).tolist() == [ids]


@settings(max_examples=50, deadline=None)
@given(ids_of_classes, st.sets(st.integers(0, 65535), max_size=5))
def test_a_table_comes_back_from_its_json(ids, ignored):
    table = ClassTable(
        tuple(ClassInfo(i, f"n{i}", (i % 256, 3, 255), is_thing=i % 2 == 1) for i in ids), tuple(sorted(ignored - set(ids)))
    )
    assert ClassTable.from_json(table.to_json()) == table


def test_ignored_ids_become_255_and_go_back_to_the_first_of_them():
    table = ClassTable.from_json([{"id": 7, "name": "a"}, {"id": 11, "name": "void", "ignore": True}, {"id": 0, "name": "b"}])
    indices = table.to_indices(np.array([7, 11, 0, 255], np.uint8))
    assert indices.tolist() == [0, IGNORE_INDEX, 1, IGNORE_INDEX]
    assert table.to_ids(indices).tolist() == [7, 11, 0, 11]
    assert ClassTable.from_ids([1, 2]).to_ids(np.array([255], np.uint8)).tolist() == [255]


def test_a_class_may_have_the_id_255():
    table = ClassTable.from_ids([0, 255])
    assert table.to_indices(np.array([0, 255], np.uint8)).tolist() == [0, 1]


def test_ids_above_255_are_written_in_16_bits_and_others_in_8():
    assert ClassTable.from_ids([1, 300]).to_ids(np.zeros((2, 2), np.uint8)).dtype == np.uint16
    assert ClassTable.from_ids([1, 254]).to_ids(np.zeros((2, 2), np.uint8)).dtype == np.uint8


def test_ids_outside_the_table_are_named_with_their_pixels():
    table = ClassTable.from_ids([0, 1, 2, 5])
    with pytest.raises(
        DataError, match=r"ids 3 \(2 px\), 77 \(1 px\) are not in the class table \(ids 0-2, 5, ignored \[255\]\)"
    ):
        table.to_indices(np.array([[3, 0, 77], [3, 1, 255]], np.uint8))
    with pytest.raises(DataError, match="and 12 more are not"):
        table.to_indices(np.arange(100, 120, dtype=np.uint8))


@pytest.mark.parametrize(
    "rows, message",
    [
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "class id 1 stands more than once; make each id unique"),
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "a"}], "class name a stands more than once"),
        ([{"id": 1, "name": "a"}, {"id": 1, "name": "b", "ignore": True}], r"class ids \[1\] are both a class and ignored"),
        ([{"id": i, "name": str(i)} for i in range(256)], "256 classes, but at most 255 are supported"),
        ([{"name": "a"}], "id must be a whole number from 0 to 65535, got None"),
        ([{"id": True, "name": "a"}], "got True"),
        ([{"id": "1", "name": "a"}], "got '1'"),
        ([{"id": 65536, "name": "a"}], "got 65536"),
        ([{"id": -1, "name": "a", "ignore": True}], "got -1"),
        ([{"id": 1, "name": "a", "color": "red"}], "color must be three numbers, 0 to 255, or '#rrggbb', got 'red' for 'a'"),
        ([{"id": 1, "name": "a", "color": "#12345g"}], "got '#12345g'"),
        ([{"id": 1, "name": "a", "color": "#-1-1-1"}], "got '#-1-1-1'"),
        ([{"id": 1, "name": "a", "color": [1, 2]}], r"got \[1, 2\]"),
        ([{"id": 1, "name": "a", "color": [1, 2, 256]}], r"got \[1, 2, 256\]"),
        ([{"id": 1, "name": "a", "color": [1, 2, 0.5]}], r"got \[1, 2, 0.5\]"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        ClassTable.from_json(rows)


def test_colours_are_read_in_both_spellings_and_drawn_where_there_are_none():
    rows = [{"id": 0, "name": "a", "color": "#0aFF10"}, {"id": 1, "name": "b", "color": [1, 2, 3]}, {"id": 2, "name": "c"}]
    table = ClassTable.from_json(rows)
    assert table.colors.dtype == np.uint8
    assert table.colors.tolist() == [[10, 255, 16], [1, 2, 3], list(distinct_colors(3)[2])]


def test_drawn_colours_are_distinct_and_do_not_depend_on_how_many_there_are():
    assert len(set(distinct_colors(255))) == 255
    assert distinct_colors(255)[:9] == distinct_colors(9)
    assert ClassTable(()).colors.shape == (0, 3)


def test_two_bare_ids_are_background_and_foreground():
    assert ClassTable.from_ids([0, 255]).names == ["background", "foreground"]
    assert ClassTable.from_ids([0, 3, 4]).names == ["class_0", "class_3", "class_4"]


def test_a_label_map_knows_its_size_its_kind_and_the_ids():
    table = ClassTable.from_ids([10, 20, 30])
    plain = LabelMap(np.array([[0, 2, 255]], np.uint8), table)
    assert (plain.size, plain.is_multilabel, plain.ids.tolist()) == ((1, 3), False, [[10, 30, 255]])
    many = LabelMap(np.zeros((3, 4, 5), np.uint8), table)
    assert (many.size, many.is_multilabel) == ((4, 5), True)
    assert many.ids is many.indices


@pytest.mark.parametrize("with_targets", [True, False])
def test_a_part_of_a_batch_keeps_images_targets_and_records_together(with_targets):
    images, targets = torch.arange(5).view(5, 1, 1, 1), torch.arange(5).view(5, 1, 1) if with_targets else None
    batch = Batch(images, targets, tuple(Record(str(i), None) for i in range(5)))
    part = batch.part(3, 9).to("cpu")
    assert len(part) == 2
    assert part.images.flatten().tolist() == [3, 4]
    assert [record.key for record in part.records] == ["3", "4"]
    assert part.targets.flatten().tolist() == [3, 4] if with_targets else part.targets is None
