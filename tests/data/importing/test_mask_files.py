"""Codes of class and object, rows of classes, keys."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.importing.annotated import Annotated
from pixelwise.data.importing.mask_files import (
    color_classes,
    distinct_rows,
    from_codes,
    paint_colors,
    require_items,
    unmatched,
    with_keys,
    with_void,
)
from pixelwise.errors import DataError
from pixelwise.types import ClassTable
from tests.data.importing.mask_sets import save


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_codes_become_classes_and_numbers_of_objects_in_the_order_of_the_codes(dtype):
    codes = np.array([[0, 12, 11], [21, 11, 0]], dtype)  # tens are classes, ones are objects
    painted = from_codes(codes, lambda code: (code // 10, code % 10 > 0))
    assert painted.ids.tolist() == [[0, 1, 1], [2, 1, 0]]
    assert painted.instances.tolist() == [[0, 2, 1], [3, 1, 0]]
    assert (painted.ids.dtype, painted.instances.dtype) == (np.uint8, np.uint16)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (200, 301)], ids=str)
def test_codes_of_random_maps_agree_with_a_loop_over_pixels(shape):
    codes = np.random.default_rng(1).integers(0, 70000, shape)
    painted = from_codes(codes, lambda code: (code // 7, code % 2 == 1))
    assert painted.ids.tolist() == (codes // 7).tolist()
    odd = {code: number for number, code in enumerate(sorted({int(c) for c in codes.reshape(-1) if c % 2}), 1)}
    assert painted.instances.tolist() == [[odd.get(int(code), 0) for code in row] for row in codes]


def test_what_the_meaning_of_a_code_raises_goes_on():
    def refuse(code):
        raise DataError(f"no class {code}")

    with pytest.raises(DataError, match="no class 5"):
        from_codes(np.full((2, 2), 5, np.uint8), refuse)


def test_rows_get_names_and_colours_that_a_class_table_takes():
    rows = [
        {"id": 0, "name": "wall", "color": [1, 2, 3]},
        {"id": 7, "name": "wall", "color": [1, 2, 3]},
        {"id": 9, "name": "sky"},
    ]
    found = distinct_rows(rows)
    assert [row["name"] for row in found] == ["wall (0)", "wall (7)", "sky"]
    assert [row.get("color") for row in found] == [[1, 2, 3], None, None]
    assert ClassTable.from_json(found).ids == [0, 7, 9]
    assert rows[1]["color"] == [1, 2, 3]  # the rows that came in are left alone


def test_colours_of_one_name_are_one_class_and_void_is_ignored():
    colors, rows = color_classes([((0, 0, 0), "Void"), ((1, 1, 1), "car"), ((2, 2, 2), "car"), ((3, 3, 3), "bus")])
    assert dict(colors) == {(0, 0, 0): 0, (1, 1, 1): 1, (2, 2, 2): 1, (3, 3, 3): 2}
    assert [(row["id"], row["name"], row["color"]) for row in rows] == [
        (0, "Void", [0, 0, 0]), (1, "car", [1, 1, 1]), (2, "bus", [3, 3, 3]),
    ]  # fmt: skip
    assert [bool(row.get("ignore")) for row in rows] == [True, False, False]


def test_a_void_class_is_found_or_added():
    assert with_void([{"id": 0, "name": "a"}, {"id": 4, "name": "void", "ignore": True}])[0] == 4
    assert with_void([{"id": 0, "name": "a"}]) == (255, ({"id": 0, "name": "a"}, {"id": 255, "name": "void", "ignore": True}))
    assert with_void([{"id": 255, "name": "a"}])[0] == 256


def test_unknown_colours_become_ignored_and_are_counted(tmp_path):
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels[:, 2:] = (9, 8, 7)
    pixels[0, 0] = (1, 1, 2)
    painted = paint_colors(save(tmp_path / "m.png", pixels), [((0, 0, 0), 3), ((9, 8, 7), 5)], 255, "the table")
    assert painted.ids[0].tolist() == [255, 3, 5, 5, 5]
    assert list(painted.losses.values()) == [1]


def item(key, split=""):
    return Annotated(key, Path(f"{split}{key}.png"), lambda: None, split)


def test_keys_are_made_unique_by_the_split_and_then_by_numbers():
    items = [item("a", "train"), item("a", "val"), item("b"), item("c"), item("c"), item("c_2")]
    assert [found.key for found in with_keys(items)] == ["train_a", "val_a", "b", "c", "c_3", "c_2"]


def test_images_and_masks_without_each_other_are_named():
    faults = unmatched(["a", "b"], ["b", "c"])
    assert len(faults) == 2
    assert "a" in faults[0]
    assert "c" in faults[1]
    assert unmatched(["a"], ["a"]) == ()


def test_a_set_without_any_pair_is_refused(tmp_path):
    with pytest.raises(DataError, match="looks like Cityscapes, but no image"):
        require_items([], tmp_path, "Cityscapes")
