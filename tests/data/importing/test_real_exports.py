"""Exports of annotation tools as they are found, each read without a line of help; and no format claims a foreign folder."""

import os
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.importing import colored, cvat, label_studio, labelme, labelme_xml, voc

pytestmark = pytest.mark.skipif(
    "PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with formats/tools/"
)
TOOLS = Path(os.environ.get("PIXELWISE_DATA", ".")) / "formats" / "tools"
FORMATS = [module.FORMAT for module in (colored, cvat, label_studio, labelme, labelme_xml, voc)]

# folder: (format, images, classes besides background and ignored ones, objects in all images, faults)
EXPORTS = {
    "labelme_dataset": ("labelme-xml", 1, 7, 7, 0),
    "cvat_dataset/for_images/export_project": ("cvat", 6, 2, 9, 0),
    "cvat_dataset/for_images/export_task": ("cvat", 2, 2, 1, 1),
    "cvat_dataset/for_video": ("cvat", 3, 3, 2, 0),
    "voc_dataset/voc_dataset1": ("voc", 1, 20, 1, 0),
    "voc_dataset/voc_dataset3": ("voc", 1, 1, 1, 0),
    "roboflow_dataset/voc": ("voc", 3, 2, 4, 0),
    "common_semantic_segmentation_dataset/dataset": ("colored", 2, 5, 0, 0),
    "common_semantic_segmentation_dataset/non_standard_dataset": ("colored", 2, 7, 0, 0),
}


@pytest.mark.parametrize("folder", EXPORTS)
def test_a_real_export_is_recognised_and_read_whole(folder):
    name, images, classes, objects, faults = EXPORTS[folder]
    root = TOOLS / folder
    fitting = [found for found in FORMATS if found.matches(root) is not None]
    assert [found.name for found in fitting] == [name]
    annotations = fitting[0].read(root)
    assert len(annotations.items) == images
    assert len(annotations.faults) == faults
    counted = [row for row in annotations.classes if not row.get("ignore") and row["name"] != "background"]
    assert len(counted) == classes
    painted = [item.paint() for item in annotations.items]
    known = {row["id"] for row in annotations.classes}
    assert all(set(np.unique(each.ids).tolist()) <= known for each in painted)
    numbers = [0 if each.instances is None else len(np.unique(each.instances[each.instances > 0])) for each in painted]
    assert sum(numbers) == objects


def test_annotations_without_any_image_are_a_fault_that_names_them():
    annotations = voc.FORMAT.read(TOOLS / "voc_dataset" / "voc_dataset2")
    assert annotations.items == ()
    assert "5 images (@.jpg, a.jpg, b.jpg and 2 more) not below" in annotations.faults[0]


def test_no_format_claims_a_folder_of_another():
    """Every folder of the data: only those above and their own parts, and folders that hold several exports of one format."""
    mine = [TOOLS / folder for folder in (*EXPORTS, "voc_dataset/voc_dataset2")]
    claimed = {
        folder
        for folder in TOOLS.parents[1].rglob("*")
        if folder.is_dir() and any(found.matches(folder) is not None for found in FORMATS)
    }
    claimed -= {folder for folder in claimed if any(one == folder or one in folder.parents for one in mine)}
    assert {folder.relative_to(TOOLS).as_posix() for folder in claimed} == {
        "cvat_dataset",
        "cvat_dataset/for_images",
        "voc_dataset",
    }
