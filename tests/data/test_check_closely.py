"""What only a close look finds: each suspicion by a data set that has it and one that has not; the fingerprint by hand."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from pixelwise.data.check import check, examine
from pixelwise.data.sources import find
from tests.data.sets import make_folders, make_image, make_mask, write_classes


def scene(seed, size=(120, 160)):
    image = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)


def discs(seed, ids=(0, 60, 120), size=(120, 160)):
    rng = np.random.default_rng(seed)
    mask = np.full(size, ids[0], np.uint8)
    for _ in range(5):
        centre = (int(rng.integers(0, 160)), int(rng.integers(0, 120)))
        cv2.circle(mask, centre, int(rng.integers(6, 20)), int(rng.choice(ids[1:])), -1)
    return mask


@pytest.fixture
def data(tmp_path):
    """Twelve pairs without a fault: eight train, two validate, two test."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for number in range(12):
        cv2.imwrite(str(tmp_path / "images" / f"{number:02}.png"), scene(number))
        cv2.imwrite(str(tmp_path / "masks" / f"{number:02}.png"), discs(number))
    write_classes(tmp_path, [{"id": 0, "name": "background"}, {"id": 60, "name": "nut"}, {"id": 120, "name": "bolt"}])
    rows = [f"{number:02},{'train' if number < 8 else 'val' if number < 10 else 'test'}" for number in range(12)]
    (tmp_path / "splits.csv").write_text("id,split\n" + "\n".join(rows))
    return tmp_path


def problem(root, code):
    """The one problem of that code, beside which there is no other."""
    report = examine(find(root)).report
    assert [p.code for p in report.problems] == [code], [str(p) for p in report.problems]
    return report.problems[0]


def test_a_sound_set_raises_no_suspicion_and_the_facts_are_json(data):
    found = examine(find(data))
    assert found.report.problems == ()
    assert found.alike == ()
    assert json.loads(json.dumps(found.report.to_json()))["facts"]["fingerprint"]["background"] == "background"
    assert "fingerprint" not in check(find(data)).facts
    assert {k: v for k, v in found.report.facts.items() if k != "fingerprint"} == check(find(data)).facts


def test_a_copy_in_another_split_is_suspected(data):
    cv2.imwrite(str(data / "images" / "09.png"), scene(3)[:, ::-1])
    (data / "images" / "11.png").unlink()
    cv2.imwrite(str(data / "images" / "11.jpg"), scene(5), [cv2.IMWRITE_JPEG_QUALITY, 70])
    found = problem(data, "near_duplicate_across_splits")
    assert found.severity == "warning"
    assert found.count == 4
    assert "train/03.png ~ val/09.png (mirrored or turned), train/05.png ~ test/11.jpg" in found.message


