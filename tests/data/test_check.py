"""The check finds every fault, names the files and the cure, and counts right."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.check import check
from pixelwise.data.facts import intensity_window
from pixelwise.data.sources import find
from pixelwise.errors import DataError
from pixelwise.types import Record
from tests.data.sets import make_folders, make_image, make_mask, write_classes


def problem(root, code, **options):
    """The one problem of that code; also that errors raise, and warnings do not."""
    report = check(find(root), **options)
    found = [p for p in report.problems if p.code == code]
    assert len(found) == 1, [str(p) for p in report.problems]
    assert report.ok == (not any(p.severity == "error" for p in report.problems))
    return found[0]


def test_a_sound_set_has_no_problems_and_true_facts(tmp_path):
    root = make_folders(tmp_path, 6, values=(0, 1, 2, 255))
    seen = []
    report = check(find(root), progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert report.problems == ()
    report.raise_if_bad()
    assert seen == [(i, 6) for i in range(1, 7)]
    facts = json.loads(json.dumps(report.to_json()))["facts"]
    assert facts["images"] == 6
    assert facts["splits"] == {"train": 4, "val": 1, "test": 1}
    assert [row["pixels"] for row in facts["classes"]] == [6 * 40 * 12] * 3
    assert [row["images"] for row in facts["classes"]] == [6] * 3
    assert facts["classes"][0]["pixels_by_split"] == {"train": 4 * 480, "val": 480, "test": 480}
    assert facts["classes"][0]["share"] == pytest.approx(1 / 3)
    assert facts["ignored_fraction"] == 0.25
    assert facts["sizes"] == {"smallest": [40, 48], "median": [40, 48], "largest": [40, 48], "distinct": 1}
    assert facts["image_kinds"] == {"colour": 6}


def test_text_named_png_and_truncated_jpeg_are_unreadable(tmp_path):
    root = make_folders(tmp_path)
    (root / "images" / "00.jpg").write_text("hello")
    content = (root / "images" / "03.jpg").read_bytes()
    (root / "images" / "03.jpg").write_bytes(content[: len(content) // 2])
    found = problem(root, "unreadable_image")
    assert found.severity == "error"
    assert "2 images cannot be used: " in found.message
    assert "00.jpg is not an image: it holds text that starts with 'hello'" in found.message
    assert "also 03.jpg" in found.message
    assert [Path(name).name for name in found.files] == ["00.jpg", "03.jpg"]
    with pytest.raises(DataError, match="2 images cannot be used"):
        check(find(root)).raise_if_bad()


def test_unreadable_and_jpeg_masks_are_named(tmp_path):
    root = make_folders(tmp_path)
    (root / "masks" / "01.png").write_bytes(b"")
    found = problem(root, "unreadable_mask")
    assert "01.png is empty (0 bytes)" in found.message
    make_mask(root / "masks" / "01.png", (0, 1, 2))
    Image.open(root / "masks" / "01.png").save(root / "masks" / "01.png", format="JPEG")
    found = problem(root, "jpeg_mask")
    assert "01.png is a JPEG mask" in found.message
    assert "nearest id" in found.repair


def test_an_image_over_the_pixel_limit_is_unreadable(tmp_path):
    assert "more than the limit of 100" in problem(make_folders(tmp_path), "unreadable_image", max_pixels=100).message


def test_missing_masks_and_masks_without_images_are_listed(tmp_path):
    root = make_folders(tmp_path)
    (root / "masks" / "01.png").unlink()
    (root / "masks" / "02.png").unlink()
    make_mask(root / "masks" / "extra.png", (0, 1, 2))
    found = problem(root, "missing_mask")
    assert found.severity == "error"
    assert found.message == "no mask for 2 images: 01.jpg, 02.jpg"
    assert found.count == 2
    found = problem(root, "mask_without_image")
    assert found.severity == "warning"
    assert found.message == "no image for 1 mask: extra.png"


def test_a_mask_of_another_size_is_named_with_both_sizes(tmp_path):
    root = make_folders(tmp_path)
    make_mask(root / "masks" / "04.png", (0, 1, 2), size=(20, 24))
    found = problem(root, "size_mismatch")
    assert found.message == "1 mask of another size than the image: 04.png is 20 x 24, its image 40 x 48"
    make_mask(root / "masks" / "04.png", (0, 1, 2), size=(48, 40))
    assert "EXIF orientation" in problem(root, "size_mismatch").cure


def test_sizes_are_compared_after_the_exif_orientation(tmp_path):
    root = make_folders(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(root / "images" / "02.jpg").copy().save(root / "images" / "02.jpg", exif=exif)
    assert "EXIF orientation" in problem(root, "size_mismatch").cure
    make_mask(root / "masks" / "02.png", (0, 1, 2), size=(48, 40))
    assert check(find(root)).ok


def test_label_37_in_a_set_of_12_classes_is_named_with_pixels_and_files(tmp_path):
    root = make_folders(tmp_path, values=range(12))
    write_classes(root, range(12))
    make_mask(root / "masks" / "02.png", [*range(11), 37])
    found = problem(root, "unknown_ids")
    assert found.severity == "error"
    assert found.count == 1
    assert found.message.endswith("37 (160 px in 1 file: 02.png)")
    assert [Path(name).name for name in found.files] == ["02.png"]


def test_many_unknown_ids_hint_at_soft_edges(tmp_path):
    root = make_folders(tmp_path, values=(0, 1))
    write_classes(root, [0, 1])
    make_mask(root / "masks" / "02.png", range(40), size=(40, 48))
    assert "soft edges of 0/255 masks" in problem(root, "unknown_ids").cure


def test_one_pixel_images_are_errors_and_small_ones_warnings(tmp_path):
    root = make_folders(tmp_path)
    make_image(root / "images" / "01.jpg", 1, size=(1, 1))
    make_mask(root / "masks" / "01.png", (0,), size=(1, 1))
    make_image(root / "images" / "02.jpg", 2, size=(16, 20))
    make_mask(root / "masks" / "02.png", (0, 1, 2), size=(16, 20))
    found = problem(root, "image_too_small")
    assert found.severity == "error"
    assert found.message == "1 image with a side below 8 px: 01.jpg (the first is 1 x 1)"
    assert problem(root, "image_small").severity == "warning"


def test_one_class_in_training_is_an_error_and_255_is_suspected(tmp_path):
    root = make_folders(tmp_path, values=(0, 255))
    write_classes(root, [0, 1])
    found = problem(root, "one_class")
    assert found.severity == "error"
    assert found.message == "the training masks hold one class only, 'c0'"
    assert "if 255 is the foreground, give that class the id 255" in found.cure
    root = make_folders(tmp_path / "b", values=(0,))
    write_classes(root, [0, 1])
    assert "check that the right masks were exported" in problem(root, "one_class").cure


def test_classes_that_training_never_sees_are_named(tmp_path):
    root = make_folders(tmp_path, values=(0, 1))
    write_classes(root, [0, 1, 2, 3])
    (root / "splits.csv").write_text("id,split\n00,train\n01,train\n02,val\n03,test\n")
    make_mask(root / "masks" / "02.png", (0, 1, 3))
    found = problem(root, "class_absent_from_train")
    assert found.severity == "warning"
    assert found.message == "2 classes absent from the training masks: c2, c3 (c3 only in val or test)"


def test_empty_splits_are_found(tmp_path):
    root = make_folders(tmp_path)
    (root / "splits.csv").write_text("id,split\n00,train\n01,train\n02,test\n")
    found = problem(root, "empty_split")
    assert (found.severity, found.message) == ("error", "the split val has no images")
    (root / "splits.csv").write_text("id,split\n00,train\n01,train\n02,val\n")
    assert problem(root, "empty_split").severity == "warning"


def test_the_same_image_in_two_splits_is_an_error_that_can_be_allowed(tmp_path):
    root = make_folders(tmp_path)
    (root / "splits.csv").write_text("id,split\n00,train\n01,train\n02,val\n03,test\n04,train\n")
    for name in ("03.jpg", "01.jpg"):
        (root / "images" / name).write_bytes((root / "images" / "00.jpg").read_bytes())
    (root / "images" / "02.jpg").write_bytes((root / "images" / "04.jpg").read_bytes())
    found = problem(root, "duplicate_across_splits")
    assert found.severity == "error"
    assert found.count == 2
    assert "train/00.jpg = train/01.jpg = test/03.jpg" in found.message
    assert problem(root, "duplicate_across_splits", allow={"duplicate_across_splits"}).severity == "warning"
    (root / "splits.csv").write_text("id,split\n00,train\n01,train\n02,val\n05,test\n")
    assert problem(root, "duplicate_within_split").severity == "warning"


def test_masks_of_ignored_pixels_alone_are_found(tmp_path):
    root = make_folders(tmp_path)
    make_mask(root / "masks" / "03.png", (255,))
    assert problem(root, "all_ignored").message == "1 mask holding nothing but ignored pixels: 03.png"


def test_kinds_of_images_are_counted_and_mixed_depth_is_found(tmp_path):
    root = make_folders(tmp_path, suffix=".png")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 65536, (40, 48), dtype=np.uint16)).save(root / "images" / "00.png")
    Image.fromarray(rng.integers(0, 256, (40, 48), dtype=np.uint8)).save(root / "images" / "01.png")
    Image.fromarray(rng.integers(0, 256, (40, 48, 4), dtype=np.uint8)).save(root / "images" / "02.png")
    Image.fromarray(np.dstack([np.asarray(Image.open(root / "masks" / "03.png"))] * 3)).save(root / "masks" / "03.png")
    report = check(find(root))
    assert report.ok
    assert [p.code for p in report.problems] == ["mixed_depth"]
    assert report.facts["image_kinds"] == {"colour": 3, "16-bit grey": 1, "grey": 1, "colour with alpha": 1}
    assert report.facts["is_deep"]
    assert report.facts["grey_masks_stored_as_color"] == 1


def test_multilabel_sets_are_checked_per_class(tmp_path):
    for number in range(4):
        make_image(tmp_path / "images" / f"{number}.jpg", number)
        make_mask(tmp_path / "masks" / "a" / f"{number}.png", (0, 255))
        make_mask(tmp_path / "masks" / "b" / f"{number}.png", (0, 0, 0, 255))
    (tmp_path / "masks" / "b" / "2.png").unlink()
    report = check(find(tmp_path))
    assert report.problems == ()
    assert [(row["name"], row["pixels"], row["images"]) for row in report.facts["classes"]] == [("a", 3840, 4), ("b", 1440, 3)]
    assert report.facts["classes"][0]["share"] == 0.5
    make_mask(tmp_path / "masks" / "b" / "1.png", (0, 255), size=(9, 9))
    assert "1.png is 9 x 9, its image 40 x 48" in problem(tmp_path, "size_mismatch").message


def test_the_intensity_window_is_the_percentiles_of_deep_images(tmp_path):
    values = np.random.default_rng(0).normal(3000, 500, (3, 200, 200)).clip(0, 65535).astype(np.uint16)
    records = []
    for number, array in enumerate(values):
        Image.fromarray(array).save(tmp_path / f"{number}.png")
        records.append(Record(str(number), tmp_path / f"{number}.png"))
    low, high = intensity_window(records)
    assert (low, high) == pytest.approx(np.percentile(values, (0.5, 99.5)), abs=2)
    assert intensity_window([Record("a", make_image(tmp_path / "a.jpg", 0))]) is None
    assert intensity_window([Record("gone", tmp_path / "gone.png")]) is None
    Image.fromarray(np.full((9, 9), 7, np.uint16)).save(tmp_path / "flat.png")
    assert intensity_window([Record("flat", tmp_path / "flat.png")]) == (7.0, 8.0)


@pytest.mark.slow  # reads 701 real pairs
@pytest.mark.skipif("PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with camvid/")
def test_camvid_is_sound_and_checked_in_seconds():
    report = check(find(Path(os.environ["PIXELWISE_DATA"]) / "camvid"))
    assert report.problems == ()
    assert report.facts["splits"] == {"train": 367, "val": 101, "test": 233}
