"""COCO: the pixels that pycocotools would give, the ids of the file, and every fault told while the rest is read."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing import coco
from pixelwise.data.importing.coco_files import split_named
from pixelwise.errors import DataError
from pixelwise.formats import rle
from pixelwise.formats.image import write_image
from pixelwise.formats.panoptic_png import write_segments

SIZE = (12, 20)
SQUARE = [[2, 2, 8, 2, 8, 7, 2, 7]]
CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}]


def make_image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.zeros((*size, 3), np.uint8))


def row_of(number, name, size=SIZE):
    return {"id": number, "file_name": name, "height": size[0], "width": size[1]}


def write(path, images=None, annotations=(), categories=CATEGORIES, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [row_of(5, "a.png")] if images is None else images
    content = {"images": images, "annotations": list(annotations), "categories": categories, **more}
    path.write_text(json.dumps(content))


def note(segmentation=SQUARE, category=1, image=5, **more):
    return {"id": 9, "image_id": image, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **more}


def one(root, *annotations, **more):
    """The only image of a data set with these annotations, painted."""
    make_image(root / "images" / "a.png")
    write(root / "annotations" / "instances_train.json", annotations=annotations, **more)
    read = coco.read(root)
    (item,) = read.items
    return read, item.paint()


def mask_of(*boxes):
    mask = np.zeros(SIZE, bool)
    for x, y, right, bottom in boxes:
        mask[y:bottom, x:right] = True
    return mask


def runs_of(mask, is_compressed):
    (runs,) = rle.encode(mask[None])
    return rle.to_coco(runs) if is_compressed else {"size": list(mask.shape), "counts": runs.counts.tolist()}


def test_ids_are_the_categories_and_objects_are_numbered(tmp_path):
    read, painted = one(tmp_path, note(), note([[9, 1, 12, 1, 12, 4, 9, 4]], 7))
    assert set(np.unique(painted.ids)) == {0, 1, 7}
    np.testing.assert_array_equal(painted.ids == 1, mask_of((2, 2, 8, 7)))
    np.testing.assert_array_equal(painted.instances, painted.ids.astype(int) // 4 + (painted.ids > 0))
    assert read.classes == (
        {"id": 0, "name": "background"},
        {"id": 1, "name": "cat", "thing": True},
        {"id": 7, "name": "dog", "thing": True},
    )
    assert (read.items[0].split, read.items[0].key, read.faults) == ("train", "a", ())


@pytest.mark.parametrize("is_compressed", [True, False])
def test_run_lengths_are_read_like_the_polygon_of_the_same_pixels(tmp_path, is_compressed):
    expected = mask_of((2, 2, 8, 7))
    _, painted = one(tmp_path, note(runs_of(expected, is_compressed)))
    np.testing.assert_array_equal(painted.ids == 1, expected)


def test_painting_can_be_sent_to_another_process(tmp_path):
    read, painted = one(tmp_path, note(), note(runs_of(mask_of((0, 0, 3, 3)), True), 7))
    again = pickle.loads(pickle.dumps(read.items[0].paint))()
    np.testing.assert_array_equal(again.ids, painted.ids)


def test_several_rings_are_one_object(tmp_path):
    rings = [*SQUARE, [6, 5, 11, 5, 11, 9, 6, 9]]
    _, painted = one(tmp_path, note(rings))
    np.testing.assert_array_equal(painted.instances == 1, mask_of((2, 2, 8, 7), (6, 5, 11, 9)))


def test_a_ring_without_a_list_around_it_is_read_too(tmp_path):
    _, painted = one(tmp_path, note(SQUARE[0]))
    assert (painted.ids == 1).sum() == 30


def test_a_crowd_has_its_class_but_no_number_and_lies_below_objects(tmp_path):
    crowd = runs_of(mask_of((0, 0, 20, 12)), False)
    _, painted = one(tmp_path, note(category=7), note(crowd, iscrowd=1))
    np.testing.assert_array_equal(painted.ids == 7, mask_of((2, 2, 8, 7)))
    assert (painted.ids == 1).sum() == 240 - 30
    assert np.unique(painted.instances).tolist() == [0, 1]


def test_category_zero_moves_background_to_the_first_free_id(tmp_path):
    categories = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}, {"id": 3, "name": "cow"}]
    read, painted = one(tmp_path, note(category=0), categories=categories)
    assert read.classes[0] == {"id": 2, "name": "background"}
    np.testing.assert_array_equal(painted.ids == 0, mask_of((2, 2, 8, 7)))
    assert (painted.ids == 2).sum() == 210
    assert any("2 is background, the first that is free, because 0 is a class" in said for said in read.decisions)


def test_roboflows_category_zero_that_only_names_the_group_is_left_out(tmp_path):
    categories = [{"id": 0, "name": "pets", "supercategory": "none"}, {"id": 1, "name": "pets", "supercategory": "pets"}]
    read, _ = one(tmp_path, note(), categories=categories)
    assert [row["name"] for row in read.classes] == ["background", "pets"]
    assert any("category 0 (pets) is left out" in said for said in read.decisions)


def test_a_category_called_background_is_the_background(tmp_path):
    read, painted = one(tmp_path, note(category=4), categories=[{"id": 3, "name": "background"}, {"id": 4, "name": "cell"}])
    assert [row["id"] for row in read.classes] == [3, 4]
    assert np.unique(painted.ids).tolist() == [3, 4]


def test_categories_beyond_sixteen_bits_are_counted_anew(tmp_path):
    categories = [{"id": 70_001, "name": "cat"}, {"id": 12, "name": "dog"}]
    read, painted = one(tmp_path, note(category=70_001), categories=categories)
    assert [(row["id"], row["name"]) for row in read.classes] == [(0, "background"), (1, "dog"), (2, "cat")]
    assert np.unique(painted.ids).tolist() == [0, 2]


def test_two_categories_of_one_name_stay_apart(tmp_path):
    read, _ = one(tmp_path, note(), categories=[{"id": 1, "name": "cat"}, {"id": 7, "name": "cat"}])
    assert [row["name"] for row in read.classes] == ["background", "cat (1)", "cat (7)"]


def test_boxes_alone_become_filled_boxes_and_say_so(tmp_path):
    read, painted = one(tmp_path, note([], bbox=[2, 2, 6, 5]))
    np.testing.assert_array_equal(painted.ids == 1, mask_of((2, 2, 8, 7)))
    assert any("1 object, all of them boxes without outlines" in said for said in read.decisions)


def test_a_box_beside_outlines_is_ignored(tmp_path):
    read, painted = one(tmp_path, note(), note([], 7, bbox=[5, 2, 6, 5]))
    np.testing.assert_array_equal(painted.ids == 255, mask_of((8, 2, 11, 7)))
    assert painted.losses == {"objects without an outline (their boxes are ignored)": 1}
    assert read.classes[-1] == {"id": 255, "name": "ignored", "ignore": True}


def test_a_box_lies_below_a_crowd(tmp_path):
    crowd = runs_of(mask_of((0, 0, 20, 12)), True)
    _, painted = one(tmp_path, note([], 7, bbox=[5, 2, 6, 5]), note(crowd, iscrowd=1))
    assert (painted.ids == 1).all()


def test_stuff_is_no_object_and_what_has_none_is_ignored(tmp_path):
    make_image(tmp_path / "a.png")
    write(tmp_path / "stuff_val.json", annotations=[note()])
    read = coco.read(tmp_path)
    painted = read.items[0].paint()
    assert painted.instances is None
    assert read.classes[0] == {"id": 0, "name": "unlabeled", "ignore": True}
    assert not any(row.get("thing") for row in read.classes)


def test_things_lie_on_stuff_of_another_file(tmp_path):
    make_image(tmp_path / "images" / "a.png")
    write(tmp_path / "annotations" / "stuff_train2017.json", annotations=[note([[0, 0, 20, 0, 20, 12, 0, 12]], 90)],
          categories=[{"id": 90, "name": "sky"}])  # fmt: skip
    write(tmp_path / "annotations" / "instances_train2017.json", annotations=[note([[0, 0, 20, 0, 20, 11, 0, 11]])])
    (item,) = coco.read(tmp_path).items
    painted = item.paint()
    np.testing.assert_array_equal(painted.ids == 90, mask_of((0, 11, 20, 12)))
    assert np.unique(painted.instances).tolist() == [0, painted.instances.max()]


def make_panoptic(root, png_size=SIZE):
    numbers = np.zeros(png_size, np.uint32)
    numbers[:6], numbers[6:9, :4], numbers[9:, :4], numbers[9:, 4:6] = 70_000, 3, 9, 800
    make_image(root / "images" / "a.png")
    folder = root / "annotations" / "panoptic_val"
    folder.mkdir(parents=True)
    write_segments(folder / "a.png", numbers)
    info = [{"id": 70_000, "category_id": 90}, {"id": 3, "category_id": 1}, {"id": 800, "category_id": 1, "iscrowd": 1}]
    info.append({"id": 2, "category_id": 1})
    rows = [{"image_id": 5, "file_name": "a.png", "segments_info": info}]
    categories = [{"id": 90, "name": "sky", "isthing": 0, "color": [1, 2, 3]}, {"id": 1, "name": "cat", "isthing": 1}]
    write(root / "annotations" / "panoptic_val.json", annotations=rows, categories=categories)
    return numbers


def test_panoptic_segments_get_class_and_number(tmp_path):
    numbers = make_panoptic(tmp_path)
    read = coco.read(tmp_path)
    painted = read.items[0].paint()
    np.testing.assert_array_equal(painted.ids, np.select([numbers == 70_000, numbers == 3, numbers == 800], [90, 1, 1], 0))
    np.testing.assert_array_equal(painted.instances > 0, numbers == 3)
    assert painted.losses == {
        "pixels of segments that are not in the JSON file": 12,
        "segments of the JSON file without a pixel": 1,
    }
    assert read.classes[0] == {"id": 0, "name": "unlabeled", "ignore": True}
    assert read.classes[2] == {"id": 90, "name": "sky", "color": [1, 2, 3]}
    assert read.items[0].split == "val"


def test_panoptic_goes_before_instances_of_the_same_splits(tmp_path):
    make_panoptic(tmp_path)
    write(tmp_path / "annotations" / "instances_val.json", annotations=[note()])
    write(tmp_path / "annotations" / "captions_val.json", annotations=[{"id": 1, "image_id": 5, "caption": "a cat"}])
    said = coco.read(tmp_path).decisions
    assert said[0] == "read annotations/panoptic_val.json"
    assert "not read: instances_val.json (objects as polygons, run lengths or boxes); give the file itself" in said[1]
    assert "not read: captions_val.json (captions of images); there are no pixels in it" in said[2]
    alone = coco.read(tmp_path / "annotations" / "instances_val.json")
    assert (alone.items[0].paint().ids == 1).sum() == 30


def test_instances_are_read_where_the_panoptic_png_files_are_missing(tmp_path):
    make_panoptic(tmp_path)
    shutil.rmtree(tmp_path / "annotations" / "panoptic_val")
    write(tmp_path / "annotations" / "instances_val.json", annotations=[note()])
    assert coco.read(tmp_path).decisions[0] == "read annotations/instances_val.json"
    (tmp_path / "annotations" / "instances_val.json").unlink()
    with pytest.raises(DataError, match="names PNG files, but there is no folder panoptic_val beside it"):
        coco.read(tmp_path)


def test_a_panoptic_png_of_another_size_is_refused(tmp_path):
    make_panoptic(tmp_path, (12, 10))
    with pytest.raises(DataError, match=r"a\.png has 12 x 10 pixels, its image 12 x 20"):
        coco.read(tmp_path).items[0].paint()


def test_splits_may_be_folders_with_files_of_their_own(tmp_path):
    for folder in ("train", "valid", "test"):
        make_image(tmp_path / folder / "a.png")
        write(tmp_path / folder / "_annotations.coco.json", annotations=[note()])
    read = coco.read(tmp_path)
    assert [(item.key, item.split) for item in read.items] == [("test/a", "test"), ("train/a", "train"), ("valid/a", "val")]
    assert all(item.image.parent.name == item.key.split("/")[0] for item in read.items)


@pytest.mark.parametrize("folder", ["train2017", "images/train2017", "images/train", "train", "images", "deep/down", "."])
@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub\\a.png"])
def test_images_are_found_wherever_tools_put_them(tmp_path, folder, name):
    make_image(tmp_path / folder / name.replace("\\", "/"))
    write(tmp_path / "annotations" / "instances_train2017.json", [row_of(5, name)], [note()])
    (item,) = coco.read(tmp_path).items
    assert (item.paint().ids == 1).sum() == 30


def test_an_image_that_is_there_for_another_split_only_is_not_taken(tmp_path):
    make_image(tmp_path / "images" / "train" / "a.png")
    make_image(tmp_path / "images" / "val" / "b.png")
    write(tmp_path / "annotations" / "instances_val.json", [row_of(5, "a.png"), row_of(6, "b.png")], [note()])
    read = coco.read(tmp_path)
    assert [item.key for item in read.items] == ["b"]
    assert "1 images are left out (instances_val.json: 'a.png' is there for train only" in read.faults[0]


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/secret.png", "C:\\secret.png"])
def test_names_lead_nowhere_outside(tmp_path, name):
    make_image(tmp_path / "secret.png")
    make_image(tmp_path / "set" / "images" / "b.png")
    write(tmp_path / "set" / "instances.json", [row_of(5, name), row_of(6, "b.png")], [note()])
    read = coco.read(tmp_path / "set")
    assert [item.key for item in read.items] == ["b"]
    assert "1 images are left out" in read.faults[0]


def test_png_files_of_panoptic_annotations_lead_nowhere_outside(tmp_path):
    make_panoptic(tmp_path)
    path = tmp_path / "annotations" / "panoptic_val.json"
    path.write_text(path.read_text().replace('"file_name": "a.png", "segments', '"file_name": "../../images/a.png", "segments'))
    assert "leads out of the data set" in coco.read(tmp_path).faults[0]


def test_an_image_turned_by_exif_is_painted_as_it_is_seen(tmp_path):
    (tmp_path / "images").mkdir()
    stored = Image.fromarray(np.zeros((*SIZE, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # seen after a quarter turn clockwise
    stored.save(tmp_path / "images" / "a.jpg", exif=exif)
    write(tmp_path / "instances.json", [row_of(5, "a.jpg")], [note()])
    painted = coco.read(tmp_path).items[0].paint()
    np.testing.assert_array_equal(painted.ids == 1, np.rot90(mask_of((2, 2, 8, 7)), -1))
    write(tmp_path / "instances.json", [row_of(5, "a.jpg", SIZE[::-1])], [note()])
    np.testing.assert_array_equal(coco.read(tmp_path).items[0].paint().ids[2:7, 2:8], 1)


def test_another_size_than_the_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.png has 12 x 20 pixels, its annotation 20 x 12; annotate this very file"):
        one(tmp_path, note(), images=[row_of(5, "a.png", (20, 12))])


def test_run_lengths_of_another_size_are_refused_before_they_cost_memory(tmp_path):
    with pytest.raises(DataError, match="for an image of 40000 x 40000 pixels, this one has 12 x 20"):
        one(tmp_path, note({"size": [40_000, 40_000], "counts": [0, 1_600_000_000]}))


def test_objects_that_cover_more_than_can_be_painted_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pixelwise.data.importing.coco_objects._MOST_PAINTED", 1000)
    with pytest.raises(DataError, match="hold more than 1,000 pixels; tile the image"):
        one(tmp_path, *[note()] * 40)


def test_objects_outside_of_the_image_are_counted(tmp_path):
    _, painted = one(tmp_path, note(), note([[30, 30, 40, 30, 40, 40]]))
    assert painted.losses == {"objects without a pixel in the image": 1}


@pytest.mark.parametrize(
    "annotation, message",
    [
        (note([[1, 2, 3, 4, 5]]), "1 annotations are damaged and left out (instances_train.json, 9: a polygon must be pairs"),
        (note([[1, 2, float("nan"), 4, 5, 6]]), "a polygon has coordinates from nan"),
        (note("x"), "neither an outline nor a box"),
        (note([], bbox=[1, 2, 3]), "neither an outline nor a box"),
        (note([], bbox=[1, 2, -3, 4]), "the box is -3 x 4 pixels, less than nothing"),
        (note(None), "neither an outline nor a box"),
        (note(category=2), "1 annotations are of categories that the file does not list (instances_train.json, 9: category 2)"),
        (note(category=[1]), "category list"),
        (note(image=6), "1 annotations are of images that the file does not list (instances_train.json, 9: image 6)"),
        (note(image={"a": 1}), "image dict"),
        (17, "1 annotations are damaged and left out (instances_train.json, number 1: no object)"),
    ],
)
def test_a_damaged_annotation_is_told_and_the_others_are_read(tmp_path, annotation, message):
    read, painted = one(tmp_path, note(), annotation)
    assert (painted.ids == 1).sum() == 30
    (told,) = read.faults
    assert message in told


@pytest.mark.parametrize(
    "row, message",
    [
        ({"id": 6}, "1 rows of images are damaged (instances_train.json, number 1: id 6, file_name NoneType)"),
        ({"id": 5, "file_name": "b.png"}, "number 1: id 5, file_name b.png"),
        ({"id": None, "file_name": "b.png"}, "id NoneType"),
        ([], "id NoneType, file_name NoneType"),
        ({"id": 6, "file_name": "b.png"}, "1 images are left out (instances_train.json: the image 'b.png' is not below"),
    ],
)
def test_a_damaged_row_of_an_image_is_told_and_the_others_are_read(tmp_path, row, message):
    read, painted = one(tmp_path, note(), images=[row_of(5, "a.png"), row])
    assert (painted.ids == 1).sum() == 30
    assert message in read.faults[0]


def test_many_faults_of_one_kind_are_one_sentence(tmp_path):
    read, _ = one(tmp_path, note(), *[note(category=number) for number in range(100, 160)])
    (told,) = read.faults
    assert told.startswith("60 annotations are of categories")
    assert "and 57 more); add the categories" in told


def test_a_file_that_cannot_be_read_does_not_lose_the_others(tmp_path):
    one(tmp_path, note())
    (tmp_path / "annotations" / "instances_val.json").write_text('{"images": [], "annotations": [{"segmentation": [')
    read = coco.read(tmp_path)
    assert len(read.items) == 1
    assert "1 files cannot be read" in read.faults[0]
    assert "is no valid JSON" in read.faults[0]


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"annotations": [{"image_id": 5, "segmentation": []}], "images": {"a": 1}}', "'images' must be a list, got dict"),
        ('{"images": [], "annotations": [{"image_id": 5, "segmentation": []}]}', "lists no categories"),
        ('{"images": [], "annotations": [{"image_id": 5, "segmentation": []}]}, 1', "is no valid JSON"),
    ],
)
def test_a_file_of_another_build_is_refused(tmp_path, text, message):
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(DataError, match=message):
        coco.read(tmp_path)


def test_categories_that_contradict_each_other_are_refused(tmp_path):
    one(tmp_path, note())
    write(tmp_path / "annotations" / "instances_val.json", annotations=[note()], categories=[{"id": 1, "name": "dog"}])
    read = coco.read(tmp_path)
    assert "calls category 1 'dog', another file 'cat'" in read.faults[0]


def test_an_image_in_two_splits_stays_in_the_first(tmp_path):
    one(tmp_path, note())
    write(tmp_path / "annotations" / "instances_val.json", annotations=[note()])
    read = coco.read(tmp_path)
    assert [item.split for item in read.items] == ["train"]
    assert "1 images stand in several splits (a.png: train and val)" in read.faults[0]


@pytest.mark.parametrize(
    "rows, told",
    [
        ([{"id": 1, "image_id": 5, "caption": "a cat"}], "captions of images"),
        ([{"id": 1, "image_id": 5, "category_id": 1}], "classes of whole images"),
        ([], "names of images alone"),
    ],
)
def test_files_without_pixels_are_refused_with_what_they_hold(tmp_path, rows, told):
    make_image(tmp_path / "a.png")
    write(tmp_path / "something.json", annotations=rows)
    assert coco.matches(tmp_path) is not None
    with pytest.raises(DataError, match=rf"hold no outlines of objects \(something.json: {told}\); export"):
        coco.read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "5.0", "shapes": [], "imagePath": "a.png"}',
        '{"image": {"image_id": 1}, "annotations": [{"segmentation": {}}]}',
        '[{"image": "a.png", "annotations": []}]',
        '{"info": {}, "categories": {"label": {}}, "items": [{"annotations": []}]}',
        '{"name": "set", "labels": {"0": "background"}, "training": []}',
        "images annotations categories",
        "",
    ],
    ids=["labelme", "Segment Anything", "CreateML", "Datumaro", "MSD", "text", "empty"],
)
def test_other_formats_are_not_claimed(tmp_path, text):
    make_image(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(text)
    assert coco.matches(tmp_path) is None
    with pytest.raises(DataError, match="holds no COCO file"):
        coco.read(tmp_path)


def test_a_folder_of_several_data_sets_is_not_claimed(tmp_path):
    one(tmp_path / "first", note())
    one(tmp_path / "second", note())
    assert coco.matches(tmp_path) is None
    assert coco.matches(tmp_path / "first") is not None


@pytest.mark.parametrize(
    "name, split",
    [
        ("instances_train2017", "train"),
        ("valid", "val"),
        ("person_keypoints_val", "val"),
        ("image_info_test-dev2017", "test"),
        ("annotations", ""),
        ("trained", ""),
    ],
)
def test_splits_are_words_of_names(name, split):
    assert split_named(name) == split


needs_data = pytest.mark.skipif("PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder of data")


def data(*parts):
    return Path(os.environ["PIXELWISE_DATA"]).joinpath(*parts)


TOOLS = ["coco", "coco_instances", "coco_panoptic", "coco_person_keypoints", "coco_roboflow", "coco_stuff", "mmdet_coco"]


@needs_data
@pytest.mark.parametrize("name", TOOLS)
def test_exports_of_annotation_tools_are_read(name):
    root = data("formats", "tools", "coco_dataset", name)
    assert coco.matches(root) is not None
    read = coco.read(root)
    assert [item.split for item in read.items] == ["train", "val"]
    painted = read.items[1].paint()
    assert painted.ids.shape == (10, 5)
    assert len(np.unique(painted.ids)) > 1
    assert read.faults == ()


@needs_data
def test_panoptic_png_files_hold_the_label_maps_that_came_with_them():
    """The semantic masks of this set were made from the panoptic ones by its authors, by other code."""
    items = coco.read(data("coco128")).items
    assert len(items) == 200
    for item in items[::10]:
        name = item.image.relative_to(data("coco128", "images")).with_suffix(".png")
        expected = np.array(Image.open(data("coco128", "semantic_segmentation", "masks") / name))
        np.testing.assert_array_equal(item.paint().ids, expected)


@needs_data
def test_objects_cover_the_areas_that_cocos_own_file_states():
    """Areas in the file are of polygons before they are rounded to pixels; run lengths must agree to the pixel."""
    folder = data("reference", "panoptic", "sample_data")
    content = json.loads((folder / "panoptic_coco_detection_format.json").read_text())
    panoptic, objects = coco.read(folder), coco.read(folder / "panoptic_coco_detection_format.json")
    assert (len(panoptic.items), len(objects.items), len(content["annotations"])) == (2, 2, 50)
    for one_way, other in zip(panoptic.items, objects.items, strict=True):
        first, second = one_way.paint(), other.paint()
        np.testing.assert_array_equal(first.ids, second.ids)
        assert [rle.from_coco(a["segmentation"]).area for a in content["annotations"]] == [
            a["area"] for a in content["annotations"]
        ]


@needs_data
def test_no_other_data_set_is_claimed():
    claimed = [path for path in sorted(data().glob("*")) + sorted(data("formats", "tools").glob("*/*")) if path.is_dir()]
    names = {path.parent.name + "/" + path.name for path in claimed if coco.matches(path)}
    inside = {name for name in names if "coco" not in name}
    assert inside == set()
