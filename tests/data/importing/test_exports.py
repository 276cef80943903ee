"""Objects as exports of annotation tools, and back: the same pixels and the same objects, to the last one."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing import colored, cvat, label_studio, labelme, labelme_xml, voc
from pixelwise.errors import DataError
from tests.data.importing.exports import COLORS, WRITERS, make_scenes, write

FORMATS = {module.FORMAT.name: module.FORMAT for module in (colored, cvat, label_studio, labelme, labelme_xml, voc)}


def by_name(annotations):
    return {row["name"]: row["id"] for row in annotations.classes if not row.get("ignore")}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_an_export_holds_comes_back_pixel_for_pixel(writer, tmp_path):
    scenes = make_scenes(seed=sum(map(ord, writer)))
    root = write(writer, tmp_path / "export", scenes)
    annotations = FORMATS[WRITERS[writer][0]].read(root)
    assert annotations.faults == ()
    assert [item.key for item in annotations.items] == [scene.name for scene in scenes]
    names = by_name(annotations)
    for scene, item in zip(scenes, annotations.items, strict=True):
        assert item.image.stem == scene.name
        painted = pickle.loads(pickle.dumps(item.paint))()  # other processes may paint
        assert np.array_equal(painted.ids, scene.ids(names))
        assert dict(painted.losses) == {}
        if WRITERS[writer][0] == "colored":
            assert painted.instances is None
            continue
        numbers = np.zeros(scene.size, int)
        for at, (_, mask) in enumerate(scene.objects, 1):
            numbers[mask] = at
        assert np.array_equal(painted.instances, numbers)


@pytest.mark.parametrize("writer", WRITERS)
def test_an_export_is_known_by_its_own_format_and_no_other(writer, tmp_path):
    root = write(writer, tmp_path / "export", make_scenes(1))
    fitting = {name: evidence for name, found in FORMATS.items() if (evidence := found.matches(root)) is not None}
    assert list(fitting) == [WRITERS[writer][0]]
    assert len(fitting[WRITERS[writer][0]]) > 20


def test_ids_of_tables_with_colours_are_their_places_and_colours_stay(tmp_path):
    rows = FORMATS["colored"].read(write("colour masks", tmp_path / "a", make_scenes(1))).classes
    assert [(row["id"], row["name"], tuple(row["color"])) for row in rows[:4]] == [
        (at, name, color) for at, (name, color) in enumerate(COLORS.items())
    ]
    rows = FORMATS["voc"].read(write("VOC palette", tmp_path / "b", make_scenes(1))).classes
    assert [row["name"] for row in rows] == ["background", "cell", "debris", "vessel & wall", "void"]
    assert rows[-1] == {"id": 255, "name": "void", "ignore": True}
    rows = FORMATS["cvat"].read(write("CVAT masks", tmp_path / "c", make_scenes(1))).classes
    assert [row.get("color") for row in rows] == [None, "#00ff00", "#01ff00", "#02ff00"]


# masks of the others have a size of their own, which is compared with the image's when they are written
@pytest.mark.parametrize("writer", [name for name, (found, _) in WRITERS.items() if found not in ("voc", "colored")])
def test_an_image_of_another_size_is_refused_with_both_sizes(writer, tmp_path):
    scenes = make_scenes(1)
    root = write(writer, tmp_path / "export", scenes)
    image = next(path for path in root.rglob("scene 0.png") if path.parent.parent.name != "Masks")
    Image.fromarray(np.zeros((50, 60), np.uint8)).save(image)
    with pytest.raises(DataError, match=f"50 x 60 pixels, its annotation {scenes[0].size[0]} x {scenes[0].size[1]}"):
        FORMATS[WRITERS[writer][0]].read(root).items[0].paint()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_missing_image_is_a_fault_that_names_it_and_the_others_are_read(writer, tmp_path):
    scenes = make_scenes(3)
    root = write(writer, tmp_path / "export", scenes)
    for path in root.rglob("scene 1.png"):
        if path.parent.name not in ("SegmentationClass", "SegmentationObject", "masks"):
            path.unlink()
    annotations = FORMATS[WRITERS[writer][0]].read(root)
    assert [item.key for item in annotations.items] == ["scene 0", "scene 2"]
    assert len(annotations.faults) == 1
    assert "scene 1" in annotations.faults[0] or "scene%201" in annotations.faults[0]


def test_names_that_lead_out_of_the_data_set_find_nothing(tmp_path):
    secret = tmp_path / "secret.png"
    root = write("labelme masks", tmp_path / "export", make_scenes(1))
    secret.write_bytes((root / "scene 0.png").read_bytes())
    for name in ("../secret.png", str(secret), "..\\secret.png", "C:\\..\\secret.png"):
        path = root / "scene 0.json"
        path.rename(root / "other.json")
        content = json.loads((root / "other.json").read_text())
        (root / "other.json").write_text(json.dumps(content | {"imagePath": name}))
        annotations = FORMATS["labelme"].read(root)
        assert annotations.items == ()
        assert "secret.png" in annotations.faults[0]
        (root / "other.json").rename(path)
    assert Path(secret).is_file()
