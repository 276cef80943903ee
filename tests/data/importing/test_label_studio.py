"""Label Studio's JSON: percent of the image, turned rectangles and ellipses, brushes, people, addresses of images."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.geometry import ellipse, polygon
from pixelwise.data.importing.label_studio import FORMAT, read
from pixelwise.errors import ConfigError, DataError
from tests.data.importing.exports import brush_result, png_text, region

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "exports.json").read_text(encoding="utf-8"))["rectangles"]
SIZE = (20, 40)


def rectangle(x, y, width, height, label="cell", rotation=0, **more):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation, "rectanglelabels": [label]}
    return region(SIZE, "rectanglelabels", value, **more)


def task(*results, image="/data/upload/3/0123abcd-a.png", **annotation):
    return {"id": 1, "annotations": [{"completed_by": 7, "result": list(results)} | annotation], "data": {"image": image}}


def export(root, *tasks, images=("a.png",), size=SIZE):
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros(size, np.uint8)).save(root / image)
    (root / "project.json").write_text(json.dumps(tasks))
    return root


def painted(root):
    annotations = FORMAT.read(root)
    assert annotations.faults == ()
    return annotations.items[0].paint()


def whole_mask(found, size):
    mask = np.zeros(size, int)
    mask[found.top : found.top + found.mask.shape[0], found.left : found.left + found.mask.shape[1]] = found.mask
    return mask


def test_coordinates_are_percent_of_width_and_height(tmp_path):
    found = painted(export(tmp_path, task(rectangle(25, 50, 50, 25))))
    expected = np.zeros(SIZE, int)
    expected[10:15, 10:30] = 1
    assert np.array_equal(found.ids, expected)
    assert np.array_equal(found.instances, expected)


@pytest.mark.parametrize("case", GOLDEN)
def test_a_rectangle_turns_about_its_upper_left_corner_as_the_sdk_turns_it(case, tmp_path):
    size = tuple(case["size"])
    result = region(size, "rectanglelabels", case["value"] | {"rectanglelabels": ["cell"]})
    found = painted(export(tmp_path, task(result), size=size))
    expected = whole_mask(polygon(np.array(case["corners"]), size), size)
    assert expected.sum() > 40
    assert np.array_equal(found.ids, expected)


def test_an_ellipse_has_radii_in_percent_of_both_sides_and_turns_about_its_middle(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 20, "rotation": 25, "ellipselabels": ["cell"]}
    found = painted(export(tmp_path, task(region(SIZE, "ellipselabels", value))))
    assert np.array_equal(found.ids, whole_mask(ellipse((20, 10), (8, 4), SIZE, 25), SIZE))


def test_brushes_and_bitmasks_are_read_at_half_strength(tmp_path):
    strength = np.zeros(SIZE, np.uint8)
    strength[3:9, 5:30] = 255
    strength[9, 5:30] = 127
    brush = brush_result("cell", strength)
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[12:15, 2:8, 3] = 255
    address = f"data:image/png;base64,{png_text(pixels)}"
    bitmask = region(SIZE, "bitmasklabels", {"imageDataURL": address, "bitmasklabels": ["debris"]})
    expected = np.zeros(SIZE, int)
    expected[3:9, 5:30], expected[12:15, 2:8] = 1, 2
    assert np.array_equal(painted(export(tmp_path, task(brush, bitmask))).ids, expected)


def test_a_shape_and_its_label_may_stand_in_two_results_of_one_id(tmp_path):
    place = {"x": 0, "y": 0, "width": 10, "height": 20}
    results = [region(SIZE, "rectangle", place, id="x"), region(SIZE, "labels", place | {"labels": ["cell"]}, id="x")]
    found = painted(export(tmp_path, task(*results)))
    assert int(found.ids.sum()) == 16
    assert int(found.instances.max()) == 1


def test_what_is_left_out_or_remarkable_is_counted(tmp_path):
    results = [
        rectangle(0, 0, 10, 20, image_rotation=90),
        region(SIZE, "keypointlabels", {"x": 5, "y": 5, "width": 1, "keypointlabels": ["eye"]}),
        {"type": "choices", "value": {"choices": ["good"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        region(SIZE, "rectangle", {"x": 50, "y": 0, "width": 10, "height": 20}),
        region(SIZE, "rectanglelabels", {"x": 50, "y": 50, "width": 10, "height": 20, "rectanglelabels": ["b", "c"]}),
    ]
    annotations = FORMAT.read(export(tmp_path, task(*results), task(rectangle(0, 0, 1, 1), was_cancelled=True)))
    said = "; ".join(annotations.decisions)
    for part in (
        "upright: 1 region",
        "no area: 1 keypoint",
        "no regions of an image: 2 results",
        "nobody has annotated them: 1 task",
    ):
        assert part in said
    assert annotations.faults == (
        "read with the first of their labels only: 1 region",
        "left out, for they have no label: 1 region; label them",
    )
    assert [row["name"] for row in annotations.classes] == ["background", "b", "cell"]


def several(**kinds):
    """One task, and what each of several people drew: boxes that begin at different columns."""
    found = task(rectangle(0, 0, 10, 100))
    for at, (person, more) in enumerate(kinds.items(), 1):
        found["annotations"].append(
            {"completed_by": {"id": at, "email": person}, "result": [rectangle(10 * at, 0, 10, 100)]} | more
        )
    return found


@pytest.mark.parametrize(
    "kinds, column",
    [({"b": {}}, 0), ({"b": {}, "c": {"ground_truth": True}}, 8), ({"b": {"ground_truth": True, "was_cancelled": True}}, 0)],
)
def test_of_several_annotations_the_one_marked_as_truth_is_read_else_the_first(kinds, column, tmp_path):
    root = export(tmp_path, several(**kinds))
    annotations = FORMAT.read(root)
    assert len(annotations.items) == 1
    assert np.flatnonzero(annotations.items[0].paint().ids[0])[0] == column
    valid = 1 + sum("was_cancelled" not in more for more in kinds.values())
    assert any(said.startswith("annotated by several people: 1 image") for said in annotations.decisions) == (valid > 1)


def test_all_annotations_can_be_read_each_as_an_image_with_the_number_of_its_person(tmp_path):
    annotations = read(export(tmp_path, several(b={}, c={"was_cancelled": True}, d={})), annotators="all")
    assert [(item.key, item.columns["annotator"]) for item in annotations.items] == [
        ("a/annotator-1", "7"),
        ("a/annotator-2", "1"),
        ("a/annotator-3", "3"),
    ]
    assert [int(np.flatnonzero(item.paint().ids[0])[0]) for item in annotations.items] == [0, 4, 12]
    assert not any("@" in value or value == "b" for item in annotations.items for value in item.columns.values())
    with pytest.raises(ConfigError, match="must be first or all, got 'best'"):
        read(tmp_path, annotators="best")


def test_an_annotation_without_regions_is_an_empty_mask(tmp_path):
    assert painted(export(tmp_path, task(), task(rectangle(0, 0, 1, 1), image="b.png"), images=("a.png", "b.png"))).ids.sum() == 0


@pytest.mark.parametrize(
    "address, file",
    [
        ("/data/upload/3/0123abcd-a.png", "a.png"),
        ("/data/upload/3/0123abcd-a.png", "images/0123abcd-a.png"),
        ("/data/local-files/?d=project%2Fpart%20one/a.png", "part one/a.png"),
        ("https://host/b/a%20b.png?token=x&d2=y#part", "a b.png"),
        ("s3://bucket/deep/a.png", "deep/a.png"),
        ("C:\\data\\a.png", "a.png"),
        ("http://[broken", ""),
        ("../../etc/passwd.png", ""),
        ("\ud800.png", ""),
    ],
)
def test_images_are_found_by_any_address(address, file, tmp_path):
    root = export(tmp_path, task(rectangle(0, 0, 1, 1), image=address), images=(file or "else.png",))
    annotations = FORMAT.read(root)
    if file:
        assert [item.image for item in annotations.items] == [root / file]
    else:
        assert annotations.items == ()
        assert "1 image (" in annotations.faults[0]
        assert annotations.faults[0].encode()


def test_of_several_texts_in_the_data_the_image_is_the_one_that_regions_point_to(tmp_path):
    found = task(rectangle(0, 0, 10, 10, to_name="right"))
    found["data"] = {"left": "b.png", "right": "a.png", "comment": "nice"}
    annotations = FORMAT.read(export(tmp_path, found, images=("a.png", "b.png")))
    assert [item.image.name for item in annotations.items] == ["a.png"]


def test_two_tasks_about_one_image_are_a_fault(tmp_path):
    annotations = FORMAT.read(export(tmp_path, task(rectangle(0, 0, 10, 10)), task(rectangle(50, 0, 10, 10))))
    assert annotations.items[0].paint().ids[0, 0] == 1
    assert annotations.faults == ("2 tasks are of the image a.png; only the first is read",)


def test_old_exports_call_annotations_completions(tmp_path):
    found = task(rectangle(0, 0, 10, 20))
    found["completions"] = found.pop("annotations")
    root = export(tmp_path, found)
    assert FORMAT.matches(root) is not None
    assert painted(root).ids.sum() == 16


@pytest.mark.parametrize(
    "result, told",
    [
        (rectangle("x", 0, 1, 1), "x must be a number"),
        (rectangle(0, 0, None, 1), "width must be a number"),
        (rectangle(0, float("inf"), 1, 1), "y must be a number"),
        (rectangle(0, 0, 1, 1, rotation="a"), "rotation must be a number"),
        (rectangle(0, 0, 1, 1, original_width=41), "20 x 40 pixels, its annotation 20 x 41"),
        (region(SIZE, "polygonlabels", {"points": [[1, 2], [3]], "polygonlabels": ["a"]}), "points must be pairs"),
        (region(SIZE, "polygonlabels", {"points": 5, "polygonlabels": ["a"]}), "needs a list of"),
        (region(SIZE, "brushlabels", {"rle": [1, 2, 3], "brushlabels": ["a"]}), "too few for its header"),
        (region(SIZE, "brushlabels", {"rle": [255] * 9, "brushlabels": ["a"]}), "declares 4,294,967,295 values"),
        (region(SIZE, "bitmasklabels", {"imageDataURL": "data:,", "bitmasklabels": ["a"]}), "no image in base64"),
        (region(SIZE, "bitmasklabels", {"imageDataURL": 7, "bitmasklabels": ["a"]}), "no image in base64"),
        (
            region(SIZE, "bitmasklabels", {"imageDataURL": f"x,{png_text(np.ones((3, 3), np.uint8))}", "labels": ["a"]}),
            "has 3 x 3 pixels",
        ),
        (
            region(SIZE, "bitmasklabels", {"imageDataURL": f"x,{png_text(np.ones(SIZE, np.uint8))}", "labels": ["a"]}),
            "no transparency",
        ),
    ],
)
def test_a_damaged_region_is_named_with_its_image(result, told, tmp_path):
    annotations = FORMAT.read(export(tmp_path, task(rectangle(0, 0, 5, 5), result)))
    with pytest.raises(DataError, match=r"a\.png") as caught:
        annotations.items[0].paint()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "result, told",
    [
        (rectangle(0, 0, 1, 1, original_width=-3), "original_width must be a whole number"),
        (rectangle(0, 0, 1, 1, original_height="a"), "original_height must be a whole number"),
        (region(SIZE, "brushlabels", {"rle": [1, 256], "brushlabels": ["a"]}), "numbers from 0 to 255"),
        (region(SIZE, "brushlabels", {"rle": "abc", "brushlabels": ["a"]}), "numbers from 0 to 255"),
        (region(SIZE, "brushlabels", {"rle": 10**12, "brushlabels": ["a"]}), "numbers from 0 to 255"),
    ],
)
def test_a_task_that_cannot_be_understood_is_a_fault_and_the_others_are_read(result, told, tmp_path):
    root = export(tmp_path, task(result), task(rectangle(0, 0, 10, 20), image="b.png"), images=("a.png", "b.png"))
    annotations = FORMAT.read(root)
    assert [item.key for item in annotations.items] == ["b"]
    assert re.search(rf"project\.json, task 1: .*{told}", annotations.faults[0])


@pytest.mark.parametrize(
    "content", [{}, [], [{"image": "a", "annotations": [{"label": "x", "coordinates": {}}]}], [1, 2], "text"]
)
def test_other_json_is_another_format(content, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert FORMAT.matches(tmp_path) is None
    assert FORMAT.read(tmp_path).items == ()
