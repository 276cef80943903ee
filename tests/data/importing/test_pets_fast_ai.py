"""The layouts that fetch brings: Oxford-IIIT Pet and fast.ai's CamVid."""

import numpy as np
import pytest

from pixelwise.data.importing import fast_ai, pets
from pixelwise.errors import DataError
from pixelwise.formats.image import write_image
from pixelwise.formats.label_png import write_ids

RNG = np.random.default_rng(0)
TRIMAP = RNG.integers(1, 4, (12, 16)).astype(np.uint8)


@pytest.fixture
def pet_folder(tmp_path):
    for name in ("Abyssinian_1", "great_pyrenees_20", "Bombay_3"):
        write_image(tmp_path / "images" / f"{name}.jpg", RNG.integers(0, 255, (12, 16, 3)).astype(np.uint8))
        write_ids(tmp_path / "annotations" / "trimaps" / f"{name}.png", TRIMAP)
    (tmp_path / "annotations" / "trimaps" / "Bombay_3.png").unlink()
    (tmp_path / "annotations" / "trainval.txt").write_text("# comment\nAbyssinian_1 1 1 1\n")
    (tmp_path / "annotations" / "test.txt").write_text("great_pyrenees_20 2 2 1\nBombay_3 3 1 2\n")
    return tmp_path


def test_pets_have_their_split_their_breed_and_an_ignored_rim(pet_folder):
    assert pets.FORMAT.matches(pet_folder)
    found = pets.FORMAT.read(pet_folder)
    assert {item.key: (item.split, dict(item.columns)) for item in found.items} == {
        "Abyssinian_1": ("train", {"breed": "Abyssinian", "species": "cat"}),
        "great_pyrenees_20": ("test", {"breed": "great_pyrenees", "species": "dog"}),
    }
    assert (found.items[0].paint().ids == TRIMAP).all()
    assert {row["id"]: row.get("ignore", False) for row in found.classes} == {1: False, 2: False, 3: True}
    assert "Bombay_3" in found.faults[0]


def test_pets_without_lists_are_not_split(pet_folder):
    for name in ("trainval.txt", "test.txt"):
        (pet_folder / "annotations" / name).unlink()
    found = pets.FORMAT.read(pet_folder)
    assert {item.split for item in found.items} == {""}
    assert "not split" in found.decisions[-1]


@pytest.fixture
def codes(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "images" / f"{name}.png", RNG.integers(0, 255, (12, 16, 3)).astype(np.uint8))
        write_ids(tmp_path / "labels" / f"{name}_P.png", TRIMAP - 1)
    (tmp_path / "codes.txt").write_text("Animal\nCar\nVoid")
    (tmp_path / "valid.txt").write_text("b.png\n")
    return tmp_path


def test_codes_name_the_ids_and_valid_txt_splits(codes):
    assert fast_ai.FORMAT.matches(codes)
    found = fast_ai.FORMAT.read(codes)
    assert [(item.key, item.split) for item in found.items] == [("a", "train"), ("b", "val")]
    assert [(row["id"], row["name"], row.get("ignore", False)) for row in found.classes] == [
        (0, "Animal", False), (1, "Car", False), (2, "Void", True),
    ]  # fmt: skip
    assert (found.items[1].paint().ids == TRIMAP - 1).all()


def test_a_list_of_one_class_and_one_that_is_no_text_are_refused(codes):
    (codes / "codes.txt").write_text("Animal\n")
    with pytest.raises(DataError, match="names 1 classes"):
        fast_ai.FORMAT.read(codes)
    (codes / "codes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        fast_ai.FORMAT.read(codes)


def test_neither_claims_what_is_not_its_own(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    assert pets.FORMAT.matches(tmp_path) is None
    assert fast_ai.FORMAT.matches(tmp_path) is None
