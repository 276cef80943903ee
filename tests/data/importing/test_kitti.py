"""KITTI's segmentation, and its other benchmarks, which have no pixels."""

import numpy as np
import pytest

from pixelwise.data.importing.kitti import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import TOOLS, needs_exports, painted, photo, said, save, stripes


def make(root, semantic=True, instance=True):
    for number in range(2):
        name = f"{number:06}_10.png"
        photo(root / "training/image_2" / name, seed=number)
        if semantic:
            save(root / "training/semantic" / name, stripes([7, 26]))
        if instance:
            save(root / "training/instance" / name, stripes([7 * 256, 26 * 256 + 1, 26 * 256, 26 * 256 + 9], dtype=np.uint16))
    return root


def test_instances_are_the_low_byte_and_labels_the_high_one(tmp_path):
    annotations = FORMAT.read(make(tmp_path))
    ids, instances = painted(annotations)["000001_10"]
    assert ids[0].tolist() == [7, 7, 26, 26, 26, 26, 26, 26]
    assert instances[0].tolist() == [0, 0, 1, 1, 0, 0, 2, 2]
    assert len(annotations.classes) == 34
    assert annotations.faults == ()


def test_semantic_files_alone_are_read_as_ids(tmp_path):
    annotations = FORMAT.read(make(tmp_path, instance=False))
    ids, instances = painted(annotations)["000000_10"]
    assert (np.unique(ids).tolist(), instances) == ([7, 26], None)
    assert "training/semantic" in said(annotations)


def test_a_code_of_no_label_is_refused(tmp_path):
    make(tmp_path)
    save(tmp_path / "training/instance/000000_10.png", stripes([40 * 256], dtype=np.uint16))
    with pytest.raises(DataError, match="10240, which is of no label"):
        FORMAT.read(tmp_path).items[0].paint()


def test_boxes_alone_are_recognised_and_refused(tmp_path):
    make(tmp_path, semantic=False, instance=False)
    (tmp_path / "training/label_2").mkdir()
    assert FORMAT.matches(tmp_path) == "KITTI's boxes of objects (label_2/*.txt)"
    with pytest.raises(DataError, match=r"boxes of objects.*no masks; take KITTI's semantic"):
        FORMAT.read(tmp_path)


@needs_exports
def test_the_real_export_holds_what_the_cityscapes_export_holds():
    from pixelwise.data.importing.cityscapes import FORMAT as CITYSCAPES

    root = TOOLS / "kitti_dataset" / "kitti_segmentation"
    assert FORMAT.matches(root)
    theirs = painted(CITYSCAPES.read(TOOLS / "cityscapes_dataset" / "train_dataset"))
    ours = painted(FORMAT.read(root))
    assert ours["000030_10"][0].tolist() == theirs["defaultcity_000001_000031"][0].tolist()
    assert ours["000030_11"][0].tolist() == theirs["defaultcity_000001_000032"][0].tolist()
    assert ours["000030_10"][1].tolist() == theirs["defaultcity_000001_000031"][1].tolist()


@needs_exports
@pytest.mark.parametrize("name", ["kitti_3d", "kitti_detection", "kitti_raw"])
def test_real_exports_without_pixels_are_recognised_and_refused(name):
    root = TOOLS / "kitti_dataset" / name
    assert FORMAT.matches(root)
    with pytest.raises(DataError, match="no masks"):
        FORMAT.read(root)
