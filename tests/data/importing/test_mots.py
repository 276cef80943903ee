"""MOTS: codes of class and object, regions to ignore, names from a list."""

import numpy as np
import pytest

from pixelwise.data.importing.mots import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import TOOLS, needs_exports, painted, photo, save, stripes


def make(root, values=(0, 1001, 2000, 10000), names=None):
    for split, number in (("train", 1), ("train", 2), ("val", 1)):
        photo(root / split / "images" / "0002" / f"{number:06}.jpg", seed=number)
        save(root / split / "instances" / "0002" / f"{number:06}.png", stripes(values, dtype=np.uint16))
    if names:
        (root / "train/instances/labels.txt").write_text("\n".join(names))
    return root


def test_codes_are_classes_and_objects_and_10000_is_ignored(tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    ids, instances = painted(annotations)["0002_000002"]
    assert ids[0].tolist() == [0, 0, 1, 1, 2, 2, 10, 10]
    assert instances[0].tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    assert [(row["id"], row["name"], row.get("ignore", False)) for row in annotations.classes] == [
        (0, "background", False), (1, "car", False), (2, "pedestrian", False), (10, "ignored region", True),
    ]  # fmt: skip
    assert [(item.key, item.split, item.columns["sequence"]) for item in annotations.items] == [
        ("train_0002_000001", "train", "0002"), ("0002_000002", "train", "0002"), ("val_0002_000001", "val", "0002"),
    ]  # fmt: skip


def test_a_list_of_names_goes_before_the_classes_of_the_challenge(tmp_path):
    annotations = FORMAT.read(make(tmp_path, (0, 3001), ["a", "b", "c"]))
    assert [row["name"] for row in annotations.classes[:4]] == ["background", "a", "b", "c"]
    assert painted(annotations)["0002_000002"][0].max() == 3


def test_with_ten_classes_the_tenth_is_one_of_them(tmp_path):
    annotations = FORMAT.read(make(tmp_path, (0, 10000), [f"c{at}" for at in range(1, 11)]))
    assert painted(annotations)["0002_000002"][1].max() == 1
    assert not any(row.get("ignore") for row in annotations.classes)


def test_numbered_objects_of_one_class_are_another_format(tmp_path):
    make(tmp_path, (0, 1, 2, 1001))  # objects 1, 2 and 1001
    assert FORMAT.matches(tmp_path) is None
    with pytest.raises(DataError, match="holds 1, whose class 0 is none of"):
        FORMAT.read(tmp_path).items[0].paint()


@needs_exports
def test_the_real_export_is_read():
    root = TOOLS / "mots_dataset"
    assert FORMAT.matches(root)
    found = painted(FORMAT.read(root))
    assert {key: (ids.tolist(), instances.tolist()) for key, (ids, instances) in found.items()} == {
        "1": ([[4, 4, 3, 4, 0]], [[3, 3, 1, 2, 0]]), "2": ([[4, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]]),
        "3": ([[0, 1, 0, 0, 0]], [[0, 1, 0, 0, 0]]),
    }  # fmt: skip
