"""nnU-Net's raw folders: channels, labels, regions, the test part; volumes are refused."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.nnunet import FORMAT
from pixelwise.errors import DataError
from pixelwise.types import ClassTable
from tests.data.importing.mask_sets import SIZE, painted, photo, said, save, stripes

LABELS = {"background": 0, "cell": 1, "ignore": 2}


def make(root, channels=("red", "green", "blue"), labels=LABELS, ending=".png", **more):
    root.mkdir(parents=True, exist_ok=True)
    stated = {"channel_names": dict(enumerate(channels)), "labels": labels, "numTraining": 2, "file_ending": ending}
    (root / "dataset.json").write_text(json.dumps(stated | more))
    for case in ("case_1", "case_2"):
        save(root / f"labelsTr/{case}{ending}", stripes([0, 1, 2]))
    return root


def add_channels(root, count, part="Tr", case="case_1", dtype=np.uint8, size=SIZE):
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, np.iinfo(dtype).max, size).astype(dtype)
        save(root / f"images{part}/{case}_{number:04}.png", pixels)


def test_one_file_per_image_is_taken_as_it_is(tmp_path):
    make(tmp_path)
    for case in ("case_1", "case_2"):
        photo(tmp_path / f"imagesTr/{case}_0000.png")
    assert FORMAT.matches(tmp_path) == "dataset.json with labels, as nnU-Net writes it, beside imagesTr/"
    annotations = FORMAT.read(tmp_path)
    assert [(item.key, item.image.name, item.split) for item in annotations.items] == [
        ("case_1", "case_1_0000.png", ""), ("case_2", "case_2_0000.png", ""),
    ]  # fmt: skip
    table = ClassTable.from_json(annotations.classes)
    assert (table.names, table.ids, table.ignore_ids) == (["background", "cell"], [0, 1], (2,))
    assert sorted(set(painted(annotations)["case_1"][0][0].tolist())) == [0, 1, 2]
    assert annotations.faults == ()


def test_one_file_per_channel_is_stacked_in_their_order(tmp_path):
    make(tmp_path)
    add_channels(tmp_path, 3, dtype=np.uint16)
    annotations = FORMAT.read(tmp_path)
    image = pickle.loads(pickle.dumps(annotations.items[0].image))()
    assert (image.shape, image.dtype) == ((*SIZE, 3), np.uint16)
    third = np.asarray(Image.open(tmp_path / "imagesTr/case_1_0002.png"))
    assert (image[..., 2] == third).all()
    assert "stacked from 3 files" in said(annotations)
    assert "case_2" in annotations.faults[0]


def test_two_channels_in_files_of_their_own_are_refused_with_the_cure(tmp_path):
    make(tmp_path, channels=("T1", "T2"))
    add_channels(tmp_path, 2)
    with pytest.raises(DataError, match=r"2 channels \(T1, T2\).*1, 3 or 4"):
        FORMAT.read(tmp_path)


def test_a_case_without_all_of_its_channels_is_a_fault(tmp_path):
    make(tmp_path)
    add_channels(tmp_path, 3)
    add_channels(tmp_path, 2, case="case_2")
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["case_1"]
    assert "case_2 (2)" in said(annotations)


def test_channels_that_do_not_fit_each_other_are_refused(tmp_path):
    make(tmp_path)
    add_channels(tmp_path, 3)
    save(tmp_path / "imagesTr/case_1_0001.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(DataError, match="one size and depth"):
        FORMAT.read(tmp_path).items[0].image()


def test_regions_keep_their_ids_and_are_told(tmp_path):
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    make(tmp_path, labels=labels, regions_class_order=[1, 2, 3])
    photo(tmp_path / "imagesTr/case_1_0000.png")
    annotations = FORMAT.read(tmp_path)
    assert [(row["id"], row["name"]) for row in annotations.classes] == [
        (0, "background"),
        (1, "whole"),
        (2, "core"),
        (3, "enhancing"),
    ]
    assert "whole = ids 1, 2, 3; core = ids 2, 3" in said(annotations)


def test_ids_as_keys_are_the_old_way_round(tmp_path):
    make(tmp_path, labels={"0": "background", "1": "cell"}, modality={"0": "MRI"})
    photo(tmp_path / "imagesTr/case_1_0000.png")
    assert [(row["id"], row["name"]) for row in FORMAT.read(tmp_path).classes] == [(0, "background"), (1, "cell")]


def test_a_test_part_counts_where_it_has_labels(tmp_path):
    make(tmp_path)
    photo(tmp_path / "imagesTr/case_1_0000.png")
    photo(tmp_path / "imagesTs/case_9_0000.png")
    annotations = FORMAT.read(tmp_path)
    assert [(item.key, item.split) for item in annotations.items] == [("case_1", "")]
    assert "imagesTs has no labels" in said(annotations)
    save(tmp_path / "labelsTs/case_9.png", stripes([0, 1]))
    assert [(item.key, item.split) for item in FORMAT.read(tmp_path).items] == [("case_1", "train"), ("case_9", "test")]


@pytest.mark.parametrize(
    "labels", [{"a": -1}, {"a": 1.5}, {"a": []}, {"a": True}, {"a": 70000}, {"a": [0, "1"]}, {}, [1], "x"], ids=str
)
def test_labels_that_are_no_ids_are_refused(labels, tmp_path):
    make(tmp_path, labels=labels)
    photo(tmp_path / "imagesTr/case_1_0000.png")
    with pytest.raises(DataError, match=r"dataset.json"):
        FORMAT.read(tmp_path)


def test_volumes_are_refused_with_the_cure(tmp_path):
    make(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": LABELS, "file_ending": ".nii.gz"}))
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "imagesTr/a_0000.nii.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a_0000.nii.gz is NIfTI; volumes cannot be read yet: save their slices"):
        FORMAT.read(tmp_path)


def test_a_tiff_of_several_pages_is_a_volume(tmp_path):
    make(tmp_path, ending=".tif")
    (tmp_path / "imagesTr").mkdir()
    pages = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in range(3)]
    pages[0].save(tmp_path / "imagesTr/case_1_0000.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match="a volume of 3 pages"):
        FORMAT.read(tmp_path)


def test_a_dataset_json_of_another_kind_does_not_match(tmp_path):
    (tmp_path / "imagesTr").mkdir()
    assert FORMAT.matches(tmp_path) is None
    for text in ("{}", "[]", "{", '{"name": "x"}'):
        (tmp_path / "dataset.json").write_text(text)
        assert FORMAT.matches(tmp_path) is None
