"""CamVid in colour: its own table, tables beside it, lists, and the layouts that are around."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.camvid import FORMAT
from pixelwise.data.sources import camvid
from tests.data.importing.mask_sets import TOOLS, needs_exports, painted, photo, said, save, stripes

ROAD, SKY, VOID = (128, 64, 128), (128, 128, 128), (0, 0, 0)


def mask(*colors):
    values = np.array(colors, np.uint8)
    return np.tile(values[np.arange(8) * len(values) // 8], (6, 1, 1))


def make(root, end="annot", name="a b"):
    for split in ("train", "val"):
        photo(root / split / f"{name}.png")
        save(root / f"{split}{end}" / f"{name}{'_L' if end == '_labels' else ''}.png", mask(ROAD, SKY, VOID, VOID))
    return root


@pytest.mark.parametrize("end", ["annot", "_labels"])
def test_colours_become_places_in_the_table_of_the_set(end, tmp_path):
    annotations = FORMAT.read(make(tmp_path, end))
    assert FORMAT.matches(tmp_path)
    names = {row["id"]: row["name"] for row in annotations.classes}
    ids, _ = painted(annotations)["train_a b"]
    assert [names[value] for value in ids[0, ::2].tolist()] == ["Road", "Sky", "Void", "Void"]
    assert [row["name"] for row in annotations.classes if row.get("ignore")] == ["Void"]
    assert len(annotations.classes) == 32
    assert annotations.faults == ()


def test_masks_with_a_palette_are_read_by_their_colours(tmp_path):
    make(tmp_path)
    image = Image.fromarray(stripes([0, 1, 0, 1]))
    image.putpalette([*SKY, *ROAD])
    image.save(tmp_path / "trainannot/a b.png")
    annotations = FORMAT.read(tmp_path)
    names = {row["id"]: row["name"] for row in annotations.classes}
    assert [names[value] for value in painted(annotations)["train_a b"][0][0, ::2].tolist()] == ["Sky", "Road", "Sky", "Road"]


@pytest.mark.parametrize("name, text", [("label_colors.txt", "128 64 128\troad\n128 128 128 sky\n"),
                                        ("class_dict.csv", "name,r,g,b\nroad,128,64,128\nsky,128,128,128\n")])  # fmt: skip
def test_a_table_beside_the_folders_goes_before_that_of_the_set(name, text, tmp_path):
    make(tmp_path)
    (tmp_path / name).write_text(text)
    annotations = FORMAT.read(tmp_path)
    assert painted(annotations)["train_a b"][0][0, ::2].tolist() == [0, 1, 255, 255]  # black stands for no class here
    assert dict(annotations.items[0].paint().losses) == {f"pixels of the colour (0, 0, 0), not in {name}": 24}
    assert name in said(annotations)


def test_the_download_of_the_makers_is_read(tmp_path):
    photo(tmp_path / "701_StillsRaw_full/x.png")
    save(tmp_path / "LabeledApproved_full/x_L.png", mask(SKY, ROAD))
    assert FORMAT.matches(tmp_path)
    assert [(item.key, item.split) for item in FORMAT.read(tmp_path).items] == [("x", "")]


def test_lists_say_which_image_has_which_mask_and_bad_lines_are_faults(tmp_path):
    make(tmp_path)
    photo(tmp_path / "train/other.png")
    lines = [
        '"/data/camvid/train/a b.png" "/data/camvid/trainannot/a b.png"',
        "train/gone.png trainannot/gone.png",
        "../x.png y.png",
    ]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["train_a b", "val_a b"]
    assert [fault.split(":")[0] for fault in annotations.faults] == ["train.txt, line 2", "train.txt, line 3"]


def test_a_list_of_names_alone_is_no_list_of_pairs(tmp_path):
    (make(tmp_path) / "train.txt").write_text("a\nb\n")
    assert len(FORMAT.read(tmp_path).items) == 2


def test_masks_of_ids_are_left_to_the_source(tmp_path):
    make(tmp_path)
    for split in ("train", "val"):
        save(tmp_path / f"{split}annot/a b.png", stripes([0, 1, 11]))
    assert FORMAT.matches(tmp_path) is None
    assert camvid.matches(tmp_path)


@needs_exports
def test_the_real_export_is_read():
    root = TOOLS / "camvid_dataset"
    assert FORMAT.matches(root)
    annotations = FORMAT.read(root)
    names = {row["id"]: row["name"] for row in annotations.classes}
    found = {key: [names[value] for value in ids[0].tolist()] for key, (ids, _) in painted(annotations).items()}
    assert found["0001TP_008580"] == ["Archway", "Archway", "Bridge", "Tree", "Tree"]
    assert [item.split for item in annotations.items] == ["train", "val", "test", "test"]
    assert annotations.faults == ()
