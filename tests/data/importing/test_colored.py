"""Colour masks with a table beside them: every kind of table, unknown colours, names that differ, and what is not claimed."""

import json

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing import color_masks
from pixelwise.data.importing.colored import FORMAT
from pixelwise.errors import DataError

SIZE = (8, 12)
TABLE = {"sky": (0, 0, 200), "road": (90, 90, 90), "void": (0, 0, 0)}


def pixels_of(*rows):
    """One colour per row of pixels."""
    return np.array([[color] * SIZE[1] for color in rows], np.uint8)


PLAIN = pixels_of(*[TABLE["sky"]] * 4, *[TABLE["road"]] * 3, TABLE["void"])


def export(root, mask=PLAIN, images="images", masks="masks", names=("a", "a"), table=True):
    for folder in (images, masks):
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / images / f"{names[0]}.png")
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(root / masks / f"{names[1]}.png")
    if table:
        (root / "class_dict.csv").write_text(
            "name, r, g, b\n" + "".join(f"{n}, {r}, {g}, {b}\n" for n, (r, g, b) in TABLE.items())
        )
    return root


def painted(root):
    annotations = FORMAT.read(root)
    assert annotations.faults == ()
    return annotations.items[0].paint()


ROWS = [{"id": 0, "name": "sky", "color": [0, 0, 200]}, {"id": 1, "name": "road", "color": [90, 90, 90]}]
TABLES = {
    "class_dict.csv": "name,r,g,b\nsky,0,0,200\nroad,90,90,90\nvoid,0,0,0\n",
    "class_dict_seg.csv": "name, r, g, b\nsky, 0, 0, 200\nroad, 90, 90, 90\nvoid, 0, 0, 0\n",
    "label_colors.txt": "0 0 200 sky\n90 90 90\troad\n0 0 0 void\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nsky:0,0,200::\nroad:90,90,90::\nvoid:0,0,0::\n",
    "dataset_meta.json": json.dumps(
        {"label_map": {"0": "sky", "1": "road", "2": "void"}, "segmentation_colors": [[0, 0, 200], [90, 90, 90], [0, 0, 0]]}
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_table_means_the_same(name, tmp_path):
    root = export(tmp_path, table=False)
    assert FORMAT.matches(root) is None
    (root / name).write_text(TABLES[name])
    assert name in FORMAT.matches(root)
    annotations = FORMAT.read(root)
    assert list(annotations.classes) == [*ROWS, {"id": 2, "name": "void", "color": [0, 0, 0], "ignore": True}]
    assert annotations.items[0].paint().ids[:, 3].tolist() == [0, 0, 0, 0, 1, 1, 1, 2]


def test_ids_that_the_table_states_stay(tmp_path):
    root = export(tmp_path, table=False)
    meta = {"label_map": {"7": "sky", "300": "road", "9": "void"}, "segmentation_colors": [[0, 0, 200], [90, 90, 90], [0, 0, 0]]}
    (root / "dataset_meta.json").write_text(json.dumps(meta))
    annotations = FORMAT.read(root)
    assert {row["name"]: row["id"] for row in annotations.classes} == {"sky": 7, "road": 300, "void": 9}
    assert annotations.items[0].paint().ids[:, 0].tolist() == [7] * 4 + [300] * 3 + [9]


def test_masks_as_palettes_with_transparency_or_in_grey_mean_the_same(tmp_path):
    expected = [0, 0, 0, 0, 1, 1, 1, 2]
    palette = Image.fromarray(np.array([[5] * 12] * 4 + [[3] * 12] * 3 + [[0] * 12], np.uint8))
    colors = [0] * 768
    colors[15:18], colors[9:12] = TABLE["sky"], TABLE["road"]
    palette.putpalette(colors)
    alpha = np.dstack([PLAIN, np.full(SIZE, 7, np.uint8)])
    for mask in (palette, alpha):
        assert painted(export(tmp_path, mask)).ids[:, 0].tolist() == expected
    grey = np.array([[90] * 12] * 5 + [[0] * 12] * 3, np.uint8)
    assert painted(export(tmp_path, grey)).ids[:, 0].tolist() == [1] * 5 + [2] * 3
    assert painted(export(tmp_path, np.array([[0] * 12] * 4 + [[1] * 12] * 4, np.uint8))).ids[:, 0].tolist() == [0] * 4 + [1] * 4


def test_unknown_colours_are_ignored_counted_and_named(tmp_path):
    found = painted(export(tmp_path, pixels_of(*[TABLE["sky"]] * 6, (1, 2, 3), (90, 90, 91))))
    assert found.ids[:, 0].tolist() == [0] * 6 + [2, 2]
    assert found.losses == {
        "pixels of the colour (1, 2, 3), not in class_dict.csv": 12,
        "pixels of the colour (90, 90, 91), not in class_dict.csv": 12,
    }


def test_the_mixtures_of_a_resampled_mask_are_ignored_and_counted_together(tmp_path):
    large = Image.fromarray(PLAIN).resize((48, 32), Image.Resampling.BILINEAR)
    root = export(tmp_path, large)
    found = painted(root)
    known = {color: at for at, color in enumerate(TABLE.values())}
    expected = np.array([[known.get(tuple(map(int, pixel)), 2) for pixel in row] for row in np.asarray(large)])
    assert np.array_equal(found.ids, expected)
    (what,) = found.losses
    assert what == "pixels of colours between those of class_dict.csv"
    assert 0 < found.losses[what] < 0.4 * 32 * 48


def test_large_masks_are_looked_up_part_by_part_with_the_same_result(tmp_path, monkeypatch):
    root = export(tmp_path, pixels_of(*[TABLE["sky"]] * 6, (1, 2, 3), (9, 9, 9)))
    whole = painted(root)
    monkeypatch.setattr(color_masks, "_BLOCK", 3 * SIZE[1])
    parted = painted(root)
    assert np.array_equal(parted.ids, whole.ids)
    assert parted.losses == whole.losses
    assert len(whole.losses) == 2


def test_whole_numbers_in_a_float_tiff_are_ids(tmp_path):
    root = export(tmp_path)
    (root / "masks" / "a.png").unlink()
    Image.fromarray(np.full(SIZE, 1, np.float32)).save(root / "masks" / "a.tif")
    assert (painted(root).ids == 1).all()


def test_a_mask_of_other_colours_is_refused_with_the_nearest_ones(tmp_path):
    annotations = FORMAT.read(export(tmp_path, np.clip(PLAIN.astype(int) + 1, 0, 255).astype(np.uint8)))
    with pytest.raises(DataError, match=r"96 of 96 pixels: \(1, 1, 201\) 48 px, nearest \(0, 0, 200\)"):
        annotations.items[0].paint()


def test_a_table_without_a_void_gets_one(tmp_path):
    root = export(tmp_path, pixels_of(*[(0, 0, 200)] * 7, (1, 1, 1)), table=False)
    (root / "class_dict.csv").write_text("name,r,g,b\nsky,0,0,200\nroad,90,90,90\n")
    annotations = FORMAT.read(root)
    assert annotations.classes[-1] == {"id": 255, "name": "void", "ignore": True}
    assert annotations.items[0].paint().ids[7, 0] == 255


def test_jpeg_masks_and_deep_colours_are_refused(tmp_path):
    root = export(tmp_path)
    Image.fromarray(PLAIN).save(root / "masks" / "a.png", "JPEG")
    with pytest.raises(DataError, match="is a JPEG mask"):
        FORMAT.read(root).items[0].paint()
    Image.fromarray(np.full(SIZE, 40000, np.uint16)).save(root / "masks" / "a.png")
    with pytest.raises(DataError, match="levels up to 40,000"):
        FORMAT.read(root).items[0].paint()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)).save(root / "masks" / "a.png")
    (root / "masks" / "a.png").write_bytes((root / "masks" / "a.png").read_bytes()[:150])
    with pytest.raises(DataError, match="damaged"):
        FORMAT.read(root).items[0].paint()


