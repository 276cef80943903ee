"""From the canonical form to COCO and YOLO and back: the same pixels and objects, or the loss is counted."""

from functools import partial

import cv2
import numpy as np
import pytest
import yaml as yaml_reader

from pixelwise.data.exporting.coco import write_coco
from pixelwise.data.exporting.yolo import write_yolo
from pixelwise.data.importing import coco, yolo
from pixelwise.data.importing.annotated import Annotated, Annotations, Painted
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import read_image, write_image

CLASSES = (
    {"id": 0, "name": "background"},
    {"id": 1, "name": "cell", "color": [200, 30, 40], "thing": True},
    {"id": 7, "name": "debris"},
)
SIZE = (37, 53)


def blobs(seed, count, classes=(1, 7)):
    """Blobs with holes, islands and pixels that touch at corners: numbered from 1, of one class each."""
    rng = np.random.default_rng(seed)
    instances = np.zeros(SIZE, np.uint16)
    for number in range(1, count + 1):
        noise = cv2.GaussianBlur(rng.random(SIZE), (0, 0), rng.uniform(0.5, 3))
        centre = rng.random(2) * SIZE
        near = np.hypot(*(np.mgrid[: SIZE[0], : SIZE[1]] - centre[:, None, None])) < rng.uniform(4, 16)
        instances[near & (noise > np.quantile(noise, 0.4))] = number
    ids = np.array([0, *rng.choice(classes, count)], np.uint8)[instances]
    return ids, instances


def paint_blobs(seed, count=6, classes=(1, 7), numbered=True, ignored=0):
    ids, instances = blobs(seed, count, classes)
    if ignored:
        ids[:ignored], instances[:ignored] = 255, 0
    return Painted(ids, instances if numbered else None)


