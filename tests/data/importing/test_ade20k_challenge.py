"""ADE20K's scene parsing set: 150 ids, names of its own file or of the table, scenes."""

import pytest

from pixelwise.data.importing.ade20k_challenge import FORMAT
from pixelwise.errors import DataError
from pixelwise.types import ClassTable
from tests.data.importing.mask_sets import painted, photo, said, save, stripes


def make(root):
    for split, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        photo(root / "images" / split / f"{name}.jpg")
        save(root / "annotations" / split / f"{name}.png", stripes([0, 1, 150]))
    return root


def test_ids_stay_and_0_is_ignored(tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    table = ClassTable.from_json(annotations.classes)
    assert (len(table), table.names[0], table.names[-1], table.ignore_ids) == (150, "wall", "flag", (0,))
    assert (table.names[19], table.names[20], table.names[12]) == ("chair", "car", "person")  # ids 20, 21 and 13 of the challenge
    assert sorted(set(painted(annotations)["ADE_train_00000001"][0][0].tolist())) == [0, 1, 150]
    assert [item.split for item in annotations.items] == ["train", "val"]


def test_the_file_of_classes_and_that_of_scenes_are_used(tmp_path):
    make(tmp_path)
    rows = [f"{at}\t0.1\t10\t2\t{at % 2}\tclass {at}, other word" for at in range(1, 4)]
    (tmp_path / "objectInfo150.txt").write_text("\n".join(["Idx\tRatio\tTrain\tVal\tStuff\tName", *rows]))
    (tmp_path / "sceneCategories.txt").write_text("ADE_train_00000001 airport_terminal\nADE_train_00000009 misc\n")
    annotations = FORMAT.read(tmp_path)
    assert [(row["name"], row.get("thing", False)) for row in annotations.classes[1:]] == [
        ("class 1", False), ("class 2", True), ("class 3", False),
    ]  # fmt: skip
    assert [dict(item.columns) for item in annotations.items] == [{"scene": "airport_terminal"}, {}]
    assert "names by objectInfo150.txt" in said(annotations)


def test_a_damaged_file_of_classes_is_refused(tmp_path):
    (make(tmp_path) / "objectInfo150.txt").write_text("Idx\tName\n1\twall\n")
    with pytest.raises(DataError, match="six columns"):
        FORMAT.read(tmp_path)


def test_other_images_and_annotations_are_not_the_challenge(tmp_path):
    photo(tmp_path / "images/training/a.jpg")
    save(tmp_path / "annotations/training/a.png", stripes([0, 1]))
    assert FORMAT.matches(tmp_path) is None
    assert FORMAT.matches(make(tmp_path / "other"))
