"""YOLO: outlines in shares of the image, by class number; images and labels wherever tools put them, and nothing executed."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from pixelwise.data.importing import yolo
from pixelwise.errors import DataError
from pixelwise.formats.image import write_image

SIZE = (10, 20)
LEFT = "0 0 0 0.5 0 0.5 1 0 1"  # the left half
LOW = "1 0 0.8 1 0.8 1 1 0 1"  # the two lowest rows
BOX = "1 0.75 0.5 0.5 1"  # the right half, as a box


def make(root, image="images/train/a.png", *lines, label=None):
    (root / image).parent.mkdir(parents=True, exist_ok=True)
    write_image(root / image, np.zeros((*SIZE, 3), np.uint8))
    if lines:
        path = root / (label or image.replace("images/", "labels/").replace(".png", ".txt"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def configure(root, name="data.yaml", **content):
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(yaml.safe_dump({"names": ["cat", "dog"], "train": "images/train"} | content))


def one(root, *lines, **content):
    make(root, "images/train/a.png", *lines)
    configure(root, **content)
    read = yolo.read(root)
    (item,) = read.items
    return read, item.paint()


def test_outlines_are_painted_with_the_numbers_of_the_file(tmp_path):
    read, painted = one(tmp_path, LEFT, LOW)
    expected = np.full(SIZE, 2)
    expected[:, :10] = 0
    expected[8:] = 1
    np.testing.assert_array_equal(painted.ids, expected)
    np.testing.assert_array_equal(painted.instances, np.select([expected == 0, expected == 1], [1, 2], 0))
    assert painted.losses == {"pixels under other objects": 20}
    assert read.classes == (
        {"id": 2, "name": "background"},
        {"id": 0, "name": "cat", "thing": True},
        {"id": 1, "name": "dog", "thing": True},
    )
    assert (read.items[0].key, read.items[0].split, read.faults) == ("a", "train", ())
    assert any("2 is background, the first that is free, because 0 is a class" in said for said in read.decisions)


@pytest.mark.parametrize("names", [{3: "cat", 9: "dog"}, {"3": "cat", "9": "dog"}])
def test_names_may_be_called_by_number(tmp_path, names):
    read, painted = one(tmp_path, LEFT.replace("0", "9", 1), names=names)
    assert [(row["id"], row["name"]) for row in read.classes] == [(0, "background"), (3, "cat"), (9, "dog")]
    assert np.unique(painted.ids).tolist() == [0, 9]


def test_a_number_of_classes_will_do_for_names(tmp_path):
    read, _ = one(tmp_path, LEFT, names=None, nc=2)
    assert [row["name"] for row in read.classes] == ["background", "class_0", "class_1"]


def test_boxes_alone_become_filled_boxes_and_say_so(tmp_path):
    read, painted = one(tmp_path, BOX)
    np.testing.assert_array_equal(painted.ids[:, 10:], 1)
    np.testing.assert_array_equal(painted.ids[:, :10], 2)
    assert any("1 object, all of them boxes without outlines" in said for said in read.decisions)


def test_a_box_beside_outlines_is_ignored(tmp_path):
    read, painted = one(tmp_path, LEFT, BOX)
    np.testing.assert_array_equal(painted.ids[:, 10:], 255)
    np.testing.assert_array_equal(painted.ids[:, :10], 0)
    assert read.classes[-1] == {"id": 255, "name": "ignored", "ignore": True}
    assert painted.losses == {"objects without an outline (their boxes are ignored)": 1}


@pytest.mark.parametrize(
    "entry, image, label",
    [
        ("images/train", "images/train/deep/a.png", "labels/train/deep/a.txt"),
        ("../train/images", "train/images/a.png", "train/labels/a.txt"),
        ("/content/drive/set/train/images", "train/images/a.png", "train/labels/a.txt"),
        ("C:\\data\\train\\images", "train/images/a.png", "train/labels/a.txt"),
        ("train", "train/a.png", "train/a.txt"),
        (["images/x", "images/train"], "images/train/a.png", "labels/train/a.txt"),
        ("../training/images", "train/images/a.png", "train/labels/a.txt"),
    ],
    ids=["deeper", "Roboflow", "another machine", "Windows", "labels beside", "list", "another word"],
)
def test_images_and_labels_are_found(tmp_path, entry, image, label):
    make(tmp_path, image, LEFT, label=label)
    configure(tmp_path, train=entry)
    (item,) = yolo.read(tmp_path).items
    assert (item.split, (item.paint().ids == 0).sum()) == ("train", 100)


@pytest.mark.parametrize("line", ["images/train/a.png", "./images/train/a.png", "/data/set/images/train/a.png"])
def test_images_may_stand_in_a_list(tmp_path, line):
    make(tmp_path, "images/train/a.png", LEFT)
    configure(tmp_path, path="../datasets/set", train="train.txt")
    (tmp_path / "train.txt").write_text(f"{line}\nimages/train/gone.png\n\n")
    read = yolo.read(tmp_path)
    assert [item.key for item in read.items] == ["a"]
    assert "data.yaml: train: train.txt lists 1 images that are not below" in read.faults[0]


def test_the_folder_is_never_left(tmp_path):
    make(tmp_path, "outside/a.png", LEFT, label="outside/a.txt")
    make(tmp_path, "set/images/train/b.png", LEFT)
    configure(tmp_path / "set", val="../../outside", test=str(tmp_path / "outside"), path=str(tmp_path))
    read = yolo.read(tmp_path / "set")
    assert [item.key for item in read.items] == ["b"]
    assert len(read.faults) == 2
    assert "data.yaml: val: ../../outside has no images below" in read.faults[0]


def test_lists_outside_of_the_folder_are_not_read(tmp_path):
    make(tmp_path, "images/train/a.png", LEFT)
    make(tmp_path, "images/val/b.png", LEFT)
    (tmp_path.parent / f"{tmp_path.name}.txt").write_text("images/val/b.png\n")
    configure(tmp_path, val=f"../{tmp_path.name}.txt")
    read = yolo.read(tmp_path)
    assert [item.key for item in read.items] == ["a"]
    assert ".txt has no images below" in read.faults[0]


def test_nothing_is_executed_and_nothing_fetched(tmp_path):
    make(tmp_path, "images/train/a.png", LEFT)
    configure(tmp_path)
    path = tmp_path / "data.yaml"
    plain = path.read_text()
    path.write_text(plain + f"download: |\n  import pathlib\n  pathlib.Path('{tmp_path}/ran').touch()\n")
    assert len(yolo.read(tmp_path).items) == 1
    path.write_text(plain + f"other: !!python/object/apply:os.mkdir ['{tmp_path}/ran']\n")
    assert yolo.matches(tmp_path) is None
    assert not (tmp_path / "ran").exists()


def test_a_yaml_that_multiplies_itself_costs_no_time(tmp_path):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    make(tmp_path, "images/train/a.png", LEFT)
    (tmp_path / "data.yaml").write_text("\n".join([*levels, "names: {0: *a11, 1: dog}", "train: images/train", "val: *a11"]))
    began = time.perf_counter()
    read = yolo.read(tmp_path)
    assert [row["name"] for row in read.classes] == ["background", "class_0", "dog"]
    assert "data.yaml: val: list has no images" in read.faults[0]
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "content, message",
    [
        ({"kpt_shape": [17, 3]}, "describes keypoints"),
        ({"names": "cat"}, "names must be a list of classes, or number: name, got str"),
        ({"names": []}, "names must be a list of classes"),
        ({"names": {"cat": 0}}, "names must be called by different whole numbers"),
        ({"names": {-1: "cat"}}, "names must be called by different whole numbers"),
        ({"names": {1: "cat", "1": "dog"}}, "names must be called by different whole numbers"),
        ({"train": "pictures"}, r"has no images where data\.yaml says \(data.yaml: train: pictures has no images below"),
        ({"train": {"a": 1}}, r"data\.yaml: train: dict has no images"),
    ],
)
def test_a_list_of_classes_that_is_none_is_refused(tmp_path, content, message):
    make(tmp_path, "images/train/a.png", LEFT)
    configure(tmp_path, **content)
    with pytest.raises(DataError, match=message):
        yolo.read(tmp_path)


@pytest.mark.parametrize(
    "line, message",
    [
        ("0 0.1 0.2 0.3", "1 lines are damaged and left out (a.txt, line 2: a line has 4 numbers for a box"),
        (f"{BOX} 0.93", "is the last one a score? Labels have none"),
        ("0 10 20 30 20 30 40", "coordinates must be shares of the image, from 0 to 1, got 10; are they pixels?"),
        ("0 0.1 nan 0.3 0.2 0.5 0.5", "coordinates must be shares of the image, from 0 to 1, got nan"),
        ("0 0.1 x 0.3 0.2 0.5 0.5", "a line must be a class number and coordinates"),
        ("-1 0 0 0.5 0 0.5 1", "the class must be a whole number from 0 to 65,535, got -1"),
        ("0.5 0 0 0.5 0 0.5 1", "the class must be a whole number"),
        ("0 0.5 0.5 -0.1 0.2", "the box has width -0.1"),
        ("7 0 0 0.5 0 0.5 1", "1 lines are of classes that have no name (a.txt, line 2: class 7)"),
    ],
)
def test_a_damaged_line_is_told_and_the_others_are_read(tmp_path, line, message):
    read, painted = one(tmp_path, LEFT, line)
    assert (painted.ids == 0).sum() == 100
    (told,) = read.faults
    assert message in told


def test_coordinates_a_little_outside_are_cut_at_the_edge(tmp_path):
    _, painted = one(tmp_path, "0 -0.01 -0.3 0.5 -0.01 0.5 1.002 -0.01 1.2")
    np.testing.assert_array_equal(painted.ids[:, :10], 0)
    np.testing.assert_array_equal(painted.ids[:, 10:], 2)


def test_a_label_that_is_no_text_is_told(tmp_path):
    make(tmp_path, "images/train/a.png", LEFT)
    make(tmp_path, "images/train/b.png", LEFT)
    (tmp_path / "labels" / "train" / "b.txt").write_bytes(b"\xff\xfe\x00")
    configure(tmp_path)
    read = yolo.read(tmp_path)
    assert [(item.paint().ids == 0).sum() for item in read.items] == [100, 0]
    assert "1 label files cannot be read" in read.faults[0]


def test_images_without_a_label_are_background_unless_the_file_says_otherwise(tmp_path):
    make(tmp_path, "images/train/a.png", LEFT)
    make(tmp_path, "images/train/b.png")
    configure(tmp_path)
    read = yolo.read(tmp_path)
    assert [item.key for item in read.items] == ["a", "b"]
    assert (read.items[1].paint().ids == 2).all()
    assert "1 image without a label file: background alone" in read.decisions
    configure(tmp_path, skip_if_label_file_missing=True)
    assert [item.key for item in yolo.read(tmp_path).items] == ["a"]


def test_images_of_two_splits_stay_in_the_first_and_it_is_told(tmp_path):
    make(tmp_path, "images/train/a.png", LEFT)
    configure(tmp_path, val="images/train")
    read = yolo.read(tmp_path)
    assert [item.split for item in read.items] == ["train"]
    assert "data.yaml: 1 images of val are in train too, and stay there" in read.faults[0]


@pytest.mark.parametrize("layout", ["labels", "beside", "Darknet"])
def test_older_layouts_without_yaml_are_read(tmp_path, layout):
    (tmp_path / "obj.names").write_text("cat\ndog\n")
    if layout == "labels":
        make(tmp_path, "images/val/a.png", LEFT)
    else:
        make(tmp_path, "obj_val_data/a.png", LEFT, label="obj_val_data/a.txt")
    if layout == "Darknet":
        (tmp_path / "obj.data").write_text("classes = 2\nvalid = data/val.txt\nnames = data/obj.names\nbackup = backup/\n")
        (tmp_path / "val.txt").write_text("data/obj_val_data/a.png\n")
    assert yolo.matches(tmp_path) is not None
    (item,) = yolo.read(tmp_path).items
    assert (item.paint().ids == 0).sum() == 100
    assert item.split == ("" if layout == "beside" else "val")


def test_turned_boxes_are_refused(tmp_path):
    make(tmp_path, "train/images/a.png", "0 0 2 0 2 2 0 2 cat 0", label="train/labelTxt/a.txt")
    configure(tmp_path, train="../train/images")
    with pytest.raises(DataError, match="labels in labelTxt/, which are turned boxes and no outlines"):
        yolo.read(tmp_path)


def test_of_two_sets_in_folders_the_one_with_outlines_is_read(tmp_path):
    make(tmp_path, "images/train/a.png", BOX, label="boxes/labels/train/a.txt")
    make(tmp_path, "images/train/a.png", LEFT, label="outlines/labels/train/a.txt")
    configure(tmp_path / "boxes", "config.yaml")
    configure(tmp_path / "outlines", "config.yaml")
    assert yolo.matches(tmp_path) is None
    read = yolo.read(tmp_path)
    assert (read.items[0].paint().ids == 0).sum() == 100
    assert "read outlines/, whose labels are outlines; not read: boxes/" in read.decisions


def test_other_yaml_and_text_files_are_not_claimed(tmp_path):
    make(tmp_path, "images/a.png", LEFT)
    (tmp_path / "config.yaml").write_text("train: {steps: 3}\nmodel: unet\n")
    (tmp_path / "broken.yaml").write_text("{[")
    (tmp_path / "huge.yaml").write_text("names: [a]\ntrain: b\n" + "#" * (1 << 19))
    (tmp_path / "classes.txt").write_text("cat\n")
    (tmp_path / "labels" / "a.txt").write_text("cat 5\n")
    assert yolo.matches(tmp_path) is None


needs_data = pytest.mark.skipif("PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder of data")


def data(*parts):
    return Path(os.environ["PIXELWISE_DATA"]).joinpath("formats", *parts)


@needs_data
def test_a_roboflow_export_of_outlines_is_read():
    read = yolo.read(data("yolo_seg"))
    assert len(read.items) == 24
    assert {item.split for item in read.items} == {"val", "test"}
    assert len(read.faults) == 1  # train/ did not come with it
    labels = sorted(data("yolo_seg").glob("*/labels/*.txt"))
    for item, label in zip(
        sorted(read.items, key=lambda item: item.image.name), sorted(labels, key=lambda p: p.name), strict=True
    ):
        painted = item.paint()
        numbers = set(np.unique(painted.instances).tolist()) - {0}
        hidden = painted.losses.get("hidden objects", 0) + painted.losses.get("objects without a pixel in the image", 0)
        assert len(numbers) + hidden == len([line for line in label.read_text().splitlines() if line.strip()])
        np.testing.assert_array_equal(painted.ids == 1, painted.instances == 0)


@needs_data
@pytest.mark.parametrize(
    "name, count",
    [("yolo_dataset/annotations", 1), ("yolo_dataset/labels", 2), ("yolo_dataset/strict", 1), ("roboflow_dataset/yolo", 3)],
)
def test_exports_of_annotation_tools_are_read(name, count):
    root = data("tools", *name.split("/"))
    assert yolo.matches(root) is not None
    read = yolo.read(root)
    assert len(read.items) == count
    assert read.faults == ()
    assert all(len(np.unique(item.paint().ids)) > 1 for item in read.items)


@needs_data
def test_outlines_of_coco_are_the_things_of_its_panoptic_masks():
    """Outlines and masks were drawn by the same people, but masks were changed since: most pixels must agree."""
    from pixelwise.data.importing import coco

    root = data().parent / "coco128"
    panoptic = {item.key: item for item in coco.read(root).items}
    read = yolo.read(root)
    things = [row["id"] for row in read.classes if row.get("thing")]
    assert len(read.items) == 200
    same = total = 0
    for item in read.items[::8]:
        ids, expected = item.paint().ids, panoptic[item.key].paint().ids
        is_thing = np.isin(expected, things)
        same += (ids == expected)[is_thing].sum()
        total += is_thing.sum()
    assert same / total > 0.93


@needs_data
def test_no_other_data_set_is_claimed():
    roots = [*data().parent.iterdir(), *data().glob("*/*/*"), *data().glob("*/*"), *data().glob("*")]
    names = {path.name for path in roots if path.is_dir() and yolo.matches(path)}
    assert names == {"annotations", "labels", "strict", "yolo", "yolo_obb", "yolo_seg"}
