"""``pixelwise augment``: the picture shows what the first epochs of a training see, and what is refused."""

import cv2
import numpy as np
import pytest

from pixelwise.augment_config import PRESETS, AugmentConfig
from pixelwise.build import augmenter
from pixelwise.data.loader import Reading, train_stream, visits
from pixelwise.data.sources import find
from tests.cli.sets import make, pixelwise
from tests.cli.test_refusals import refused


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make(tmp_path_factory.mktemp("augment") / "data")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_picture_is_drawn_and_the_policy_said(data, tmp_path, preset):
    said = pixelwise("augment", data, "--preset", preset, "--out", tmp_path / "sheet.png", "--images", 2, "--draws", 3)
    assert said.status == 0, said.err
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape[1] > picture.shape[0] > 200
    assert f"preset {preset}: " in said.out
    assert said.next == ["train", str(data), "--set", f"augment.preset={preset}"]


def test_settings_win_and_stand_in_the_last_line(data, tmp_path):
    said = pixelwise(
        "augment", data, "--preset", "keras", "--set", "augment.rotation=90", "--set", "augment.crop=[32,32]",
        "--images", 1, "--draws", 1, "--out", tmp_path / "a" / "sheet.jpg", "--json",
    )  # fmt: skip
    assert said.status == 0, said.err
    assert said.json["policy"]["rotation"] == 90
    assert said.json["policy"]["erase_law"] == "uniform"
    assert len(said.json["images"]) == 1
    assert "crops of 32x32" in said.err
    assert said.next[2:] == [
        "--set", "augment.preset=keras", "--set", "augment.rotation=90", "--set", "augment.crop=[32,32]",
    ]  # fmt: skip


def test_without_augmentation_only_a_crop_is_named(data, tmp_path):
    said = pixelwise("augment", data, "--preset", "none", "--images", 1, "--draws", 1, "--out", tmp_path / "none.png")
    assert "preset none: a random crop and nothing else" in said.out


@pytest.mark.parametrize("kind", ["grey", "deep"])
def test_images_of_other_kinds_are_drawn(tmp_path, kind):
    make(tmp_path / "data", kind=kind)
    said = pixelwise(
        "augment", tmp_path / "data", "--preset", "nnunet", "--images", 2, "--draws", 2, "--out", tmp_path / "sheet.png",
        "--set", "model.in_channels=1",
    )  # fmt: skip
    assert said.status == 0, said.err


def test_what_is_drawn_is_what_training_sees(data):
    dataset = find(data)
    records = dataset.split("train")
    reading = Reading(target_reader=dataset.targets)
    made = augmenter(AugmentConfig(preset="nnunet", mosaic=0.3), (32, 48))
    stream = train_stream(records, reading, made, len(records), seed=5)
    epochs = [next(stream) for _ in range(3)]
    stream.close()
    for index, record in enumerate(records):
        for sample, batch in zip(visits(records, reading, made, 5, index, 3), epochs, strict=True):
            place = batch.records.index(record)
            np.testing.assert_array_equal(sample.image, batch.images[place].permute(1, 2, 0))
            np.testing.assert_array_equal(sample.target, batch.targets[place])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--preset", "kera"], "augment.preset: Input should be 'recommended', 'keras', 'nnunet' or 'none', got 'kera'"),
        (["--out", "sheet.gif"], "out must end in .png or .jpg, got sheet.gif"),
        (["--set", "augment.rotate=3"], "unknown key 'augment.rotate'; did you mean 'augment.rotation'"),
        (["--set", "augment.noise=3"], "augment.noise: Input should be less than or equal to 1, got 3"),
    ],
)
def test_what_is_not_allowed_is_refused(data, arguments, message):
    assert message in refused("augment", data, *arguments)


def test_a_folder_without_data_is_refused(tmp_path):
    assert str(tmp_path) in refused("augment", tmp_path)