def make(folder, count=4, classes=CLASSES, paint=paint_blobs, splits=("train", "val")):
    items = []
    for number in range(count):
        split = splits[number % len(splits)]
        image = folder / "images" / split / f"{number}.png"
        write_image(image, np.random.default_rng(number).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
        items.append(Annotated(f"{split}/{number}" if split else f"{number}", image, partial(paint, number), split))
    return Annotations(tuple(items), classes)


def assert_same(first, second, ids=None):
    """Pixels, objects (whatever their numbers), images and splits are the same; ``ids`` maps ids of the first to the second's."""
    assert sorted((item.key, item.split) for item in first.items) == sorted((item.key, item.split) for item in second.items)
    found = {item.key: item for item in second.items}
    for item in first.items:
        was, now = item.paint(), found[item.key].paint()
        expected = was.ids if ids is None else np.array(ids, np.uint8)[was.ids]
        np.testing.assert_array_equal(now.ids, expected)
        np.testing.assert_array_equal(read_image(found[item.key].image), read_image(item.image))
        if was.instances is not None:
            pairs = np.unique(np.stack([was.instances.ravel(), now.instances.ravel()]), axis=1)
            assert pairs.shape[1] == len(np.unique(was.instances)) == len(np.unique(now.instances))


def test_coco_gives_back_every_pixel_and_object(tmp_path):
    annotations = make(tmp_path / "src")
    exported = write_coco(annotations, tmp_path / "out")
    assert (exported.images, exported.failed, exported.sentences()) == (4, {}, [])
    assert any("with holes, which polygons cannot have: as run lengths" in said for said in exported.decisions)
    read = coco.read(tmp_path / "out")
    assert_same(annotations, read)
    assert read.faults == ()
    assert read.classes == (CLASSES[0], CLASSES[1], {**CLASSES[2], "thing": True})  # as its objects have numbers


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in code of pycocotools
def test_pycocotools_reads_the_same_masks(tmp_path):
    api = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    annotations = make(tmp_path / "src", splits=("train",))
    write_coco(annotations, tmp_path / "out")
    file = api.COCO(str(tmp_path / "out" / "annotations" / "instances_train.json"))
    names = {row["file_name"]: row["id"] for row in file.dataset["images"]}
    for item in annotations.items:
        ids = np.zeros(SIZE, np.uint8)
        for row in file.loadAnns(file.getAnnIds([names[f"{item.key}.png"]])):
            mask = file.annToMask(row).astype(bool)
            assert mask.sum() == row["area"]
            assert cv2.boundingRect(mask.astype(np.uint8)) == tuple(row["bbox"])
            ids[mask] = row["category_id"]
        np.testing.assert_array_equal(ids, item.paint().ids)


def test_yolo_gives_back_every_pixel_and_object_with_cuts(tmp_path):
    annotations = make(tmp_path / "src")
    exported = write_yolo(annotations, tmp_path / "out")
    assert (exported.images, exported.failed, exported.sentences()) == (4, {}, [])
    assert exported.decisions[0] == "class ids are counted anew: 1 is 0, 7 is 1"
    assert "held together by cuts of no width" in exported.decisions[1]
    read = yolo.read(tmp_path / "out")
    assert read.faults == ()
    assert_same(annotations, read, ids=[2, 0, *[9] * 5, 1])


def test_yolo_counts_the_holes_that_it_fills(tmp_path):
    def paint(number):
        ids = np.zeros(SIZE, np.uint8)
        ids[2:12, 2:12], ids[20:30, 20:30], ids[20:30, 40:44] = 1, 7, 7
        ids[4:6, 4:6], ids[8, 8:11], ids[22:24, 22:24] = 0, 0, 0
        return Painted(ids, np.select([ids == 1, ids == 7], [1, 2], 0).astype(np.uint16))

    annotations = make(tmp_path / "src", count=2, paint=paint)
    exported = write_yolo(annotations, tmp_path / "out", holes="fill")
    assert exported.sentences() == [
        "YOLO export loses 6 holes",
        "YOLO export loses 22 pixels in holes, which are filled",
        "YOLO export loses 2 objects of several parts, which become several objects",
    ]
    painted = yolo.read(tmp_path / "out").items[0].paint()
    expected = np.full(SIZE, 2)
    expected[2:12, 2:12], expected[20:30, 20:30], expected[20:30, 40:44] = 0, 1, 1
    np.testing.assert_array_equal(painted.ids, expected)
    assert painted.instances.max() == 3


@pytest.mark.parametrize("write, read", [(write_coco, coco.read), (write_yolo, yolo.read)])
def test_regions_without_numbers_keep_their_pixels(tmp_path, write, read):
    classes = ({"id": 1, "name": "background"}, {"id": 0, "name": "crack"})
    annotations = make(tmp_path / "src", classes=classes, paint=partial(paint_cracks, numbered=False))
    exported = write(annotations, tmp_path / "out")
    assert any("no numbered objects" in said or "have no numbers there" in said for said in exported.decisions)
    again = read(tmp_path / "out")
    assert_same(annotations, again)
    assert again.classes[0] == {"id": 1, "name": "background"}


def test_a_line_of_pixels_that_touch_at_corners_is_one_object(tmp_path):
    annotations = make(tmp_path / "src", count=1, paint=lambda _: Painted(np.eye(*SIZE, dtype=np.uint8)))
    write_yolo(annotations, tmp_path / "out")
    assert len((tmp_path / "out" / "labels" / "train" / "0.txt").read_text().splitlines()) == 1
    np.testing.assert_array_equal(yolo.read(tmp_path / "out").items[0].paint().instances, np.eye(*SIZE))


def paint_cracks(seed, numbered):
    ids, instances = blobs(seed, 4, (1,))
    return Painted((1 - ids).astype(np.uint8), instances if numbered else None)


def test_another_number_for_background_is_told_to_readers_of_coco(tmp_path):
    classes = ({"id": 9, "name": "background"}, {"id": 0, "name": "a", "thing": True}, {"id": 4, "name": "b", "thing": True})
    annotations = make(tmp_path / "src", classes=classes, paint=paint_nine)
    write_coco(annotations, tmp_path / "out")
    read = coco.read(tmp_path / "out")
    assert_same(annotations, read)
    assert {row["id"]: row["name"] for row in read.classes} == {9: "background", 0: "a", 4: "b"}


def paint_nine(seed):
    ids, instances = blobs(seed, 4)
    return Painted(np.array([9, 0, *[255] * 5, 4], np.uint8)[ids], instances)


@pytest.mark.parametrize("write, title", [(write_coco, "COCO"), (write_yolo, "YOLO")])
def test_ignored_pixels_are_counted_as_lost(tmp_path, write, title):
    annotations = make(tmp_path / "src", count=2, paint=partial(paint_blobs, ignored=3))
    exported = write(annotations, tmp_path / "out")
    assert exported.sentences() == [f"{title} export loses {2 * 3 * SIZE[1]} ignored pixels, which become background"]


def paint_but_one(seed):
    if seed == 1:
        raise DataError("polygon 3 has one point; remove it")
    return paint_blobs(seed)


@pytest.mark.parametrize("write, read", [(write_coco, coco.read), (write_yolo, yolo.read)])
def test_a_damaged_image_loses_nothing_else(tmp_path, write, read):
    told = []
    annotations = make(tmp_path / "src", paint=paint_but_one)
    exported = write(annotations, tmp_path / "out", progress=lambda done, total: told.append((done, total)))
    assert (exported.images, exported.failed) == (3, {"val/1": "polygon 3 has one point; remove it"})
    assert [item.key for item in read(tmp_path / "out").items] != []
    assert len(read(tmp_path / "out").items) == 3
    assert told[-1] == (4, 4)


@pytest.mark.parametrize("write", [write_coco, write_yolo])
def test_nothing_is_written_over(tmp_path, write):
    annotations = make(tmp_path / "src", count=1)
    with pytest.raises(ConfigError, match="exists and is not empty; choose another folder"):
        write(annotations, tmp_path / "src")


@pytest.mark.parametrize("write", [write_coco, write_yolo])
def test_background_alone_is_nothing_to_export(tmp_path, write):
    annotations = make(
        tmp_path / "src", count=1, classes=({"id": 0, "name": "background"}, {"id": 3, "name": "x", "ignore": True})
    )
    with pytest.raises(DataError, match="there is no class but background"):
        write(annotations, tmp_path / "out")


@pytest.mark.parametrize("write, read", [(write_coco, coco.read), (write_yolo, yolo.read)])
def test_images_without_a_file_are_written(tmp_path, write, read):
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    annotations = Annotations((Annotated("0", lambda: pixels, partial(paint_blobs, 0)),), CLASSES)
    write(annotations, tmp_path / "out")
    (item,) = read(tmp_path / "out").items
    np.testing.assert_array_equal(read_image(item.image), pixels)


def test_yolo_says_which_splits_are_missing_and_takes_images_without_one_for_training(tmp_path):
    exported = write_yolo(make(tmp_path / "src", splits=("",)), tmp_path / "out")
    assert "data.yaml has no val, which training tools ask for" in exported.decisions[-1]
    assert yaml_reader.safe_load((tmp_path / "out" / "data.yaml").read_text()) == {
        "path": ".",
        "train": "images/train",
        "names": {0: "cell", 1: "debris"},
    }


def test_folders_called_images_do_not_mislead_readers_of_yolo(tmp_path):
    annotations = make(tmp_path / "src", count=2)
    renamed = tuple(
        Annotated(f"images/{number}/x", item.image, item.paint, "train") for number, item in enumerate(annotations.items)
    )
    write_yolo(Annotations(renamed, CLASSES), tmp_path / "out")
    assert (tmp_path / "out" / "labels" / "train" / "images_" / "0" / "x.txt").is_file()
    assert all(item.paint().instances.max() > 0 for item in yolo.read(tmp_path / "out").items)


def test_only_two_ways_with_holes(tmp_path):
    with pytest.raises(ConfigError, match="holes must be 'cut' or 'fill', got 'keep'"):
        write_yolo(make(tmp_path / "src", count=1), tmp_path / "out", holes="keep")
