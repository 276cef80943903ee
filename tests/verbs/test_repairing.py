"""The copy is sound and right pixel by pixel, the original untouched, and everything that was done is listed."""

import csv
import hashlib
import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from pixelwise.data.check import check
from pixelwise.data.sources import find
from pixelwise.errors import ConfigError, DataError, StorageError
from pixelwise.formats.image import read_image
from pixelwise.formats.label_png import read_ids
from pixelwise.verbs.prepare import check_folder
from pixelwise.verbs.repairing import repair_folder
from tests.data.sets import make_camvid, make_folders, make_image, make_mask, write_classes

IDS = (0, 50, 100, 200)


def scene(seed, size=(120, 160), ids=IDS):
    """An image and its mask: discs of one colour per class on a smooth ground."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(40, 200, (6, 8, 3), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    mask = np.full(size, ids[0], np.uint8)
    for _ in range(6):
        centre = (int(rng.integers(0, size[1])), int(rng.integers(0, size[0])))
        radius, chosen = int(rng.integers(6, 22)), int(rng.choice(ids[1:]))
        cv2.circle(mask, centre, radius, chosen, -1)
        cv2.circle(image, centre, radius, (chosen, 255 - chosen, 80), -1)
    return image, mask


def write(path, pixels, *options):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels, *options)


@pytest.fixture
def data(tmp_path):
    """Twenty sound pairs with a class table and splits."""
    root = tmp_path / "data"
    for number in range(20):
        image, mask = scene(number)
        write(root / "images" / f"{number:02}.png", image)
        write(root / "masks" / f"{number:02}.png", mask)
    write_classes(root, [{"id": value, "name": f"c{value}"} for value in IDS])
    rows = [f"{number:02},{'train' if number < 12 else 'val' if number < 16 else 'test'}" for number in range(20)]
    (root / "splits.csv").write_text("id,split\n" + "\n".join(rows))
    return root


def tree(root):
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def pairs_of(root):
    return {record.key: (record.split, record.image.read_bytes(), read_ids(record.masks[0])) for record in find(root).records}


def repaired(data, **options):
    """The copy, which is sound, of an original that stays as it was."""
    before = tree(data)
    found = repair_folder(data, data.parent / "copy", **options)
    assert tree(data) == before
    assert found.report.ok, found.report.errors
    assert check_folder(found.path).ok
    assert [path.name for path in data.parent.iterdir() if path.name.endswith(".part")] == []
    return found


def rows_of(found):
    with (found.path / "repairs.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def done(found):
    return [(repair.file.name, repair.fault, repair.action, repair.pixels) for repair in found.repairs]


def test_a_sound_set_is_copied_byte_by_byte(data):
    found = repaired(data)
    assert (found.pairs, found.repairs, rows_of(found)) == (20, (), [])
    own, copy = tree(data), tree(found.path)
    assert {name: copy[name] for name in own if name[:6] in ("images", "masks/")} == {
        name: value for name, value in own.items() if name[:6] in ("images", "masks/")
    }
    assert [r.split for r in find(found.path).records] == [r.split for r in find(data).records]
    assert find(found.path).classes == find(data).classes


def test_what_cannot_be_read_or_used_is_left_out(data):
    (data / "images" / "00.png").write_text("no image")
    (data / "masks" / "01.png").write_bytes((data / "masks" / "01.png").read_bytes()[:60])
    (data / "masks" / "02.png").unlink()
    write(data / "masks" / "zz.png", scene(3)[1])
    write(data / "images" / "04.png", np.zeros((5, 5), np.uint8))
    write(data / "masks" / "04.png", np.zeros((5, 5), np.uint8))
    write(data / "masks" / "05.png", scene(5)[1][:100])
    found = repaired(data)
    assert found.pairs == 15
    assert {(name, fault) for name, fault, action, _ in done(found) if action == "left out"} == {
        ("zz.png", "mask_without_image"), ("00.png", "unreadable_image"), ("01.png", "unreadable_mask"),
        ("02.png", "missing_mask"), ("04.png", "image_too_small"), ("05.png", "size_mismatch"),
    }  # fmt: skip
    assert sorted(path.stem for path in (found.path / "masks").iterdir()) == [f"{n:02}" for n in (3, *range(6, 20))]
    assert ("masks/05.png", "size_mismatch", "left out", "0", "100 x 160, its image 120 x 160") in rows_of(found)


def test_jpeg_masks_come_back_nearly_right_and_pixels_are_counted(data):
    damaged = cv2.imdecode(cv2.imencode(".jpg", scene(4)[1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_GRAYSCALE)
    (data / "masks" / "04.png").unlink()
    write(data / "masks" / "04.jpg", scene(4)[1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    damaged_too = cv2.imdecode(cv2.imencode(".jpg", scene(5)[1], [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_GRAYSCALE)
    write(data / "masks" / "05.png", damaged_too)
    found = repaired(data)
    for number, given in ((4, damaged), (5, damaged_too)):
        ids = read_ids(found.path / "masks" / f"{number:02}.png")
        assert set(np.unique(ids).tolist()) <= set(IDS)
        assert (ids != scene(number)[1]).mean() < 0.002 < (given != scene(number)[1]).mean()
    first, second = (read_ids(found.path / "masks" / f"{number:02}.png") for number in (4, 5))
    assert done(found) == [
        ("04.jpg", "jpeg_mask", "set to the nearest ids", int((first != damaged).sum())),
        ("05.png", "damaged_mask", "set to the nearest ids", int((second != damaged_too).sum())),
    ]


def test_jpeg_masks_of_ids_side_by_side_are_left_out(data):
    write_classes(data, [{"id": value, "name": f"c{value}"} for value in (*IDS, 51)])
    (data / "masks" / "04.png").unlink()
    write(data / "masks" / "04.jpg", scene(4)[1])
    found = repaired(data)
    assert found.pairs == 19
    assert "only 1 apart" in found.repairs[0].detail


def test_black_and_white_jpeg_masks_alone_come_back_exactly(tmp_path):
    root = tmp_path / "data"
    for number in range(6):
        image, mask = scene(number, ids=(0, 255))
        write(root / "images" / f"{number}.png", image)
        write(root / "masks" / f"{number}.jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, 75])
    with pytest.raises(DataError, match="is a JPEG mask"):
        check_folder(root)
    found = repaired(root)
    assert [row["id"] for row in json.loads((found.path / "classes.json").read_text())] == [0, 255]
    for number in range(6):
        assert np.array_equal(read_ids(found.path / "masks" / f"{number}.png"), scene(number, ids=(0, 255))[1])


def test_jpeg_masks_of_several_values_alone_are_not_guessed_at(tmp_path):
    for number in range(4):
        image, mask = scene(number)
        write(tmp_path / "data" / "images" / f"{number}.png", image)
        write(tmp_path / "data" / "masks" / f"{number}.jpg", mask)
    with pytest.raises(DataError, match="is a JPEG mask"):
        repair_folder(tmp_path / "data", tmp_path / "copy")


def test_colour_jpeg_masks_are_set_to_the_colours_of_the_table(data):
    colors = {0: (0, 0, 0), 50: (128, 0, 0), 100: (0, 128, 0), 200: (128, 128, 0)}
    write_classes(data, [{"id": value, "name": f"c{value}", "color": list(color)} for value, color in colors.items()])
    table = np.zeros((256, 3), np.uint8)
    table[list(colors)] = list(colors.values())
    (data / "masks" / "04.png").unlink()
    Image.fromarray(table[scene(4)[1]]).save(data / "masks" / "04.jpg", quality=85)
    Image.fromarray(table[scene(5)[1]]).save(data / "masks" / "05.png")
    found = repaired(data)
    assert (read_ids(found.path / "masks" / "04.png") != scene(4)[1]).mean() < 0.01
    assert done(found)[0][:3] == ("04.jpg", "jpeg_mask", "set to the nearest ids")
    assert len(found.repairs) == 1  # a sound colour mask stays one
    records = {record.key: record for record in find(found.path).records}
    assert np.array_equal(find(found.path).targets.ids(records["05"].masks[0]), scene(5)[1])


def test_soft_edges_become_hard(tmp_path):
    root = tmp_path / "data"
    softs = []
    for number in range(6):
        image, mask = scene(number, (240, 320), ids=(0, 255))
        softs.append(cv2.GaussianBlur(mask, (0, 0), 0.8))
        write(root / "images" / f"{number}.png", image)
        write(root / "masks" / f"{number}.png", softs[-1])
    found = repaired(root)
    for number, soft in enumerate(softs):
        assert np.array_equal(read_ids(found.path / "masks" / f"{number}.png"), np.where(soft > 127, 255, 0))
        assert done(found)[number][1:] == ("soft_mask", "made 0 or 255", int(((soft > 0) & (soft < 255)).sum()))
    assert find(found.path).threshold is None
    assert find(found.path).classes.ids == [0, 255]


def test_ids_outside_the_table_become_ignored(data):
    mask = scene(6)[1]
    mask[10:20, 10:20] = 77
    write(data / "masks" / "06.png", mask)
    found = repaired(data)
    assert done(found) == [("06.png", "unknown_ids", "ignored", 100)]
    assert np.array_equal(read_ids(found.path / "masks" / "06.png"), np.where(mask == 77, 255, mask))


def test_where_255_is_a_class_another_id_is_ignored(data):
    write_classes(data, [{"id": value, "name": f"c{value}"} for value in (*IDS, 255)])
    mask = scene(6)[1]
    mask[10:20, 10:20], mask[30, 30] = 77, 255
    write(data / "masks" / "06.png", mask)
    found = repaired(data)
    classes = find(found.path).classes
    assert (classes.ids, classes.ignore_ids) == ([*IDS, 255], (254,))
    assert np.array_equal(read_ids(found.path / "masks" / "06.png"), np.where(mask == 77, 254, mask))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_images_are_written_upright_with_masks_that_fit(data, orientation):
    image, mask = scene(7)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (data / "images" / "07.png").unlink()
    Image.fromarray(np.ascontiguousarray(image[..., ::-1])).save(data / "images" / "07.jpg", exif=exif, quality=95)
    upright = read_image(data / "images" / "07.jpg")
    is_turned = upright.shape[:2] != mask.shape
    found = repaired(data)
    assert np.array_equal(read_image(found.path / "images" / "07.png"), upright)
    written = Image.open(found.path / "images" / "07.png")
    assert written.getexif().get(0x0112, 1) == 1
    ids = read_ids(found.path / "masks" / "07.png")
    if is_turned:  # image and mask were drawn together, so the discs still lie on each other
        assert done(found)[0] == ("07.png", "size_mismatch", "turned like its image", mask.size)
        expected = read_image(data / "images" / "07.jpg", channels=1)
        assert ids.shape == expected.shape[:2]
        for value in IDS[1:]:
            disc = upright[ids == value].astype(int)
            if len(disc) > 50:
                assert np.abs(np.median(disc, axis=0) - (80, 255 - value, value)).max() < 12
    else:  # whether the mask was turned cannot be told from its size
        assert np.array_equal(ids, mask)


def test_masks_a_whole_number_of_times_larger_or_smaller_are_resized(data):
    smaller, larger = scene(8)[1][::2, ::2], np.zeros((360, 480), np.uint8)
    larger[1::3, 1::3] = scene(9)[1]  # the middle of each block of 3 x 3
    write(data / "masks" / "08.png", smaller)
    write(data / "masks" / "09.png", larger)
    write(data / "masks" / "10.png", scene(10)[1].repeat(2, 0))  # twice as high, as wide: no such thing
    found = repaired(data)
    assert np.array_equal(read_ids(found.path / "masks" / "08.png"), smaller.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(read_ids(found.path / "masks" / "09.png"), scene(9)[1])
    assert [row[2] for row in done(found)] == [*["resized to 120 x 160, nearest neighbour"] * 2, "left out"]


def test_the_same_image_goes_to_one_split(data):
    shutil.copy(data / "images" / "02.png", data / "images" / "13.png")
    shutil.copy(data / "images" / "02.png", data / "images" / "18.png")
    shutil.copy(data / "images" / "14.png", data / "images" / "19.png")
    found = repaired(data)
    splits = {record.key: record.split for record in find(found.path).records}
    assert {key: splits[key] for key in ("02", "13", "18", "14", "19")} == dict.fromkeys(("02", "13", "18", "14", "19"), "train")
    assert [row[:3] for row in done(found)] == [
        (name, "duplicate_across_splits", "moved to train") for name in ("13.png", "14.png", "18.png", "19.png")
    ]


def test_no_split_is_emptied(data):
    for number in range(12, 16):
        shutil.copy(data / "images" / f"{number - 12:02}.png", data / "images" / f"{number}.png")
    found = repair_folder(data, data.parent / "copy")
    assert {repair.action for repair in found.repairs} == {"left as it is"}
    assert [problem.code for problem in found.report.errors] == ["duplicate_across_splits"]
    assert ("", "duplicate_across_splits", "left as it is") in [row[:3] for row in rows_of(found)]


def test_other_layouts_become_the_canonical_one(tmp_path):
    data = make_camvid(tmp_path / "data")
    own = pairs_of(data)
    found = repaired(data)
    copy = pairs_of(found.path)
    assert {key: value[:2] for key, value in copy.items()} == {key: value[:2] for key, value in own.items()}
    assert all(np.array_equal(copy[key][2], own[key][2]) for key in own)
    assert find(found.path).classes == find(data).classes


def test_numbers_of_objects_stay_numbers(tmp_path):
    for number in range(4):
        make_image(tmp_path / "data" / "images" / f"{number}.png", number)
        make_mask(tmp_path / "data" / "instances" / f"{number}.png", (0, 1, 2, 300))
    make_mask(tmp_path / "data" / "instances" / "3.png", (0, 7), size=(80, 96))
    found = repaired(tmp_path / "data")
    assert set(np.unique(read_ids(found.path / "instances" / "0.png"))) == {0, 1, 2, 300}
    assert read_ids(found.path / "instances" / "3.png").shape == (40, 48)
    assert find(found.path).threshold == 0


def test_a_jpeg_of_numbers_is_left_out(tmp_path):
    for number in range(5):
        make_image(tmp_path / "data" / "images" / f"{number}.png", number)
        make_mask(tmp_path / "data" / "instances" / f"{number}.png", (0, 1, 2))
    Image.open(tmp_path / "data" / "instances" / "4.png").save(tmp_path / "data" / "instances" / "4.png", format="JPEG")
    found = repaired(tmp_path / "data")
    assert found.pairs == 4
    assert "export it again as PNG" in found.repairs[0].detail


def test_multilabel_sets_keep_one_folder_per_class(tmp_path):
    data = tmp_path / "data"
    for number in range(5):
        image, mask = scene(number, ids=(0, 255))
        write(data / "images" / f"{number}.png", image)
        write(data / "masks" / "a" / f"{number}.png", mask)
        write(data / "masks" / "b" / f"{number}.jpg" if number == 3 else data / "masks" / "b" / f"{number}.png", 255 - mask)
    (data / "masks" / "a" / "1.png").unlink()
    found = repaired(data)
    assert find(found.path).classes.names == ["a", "b"]
    assert found.pairs == 5
    assert np.array_equal(read_ids(found.path / "masks" / "b" / "3.png"), 255 - scene(3, ids=(0, 255))[1])
    assert not (found.path / "masks" / "a" / "1.png").exists()


def test_columns_come_along(data):
    (data / "records.csv").write_text("id,patient\n" + "\n".join(f"{number:02},p{number // 2}" for number in range(20)))
    found = repaired(data)
    assert {record.key: dict(record.columns) for record in find(found.path).records} == {
        record.key: dict(record.columns) for record in find(data).records
    }


def test_names_that_differ_in_case_or_end_like_a_file_are_kept_apart(tmp_path):
    data = make_folders(tmp_path / "data", 4)
    for name, seed in (("Ab", 10), ("aB", 11), ("scan.jpg", 12)):
        make_image(data / "images" / f"{name}.png", seed)
        make_mask(data / "masks" / f"{name}.png", (0, 1, 2))
    found = repaired(data)
    assert found.pairs == 7
    assert len({path.name.casefold() for path in (found.path / "images").iterdir()}) == 7
    assert len(find(found.path).records) == 7


@pytest.mark.parametrize("place", ["data/copy", "data", ".", "full"])
def test_a_place_that_is_taken_or_inside_is_refused(data, place):
    (data.parent / "full").mkdir()
    (data.parent / "full" / "file").write_text("x")
    before = tree(data.parent)
    with pytest.raises(ConfigError, match="--to"):
        repair_folder(data, data.parent / place)
    assert tree(data.parent) == before


def test_an_empty_folder_is_taken(data):
    (data.parent / "copy").mkdir()
    assert repaired(data).pairs == 20


def test_nothing_is_left_of_a_copy_that_fails(data, monkeypatch):
    def full(*_, **__):
        raise StorageError("disk full")

    monkeypatch.setattr("pixelwise.data.repaired_copy._write_splits", full)
    with pytest.raises(StorageError):
        repair_folder(data, data.parent / "copy")
    assert [path.name for path in data.parent.iterdir()] == ["data"]


def test_a_set_without_a_sound_pair_is_refused(data):
    for path in (data / "images").iterdir():
        path.write_text("no image")
    with pytest.raises(DataError, match="no pair"):
        repair_folder(data, data.parent / "copy")
    assert not (data.parent / "copy").exists()


def test_progress_is_told_and_the_result_is_json(data):
    seen = []
    found = repair_folder(data, data.parent / "copy", progress=lambda done, total: seen.append((done, total)))
    assert seen[:20] == [(number, 20) for number in range(1, 21)]
    assert json.loads(json.dumps(found.to_json()))["pairs"] == 20
    assert check(find(found.path)).ok
