"""Segment Anything: run lengths per image become numbered objects of one class."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.importing import segment_anything
from pixelwise.errors import DataError
from pixelwise.formats import rle
from pixelwise.formats.image import write_image

SIZE = (11, 16)


def make(root, name, masks, size=SIZE):
    root.mkdir(parents=True, exist_ok=True)
    write_image(root / f"{name}.jpg", np.zeros((*SIZE, 3), np.uint8))
    notes = [{"id": 1, "segmentation": rle.to_coco(runs), "predicted_iou": 0.9} for runs in rle.encode(masks)]
    image = {"image_id": 1, "height": size[0], "width": size[1], "file_name": f"{name}.jpg"}
    (root / f"{name}.json").write_text(json.dumps({"image": image, "annotations": notes}))


def masks_of_two():
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 2:5, 3:6] = True
    masks[1, 1:9, 1:12] = True
    return masks


def test_objects_are_numbered_and_small_ones_lie_on_large_ones(tmp_path):
    make(tmp_path, "a", masks_of_two())
    assert "as Segment Anything's files do" in segment_anything.FORMAT.matches(tmp_path)
    read = segment_anything.FORMAT.read(tmp_path)
    painted = read.items[0].paint()
    small, large = masks_of_two()
    np.testing.assert_array_equal(painted.ids, small | large)
    np.testing.assert_array_equal(painted.instances, np.select([small, large], [1, 2], 0))
    assert painted.losses == {"pixels under other objects": 9}
    assert [row["name"] for row in read.classes] == ["background", "object"]


def test_damaged_files_and_missing_images_are_told(tmp_path):
    for name in "abcd":
        make(tmp_path, name, masks_of_two())
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "c.json").write_text((tmp_path / "c.json").read_text()[:-2])
    text = (tmp_path / "d.json").read_text()
    (tmp_path / "d.json").write_text(text.replace('"annotations": [{', '"annotations": [{"segmentation": 3}, {'))
    read = segment_anything.FORMAT.read(tmp_path)
    assert [item.key for item in read.items] == ["a", "d"]
    assert "1 images are left out (the image 'b.jpg' is not below" in read.faults[0]
    assert "1 files cannot be read, and their images are left out" in read.faults[1]
    with pytest.raises(DataError, match=r"d\.json: annotation 0 has no run lengths"):
        read.items[1].paint()


def test_a_size_that_is_not_the_images_is_refused(tmp_path):
    make(tmp_path, "a", masks_of_two(), SIZE[::-1])
    with pytest.raises(DataError, match="has 11 x 16 pixels, its annotation 16 x 11"):
        segment_anything.FORMAT.read(tmp_path).items[0].paint()


@pytest.mark.skipif("PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder of data")
def test_a_real_file_is_read():
    root = Path(os.environ["PIXELWISE_DATA"]) / "formats" / "tools" / "segment_anything_dataset"
    assert segment_anything.FORMAT.matches(root) is not None
    first, second = segment_anything.FORMAT.read(root).items
    assert first.paint().ids.sum() == 4
    with pytest.raises(DataError, match="run lengths are for an image of 5 x 10 pixels, this one has 10 x 5"):
        second.paint()
