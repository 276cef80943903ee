"""labelme's JSON: every type of shape, as labelme itself draws it; groups, images inside, Windows paths, and what is wrong."""

import base64
import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from pixelwise.data.importing.labelme import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.exports import Scene, png_text, write_images, write_labelme

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "exports.json").read_text(encoding="utf-8"))["labelme"]
SCENE = Scene("a", (20, 30), [])


def square(left, top, label="cell", side=4, **more):
    points = [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
    return {"label": label, "points": points, "shape_type": "polygon"} | more


def export(root, shapes, scene=SCENE, **more):
    write_images(root, [scene])
    write_labelme(root, scene, shapes, **more)
    return root


def painted(root, at=0):
    annotations = FORMAT.read(root)
    assert annotations.faults == ()
    return annotations.items[at].paint()


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["shape"]["shape_type"])
def test_shapes_are_what_labelme_draws_but_for_the_pixels_of_their_edges(case, tmp_path):
    """labelme fills pixels that an edge only touches; ours is COCO's rule, centres inside. Masks are equal."""
    height, width = case["size"]
    theirs = np.frombuffer(zlib.decompress(base64.b64decode(case["pixels"])), np.uint8)
    theirs = np.unpackbits(theirs)[: height * width].reshape(height, width).astype(bool)
    shape = case["shape"] | {"label": "x"}
    if "mask" in shape:
        shape["mask"] = png_text(np.array(shape["mask"], np.uint8))
    found = painted(export(tmp_path, [shape], Scene("a", (height, width), []))).ids == 1
    if shape["shape_type"] == "mask":
        assert np.array_equal(found, theirs)
        return
    compared, slack = np.ones_like(theirs), 1
    if "line" in shape["shape_type"]:  # labelme cuts lines off at their points, with notches where they turn, and rounds sides
        y, x = np.mgrid[:height, :width] + 0.5
        compared, slack = np.min([np.hypot(x - at, y - down) for at, down in shape["points"]], axis=0) > 6.5, 2
    around = np.ones((3, 3), bool)
    assert not (found & compared & ~binary_dilation(theirs, around, slack)).any()
    assert not (binary_erosion(theirs, around, slack) & compared & ~found).any()
    assert (found & theirs & compared).sum() / ((found | theirs) & compared).sum() > 0.75


def test_later_shapes_lie_above_earlier_ones(tmp_path):
    found = painted(export(tmp_path, [square(2, 2, "b"), square(0, 0, "a", side=10)]))
    assert (found.ids == 2).sum() == 0
    assert found.losses == {"pixels under other objects": 16, "hidden objects": 1}


def test_shapes_of_one_label_and_group_are_one_object(tmp_path):
    shapes = [square(0, 0, group_id=3), square(10, 0, group_id=3), square(20, 0, group_id=None), square(0, 10, "b", group_id=3)]
    found = painted(export(tmp_path, shapes))
    assert [int(found.instances[y, x]) for y, x in ((1, 1), (1, 11), (1, 21), (11, 1))] == [1, 1, 2, 3]


def test_labels_in_alphabetical_order_or_in_that_of_labels_txt(tmp_path):
    root = export(tmp_path, [square(0, 0, "dog"), square(9, 0, "ant"), square(18, 0, "__ignore__"), square(9, 9, "_background_")])
    assert {row["name"]: row["id"] for row in FORMAT.read(root).classes} == {
        "_background_": 0,
        "ant": 1,
        "dog": 2,
        "__ignore__": 255,
    }
    (root / "labels.txt").write_text("__ignore__\n_background_\ndog\nunused\n")
    annotations = FORMAT.read(root)
    rows = {row["name"]: row["id"] for row in annotations.classes}
    assert rows == {"_background_": 0, "dog": 1, "unused": 2, "ant": 3, "__ignore__": 255}
    assert [row["name"] for row in annotations.classes if row.get("ignore")] == ["__ignore__"]
    assert "in the order of labels.txt" in annotations.decisions[0]
    assert np.unique(annotations.items[0].paint().ids).tolist() == [0, 1, 3, 255]


@pytest.mark.parametrize(
    "name", ["C:\\Users\\me\\images\\a.png", "..\\images\\a.png", "../images/a.png", "/srv/data/a.png", "gone.png"]
)
def test_the_image_is_found_whatever_path_stands_before_it(name, tmp_path):
    write_images(tmp_path / "images", [SCENE])
    write_images(tmp_path / "other", [SCENE])
    (tmp_path / "json").mkdir()
    write_labelme(tmp_path / "json", SCENE, [square(0, 0)], imagePath=name)
    if name in ("/srv/data/a.png", "gone.png"):  # nothing tells the two apart
        assert "is not below" in FORMAT.read(tmp_path).faults[0]
        (tmp_path / "other" / "a.png").unlink()
    assert FORMAT.read(tmp_path).items[0].image == tmp_path / "images" / "a.png"


