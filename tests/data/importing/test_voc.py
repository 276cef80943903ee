"""PASCAL VOC, CVAT's masks in its layout, and its XML of boxes; an export that Datumaro wrote."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing import cvat, labelme_xml
from pixelwise.data.importing.voc import FORMAT
from pixelwise.errors import DataError
from pixelwise.formats.voc_labels import VOC_CLASSES, VOID_COLOR, color_of
from tests.data.importing.exports import Scene, palette_image, write_images, write_voc

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "exports.json").read_text(encoding="utf-8"))["datumaro"]
SIZE = (10, 14)


@pytest.mark.parametrize("found", [FORMAT, labelme_xml.FORMAT, cvat.FORMAT], ids=lambda found: found.name)
def test_what_datumaro_wrote_is_read_pixel_for_pixel(found, tmp_path):
    for name, content in GOLDEN["files"][found.name].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(base64.b64decode(content))
    assert found.matches(tmp_path) is not None
    annotations = found.read(tmp_path)
    assert annotations.faults == ()
    assert {row["name"]: row["id"] for row in annotations.classes if not row.get("ignore")} == {
        "background": 0,
        "cell": 1,
        "debris": 2,
    }
    assert len(annotations.items) == len(GOLDEN["expected"])
    for item in annotations.items:
        expected = GOLDEN["expected"][item.image.stem]
        painted = item.paint()
        assert item.split == expected["split"]
        for name, array in (("ids", painted.ids), ("instances", painted.instances)):
            assert ["".join(map(str, row)) for row in array.tolist()] == expected[name]


def masks(root, classes, objects=None, name="a", folder="SegmentationClass"):
    """One image, its mask, and the numbers of its objects, as images that are there already."""
    write_images(root / "JPEGImages", [Scene(name, SIZE, [])], ".jpg")
    for place, image in ((folder, classes), ("SegmentationObject", objects)):
        if image is not None:
            (root / place).mkdir(exist_ok=True)
            image.save(root / place / f"{name}.png")
    return root


def numbers(*placed):
    """A map of 0 with squares of other numbers, from the left."""
    found = np.zeros(SIZE, np.uint8)
    for at, number in enumerate(placed):
        found[2:5, 3 * at : 3 * at + 2] = number
    return found


def test_voc_itself_has_its_classes_by_index_and_the_border_is_ignored(tmp_path):
    root = masks(tmp_path, palette_image(numbers(20, 255, 1)), palette_image(numbers(1, 255, 2)))
    annotations = FORMAT.read(root)
    assert [row["name"] for row in annotations.classes] == [*VOC_CLASSES, "void"]
    assert [row["id"] for row in annotations.classes if row.get("ignore")] == [255]
    painted = annotations.items[0].paint()
    assert np.array_equal(painted.ids, numbers(20, 255, 1))
    assert np.array_equal(painted.instances, numbers(1, 0, 2))


@pytest.mark.parametrize("kind", ["palette", "colours", "with alpha", "grey", "palette of greys"])
def test_masks_of_any_kind_mean_the_same(kind, tmp_path):
    ids = numbers(20, 255, 1)
    table = np.array([color_of(number) for number in range(256)], np.uint8)
    image = palette_image(ids)
    if kind in ("colours", "with alpha"):
        image = Image.fromarray(np.dstack([table[ids], ids]) if kind == "with alpha" else table[ids])
    elif kind == "grey":
        image = Image.fromarray(ids)
    elif kind == "palette of greys":
        image.putpalette(np.arange(256, dtype=np.uint8).repeat(3).tobytes())
    assert np.array_equal(FORMAT.read(masks(tmp_path, image)).items[0].paint().ids, ids)


def test_objects_in_colour_are_numbered_by_the_bits_of_the_colour_also_beyond_255(tmp_path):
    objects = numbers(1, 2).astype(int) * 300
    table = np.array([color_of(number) for number in range(1000)], np.uint8)
    root = masks(tmp_path, palette_image(numbers(5, 5)), Image.fromarray(table[objects]))
    assert np.array_equal(FORMAT.read(root).items[0].paint().instances, objects)
    Image.fromarray(np.full((*SIZE, 3), 1, np.uint8)).save(root / "SegmentationObject" / "a.png")
    with pytest.raises(DataError, match="no numbers of objects"):
        FORMAT.read(root).items[0].paint()
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(root / "SegmentationObject" / "a.png")
    with pytest.raises(DataError, match=r"has 3 x 3 pixels, a\.png 10 x 14"):
        FORMAT.read(root).items[0].paint()


def test_an_id_that_no_class_has_is_refused_with_the_ids_that_are_there(tmp_path):
    with pytest.raises(DataError, match=r"not in VOC's own table.*nearest"):
        FORMAT.read(masks(tmp_path, palette_image(np.full(SIZE, 37, np.uint8)))).items[0].paint()


def test_a_labelmap_gives_ids_in_its_order_and_black_is_background_where_it_is_not_listed(tmp_path):
    (tmp_path / "labelmap.txt").write_text("car:10,20,30::\nroad:0,0,9::\nignored:224,224,192::\n")
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[1], pixels[2], pixels[3] = (10, 20, 30), (0, 0, 9), VOID_COLOR
    annotations = FORMAT.read(masks(tmp_path, Image.fromarray(pixels)))
    assert [(row["id"], row["name"]) for row in annotations.classes] == [
        (0, "background"),
        (1, "car"),
        (2, "road"),
        (255, "ignored"),
    ]
    assert annotations.items[0].paint().ids[:5, 0].tolist() == [0, 1, 2, 255, 0]
    pixels[4] = (11, 20, 30)
    painted = FORMAT.read(masks(tmp_path, Image.fromarray(pixels))).items[0].paint()
    assert painted.ids[4, 0] == 255
    assert painted.losses == {"pixels of the colour (11, 20, 30), not in labelmap.txt": 14}


def test_a_palette_that_is_not_the_labelmaps_holds_ids_as_its_indices(tmp_path):
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\ncar:10,20,30::\nroad:0,0,9::\n")
    painted = FORMAT.read(masks(tmp_path, palette_image(numbers(2, 1, 255)))).items[0].paint()
    assert np.array_equal(painted.ids, numbers(2, 1, 255))
    assert dict(painted.losses) == {}


def test_what_labelmes_converter_wrote_is_read(tmp_path):
    (tmp_path / "class_names.txt").write_text("_background_\ncar\n")
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "SegmentationClass" / "a.npy").write_bytes(b"never read")
    root = masks(tmp_path, palette_image(numbers(1, 255)), folder="SegmentationClassPNG")
    annotations = FORMAT.read(root)
    assert [(row["id"], row["name"]) for row in annotations.classes] == [(0, "_background_"), (1, "car"), (255, "void")]
    assert np.array_equal(annotations.items[0].paint().ids, numbers(1, 255))


def test_lists_say_who_is_in_which_split_and_what_they_do_not_name_is_left_out(tmp_path):
    for name in "abcde":
        masks(tmp_path, palette_image(numbers(1)), name=name)
    (tmp_path / "SegmentationClass" / "d.png").unlink()
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for name, content in {
        "train": "a\nd\n",
        "val": "b\n",
        "trainval": "a\nb\n",
        "test": 'b\n"c"\n',
        "cow_train": "e 1\n",
    }.items():
        (lists / f"{name}.txt").write_text(content)
    annotations = FORMAT.read(tmp_path)
    assert [(item.key, item.split) for item in annotations.items] == [("a", "train"), ("b", "test"), ("c", "test")]
    said = "; ".join(annotations.decisions)
    assert "no list in ImageSets/ names them: 1 mask (e)" in said
    assert "they have no mask: 1 listed image (d)" in said
    assert "stand in two lists" in said


def test_years_below_one_folder_are_read_together(tmp_path):
    write_voc(tmp_path, [Scene("a", SIZE, [])], palette_image, folder="VOC2007")
    write_voc(tmp_path, [Scene("a", SIZE, [])], palette_image, folder="VOC2012")
    assert [item.key for item in FORMAT.read(tmp_path).items] == ["VOC2007/JPEGImages/a", "VOC2012/JPEGImages/a"]


def thing(name, x1, y1, x2, y2, more=""):
    box = f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
    return f"<object><name>{name}</name>{box}{more}</object>"


def annotation(root, *things, name="a", size=SIZE, images="JPEGImages"):
    write_images(root / images, [Scene(name, SIZE, [])], ".jpg")
    (root / "Annotations").mkdir(exist_ok=True)
    declared = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    text = f"<annotation><filename>{name}.jpg</filename>{declared}{''.join(things)}</annotation>"
    (root / "Annotations" / f"{name}.xml").write_text(text)
    return root


def test_boxes_alone_are_pixels_from_one_as_in_voc_and_that_is_said(tmp_path):
    root = annotation(tmp_path, thing("cat", 1, 2, 3, 4), thing("ant", 14, 10, 14, 10))
    assert "only boxes" in FORMAT.matches(root)
    annotations = FORMAT.read(root)
    expected = np.zeros(SIZE, int)
    expected[1:4, 0:3], expected[9, 13] = 2, 1
    assert np.array_equal(annotations.items[0].paint().ids, expected)
    said = "; ".join(annotations.decisions)
    assert "there are no masks, only boxes" in said
    assert "pixels counted from 1" in said


def test_boxes_are_edges_where_any_begins_at_zero(tmp_path):
    root = annotation(tmp_path, thing("cat", 1, 2, 3, 4), thing("cat", 0, 8, 2, 10))
    expected = np.zeros(SIZE, int)
    expected[2:4, 1:3], expected[8:10, 0:2] = 1, 1
    annotations = FORMAT.read(root)
    assert np.array_equal(annotations.items[0].paint().ids, expected)
    assert "edges counted from 0, for 1 of them" in "; ".join(annotations.decisions)


def test_polygons_beside_boxes_are_drawn_instead(tmp_path):
    corners = ((2, 1), (8, 1), (8, 6), (2, 6))
    ring = "<polygon>" + "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(corners, 1)) + "</polygon>"
    annotations = FORMAT.read(annotation(tmp_path, thing("cat", 2, 1, 8, 6, ring)))
    expected = np.zeros(SIZE, int)
    expected[1:6, 2:8] = 1
    assert np.array_equal(annotations.items[0].paint().ids, expected)
    assert any("polygon that stands beside the box: 1 object" in said for said in annotations.decisions)


def test_boxes_beside_their_images_in_folders_of_splits(tmp_path):
    for split in ("train", "valid"):
        write_images(tmp_path / split, [Scene("a", SIZE, [])], ".jpg")
        (tmp_path / split / "a.xml").write_text(f"<annotation><filename>a.jpg</filename>{thing('cat', 1, 1, 2, 2)}</annotation>")
    assert [(item.key, item.split) for item in FORMAT.read(tmp_path).items] == [("train/a", "train"), ("valid/a", "val")]


@pytest.mark.parametrize(
    "broken, told",
    [
        (thing("", 1, 1, 2, 2), "it has no name"),
        (thing("cat", "a", 1, 2, 2), "xmin must be a number"),
        (thing("cat", 1, 1, 2, "1e99"), "ymax must be a number"),
        ("<object><name>cat</name></object>", "xmin must be a number"),
        (thing("cat", 1, 1, 2, 2, "<polygon><x1>1</x1><y1>nan</y1></polygon>"), "y1 must be a number"),
    ],
)
def test_a_damaged_box_is_named(broken, told, tmp_path):
    annotations = FORMAT.read(annotation(tmp_path, thing("cat", 1, 1, 2, 2), broken))
    with pytest.raises(DataError, match=r"a\.xml, object 2: ") as caught:
        annotations.items[0].paint()
    assert told in str(caught.value)


def test_sizes_of_boxes_are_compared_but_zero_is_unknown(tmp_path):
    assert FORMAT.read(annotation(tmp_path, thing("cat", 1, 1, 2, 2), size=(0, 0))).items[0].paint().ids.shape == SIZE
    with pytest.raises(DataError, match="10 x 14 pixels, its annotation 14 x 10"):
        FORMAT.read(annotation(tmp_path, thing("cat", 1, 1, 2, 2), size=(14, 10))).items[0].paint()


def test_missing_images_and_damaged_xml_are_faults(tmp_path):
    annotation(tmp_path, thing("cat", 1, 1, 2, 2))
    (tmp_path / "Annotations" / "b.xml").write_text(f"<annotation>{thing('cat', 1, 1, 2, 2)}</annotation>")
    (tmp_path / "Annotations" / "c.xml").write_text("<annotation><object>")
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["a"]
    assert "c.xml is no valid XML" in annotations.faults[0]
    assert "1 image (b) not below" in annotations.faults[1]