def test_a_copy_in_the_same_split_is_noted(data):
    cv2.imwrite(str(data / "images" / "04.png"), scene(3) // 2)
    found = problem(data, "near_duplicate_within_split")
    assert (found.severity, found.count) == ("note", 2)


def test_the_same_file_twice_is_not_called_alike_as_well(data):
    (data / "images" / "11.png").write_bytes((data / "images" / "02.png").read_bytes())
    assert problem(data, "duplicate_across_splits").severity == "error"


def test_the_same_mask_of_different_images_is_suspected(data):
    for number in (4, 6):
        (data / "masks" / f"{number:02}.png").write_bytes((data / "masks" / "05.png").read_bytes())
    found = problem(data, "same_mask")
    assert (found.severity, found.count) == ("warning", 1)
    assert "04.png = 05.png = 06.png" in found.message


def test_the_same_mask_of_images_that_are_alike_or_of_nothing_is_as_it_should_be(data):
    cv2.imwrite(str(data / "images" / "06.png"), scene(5) // 2 + 20)
    (data / "masks" / "06.png").write_bytes((data / "masks" / "05.png").read_bytes())
    for number in (0, 1):
        cv2.imwrite(str(data / "masks" / f"{number:02}.png"), np.zeros((120, 160), np.uint8))
    assert [p.code for p in examine(find(data)).report.problems] == ["near_duplicate_within_split", "empty_mask"]


def test_empty_masks_are_noted(data):
    cv2.imwrite(str(data / "masks" / "03.png"), np.zeros((120, 160), np.uint8))
    found = problem(data, "empty_mask")
    assert found.severity == "note"
    assert "nothing but background in 1 of 12 images" in found.message


def test_a_mask_that_went_through_jpeg_is_found_also_without_a_class_table(data):
    damaged = cv2.imdecode(cv2.imencode(".jpg", discs(3), [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(data / "masks" / "03.png"), damaged)
    assert [p.code for p in examine(find(data)).report.problems] == ["unknown_ids", "damaged_mask"]
    (data / "classes.json").unlink()
    assert "damaged_mask" in [p.code for p in examine(find(data)).report.problems]


def test_soft_edges_are_noted(data):
    (data / "classes.json").unlink()
    for number in range(12):
        soft = cv2.GaussianBlur(discs(number, ids=(0, 255)), (0, 0), 1.0)
        cv2.imwrite(str(data / "masks" / f"{number:02}.png"), soft if number else np.where(soft > 127, 255, 0))
    found = problem(data, "soft_mask")
    assert (found.severity, found.count) == ("note", 11)
    assert found.repair


def test_an_image_of_one_brightness_is_suspected(data):
    cv2.imwrite(str(data / "images" / "03.png"), np.full((120, 160, 3), 90, np.uint8))
    assert problem(data, "flat_image").count == 1


def test_thin_objects_are_noted_with_the_files_that_lose_most(data):
    mask = np.zeros((120, 160), np.uint8)
    mask[::12, :] = 120
    mask[50:80, 50:80] = 60
    cv2.imwrite(str(data / "masks" / "05.png"), mask)
    for number in (*range(5), *range(6, 12)):
        cv2.imwrite(str(data / "masks" / f"{number:02}.png"), discs(number, ids=(0, 60)))
    found = problem(data, "thin_objects")
    assert (found.severity, found.count) == ("note", 1)
    assert "bolt (" in found.message
    assert [file[-6:] for file in found.files] == ["05.png"]


def test_the_fingerprint_of_a_set_known_by_hand(tmp_path):
    root = make_folders(tmp_path, 4, values=(0, 1, 2), suffix=".png")  # stripes of 16 x 40 pixels
    for number in range(2):
        Image.fromarray(np.full((64, 64), 10 + 10 * number, np.uint8)).save(root / "images" / f"{number:02}.png")
        make_mask(root / "masks" / f"{number:02}.png", (0, 1), size=(64, 64))
    seen = examine(find(root)).report.facts["fingerprint"]
    assert sorted(seen["sizes"]["commonest"]) == [[40, 48, 2], [64, 64, 2]]
    assert (seen["sizes"]["height"], seen["sizes"]["distinct"]) == ([40, 40, 52, 64, 64], 2)
    grey = next(group for group in seen["intensity"] if len(group["channels"]) == 1)
    assert (grey["images"], grey["channels"][0]) == (2, {"name": "grey", "mean": 15.0, "std": 5.0, "low": 10, "high": 20})
    assert seen["background"] == "class_0"
    first, second = seen["objects"]
    assert (first["name"], first["count"], first["small"], first["per_image"]) == ("class_1", 4, 2, 1.0)
    assert first["areas"] == [[640, 2], [2048, 2]]
    assert (second["count"], second["area"]) == (2, [671] * 5)  # 640 lies in the bin of 640 to 703
    # the middle of the block of 32 from column 0 is the first stripe's column 16, which is class 1; of the last the third's
    assert [row["lost_pixels"][0] for row in seen["objects"]] == [0.0, 0.0]
    assert seen["alike"] == {"groups": 0, "images": 0}


def test_intensities_are_those_of_all_pixels_together(tmp_path):
    root = make_folders(tmp_path, 4, suffix=".png")
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 40 * (number + 1), (20 + 30 * number, 48), dtype=np.uint8) for number in range(4)]
    for number, image in enumerate(images):
        Image.fromarray(image).save(root / "images" / f"{number:02}.png")
    (group,) = examine(find(root)).report.facts["fingerprint"]["intensity"]
    joined = np.concatenate([image.ravel() for image in images]).astype(np.float64)
    assert group["channels"][0]["mean"] == pytest.approx(joined.mean())
    assert group["channels"][0]["std"] == pytest.approx(joined.std())


def test_instance_maps_have_their_own_objects(tmp_path):
    for number in range(4):
        make_image(tmp_path / "images" / f"{number}.png", number)
        make_mask(tmp_path / "instances" / f"{number}.png", (0, 1, 2, 300))
    seen = examine(find(tmp_path)).report.facts["fingerprint"]
    assert [(row["name"], row["count"]) for row in seen["objects"]] == [("object", 12)]


def test_multilabel_sets_have_objects_of_each_class(tmp_path):
    for number in range(4):
        make_image(tmp_path / "images" / f"{number}.png", number)
        make_mask(tmp_path / "masks" / "a" / f"{number}.png", (0, 255))
        make_mask(tmp_path / "masks" / "b" / f"{number}.png", (255, 0, 255))
    report = examine(find(tmp_path)).report
    assert [(row["name"], row["count"]) for row in report.facts["fingerprint"]["objects"]] == [("a", 4), ("b", 8)]
    assert [p.code for p in report.problems] == ["same_mask"]


def test_faulty_files_do_not_stop_the_look(data):
    (data / "images" / "00.png").write_text("no image")
    (data / "masks" / "01.png").write_bytes(b"")
    (data / "masks" / "02.png").unlink()
    found = examine(find(data))
    assert {"unreadable_image", "unreadable_mask", "missing_mask"} == {p.code for p in found.report.errors}
    assert found.report.facts["fingerprint"]["sizes"]["commonest"] == [[120, 160, 11]]
