"""Targets hold class indices, and their reader travels to loader processes."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.data.targets import TargetReader
from pixelwise.errors import DataError
from pixelwise.types import ClassTable, Record
from tests.data.sets import make_image, make_mask

_TABLE = ClassTable.from_json([{"id": 3, "name": "a"}, {"id": 200, "name": "b"}, {"id": 9, "name": "v", "ignore": True}])


@settings(max_examples=25, deadline=None)
@given(ids=st.lists(st.sampled_from([3, 200, 9, 255]), min_size=1, max_size=30))
def test_the_fast_look_up_agrees_with_the_class_table(ids):
    array = np.array([ids], np.uint8)
    found = TargetReader(_TABLE, "binary").indices(array, "a.png")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, _TABLE.to_indices(array))
    np.testing.assert_array_equal(found, TargetReader(_TABLE, "binary").indices(array.astype(np.uint16), "a.png"))


def test_the_reader_pickles_and_reads_the_same(tmp_path):
    path = make_mask(tmp_path / "a.png", (3, 9, 200, 255))
    reader = TargetReader(_TABLE, "binary")
    record = Record("a", tmp_path / "a.jpg", (path,), "train")
    first = reader(record)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader))(record), first)
    assert first[0].tolist() == [0] * 12 + [255] * 12 + [1] * 12 + [255] * 12


def test_ids_outside_the_table_name_the_file(tmp_path):
    path = make_mask(tmp_path / "a.png", (3, 37))
    with pytest.raises(DataError, match=r"a\.png: ids 37 \(960 px\) are not in the class table"):
        TargetReader(_TABLE, "binary")(Record("a", tmp_path / "a.jpg", (path,)))


@pytest.mark.parametrize("masks", [(), (None,)])
def test_a_record_without_a_mask_is_refused(tmp_path, masks):
    with pytest.raises(DataError, match=r"a\.jpg has no mask; add one of the same name"):
        TargetReader(_TABLE, "binary")(Record("a", tmp_path / "a.jpg", masks))


def test_a_multilabel_record_without_any_file_is_all_zero_at_the_size_of_its_image(tmp_path):
    image = make_image(tmp_path / "a.jpg", 0)
    target = TargetReader(_TABLE, "multilabel", 127)(Record("a", image, (None, None)))
    assert target.shape == (2, 40, 48)
    assert not target.any()


def test_multilabel_masks_of_different_size_are_refused(tmp_path):
    masks = make_mask(tmp_path / "a.png", (0, 255)), make_mask(tmp_path / "b.png", (0, 255), size=(10, 20))
    with pytest.raises(DataError, match=r"b\.png is 10 x 20, but another class's mask of the same image is 40 x 48"):
        TargetReader(_TABLE, "multilabel", 127)(Record("a", tmp_path / "a.jpg", masks))
