"""The XML of the old LabelMe: deleted objects, parts above wholes, masks in files, and exports that Datumaro wrote."""

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.labelme_xml import FORMAT
from pixelwise.errors import DataError

SIZE = (20, 30)


def polygon(points):
    return "<polygon><username/>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in points) + "</polygon>"


def square(left, top, side=4):
    return polygon([(left, top), (left + side, top), (left + side, top + side), (left, top + side)])


def thing(number, name, inside, deleted=0, part_of=""):
    parts = f"<parts><hasparts></hasparts><ispartof>{part_of}</ispartof></parts>"
    return f"<object><name>{name}</name><deleted>{deleted}</deleted><id>{number}</id>{parts}{inside}</object>"


def export(root, *objects, size=SIZE, name="a.jpg"):
    for folder in ("Images/me", "Annotations/me", "Masks/me", "Scribbles/me"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / "Images" / "me" / name)
    declared = f"<imagesize><nrows>{size[0]}</nrows><ncols>{size[1]}</ncols></imagesize>" if size else ""
    text = f"<annotation><filename>{name}</filename><folder>me</folder>{''.join(objects)}{declared}</annotation>"
    (root / "Annotations" / "me" / name.replace(".jpg", ".xml")).write_text(text)
    return root


def test_deleted_objects_are_left_out_and_counted(tmp_path):
    root = export(tmp_path, thing(0, "car", square(0, 0)), thing(1, "bus", square(10, 0), deleted=1))
    annotations = FORMAT.read(root)
    assert [row["name"] for row in annotations.classes] == ["background", "car"]
    assert "left out, for they are marked as deleted: 1 object" in annotations.decisions
    assert annotations.items[0].paint().ids.sum() == 16


def test_parts_lie_above_what_they_are_part_of(tmp_path):
    """Also where the part is larger, and its own parts above it."""
    objects = [thing(0, "handle", square(1, 1, 2), part_of="1"), thing(1, "door", square(0, 0, 8), part_of="2")]
    objects.append(thing(2, "car", square(2, 2, 3)))
    found = FORMAT.read(export(tmp_path, *objects)).items[0].paint()
    names = {row["name"]: row["id"] for row in FORMAT.read(tmp_path).classes}
    assert [int(found.ids[y, x]) for y, x in ((1, 1), (4, 4), (7, 7))] == [names["handle"], names["door"], names["door"]]
    assert found.losses["hidden objects"] == 1


def test_parts_in_a_circle_are_wholes(tmp_path):
    objects = [thing(0, "a", square(0, 0, 8), part_of="1"), thing(1, "b", square(2, 2, 3), part_of="0")]
    assert FORMAT.read(export(tmp_path, *objects)).items[0].paint().ids[3, 3] == 2


def test_a_mask_is_where_its_file_is_not_transparent(tmp_path):
    mask = thing(0, "car", "<segm><mask>a_mask_0.png</mask></segm>")
    root = export(tmp_path, mask)
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[4:9, 5:12] = (0, 0, 153, 255)
    pixels[9, 5:12] = (0, 0, 153, 20)  # the soft edge of a brush
    Image.fromarray(pixels).save(root / "Masks" / "me" / "a_mask_0.png")
    expected = np.zeros(SIZE, int)
    expected[4:9, 5:12] = 1
    assert np.array_equal(FORMAT.read(root).items[0].paint().ids, expected)
    Image.fromarray(pixels[..., :3]).save(root / "Masks" / "me" / "a_mask_0.png")
    expected[9, 5:12] = 1
    assert np.array_equal(FORMAT.read(root).items[0].paint().ids, expected)
    Image.fromarray(pixels[:5]).save(root / "Masks" / "me" / "a_mask_0.png")
    with pytest.raises(DataError, match=r"its mask a_mask_0.png has 5 x 30 pixels, its image 20 x 30"):
        FORMAT.read(root).items[0].paint()
    (root / "Masks" / "me" / "a_mask_0.png").unlink()
    with pytest.raises(DataError, match=r"its mask 'a_mask_0.png' is not below the data set"):
        FORMAT.read(root).items[0].paint()


@pytest.mark.parametrize(
    "inside, told",
    [
        ("", "neither a polygon nor a mask"),
        (polygon([]), "list of 1 to"),
        (polygon([(1, "nan"), (2, 2), (3, 1)]), "a coordinate must be a number"),
        ("<polygon><pt><x>1</x></pt></polygon>", "a coordinate must be a number"),
        ("<segm><mask>../../secret.png</mask></segm>", "is not below the data set"),
    ],
)
def test_a_damaged_object_is_named(inside, told, tmp_path):
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "secret.png")
    root = export(tmp_path / "set", thing(0, "car", square(0, 0)), thing(7, "bus", inside))
    with pytest.raises(DataError, match=r"a\.xml, object '7': ") as caught:
        FORMAT.read(root).items[0].paint()
    assert told in str(caught.value)


def test_the_size_is_that_of_the_image_where_the_file_says_none(tmp_path):
    root = export(tmp_path, thing(0, "car", square(0, 0)), size=None)
    assert FORMAT.read(root).items[0].paint().ids.shape == SIZE
    export(tmp_path, thing(0, "car", square(0, 0)), size=(30, 20))
    with pytest.raises(DataError, match="20 x 30 pixels, its annotation 30 x 20"):
        FORMAT.read(root).items[0].paint()


def test_masks_are_no_images_and_other_xml_is_left_alone(tmp_path):
    root = export(tmp_path, thing(0, "car", square(0, 0)))
    (root / "Annotations" / "me" / "b.xml").write_text("<annotation><filename>a_mask_0.png</filename><folder/></annotation>")
    (root / "Annotations" / "me" / "c.xml").write_text("<annotation><folder/></annotation>")
    (root / "other.xml").write_text("<project/>")
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / "Masks" / "me" / "a_mask_0.png")
    annotations = FORMAT.read(root)
    assert [item.key for item in annotations.items] == ["a"]
    assert len(annotations.faults) == 2
    assert "names no image" in annotations.faults[1]
    assert "left alone, for they hold no annotation: 1 XML file" in annotations.decisions


def test_vocs_xml_is_another_format(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation><object><polygon><x1>1</x1></polygon><bndbox><xmin>1</xmin></bndbox></object></annotation>"
    )
    assert FORMAT.matches(tmp_path) is None
