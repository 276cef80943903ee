"""CVAT's XML for images and for video: every shape, what lies above, groups, subsets, frames that a track leaves open."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.cvat import FORMAT
from pixelwise.data.importing.geometry import box, ellipse
from pixelwise.errors import DataError

SIZE = (20, 30)


def write(root, body, labels=("cell", "debris"), name="annotations.xml", images=("a.png",)):
    for image in images:
        (root / "images" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / "images" / image)
    declared = "".join(f"<label><name>{label}</name></label>" for label in labels)
    (root / name).write_text(
        f"<annotations><version>1.1</version><meta><task><labels>{declared}</labels></task></meta>{body}</annotations>"
    )
    return root


def image(*shapes, name="a.png", more=""):
    return f'<image id="0" name="{name}" width="{SIZE[1]}" height="{SIZE[0]}" {more}>{"".join(shapes)}</image>'


def square(left, top, side=4, label="cell", more=""):
    return f'<box label="{label}" xtl="{left}" ytl="{top}" xbr="{left + side}" ybr="{top + side}" {more}/>'


def painted(root):
    annotations = FORMAT.read(root)
    assert annotations.faults == ()
    return annotations.items[0].paint()


def test_runs_of_a_mask_go_row_by_row_through_its_crop_background_first(tmp_path):
    mask = '<mask label="cell" rle="1, 2, 3, 4, 2" left="5" top="7" width="4" height="3" z_order="0"/>'
    expected = np.zeros(SIZE, int)
    expected[7:10, 5:9] = [[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]]
    assert np.array_equal(painted(write(tmp_path, image(mask))).ids, expected)


def test_a_mask_may_begin_with_foreground(tmp_path):
    mask = '<mask label="cell" rle="0,3,1" left="26" top="19" width="4" height="1"/>'
    assert painted(write(tmp_path, image(mask))).ids[19, 26:].tolist() == [1, 1, 1, 0]


def test_ellipses_and_turned_boxes_are_turned_clockwise_about_their_middle(tmp_path):
    shapes = ['<ellipse label="cell" cx="9.5" cy="8" rx="7" ry="3" rotation="30"/>']
    found = painted(write(tmp_path, image(*shapes)))
    region = ellipse((9.5, 8), (7, 3), SIZE, 30)
    expected = np.zeros(SIZE, bool)
    expected[region.top : region.top + region.mask.shape[0], region.left : region.left + region.mask.shape[1]] = region.mask
    assert np.array_equal(found.ids == 1, expected)
    assert expected[10, 13]  # to the right it goes down
    assert not expected[6, 13]
    turned = '<box label="cell" xtl="4" ytl="8" xbr="16" ybr="10" rotation="90"/>'
    expected = np.zeros(SIZE, bool)
    expected[3:15, 9:11] = box(9, 3, 11, 15, SIZE).mask
    assert np.array_equal(painted(write(tmp_path, image(turned))).ids == 1, expected)


def test_larger_z_order_lies_above_whatever_the_area(tmp_path):
    shapes = [square(2, 2, more='z_order="0"'), square(0, 0, 10, "debris", 'z_order="1"')]
    assert painted(write(tmp_path, image(*shapes))).losses["hidden objects"] == 1
    shapes = [square(2, 2), square(0, 0, 10, "debris")]
    assert painted(write(tmp_path, image(*shapes))).ids[3, 3] == 1
    shapes = [square(2, 2, more='z_order="-1"'), square(0, 0, 10, "debris", 'z_order="-2"')]
    assert painted(write(tmp_path, image(*shapes))).ids[3, 3] == 1


def test_grouped_shapes_of_one_label_are_one_object_but_group_zero_is_none(tmp_path):
    shapes = [square(0, 0, more='group_id="5"'), square(10, 0, more='group_id="5"')]
    shapes += [square(0, 10, more='group_id="0"'), square(10, 10, more='group_id="0"')]
    found = painted(write(tmp_path, image(*shapes)))
    assert [int(found.instances[y, x]) for y, x in ((1, 1), (1, 11), (11, 1), (11, 11))] == [1, 1, 2, 3]


def test_what_has_no_area_is_left_out_and_counted_and_lines_are_one_pixel_wide(tmp_path):
    shapes = [
        '<points label="cell" points="1,2;3,4"/>',
        '<cuboid label="cell" xtl1="1"/>',
        '<skeleton label="cell"><points/></skeleton>',
    ]
    shapes += ['<tag label="cell"/>', '<polyline label="debris" points="2.5,3.5;20.5,3.5"/>', square(5, 10)]
    annotations = FORMAT.read(write(tmp_path, image(*shapes)))
    decisions = "; ".join(annotations.decisions)
    assert "left out, for they have no area: 1 point set, 1 cuboid, 1 skeleton, 1 image tag" in decisions
    assert "drawn 1 pixel wide, for they have no width: 1 polyline" in decisions
    assert "filled, as if the object were a box: 1 box" in decisions
    assert (annotations.items[0].paint().ids == 2).sum() == 19


def test_classes_are_in_the_order_of_the_labels_with_their_colours(tmp_path):
    labels = "<label><name>b</name><color>#FF0000</color></label><label><name>a</name><color>red</color></label>"
    labels += "<label><name>joint</name><parent>b</parent></label><label><name>background</name></label>"
    write(tmp_path, image(square(0, 0, label="new"), square(9, 0, label="background")))
    path = tmp_path / "annotations.xml"
    path.write_text(path.read_text().replace("<label><name>cell</name></label><label><name>debris</name></label>", labels))
    annotations = FORMAT.read(tmp_path)
    assert annotations.classes == (
        {"id": 0, "name": "background"},
        {"id": 1, "name": "b", "color": "#ff0000"},
        {"id": 2, "name": "a"},
        {"id": 3, "name": "new"},
    )
    assert np.unique(annotations.items[0].paint().ids).tolist() == [0, 3]


def test_shapes_without_a_label_are_a_fault_and_left_out(tmp_path):
    annotations = FORMAT.read(write(tmp_path, image(square(0, 0, label=""), square(9, 9))))
    assert annotations.faults == ("left out, for they have no label: 1 shape; label them in CVAT",)
    assert annotations.items[0].paint().ids.sum() == 16


def test_subsets_are_splits_and_folders_of_images(tmp_path):
    images = ("Train/a.png", "Validation/a.png", "odd/a.png")
    body = "".join(image(square(0, 0), more=f'subset="{name.partition("/")[0]}"') for name in images)
    annotations = FORMAT.read(write(tmp_path, body, images=images))
    assert [(item.key, item.split) for item in annotations.items] == [
        ("Train/a", "train"),
        ("Validation/a", "val"),
        ("odd/a", ""),
    ]


def test_files_called_by_a_split_and_folders_inside_names(tmp_path):
    write(tmp_path, image(square(0, 0), name="x/a.png"), name="val.xml", images=("x/a.png",))
    write(tmp_path, image(square(0, 0), name="b.png"), name="train.xml", images=("b.png",))
    assert [(item.key, item.split) for item in FORMAT.read(tmp_path).items] == [("b", "train"), ("x/a", "val")]


def test_missing_images_are_one_fault_with_their_number(tmp_path):
    body = "".join(image(square(0, 0), name=f"{number}.png") for number in range(6))
    annotations = FORMAT.read(write(tmp_path, body, images=("3.png",)))
    assert [item.key for item in annotations.items] == ["3"]
    assert "5 images (0.png, 1.png, 2.png and 2 more) not below" in annotations.faults[0]


def test_an_image_that_stands_twice_is_a_fault(tmp_path):
    annotations = FORMAT.read(write(tmp_path, image(square(0, 0)) + image(square(9, 9))))
    assert annotations.items[0].paint().ids[1, 1] == 1
    assert "a.png is annotated twice" in annotations.faults[0]


@pytest.mark.parametrize(
    "shape, told",
    [
        ('<polygon label="cell"/>', "points must be pairs"),
        ('<polygon label="cell" points="1,2;3;4,5"/>', "points must be pairs"),
        ('<polygon label="cell" points="1,2;3,nan;4,5"/>', "a coordinate must be a number"),
        ('<box label="cell" xtl="1" ytl="2" xbr="inf" ybr="3"/>', "xbr must be a number"),
        ('<box label="cell" xtl="1" ytl="2" xbr="3"/>', "ybr must be a number"),
        ('<ellipse label="cell" cx="1" cy="2" rx="-" ry="3"/>', "rx must be a number"),
        ('<box label="cell" xtl="1" ytl="2" xbr="3" ybr="3" z_order="top"/>', "z_order must be a whole number"),
        (
            '<mask label="cell" rle="1,2" left="0" top="0" width="2" height="2"/>',
            "runs add up to 3 pixels, but its crop is 2 x 2 = 4",
        ),
        ('<mask label="cell" rle="1,9" left="0" top="0" width="2" height="2"/>', "a run of the rle must be a whole number"),
        ('<mask label="cell" rle="-1,5" left="0" top="0" width="2" height="2"/>', "a run of the rle must be a whole number"),
        ('<mask label="cell" rle="" left="0" top="0" width="2" height="2"/>', "a run of the rle must be a whole number"),
        ('<mask label="cell" rle="0,0,0,0,0,4" left="0" top="0" width="2" height="2"/>', "more runs than"),
        ('<mask label="cell" rle="4" left="29" top="0" width="2" height="2"/>', "reaches beyond the image"),
        ('<mask label="cell" rle="4" left="-1" top="0" width="2" height="2"/>', "left must be a whole number"),
        ('<mask label="cell" rle="1" left="0" top="0" width="999999999" height="999999999"/>', "reaches beyond the image"),
    ],
)
def test_a_damaged_shape_is_named_with_its_place(shape, told, tmp_path):
    annotations = FORMAT.read(write(tmp_path, image(square(0, 0), shape)))
    with pytest.raises(DataError, match=r"2 of 2 in a\.png: ") as caught:
        annotations.items[0].paint()
    assert told in str(caught.value)


@pytest.mark.parametrize("size", ['width="x" height="20"', 'width="-3" height="20"', 'width="30" height="1e999"'])
def test_a_damaged_size_is_a_fault_of_that_image_alone(size, tmp_path):
    body = f'<image id="0" name="a.png" {size}>{square(0, 0)}</image>' + image(square(0, 0), name="b.png")
    annotations = FORMAT.read(write(tmp_path, body, images=("a.png", "b.png")))
    assert [item.key for item in annotations.items] == ["b"]
    assert "image 'a.png': the" in annotations.faults[0]


def frame_box(frame, left, outside=0):
    return square(left, 0, more=f'frame="{frame}" outside="{outside}" keyframe="1" occluded="0"')


def video(root, tracks, frames, size=True):
    body = "<meta><original_size><width>30</width><height>20</height></original_size></meta>" if size else ""
    body += "".join(f'<track id="{at}" label="cell">{"".join(boxes)}</track>' for at, boxes in enumerate(tracks))
    return write(root, body, images=[f"frame_{frame:06}.PNG".lower() for frame in frames])


def test_each_frame_has_the_shapes_that_the_file_gives_and_tracks_are_objects(tmp_path):
    tracks = [[frame_box(f, 2 * f) for f in range(3)] + [frame_box(3, 6, 1)], [frame_box(1, 20), frame_box(2, 20, 1)]]
    annotations = FORMAT.read(video(tmp_path, tracks, range(5)))
    assert annotations.faults == ()
    assert [item.key for item in annotations.items] == [f"frame_{frame:06}" for frame in range(5)]
    found = [item.paint() for item in annotations.items]
    assert [int(each.ids.sum()) for each in found] == [16, 32, 16, 0, 0]
    assert [np.flatnonzero(each.ids[0])[0] for each in found[:3]] == [0, 2, 4]
    assert [int(each.instances.max()) for each in found] == [1, 2, 1, 0, 0]


def test_frames_between_given_shapes_are_not_interpolated_but_left_out(tmp_path):
    tracks = [[frame_box(0, 0), frame_box(4, 8), frame_box(5, 8, 1)]]
    annotations = FORMAT.read(video(tmp_path, tracks, range(7)))
    assert [item.key for item in annotations.items] == [f"frame_{frame:06}" for frame in (0, 4, 5, 6)]
    assert any("nothing is interpolated" in said and "3 frames (1, 2, 3)" in said for said in annotations.decisions)


def test_a_track_that_never_ends_leaves_the_rest_open(tmp_path):
    annotations = FORMAT.read(video(tmp_path, [[frame_box(1, 0)]], range(4)))
    assert [item.key for item in annotations.items] == ["frame_000000", "frame_000001"]


def test_frames_without_an_image_are_a_fault(tmp_path):
    annotations = FORMAT.read(video(tmp_path, [[frame_box(0, 0), frame_box(1, 0), frame_box(2, 0, 1)]], [0]))
    assert len(annotations.items) == 1
    assert "shapes without an image in 1 frame (1); extract the frames" in annotations.faults[0]


def test_two_images_of_one_number_are_a_fault_and_neither_is_read(tmp_path):
    root = video(tmp_path, [[frame_box(0, 0), frame_box(1, 0), frame_box(2, 0, 1)]], [0, 1])
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / "images" / "other_1.png")
    annotations = FORMAT.read(root)
    assert [item.key for item in annotations.items] == ["frame_000000"]
    assert "several images are numbered as frame 1" in "; ".join(annotations.faults)


def test_a_damaged_track_is_left_out_by_its_id_and_a_wrong_size_is_refused(tmp_path):
    tracks = [[frame_box(0, 0), frame_box(1, 0, 1)], [square(9, 9, more='frame="x"')]]
    root = video(tmp_path, tracks, [0, 1])
    annotations = FORMAT.read(root)
    assert "track '1': frame must be a whole number" in annotations.faults[0]
    assert annotations.items[0].paint().ids.sum() == 16
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / "images" / "frame_000000.png")
    with pytest.raises(DataError, match="4 x 4 pixels, its annotation 20 x 30"):
        FORMAT.read(root).items[0].paint()
