"""SYNTHIA: colours, label files of 16 bits, tables of its own."""

import json

import cv2
import numpy as np
import pytest

from pixelwise.data.importing.synthia import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import SIZE, TOOLS, needs_exports, painted, photo, said, save

ROAD, CAR, VOID = (128, 64, 128), (64, 0, 128), (0, 0, 0)


def colored(*colors):
    values = np.array(colors, np.uint8)
    return np.tile(values[np.arange(SIZE[1]) * len(values) // SIZE[1]], (SIZE[0], 1, 1))


def save_labels(path, classes, objects):
    """16-bit PNG of class, object, nothing, as the data set has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blank = np.zeros(SIZE, np.uint16)
    red, green = (np.tile(np.repeat(np.array(row, np.uint16), SIZE[1] // len(row)), (SIZE[0], 1)) for row in (classes, objects))
    assert cv2.imwrite(str(path), np.dstack([blank, green, red]))


@pytest.mark.parametrize("images, masks, road", [("RGB", "GT", 3), ("RGBLeft", "GTLeft", 1), ("RGB", "SemSeg", 3)])
def test_colours_become_the_ids_of_the_set(images, masks, road, tmp_path):
    photo(tmp_path / images / "0.png")
    save(tmp_path / masks / "0.png", colored(ROAD, VOID))
    assert FORMAT.matches(tmp_path).startswith(f"folders {images}/ and {masks}/")
    annotations = FORMAT.read(tmp_path)
    assert painted(annotations)["0"][0][0].tolist() == [road] * 4 + [0] * 4
    assert [row["name"] for row in annotations.classes if row["id"] == road] == ["road"]
    assert [row["name"] for row in annotations.classes if row.get("ignore")] == ["void"]


def test_label_files_hold_classes_and_objects(tmp_path):
    photo(tmp_path / "RGB/Stereo_Left/Omni_F/0.png")
    save_labels(tmp_path / "GT/LABELS/Stereo_Left/Omni_F/0.png", [3, 8, 8, 22], [0, 300, 7, 0])
    annotations = FORMAT.read(tmp_path)
    ids, instances = painted(annotations)["Stereo_Left_Omni_F_0"]
    assert ids[0].tolist() == [3, 3, 8, 8, 8, 8, 22, 22]
    assert instances[0].tolist() == [0, 0, 2, 2, 1, 1, 0, 0]
    assert len(annotations.classes) == 23


def test_a_class_beyond_the_label_files_is_refused(tmp_path):
    photo(tmp_path / "RGB/0.png")
    save_labels(tmp_path / "GT/LABELS/0.png", [23], [0])
    with pytest.raises(DataError, match="holds class 23, SYNTHIA has 0 to 22"):
        FORMAT.read(tmp_path).items[0].paint()


def test_a_table_beside_the_images_goes_first(tmp_path):
    photo(tmp_path / "RGB/0.png")
    save(tmp_path / "GT/0.png", colored((1, 1, 1), (2, 2, 3)))
    (tmp_path / "label_colors.txt").write_text("1 1 1 lawn\n2 2 3 pond\n")
    annotations = FORMAT.read(tmp_path)
    assert painted(annotations)["0"][0][0].tolist() == [0] * 4 + [1] * 4
    assert "label_colors.txt" in said(annotations)
    (tmp_path / "label_colors.txt").unlink()
    meta = {"label_map": {"0": "lawn", "1": "pond"}, "segmentation_colors": [[1, 1, 1], [2, 2, 3]]}
    (tmp_path / "dataset_meta.json").write_text(json.dumps(meta))
    assert painted(FORMAT.read(tmp_path))["0"][0][0].tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize("pixels", [np.zeros((*SIZE, 3), np.uint8) + 77, np.ones(SIZE, np.uint8)], ids=["other colours", "ids"])
def test_masks_of_another_kind_are_not_taken_for_synthia(pixels, tmp_path):
    photo(tmp_path / "RGB/0.png")
    save(tmp_path / "GT/0.png", pixels)
    assert FORMAT.matches(tmp_path) is None


@needs_exports
@pytest.mark.parametrize("name", ["al", "rand", "rand_custom_labelmap", "rand_meta_file", "sf"])
def test_real_exports_are_read(name):
    root = TOOLS / "synthia_dataset" / name
    assert FORMAT.matches(root)
    annotations = FORMAT.read(root)
    assert len(painted(annotations)) == 2
    assert annotations.faults == ()


@needs_exports
def test_the_ids_of_colours_are_those_that_the_set_writes_as_text():
    """The text of ids that one of the exports carries is of the image that another export holds in colour."""
    text = (TOOLS / "synthia_dataset/rand/GTTXT/000001.txt").read_text().split()
    assert painted(FORMAT.read(TOOLS / "synthia_dataset/al"))["000001"][0].tolist() == [list(map(int, text))]
