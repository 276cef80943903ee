"""Cityscapes: folders, the three kinds of label files, and the table of classes against torchvision's."""

import json

import numpy as np
import pytest
from torchvision.datasets import Cityscapes

from pixelwise.data.importing.cityscapes import FORMAT
from pixelwise.data.importing.street_classes import STREET_CLASSES, id_rows, train_id_rows
from pixelwise.errors import DataError
from pixelwise.types import ClassTable
from tests.data.importing.mask_sets import TOOLS, needs_exports, painted, photo, said, save, stripes


def make(root, kinds=("instanceIds",), splits=("train", "val", "test"), truth="gtFine", city="aachen"):
    for number, split in enumerate(splits):
        stem = f"{city}_{number:06}_000019"
        photo(root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", seed=number)
        folder = root / truth / split / city
        for kind in kinds:
            values = {"instanceIds": [7, 26, 26000, 26001], "labelIds": [7, 26, 26, 26], "labelTrainIds": [0, 13, 13, 255]}[kind]
            dtype = np.uint16 if kind == "instanceIds" else np.uint8
            save(folder / f"{stem}_{truth}_{kind}.png", stripes(values, dtype=dtype))
    return root


def test_the_table_of_classes_is_that_of_torchvision():
    theirs = [label for label in Cityscapes.classes if label.id >= 0]
    ours = [(label.name, label.id, label.train_id, label.has_objects, label.is_ignored, label.color) for label in STREET_CLASSES]
    assert ours == [(c.name, c.id, c.train_id, c.has_instances, c.ignore_in_eval, c.color) for c in theirs]


@pytest.mark.parametrize("rows, count", [(id_rows(), 19), (train_id_rows(), 19)], ids=["ids", "training ids"])
def test_nineteen_classes_count(rows, count):
    table = ClassTable.from_json(rows)
    assert len(table) == count
    assert table.names[:3] == ["road", "sidewalk", "building"]


def test_instance_files_give_labels_and_objects_and_regions_have_no_number(tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    assert FORMAT.matches(tmp_path) == "folders leftImg8bit/ and gtFine/ with files *_leftImg8bit"
    ids, instances = painted(annotations)["aachen_000000_000019"]
    assert ids[0].tolist() == [7, 7, 26, 26, 26, 26, 26, 26]
    assert instances[0].tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert [(item.split, dict(item.columns)) for item in annotations.items] == [
        ("test", {"city": "aachen"}), ("train", {"city": "aachen"}), ("val", {"city": "aachen"}),
    ]  # fmt: skip
    assert annotations.faults == ()


@pytest.mark.parametrize(
    "kinds, values, count",
    [
        (("labelIds",), [7, 26], 34),
        (("labelTrainIds",), [0, 13, 255], 20),
        (("labelIds", "labelTrainIds"), [7, 26], 34),
        (("instanceIds", "labelIds"), [7, 26], 34),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_ids_stay_as_the_files_hold_them(kinds, values, count, tmp_path):
    annotations = FORMAT.read(make(tmp_path, kinds))
    assert sorted({int(v) for ids, _ in painted(annotations).values() for v in np.unique(ids)}) == values
    assert len(annotations.classes) == count


def test_fine_goes_before_coarse_and_train_extra_is_training(tmp_path):
    make(tmp_path, ("labelIds",), ("train",))
    make(tmp_path, ("labelIds",), ("train", "train_extra"), "gtCoarse")
    annotations = FORMAT.read(tmp_path)
    assert [(item.key, item.split, item.columns.get("part", "")) for item in annotations.items] == [
        ("aachen_000000_000019", "train", ""), ("aachen_000001_000019", "train", "train_extra"),
    ]  # fmt: skip
    assert "1 fine annotations and 1 coarse ones" in said(annotations)


def test_an_image_with_training_ids_alone_is_left_out_where_others_have_label_ids(tmp_path):
    make(tmp_path, ("labelIds",), ("train",), city="aachen")
    make(tmp_path, ("labelTrainIds",), ("train",), city="bonn")
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["aachen_000000_000019"]
    assert "labelTrainIds alone" in said(annotations)


def test_dummy_labels_of_the_test_split_are_told(tmp_path):
    make(tmp_path, ("labelIds",), ("train", "test"))
    assert "dummies" not in said(FORMAT.read(tmp_path))
    save(tmp_path / "gtFine/test/aachen/aachen_000001_000019_gtFine_labelIds.png", stripes([1, 2, 3, 0]))
    assert "dummies" in said(FORMAT.read(tmp_path))


def test_a_label_that_there_is_not_is_refused_for_its_image_alone(tmp_path):
    make(tmp_path)
    save(tmp_path / "gtFine/val/aachen/aachen_000001_000019_gtFine_instanceIds.png", stripes([7, 34000], dtype=np.uint16))
    paint = {item.split: item.paint for item in FORMAT.read(tmp_path).items}
    assert paint["train"]().ids[0, 0] == 7
    with pytest.raises(DataError, match="holds 34000, which is of no label"):
        paint["val"]()


def test_missing_partners_are_faults(tmp_path):
    make(tmp_path, splits=("train", "val"))
    (tmp_path / "leftImg8bit/val/aachen/aachen_000001_000019_leftImg8bit.png").unlink()
    photo(tmp_path / "leftImg8bit/train/aachen/aachen_000005_000019_leftImg8bit.png")
    faults = FORMAT.read(tmp_path).faults
    assert len(faults) == 2
    assert "000005" in faults[0]
    assert "000001" in faults[1]


def test_polygons_alone_are_refused_with_the_cure(tmp_path):
    make(tmp_path, kinds=())
    folder = tmp_path / "gtFine/train/aachen"
    folder.mkdir(parents=True)
    (folder / "aachen_000000_000019_gtFine_polygons.json").write_text(json.dumps({}))
    with pytest.raises(DataError, match="make the labelIds files"):
        FORMAT.read(tmp_path)


def test_other_folders_do_not_match(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "gtFine").mkdir()
    assert FORMAT.matches(tmp_path) is None
    assert FORMAT.matches(tmp_path / "nothing") is None


@needs_exports
@pytest.mark.parametrize("name", ["dataset", "train_dataset"])
def test_real_exports_are_read(name):
    root = TOOLS / "cityscapes_dataset" / name
    assert FORMAT.matches(root)
    annotations = FORMAT.read(root)
    found = painted(annotations)
    assert [(ids.tolist(), instances.max() > 0) for ids, instances in found.values()] == [
        ([[3, 3, 27, 27, 27]], name == "train_dataset"), ([[31, 31, 12, 3, 3]], name == "train_dataset"),
        ([[3, 3, 24, 3, 3]], name == "train_dataset"), ([[3, 1, 1, 3, 3]], name == "train_dataset"),
    ]  # fmt: skip
    assert annotations.faults == ()