@pytest.mark.parametrize("names", [("a", "a_L"), ("image_0012", "gt_0012"), ("0012", "seg0012")])
def test_masks_are_paired_by_what_their_names_share(names, tmp_path):
    root = export(tmp_path, names=names)
    other = tuple(name.replace("12", "34").replace("a", "b") if name[0] == "a" else name.replace("12", "34") for name in names)
    export(root, names=other)
    annotations = FORMAT.read(root)
    assert annotations.faults == ()
    assert [item.key for item in annotations.items] == [names[0], other[0]]


def test_images_and_masks_without_each_other_are_faults(tmp_path):
    root = export(tmp_path)
    export(root, names=("b", "c"))
    annotations = FORMAT.read(root)
    assert [item.key for item in annotations.items] == ["a"]
    assert "1 images have no mask" in annotations.faults[0]
    assert "1 masks have no image" in annotations.faults[1]


def test_folders_of_splits_and_other_names_of_folders(tmp_path):
    for split in ("train", "test"):
        export(tmp_path / split, images="img", masks="labels", table=False)
    (tmp_path / "class_dict.csv").write_text(TABLES["class_dict.csv"])
    assert [(item.key, item.split) for item in FORMAT.read(tmp_path).items] == [("test_a", "test"), ("train_a", "train")]


def test_a_canonical_folder_is_not_claimed(tmp_path):
    root = export(tmp_path)
    (root / "classes.json").write_text("[]")
    assert FORMAT.matches(root) is None
    assert FORMAT.matches(root / "class_dict.csv") is None
    (root / "classes.json").unlink()
    (root / "class_dict.csv").rename(root / "patients.csv")
    (root / "patients.csv").write_text("id,split\n")
    assert FORMAT.matches(root) is None


def test_a_broken_table_is_refused_by_its_line(tmp_path):
    root = export(tmp_path)
    (root / "class_dict.csv").write_text("name,r,g,b\nsky,0,0,900\n")
    with pytest.raises(DataError, match="class_dict"):
        FORMAT.read(root)
