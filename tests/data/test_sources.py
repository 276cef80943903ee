"""Layouts are recognised, read, and refused in sentences with a cure."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.sources import SOURCES, find
from pixelwise.errors import ConfigError, DataError
from tests.data.sets import make_camvid, make_folders, make_image, make_mask, write_classes


def by_split(dataset):
    return {name: [record.key for record in dataset.split(name)] for name in dataset.splits}


def test_images_and_masks_pair_by_stem_whatever_the_suffixes(tmp_path):
    make_folders(tmp_path, 4)
    make_image(tmp_path / "images" / "x.y.PNG", 9)
    make_mask(tmp_path / "masks" / "x.y.tif", (0, 1, 2))
    (tmp_path / "images" / "Thumbs.db").write_bytes(b"no image")
    dataset = find(tmp_path)
    assert dataset.source == "folders"
    assert dataset.mode == "multiclass"
    assert dataset.classes.ids == [0, 1, 2]
    pairs = {record.image.name: record.masks[0].name for record in dataset.records}
    assert pairs == {**{f"0{i}.jpg": f"0{i}.png" for i in range(4)}, "x.y.PNG": "x.y.tif"}
    assert len({record.key for record in dataset.records}) == 5


def test_without_a_split_names_are_hashed_into_shares_the_same_everywhere(tmp_path):
    make_folders(tmp_path, 20)
    dataset = find(tmp_path)
    assert [len(dataset.split(name)) for name in ("train", "val", "test")] == [14, 3, 3]
    assert by_split(dataset) == by_split(find(tmp_path))
    assert [record.key for record in dataset.split("test")] == ["01", "02", "03"] or len(dataset.split("test")) == 3
    assert any(
        "by a hash of the file names; if several images show the same patient, place or video" in d for d in dataset.decisions
    )


def test_three_images_give_one_to_each_split_and_two_are_refused(tmp_path):
    dataset = find(make_folders(tmp_path / "a", 3))
    assert [len(dataset.split(name)) for name in ("train", "val", "test")] == [1, 1, 1]
    with pytest.raises(DataError, match="2 images, too few to split into train and val and test: at least 3 are needed"):
        find(make_folders(tmp_path / "b", 2))


@pytest.mark.parametrize("column", ["id", "key", "Image"])
def test_splits_csv_decides(tmp_path, column):
    make_folders(tmp_path, 5)
    (tmp_path / "splits.csv").write_text(f"{column}, split\n00,train\n01.jpg,train\n02,VAL\n03,test\n")
    dataset = find(tmp_path)
    assert by_split(dataset) == {"train": ["00", "01"], "val": ["02"], "test": ["03"]}
    assert any("1 images are not in splits.csv and are left out: 04" in decision for decision in dataset.decisions)


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,split\n00,tset\n", r"splits\.csv, line 2: split must be train, val or test, got 'tset'"),
        ("id,split\n00,train\n99,val\n", r"names 1 images that do not exist: 99; correct the names"),
        ("id,split\n00,train\n00.jpg,val\n", r"line 3: '00\.jpg' stands in two splits, train and val"),
        ("a,b\n1,2\n", "needs the columns id and split, got a, b"),
        ("", "needs the columns id and split, got nothing"),
    ],
)
def test_a_wrong_splits_csv_is_refused_by_line(tmp_path, text, message):
    make_folders(tmp_path, 3)
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        find(tmp_path)


def test_split_folders_around_and_within_are_read(tmp_path):
    for number, split in enumerate(("train", "valid", "testing")):
        make_folders(tmp_path / "around" / split, 2, start=10 * number)
        for inner in ("images", "masks"):
            (tmp_path / "within" / inner).mkdir(parents=True, exist_ok=True)
            source = tmp_path / "around" / split / inner
            (tmp_path / "within" / inner / split).symlink_to(source)
    expected = {"train": ["00", "01"], "val": ["10", "11"], "test": ["20", "21"]}
    assert by_split(find(tmp_path / "around")) == expected


def test_split_folders_within_images_and_masks_are_read(tmp_path):
    for number, split in enumerate(("train", "val", "test")):
        make_image(tmp_path / "images" / split / f"{number}.jpg", number)
        make_mask(tmp_path / "masks" / split / f"{number}.png", (0, 5))
    dataset = find(tmp_path)
    assert by_split(dataset) == {"train": ["0"], "val": ["1"], "test": ["2"]}
    (tmp_path / "masks" / "val" / "1.png").rename(tmp_path / "masks" / "1.png")
    (tmp_path / "masks" / "val").rmdir()
    with pytest.raises(DataError, match=r"images has val/ but .*masks has not"):
        find(tmp_path)


def test_stems_that_stand_in_several_splits_get_the_split_in_front(tmp_path):
    for split in ("train", "val"):
        make_folders(tmp_path / split, 2)
    assert by_split(find(tmp_path)) == {"train": ["train_00", "train_01"], "val": ["val_00", "val_01"]}


def test_without_val_it_is_taken_from_train_and_test_is_left_alone(tmp_path):
    make_folders(tmp_path / "train", 10)
    make_folders(tmp_path / "test", 3, start=20)
    dataset = find(tmp_path)
    assert {name: len(keys) for name, keys in by_split(dataset).items()} == {"train": 8, "val": 2, "test": 3}
    assert any("no val folder: taken from train" in decision for decision in dataset.decisions)


def test_twins_are_refused(tmp_path):
    make_folders(tmp_path, 3)
    make_image(tmp_path / "images" / "00.png", 5)
    with pytest.raises(DataError, match=r"00\.jpg and .*00\.png have the same name but for the suffix"):
        find(tmp_path)


def test_nested_names_that_collide_are_refused(tmp_path):
    make_folders(tmp_path, 3)
    for name in ("a/b", "a_b"):
        make_image(tmp_path / "images" / f"{name}.png", len(name))
        make_mask(tmp_path / "masks" / f"{name}.png", (0, 1, 2))
    with pytest.raises(DataError, match=r"b\.png would all be called '.*a_b' in results"):
        find(tmp_path)


def test_masks_with_an_ending_are_recognised_and_it_is_said(tmp_path):
    make_folders(tmp_path, 4)
    for path in list((tmp_path / "masks").iterdir()):
        path.rename(path.with_stem(path.stem + "_mask"))
    dataset = find(tmp_path)
    assert all(record.masks for record in dataset.records)
    assert any("'_mask' at the end" in decision for decision in dataset.decisions)


def test_masks_of_zero_and_255_are_binary_and_255_is_not_ignored(tmp_path):
    dataset = find(make_folders(tmp_path, 4, values=(0, 255)))
    assert dataset.mode == "binary"
    assert dataset.classes.ids == [0, 255]
    assert any(
        "only 0 and 255: read as binary (4 masks agree, 4 of them hold 255), and 255 is the foreground here" in d
        for d in dataset.decisions
    )
    target = dataset.targets(dataset.records[0])
    assert set(target.ravel().tolist()) == {0, 1}
    np.testing.assert_array_equal(dataset.classes.to_ids(target), np.asarray(Image.open(dataset.records[0].masks[0])))


def test_soft_edges_are_read_at_a_threshold_and_it_is_said(tmp_path):
    soft = [0] * 40 + list(range(5, 255, 12)) + [255] * 400
    make_folders(tmp_path, 4)
    for path in list((tmp_path / "masks").iterdir()):
        make_mask(path, soft, size=(8, len(soft)))
    dataset = find(tmp_path)
    assert dataset.mode == "binary"
    assert dataset.threshold == 127
    assert dataset.classes.ids == [0, 255]
    assert any("soft edges" in d and "above 127 is foreground" in d for d in dataset.decisions)
    np.testing.assert_array_equal(dataset.targets(dataset.records[0])[0], np.array(soft) > 127)


def test_many_classes_with_255_ignored_are_not_taken_for_soft_edges(tmp_path):
    values = [0] * 60 + list(range(1, 21)) + [255] * 10
    make_folders(tmp_path, 4)
    for path in list((tmp_path / "masks").iterdir()):
        make_mask(path, values, size=(8, len(values)))
    dataset = find(tmp_path)
    assert dataset.threshold is None
    assert dataset.classes.ids == list(range(21))
    assert any("255 is ignored (in 4 masks)" in d for d in dataset.decisions)


def test_instance_maps_are_read_as_object_and_background(tmp_path):
    make_folders(tmp_path, 4, values=(0, 1, 2, 700))
    (tmp_path / "masks").rename(tmp_path / "instances")
    dataset = find(tmp_path)
    assert dataset.mode == "binary"
    assert dataset.classes.names == ["background", "object"]
    assert any("every value above 0 is read as object" in d for d in dataset.decisions)
    target = dataset.targets(dataset.records[0])
    np.testing.assert_array_equal(target, np.asarray(Image.open(dataset.records[0].masks[0])) > 0)
    write_classes(tmp_path, [0, 1, 2])
    with pytest.raises(DataError, match=r"instances/ gives two classes.*names 3; remove it"):
        find(tmp_path)


def test_class_folders_are_multilabel(tmp_path):
    for number in range(4):
        make_image(tmp_path / "images" / f"{number}.jpg", number)
        make_mask(tmp_path / "masks" / "road" / f"{number}.png", (0, 255))
        if number:
            make_mask(tmp_path / "masks" / "car" / f"{number}.png", (0, 0, 255))
    dataset = find(tmp_path)
    assert dataset.mode == "multilabel"
    assert dataset.classes.names == ["car", "road"]
    first = next(record for record in dataset.records if record.key == "0")
    assert first.masks[0] is None
    target = dataset.targets(first)
    assert target.shape == (2, 40, 48)
    assert target.dtype == np.uint8
    assert target[0].max() == 0
    np.testing.assert_array_equal(target[1], np.asarray(Image.open(first.masks[1])) > 0)
    with pytest.raises(ConfigError, match=r"data\.task is binary, but there is one folder of masks per class"):
        find(tmp_path, task="binary")
    make_mask(tmp_path / "masks" / "car" / "1.png", (0, 3, 7))
    make_mask(tmp_path / "masks" / "road" / "1.png", (0, 3, 7))
    for path in (tmp_path / "masks").glob("*/[023].png"):
        make_mask(path, (0, 3))
    with pytest.raises(DataError, match="masks in class folders hold the values 3, 7; each must hold 0 and one other value"):
        find(tmp_path)
    for path in (tmp_path / "masks").glob("*/*.png"):
        make_mask(path, (0, 0))
    with pytest.raises(DataError, match="all masks of all classes are empty"):
        find(tmp_path)


def test_camvid_is_recognised_with_and_without_a_class_table(tmp_path):
    dataset = find(make_camvid(tmp_path))
    assert dataset.source == "camvid"
    assert {name: len(keys) for name, keys in by_split(dataset).items()} == {"train": 4, "val": 2, "test": 2}
    assert dataset.classes.names[0] == "sky"
    assert dataset.classes.ignore_ids == (11,)
    write_classes(tmp_path, [0, 1, {"id": 11, "name": "void", "ignore": True}])
    dataset = find(tmp_path)
    assert dataset.classes.names == ["c0", "c1"]
    assert dataset.mode == "binary"
    for path in (tmp_path / "valannot").iterdir():
        path.unlink()
    (tmp_path / "valannot").rmdir()
    with pytest.raises(DataError, match="has val/ but no valannot/"):
        find(tmp_path)


def test_other_ids_in_the_camvid_layout_make_their_own_table(tmp_path):
    assert find(make_camvid(tmp_path, values=(0, 7, 40))).classes.ids == [0, 7, 40]


def test_every_source_offers_evidence_and_records(tmp_path):
    make_camvid(tmp_path / "camvid")
    make_folders(tmp_path / "folders")
    for name, source in SOURCES.items():
        assert source.matches(tmp_path / name)
        assert source.matches(tmp_path) is None
        assert source.records(tmp_path / name).records


def test_the_task_can_be_asked_for_if_the_masks_allow(tmp_path):
    make_folders(tmp_path / "two", values=(0, 1))
    make_folders(tmp_path / "three")
    assert find(tmp_path / "two").mode == "binary"
    assert find(tmp_path / "two", task="multiclass").mode == "multiclass"
    with pytest.raises(ConfigError, match=r"data\.task is binary, but there are 3 classes \(class_0, class_1, class_2\)"):
        find(tmp_path / "three", task="binary")
    with pytest.raises(ConfigError, match=r"data\.task is multilabel, but the masks hold one class per pixel"):
        find(tmp_path / "two", task="multilabel")
    with pytest.raises(ConfigError, match="unknown task 'multi_class'; did you mean 'multiclass'"):
        find(tmp_path / "two", task="multi_class")
    with pytest.raises(ConfigError, match="unknown source 'folder'; did you mean 'folders'"):
        find(tmp_path / "two", source="folder")


def test_wrong_paths_offer_the_nearest_folder(tmp_path):
    make_folders(tmp_path / "membranes")
    with pytest.raises(DataError, match="has no 'membrane'; did you mean 'membranes'"):
        find(tmp_path / "membrane")
    with pytest.raises(DataError, match="has no 'membrane'; did you mean 'membranes'"):
        find(tmp_path / "membrane" / "deeper")
    with pytest.raises(DataError, match="is a file, not a folder"):
        find(tmp_path / "membranes" / "images" / "00.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is an empty folder; a data set has images/ and masks/ in it"):
        find(tmp_path / "empty")
    with pytest.raises(DataError, match="there is no folder at all"):
        find(tmp_path / "empty" / "x")


def test_unknown_layouts_say_what_is_there(tmp_path):
    make_folders(tmp_path / "set")
    with pytest.raises(DataError, match=r"in no layout that is known .* did you mean .*set\?"):
        find(tmp_path)
    (tmp_path / "other" / "pics").mkdir(parents=True)
    with pytest.raises(DataError, match="it has the folders pics/; put the images into images/"):
        find(tmp_path / "other")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.txt").touch()
    with pytest.raises(DataError, match="it has no folders at all"):
        find(tmp_path / "flat")
    with pytest.raises(DataError, match="has no images/ folder"):
        find(tmp_path / "flat", source="folders")
    with pytest.raises(DataError, match="holds no images"):
        find(tmp_path / "flat", source="camvid")


def test_missing_parts_of_the_layout_are_named(tmp_path):
    make_folders(tmp_path / "a")
    (tmp_path / "a" / "masks").rename(tmp_path / "a" / "mask")
    with pytest.raises(DataError, match=r"has images/ but no masks/; did you mean mask/\? Rename it"):
        find(tmp_path / "a")
    (tmp_path / "a" / "mask").rename(tmp_path / "a" / "truth")
    with pytest.raises(DataError, match=r"has images/ but no masks/ \(it has truth/\); put one mask per image"):
        find(tmp_path / "a")
    (tmp_path / "a" / "masks").mkdir()
    with pytest.raises(DataError, match="masks holds no mask images"):
        find(tmp_path / "a")
    make_mask(tmp_path / "a" / "masks" / "other.png", (0, 1))
    with pytest.raises(DataError, match=r"no image in .* has a mask of the same name in .*: images are called 00, 01, 02"):
        find(tmp_path / "a")
    (tmp_path / "b" / "images").mkdir(parents=True)
    make_mask(tmp_path / "b" / "masks" / "other.png", (0, 1))
    with pytest.raises(DataError, match="images holds no images"):
        find(tmp_path / "b")


def test_masks_that_cannot_be_classes_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"hold one class only \(values: 0\); segmentation needs at least two"):
        find(make_folders(tmp_path / "one", values=(0,)))
    with pytest.raises(DataError, match=r"hold one class only \(values: 3, 255\)"):
        find(make_folders(tmp_path / "ignored", values=(3, 255)))
    many = make_folders(tmp_path / "many", 3)
    for path in (many / "masks").iterdir():
        make_mask(path, np.arange(1, 301), size=(4, 300))
    with pytest.raises(
        DataError, match=r"hold 299 different values \(up to 300\), more than the 255 classes .* put them in instances/"
    ):
        find(many)
    root = make_folders(tmp_path / "color", 3)
    make_image(root / "masks" / "01.png", 1)
    with pytest.raises(DataError, match=r"01\.png is a colour mask .* without a colour table"):
        find(root)


def test_all_masks_unreadable_is_refused_but_one_is_left_to_the_check(tmp_path):
    root = make_folders(tmp_path, 4)
    (root / "masks" / "00.png").write_text("not an image")
    assert find(root).classes.ids == [0, 1, 2]
    for path in (root / "masks").iterdir():
        path.write_text("not an image")
    with pytest.raises(DataError, match="is not an image: it holds text"):
        find(root)


def test_colour_masks_are_read_by_the_colours_of_the_class_table(tmp_path):
    root = make_folders(tmp_path, 4)
    colors = np.array([[10, 20, 30], [255, 0, 0], [0, 0, 200]], np.uint8)
    for path in (root / "masks").iterdir():
        Image.fromarray(colors[np.asarray(Image.open(path))]).save(path)
    rows = [{"id": 5 * i, "name": f"c{i}", "color": color} for i, color in enumerate(colors[:2].tolist())]
    write_classes(root, [*rows, {"id": 99, "name": "void", "color": "#0000c8", "ignore": True}])
    dataset = find(root)
    assert dataset.targets(dataset.records[0])[0].tolist() == [0] * 16 + [1] * 16 + [255] * 16


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", r"classes\.json cannot be read as JSON .* delete it to take the ids from the masks"),
        ('{"a": 1}', r"must be a list of classes such as .* got dict"),
        ('[{"id": -1, "name": "a"}]', r"id must be a whole number from 0 to 65535, got -1"),
        ('[{"id": 0, "name": "a"}, {"id": 255, "name": "v", "ignore": true}]', "names 1 class that counts; .* at least two"),
        (
            '[{"id": 0, "name": "a", "color": "#ff0000"}, {"id": 1, "name": "b", "color": [255, 0, 0]}]',
            "0 and 1 have the same color",
        ),
    ],
)
def test_a_wrong_class_table_is_refused(tmp_path, text, message):
    root = make_folders(tmp_path, 3)
    (root / "classes.json").write_text(text)
    with pytest.raises(DataError, match=message):
        find(root)
