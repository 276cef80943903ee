"""Mapillary Vistas: versions, labels of a config file, and objects against the panoptic files of the same set."""

import json

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.mapillary import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import TOOLS, needs_exports, painted, photo, said, save, seen_as_same_objects, stripes

LABELS = [
    {"name": "nature--sky", "readable": "Sky", "color": [1, 2, 3], "instances": False, "evaluate": True},
    {"name": "object--car", "readable": "Car", "color": [4, 5, 6], "instances": True, "evaluate": True},
    {"name": "void--unlabeled", "readable": "Unlabeled", "color": [0, 0, 0], "instances": False, "evaluate": False},
]


def make(root, version="v1.2", labels=LABELS, instances=True):
    (root / f"config_{version}.json").write_text(json.dumps({"labels": labels}))
    for split in ("training", "validation"):
        photo(root / split / "images/a.jpg", seed=3)
        save(root / split / version / "labels/a.png", stripes([0, 1, 1, 2]))
        if instances:
            save(root / split / version / "instances/a.png", stripes([0, 256, 257, 512], dtype=np.uint16))
    return root


def test_objects_begin_at_zero_and_labels_without_objects_are_regions(tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    ids, instances = painted(annotations)["train_a"]
    assert ids[0].tolist() == [0, 0, 1, 1, 1, 1, 2, 2]
    assert instances[0].tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    assert [(row["id"], row["name"], row.get("ignore", False), row.get("thing", False)) for row in annotations.classes] == [
        (0, "Sky", False, False), (1, "Car", False, True), (2, "Unlabeled", True, False),
    ]  # fmt: skip
    assert [item.split for item in annotations.items] == ["train", "val"]


def test_the_newest_version_is_read_and_the_other_one_told(tmp_path):
    make(make(tmp_path, "v1.2"), "v2.0")
    annotations = FORMAT.read(tmp_path)
    assert "annotation v2.0" in said(annotations)
    assert "v1.2 is there too" in said(annotations)
    (tmp_path / "config_v2.0.json").unlink()
    assert "annotation v1.2" in said(FORMAT.read(tmp_path))


def test_labels_alone_are_read_without_objects(tmp_path):
    assert painted(FORMAT.read(make(tmp_path, instances=False)))["train_a"][1] is None


@pytest.mark.parametrize(
    "content, reason",
    [("[]", "must hold labels"), ('{"labels": []}', "must hold labels"), ('{"labels": [{}]}', "label 0 needs a name"),
     ('{"labels": [{"name": "a", "color": [1, 2, 256]}]}', "label 0 needs a name and a color"), ("{", "no valid JSON")],
)  # fmt: skip
def test_a_damaged_table_is_refused(content, reason, tmp_path):
    make(tmp_path)
    (tmp_path / "config_v1.2.json").write_text(content)
    with pytest.raises(DataError, match=reason):
        FORMAT.read(tmp_path)


def test_a_code_of_no_label_is_refused(tmp_path):
    make(tmp_path, labels=LABELS[:2])
    with pytest.raises(DataError, match="holds 512, which is of no label"):
        FORMAT.read(tmp_path).items[0].paint()


@needs_exports
@pytest.mark.parametrize("version", ["v2.0", "v1.2"])
def test_objects_are_those_of_the_panoptic_files(version, tmp_path):
    root = TOOLS / "mapillary_vistas_dataset"
    if version == "v1.2":  # as a user would: the newer one out of the way
        for name in ("train", "val", "config_v1.2.json"):
            (tmp_path / name).symlink_to(root / name)
    annotations = FORMAT.read(root if version == "v2.0" else tmp_path)
    assert f"annotation {version}" in said(annotations)
    for item in annotations.items:
        found = item.paint()
        panoptic = item.image.parents[1] / version / "panoptic" / f"{item.key}.png"
        segments = np.asarray(Image.open(panoptic)).astype(int) @ [1, 256, 65536]
        assert seen_as_same_objects(found.instances, segments)
