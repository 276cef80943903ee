"""ADE20K, the full set: codes in red and green, objects in blue, names in text or JSON beside them."""

import json

import numpy as np
import pytest

from pixelwise.data.importing.ade20k import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import SIZE, TOOLS, needs_exports, painted, photo, said, save

SKY, CAR = 2420, 400  # ids as they are: more than a byte holds


def seg(*regions):
    """(H, W, 3): each region is a class id and the number of its object, in a stripe."""
    columns = np.arange(SIZE[1]) * len(regions) // SIZE[1]
    ids, numbers = (np.array([region[at] for region in regions])[columns] for at in (0, 1))
    pixels = np.stack([ids // 256 * 10, ids % 256, numbers], axis=1).astype(np.uint8)
    return np.tile(pixels, (SIZE[0], 1, 1))


def make_text(root, name="ADE_train_1", regions=((0, 0), (SKY, 1), (CAR, 2), (CAR, 3)), names=("sky", "car, auto", "car, auto")):
    folder = root / "images/training/s/street"
    photo(folder / f"{name}.jpg")
    save(folder / f"{name}_seg.png", seg(*regions))
    lines = [f'{at:03} # 0 # 0 # {word} # {word} # ""' for at, word in enumerate(names, 1)]
    (folder / f"{name}_atr.txt").write_text("\n".join([*lines, '001 # 1 # 0 # wheel # wheel # ""']))
    return root


def make_json(root, name="ADE_val_1", objects=((SKY, "sky"), (CAR, "car, auto"), (CAR, "car, auto"))):
    folder = root / "images/ADE/validation/street"
    photo(folder / f"{name}.jpg")
    save(folder / f"{name}_seg.png", seg((0, 0), (SKY, 1), (CAR, 2), (CAR, 3)))
    entries = [{"name": word, "name_ndx": number, "parts": {"part_level": 0}} for number, word in objects]
    entries.append({"name": "wheel", "name_ndx": 5, "parts": {"part_level": 1}})
    (folder / f"{name}.json").write_text(json.dumps({"annotation": {"object": entries}}))
    return root


@pytest.mark.parametrize("make, key, split, scene", [(make_text, "ADE_train_1", "train", "s/street"),
                                                     (make_json, "ADE_val_1", "val", "street")])  # fmt: skip
def test_classes_keep_their_ids_and_objects_their_pixels(make, key, split, scene, tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    assert FORMAT.matches(tmp_path)
    assert [(row["id"], row["name"], row.get("ignore", False)) for row in annotations.classes] == [
        (0, "unlabeled", True), (CAR, "car", False), (SKY, "sky", False),
    ]  # fmt: skip
    ids, instances = painted(annotations)[key]
    assert ids[0].tolist() == [0, 0, SKY, SKY, CAR, CAR, CAR, CAR]
    assert instances[0].tolist() == [0, 0, 3, 3, 1, 1, 2, 2]  # in the order of class, then object
    assert [(item.split, dict(item.columns)) for item in annotations.items] == [(split, {"scene": scene})]


def test_objects_whose_blue_is_not_their_number_are_paired_by_rank(tmp_path):
    annotations = FORMAT.read(make_text(tmp_path, regions=((0, 0), (SKY, 60), (CAR, 120), (CAR, 255))))
    assert {row["id"]: row["name"] for row in annotations.classes} == {0: "unlabeled", CAR: "car", SKY: "sky"}


def test_names_are_found_in_as_many_images_as_it_takes(tmp_path):
    make_text(tmp_path, "a")
    make_text(tmp_path, "b")
    make_text(tmp_path, "c", regions=((9, 1), (SKY, 2)), names=("tree", "sky"))
    annotations = FORMAT.read(tmp_path)
    assert {row["id"]: row["name"] for row in annotations.classes} == {0: "unlabeled", 9: "tree", CAR: "car", SKY: "sky"}
    assert "joined to the ids in 2 images" in said(annotations)


def test_objects_that_nobody_named_are_unlabeled_and_counted(tmp_path):
    make_json(tmp_path, objects=[(SKY, "sky"), (CAR, ""), (0, "car")])
    item = FORMAT.read(tmp_path).items[0]
    assert item.paint().ids[0].tolist() == [0, 0, SKY, SKY, 0, 0, 0, 0]
    assert dict(item.paint().losses) == {"objects without a named class": 2}


def test_codes_that_disagree_with_the_names_are_replaced_by_numbers_of_names(tmp_path):
    annotations = FORMAT.read(make_text(tmp_path, regions=((0, 0), (7, 1), (0, 2), (7, 3))))
    assert [(row["id"], row["name"]) for row in annotations.classes] == [(0, "unlabeled"), (1, "car"), (2, "sky")]
    assert painted(annotations)["ADE_train_1"][0][0].tolist() == [0, 0, 2, 2, 1, 1, 1, 1]
    assert "numbered by name" in said(annotations)


@pytest.mark.parametrize("text", ["nonsense", "1 # x # 0 # sky # sky #", "1 # 0 # 0 #  # sky #"])
def test_a_damaged_file_of_names_leaves_out_its_image_alone(text, tmp_path):
    make_text(tmp_path, "a")
    make_text(tmp_path, "b")
    (tmp_path / "images/training/s/street/b_atr.txt").write_text(text)
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["a"]
    assert "b.jpg is left out" in said(annotations)


def test_a_grey_mask_is_refused(tmp_path):
    make_json(tmp_path)
    save(tmp_path / "images/ADE/validation/street/ADE_val_1_seg.png", np.ones(SIZE, np.uint8))
    with pytest.raises(DataError, match=r"no _seg.png of ADE20K"):
        FORMAT.read(tmp_path).items[0].paint()


def test_more_classes_than_can_be_trained_are_told(tmp_path):
    make_json(tmp_path, objects=[(number, f"thing {number}") for number in range(1, 300)])
    assert "299 classes are more than the 255" in said(FORMAT.read(tmp_path))


def test_a_mask_beside_an_image_without_names_does_not_match(tmp_path):
    photo(tmp_path / "a.jpg")
    save(tmp_path / "a_seg.png", seg((1, 1)))
    assert FORMAT.matches(tmp_path) is None
    (tmp_path / "a.json").write_text("{}")
    assert FORMAT.matches(tmp_path)


@needs_exports
@pytest.mark.parametrize("release, ids", [("ade20k2017_dataset", [0, 2, 1, 1]), ("ade20k2020_dataset", [0, 1831, 401, 401, 401])])
@pytest.mark.parametrize("name", ["dataset", "dataset_with_meta_file"])
def test_real_exports_are_read(release, ids, name):
    root = TOOLS / release / name
    assert FORMAT.matches(root)
    annotations = FORMAT.read(root)
    names = {row["name"] for row in annotations.classes}
    assert names == {"unlabeled", "person", "sky" if "2017" in release else "car"}
    assert painted(annotations)["1"][0][0].tolist() == ids
    assert annotations.faults == ()