def test_an_image_that_is_only_inside_the_file_is_taken_from_there(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_labelme(tmp_path, SCENE, [square(0, 0)], imageData=png_text(pixels))
    item = FORMAT.read(tmp_path).items[0]
    assert item.key == "a"
    assert np.array_equal(item.image(), pixels)
    assert item.paint().ids.sum() == 16
    write_labelme(tmp_path, SCENE, [square(0, 0)], imageData=png_text(pixels), imageHeight=99)
    with pytest.raises(DataError, match="declares 99 x 30 pixels, but its imageData has 20 x 30"):
        FORMAT.read(tmp_path).items[0].paint()


def test_sizes_may_be_missing_as_in_old_files(tmp_path):
    root = export(tmp_path, [square(0, 0)], imageHeight=None, imageWidth=None)
    assert painted(root).ids.shape == (20, 30)


def test_points_are_left_out_and_counted_and_lines_have_labelmes_width(tmp_path):
    shapes = [{"label": "eye", "points": [[3, 3]], "shape_type": "point"}]
    shapes += [{"label": "crack", "points": [[5, 10], [25, 10]], "shape_type": "line"}]
    annotations = FORMAT.read(export(tmp_path, shapes))
    assert [row["name"] for row in annotations.classes] == ["background", "crack"]
    assert "left out, for they have no area: 1 point" in annotations.decisions
    assert "drawn 10 pixels wide, as labelme draws them: 1 line" in annotations.decisions
    assert (annotations.items[0].paint().ids[:, 15] == 1).sum() == 10


def test_what_a_slip_of_the_mouse_left_is_counted(tmp_path):
    shapes = [{"label": "cell", "points": [[3, 3], [5, 5]], "shape_type": "polygon"}, square(50, 50)]
    assert painted(export(tmp_path, shapes)).losses == {"objects without a pixel in the image": 2}


def test_what_reaches_beyond_the_image_is_cut(tmp_path):
    assert painted(export(tmp_path, [square(-2, -3, side=8)])).ids.sum() == 6 * 5


def test_other_files_are_left_alone_and_splits_are_folders(tmp_path):
    export(tmp_path / "train", [square(0, 0)])
    export(tmp_path / "val", [square(0, 0)])
    (tmp_path / "classes.json").write_text("[]")
    annotations = FORMAT.read(tmp_path)
    assert [(item.key, item.split) for item in annotations.items] == [("train/a", "train"), ("val/a", "val")]
    assert "left alone, for they hold no shapes: 1 JSON file" in annotations.decisions


def test_two_files_about_one_image_are_a_fault_and_the_first_is_read(tmp_path):
    export(tmp_path, [square(0, 0)])
    (tmp_path / "b.json").write_text((tmp_path / "a.json").read_text())
    annotations = FORMAT.read(tmp_path)
    assert len(annotations.items) == 1
    assert "are both of the image a.png" in annotations.faults[0]


def test_a_single_file_can_be_read(tmp_path):
    export(tmp_path, [square(0, 0)])
    export(tmp_path, [square(0, 0)], Scene("b", (9, 9), []))
    assert FORMAT.matches(tmp_path / "a.json") is not None
    assert [item.key for item in FORMAT.read(tmp_path / "a.json").items] == ["a"]


def test_a_damaged_file_does_not_harm_the_others(tmp_path):
    export(tmp_path, [square(0, 0)])
    (tmp_path / "b.json").write_text('{"shapes": [')
    annotations = FORMAT.read(tmp_path)
    assert [item.key for item in annotations.items] == ["a"]
    assert "b.json is no valid JSON" in annotations.faults[0]


def png_of(size):
    stream = io.BytesIO()
    Image.fromarray(np.ones(size, np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    "shape, told",
    [
        ("not a shape", "it must be a JSON object, got str"),
        ({"label": "a", "shape_type": "polygon"}, "list of 1 to 1,000,000 points"),
        ({"label": "a", "points": [[1, 2], [3, float("nan")], [5, 6]]}, "a coordinate must be a number"),
        ({"label": "a", "points": [[1, 2], [3, 1e300], [5, 6]]}, "a coordinate must be a number"),
        ({"label": "", "points": [[1, 2], [3, 4], [5, 2]]}, "it has no label"),
        ({"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "spline"}, "type 'spline' are unknown"),
        ({"label": "a", "points": [[1, 2]], "shape_type": "circle"}, "list of 2 to"),
        ({"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "mask"}, "holds no image in base64"),
        ({"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "mask", "mask": "****"}, "holds no image in base64"),
        ({"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "mask", "mask": "QUJDRA=="}, "is not an image"),
        ({"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "mask", "mask": png_of((9, 3))}, "enclose 3 x 3"),
        ({"label": "a", "points": [[28, 2], [30, 4]], "shape_type": "mask", "mask": png_of((3, 3))}, "reaches beyond the image"),
        ({"label": "a", "points": [[-1, 2], [1, 4]], "shape_type": "mask", "mask": png_of((3, 3))}, "reaches beyond the image"),
    ],
)
def test_a_damaged_shape_is_named_with_its_file_and_place(shape, told, tmp_path):
    annotations = FORMAT.read(export(tmp_path, [square(0, 0), shape]))
    with pytest.raises(DataError, match=r"a\.json, shape 2 of 2: ") as caught:
        annotations.items[0].paint()
    assert told in str(caught.value)


def test_a_mask_that_declares_a_huge_size_is_refused_before_it_is_decoded(tmp_path):
    data = bytearray(base64.b64decode(png_of((3, 3))))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    shape = {"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "mask", "mask": base64.b64encode(data).decode()}
    with pytest.raises(DataError, match="declares 60000 x 60000"):
        FORMAT.read(export(tmp_path, [shape])).items[0].paint()
