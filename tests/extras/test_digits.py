"""The demo's scenes: repeatable, fair, and readable as a data set."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn carries the digits")

from sklearn.datasets import load_digits

from pixelwise.data.check import check
from pixelwise.data.generated.digit_scenes import DIGIT_CLASSES as CLASSES
from pixelwise.data.sources import find
from pixelwise.extras.digits import scenes_of_splits
from pixelwise.extras.digits import write_digit_scenes as write_scenes
from pixelwise.formats.image import read_image
from pixelwise.formats.label_png import read_ids
from tests.cli.test_refusals import state

COUNTS = {"train": 12, "val": 3, "test": 4}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "scenes"
    write_scenes(folder, COUNTS, seed=5)
    return folder


def test_the_scenes_are_a_sound_data_set(scenes):
    dataset = find(scenes)
    assert {name: len(dataset.split(name)) for name in COUNTS} == COUNTS
    assert dataset.classes.names == ["background", *(f"digit {n}" for n in range(10))]
    assert dataset.mode == "multiclass"
    assert check(dataset).ok


def test_the_same_seed_gives_the_same_scenes_and_another_gives_others(scenes, tmp_path):
    write_scenes(tmp_path / "again", COUNTS, seed=5)
    write_scenes(tmp_path / "other", COUNTS, seed=6)
    assert state(tmp_path / "again") == state(scenes)
    other = state(tmp_path / "other")
    assert all(other[name] != content for name, content in state(scenes).items() if name.endswith(".png"))


def test_every_scan_is_in_exactly_one_split():
    parts = scenes_of_splits({"train": 60, "val": 20, "test": 20}, seed=0)
    seen = [scan.tobytes() for part in parts.values() for scan in part.scans]
    known = [(scan / 16).tobytes() for scan in load_digits().images]
    assert sorted(seen) == sorted(known)
    assert [round(len(part.scans) / len(known), 2) for part in parts.values()] == [0.6, 0.2, 0.2]


def test_scenes_on_disk_are_those_of_their_own_split(scenes):
    for split, part in scenes_of_splits(COUNTS, seed=5).items():
        for number in range(COUNTS[split]):
            name = f"scene_{number:04}.png"
            assert (read_image(scenes / split / "images" / name) == part[number].image).all()
            assert (read_ids(scenes / split / "masks" / name) == part[number].classes).all()


def test_digits_can_be_told_from_what_is_around_them(scenes):
    """In every scene the pixels of each digit differ from the background near them by much more than the noise."""
    contrasts = []
    for path in sorted((scenes / "train" / "images").iterdir()):
        image = read_image(path).astype(float)
        ids = read_ids(scenes / "train" / "masks" / path.name)
        for value in np.unique(ids[ids > 0]):
            rows, columns = np.nonzero(ids == value)
            place = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
            around = ids[place] == 0
            contrasts.append(np.abs(image[place][ids[place] == value].mean(0) - image[place][around].mean(0)).mean())
    assert min(contrasts) > 25
    assert len(contrasts) >= 3 * COUNTS["train"] * 0.7


def test_classes_json_names_the_classes(scenes):
    assert json.loads((scenes / "classes.json").read_text()) == CLASSES.to_json()
