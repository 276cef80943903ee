"""Groups of shapes are one object, what has no pixel is counted, sizes are compared; names become ids and keys."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.geometry import Region, box
from pixelwise.data.importing.naming import ClassIds, beginning, class_name, counted, files_below, keys_of, split_of
from pixelwise.data.importing.objects import Drawn, checked_size, paint_objects, size_of
from pixelwise.errors import DataError
from pixelwise.types import ClassTable

SIZE = (6, 8)


def test_shapes_of_one_class_and_group_are_one_object():
    drawn = [
        Drawn(1, box(0, 0, 2, 2, SIZE), group="a"),
        Drawn(2, box(3, 0, 5, 2, SIZE), group="a"),
        Drawn(1, box(6, 4, 8, 6, SIZE), group="a"),
        Drawn(1, box(0, 4, 2, 6, SIZE)),
    ]
    painted = paint_objects(SIZE, drawn)
    assert [int(painted.instances[y, x]) for y, x in ((0, 0), (0, 3), (5, 7), (5, 0))] == [1, 2, 1, 3]
    assert [int(painted.ids[y, x]) for y, x in ((0, 0), (0, 3), (5, 7), (5, 0), (3, 3))] == [1, 2, 1, 1, 0]


def test_a_group_lies_as_high_as_its_highest_shape():
    drawn = [
        Drawn(1, box(0, 0, 4, 4, SIZE), height=0, group=7),
        Drawn(2, box(0, 0, 4, 4, SIZE), height=1),
        Drawn(1, box(6, 0, 7, 1, SIZE), height=2, group=7),
    ]
    assert paint_objects(SIZE, drawn).ids[0, 0] == 1


def test_an_object_without_a_pixel_is_counted_and_keeps_its_number():
    painted = paint_objects(SIZE, [Drawn(1, Region(np.zeros((0, 0), bool))), Drawn(2, box(0, 0, 1, 1, SIZE))])
    assert painted.losses == {"objects without a pixel in the image": 1}
    assert painted.instances[0, 0] == 2


def test_sizes_are_those_of_the_file(tmp_path):
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "a.png")
    assert checked_size(tmp_path / "a.png", None) == checked_size(tmp_path / "a.png", SIZE) == SIZE
    with pytest.raises(DataError, match=r"a.png has 6 x 8 pixels, its annotation 8 x 6"):
        checked_size(tmp_path / "a.png", (8, 6))
    with pytest.raises(DataError, match="it declares 100,000 x 100,000 pixels"):
        size_of(100_000, 100_000, "it")
    with pytest.raises(DataError, match="declares 0 x 5 pixels"):
        size_of(0, 5, "it")


def test_ids_go_from_one_in_order_background_is_zero_and_ignored_names_keep_theirs():
    ids = ClassIds(["car", "_background_", "__ignore__", "bus", "car"], {"__ignore__": 255})
    assert ids.ids == {"car": 1, "_background_": 0, "__ignore__": 255, "bus": 2}
    ids.color("bus", "#102030")
    ids.color("car", "#102030")
    assert ids.rows() == (
        {"id": 0, "name": "_background_"},
        {"id": 1, "name": "car", "color": "#102030"},
        {"id": 2, "name": "bus"},
        {"id": 255, "name": "__ignore__", "ignore": True},
    )
    assert ClassTable.from_json(ids.rows()).ignore_ids == (255,)
    assert ids.sentence("so") == "class ids so: 1 car, 2 bus, 255 __ignore__; 0 is background"


def test_there_are_ids_for_sixteen_bits_of_names():
    ids = ClassIds(str(number) for number in range(65535))
    assert max(ids.ids.values()) == 65535
    with pytest.raises(DataError, match="more than 65,535 class names"):
        ids.add(["one more"])


@pytest.mark.parametrize("value, name", [(" a b\n", "a b"), (7, "7"), (None, ""), (True, ""), ([], ""), ("\ud800x", "?x")])
def test_names_can_be_written_anywhere(value, name):
    assert class_name(value) == name
    name.encode()


def test_keys_are_unique_and_short(tmp_path):
    paths = [tmp_path / "images" / name for name in ("train/a.png", "train/b.png", "val/a.png", "val/a.jpg")]
    assert keys_of(paths, tmp_path) == ["train/a", "train/b", "val/a.png", "val/a.jpg"]
    assert keys_of(paths[:1], tmp_path) == ["a"]
    assert keys_of([], tmp_path) == []


def test_splits_are_told_by_folders():
    assert [split_of(path) for path in ("Validation/x", "x/training", "x/y", "test/train")] == ["val", "train", "", "test"]


def test_files_come_nearest_first_and_no_deeper_than_asked(tmp_path):
    for name in ("z.json", "a/b.json", "a/.c.json", "a/b/c.json", "a/b/c/d.json", "a/x.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    names = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path, ".json", levels=2)]
    assert names == ["z.json", "a/b.json", "a/b/c.json"]
    assert list(files_below(tmp_path / "z.json", ".json")) == [tmp_path / "z.json"]
    assert list(files_below(tmp_path / "z.json", ".xml")) == []


def test_both_ends_of_a_file_are_looked_at(tmp_path):
    (tmp_path / "a").write_bytes(b"head" + bytes(100) + b"tail")
    assert beginning(tmp_path / "a", 4) == b"headtail"
    assert beginning(tmp_path / "a", 1000) == (tmp_path / "a").read_bytes()
    assert beginning(tmp_path / "none") == b""


def test_numbers_and_nouns_agree():
    assert [counted(1, "box"), counted(2, "box", ["a", "b"]), counted(1200, "line")] == ["1 box", "2 boxes (a, b)", "1,200 lines"]
