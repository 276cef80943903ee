"""Scenes of digits, from any scans."""

import numpy as np
import pytest

from pixelwise.data.generated.digit_scenes import DigitScenes
from pixelwise.data.generated.write import write_scenes
from pixelwise.data.sources import find
from pixelwise.errors import DataError
from pixelwise.formats.label_png import read_ids


def scans_of(how_many=20, side=12):
    """Filled boxes that say by their width which digit they stand for."""
    scans = np.zeros((how_many, side, side))
    digits = np.arange(how_many) % 10
    for scan, digit in zip(scans, digits, strict=True):
        scan[2:-2, 1 : 2 + digit] = 1
    return scans, digits


def test_each_digit_is_an_object_of_its_class():
    scene = DigitScenes(*scans_of())[0]
    assert 5 <= len(scene.objects) <= 9
    assert len(np.unique(scene.instances)) == len(scene.objects) + 1
    for number, shape in enumerate(scene.objects, 1):
        here = scene.instances == number
        assert here.any()
        assert (scene.classes[here] == shape.class_index).all()
    assert scene.image.shape == (128, 128, 3)


def test_edges_can_be_moved_by_raters_one_pixel_at_a_time():
    scene = DigitScenes(*scans_of())[1]
    areas = [(scene.objects[0].distance <= shift).sum() for shift in range(-2, 3)]
    assert areas == sorted(areas)
    assert len(set(areas)) == 5


def test_written_scenes_are_a_data_set_with_objects(tmp_path):
    scenes = DigitScenes(*scans_of(), seed=3)
    write_scenes(tmp_path, {"train": scenes.scenes(4), "test": (scenes[at] for at in (9, 10))}, scenes.classes, instances=True)
    dataset = find(tmp_path)
    assert [(record.split, record.image.stem) for record in dataset.split("test")] == [
        ("test", "scene_0000"),
        ("test", "scene_0001"),
    ]
    assert (read_ids(tmp_path / "test" / "instances" / "scene_0001.png") == scenes[10].instances).all()
    assert (read_ids(tmp_path / "test" / "masks" / "scene_0000.png") == scenes[9].classes).all()


@pytest.mark.parametrize(
    "scans, digits",
    [(np.zeros((3, 8)), np.zeros(3)), (np.zeros((3, 8, 8)), np.zeros(2)), (np.full((1, 8, 8), 200.0), np.zeros(1)),
     (np.zeros((1, 8, 8)), np.array([10])), (np.zeros((0, 8, 8)), np.zeros(0))],
)  # fmt: skip
def test_scans_that_are_none_are_refused(scans, digits):
    with pytest.raises(DataError, match="scans must be"):
        DigitScenes(scans, digits)
