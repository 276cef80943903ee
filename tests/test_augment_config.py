import numpy as np
import pytest

from pixelwise.augment_config import PRESETS, AugmentConfig
from pixelwise.build import augmenter
from pixelwise.config import RunConfig, dump, load, with_overrides
from pixelwise.data.transforms import Augmenter
from pixelwise.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_its_file_and_augments(tmp_path, name):
    config = with_overrides(RunConfig(), {"augment.preset": name})
    (tmp_path / "run.yaml").write_text(dump(config))
    assert load(tmp_path / "run.yaml") == config
    image, target = augmenter(config.augment, (48, 48))(
        np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8),
        np.zeros((60, 70), np.uint8),
        np.random.default_rng(0),
    )
    assert image.shape == (48, 48, 3)
    assert target.shape == (48, 48)


def test_recommended_is_what_stands_without_a_preset_and_none_is_a_crop_alone():
    assert AugmentConfig(preset="recommended") == AugmentConfig()
    assert augmenter(AugmentConfig(preset="none"), (32, 40)) == augmenter(AugmentConfig(enabled=False), (32, 40))
    made = augmenter(AugmentConfig(), (32, 40))
    assert made == Augmenter((32, 40), (0.67, 1.5), 5.0, 0.5, 0.0, 0.3, 0.3, 0.3, 0.03)


def test_what_is_set_wins_over_the_preset(tmp_path):
    (tmp_path / "run.yaml").write_text("augment: {preset: keras, rotation: 25, crop: [64, 64]}")
    found = load(tmp_path / "run.yaml").augment
    assert (found.rotation, found.zoom, found.border, found.crop) == (25, 0.1, "edge", (64, 64))
    for order in (["augment.rotation=25", "augment.preset=keras"], ["augment.preset=keras", "augment.rotation=25"]):
        assert with_overrides(RunConfig(), order).augment == AugmentConfig(preset="keras", rotation=25)


def test_a_new_preset_replaces_the_old_policy_but_not_the_crop():
    before = with_overrides(RunConfig(), ["augment.preset=keras", "augment.crop=[64, 96]", "augment.noise=0.2"])
    after = with_overrides(before, ["augment.preset=nnunet"])
    assert after.augment == AugmentConfig(preset="nnunet", crop=(64, 96))
    assert with_overrides(before, ["train.seed=3"]).augment == before.augment


def test_every_setting_reaches_the_augmenter():
    changed = {
        "scale": (0.5, 3), "scale_probability": 0.5, "rotation": 7, "rotation_probability": 0.4, "flip": 0.1,
        "flip_vertical": 0.2, "zoom": 0.1, "shear": 3, "shift": 0.2, "perspective": 0.1, "elastic": 4, "elastic_cells": 5,
        "grid": 0.2, "grid_cells": 7, "distortion_probability": 0.6, "border": "edge", "brightness": 0.1, "contrast": 0.2,
        "saturation": 0.4, "hue": 0.1, "jitter_probability": 0.8, "gamma": (0.5, 2), "gamma_probability": 0.1,
        "gamma_inverted_probability": 0.2, "noise": 0.3, "noise_probability": 0.4, "blur": (1, 2), "blur_probability": 0.5,
        "low_resolution": (0.3, 0.4), "low_resolution_probability": 0.6, "per_channel": 0.7, "erase": 0.5, "erase_count": 4,
        "erase_area": (0.1, 0.2), "erase_ratio": (0.5, 2), "erase_law": "uniform", "erase_fill": "noise", "erase_ignore": True,
        "cutmix": 0.1, "mosaic": 0.2, "copy_paste": 0.3, "copy_paste_objects": 9, "foreground": 0.3, "max_class_fraction": 0.5,
        "enabled": False,
    }  # fmt: skip
    assert set(changed) == set(AugmentConfig.model_fields) - {"preset", "crop"}
    everything = {
        "zoom": 0.2, "elastic": 1, "grid": 0.1, "noise_probability": 0.9, "erase": 0.9, "copy_paste": 0.05, "mosaic": 0.05,
    }  # fmt: skip
    base = augmenter(AugmentConfig(**everything), (32, 32))
    same = [name for name, value in changed.items() if augmenter(AugmentConfig(**{**everything, name: value}), (32, 32)) == base]
    assert same == []


@pytest.mark.parametrize(
    "text, message",
    [
        ("augment.preset=kera", "augment.preset: Input should be 'recommended', 'keras', 'nnunet' or 'none', got 'kera'"),
        ("augment.shear=90", "augment.shear: Input should be less than or equal to 60, got 90"),
        ("augment.zoom=-0.1", "augment.zoom: Input should be greater than or equal to 0"),
        ("augment.perspective=0.5", "augment.perspective: Input should be less than or equal to 0.3"),
        ("augment.gamma=[2, 1]", r"gamma must be \(low, high\) with 0.1 <= low <= high <= 10, got \(2.0, 1.0\)"),
        ("augment.low_resolution=[0.5, 2]", r"low_resolution must be \(low, high\) with 0.05 <= low <= high <= 1, got"),
        ("augment.erase_area=[0.1, .nan]", r"erase_area must be \(low, high\) with 0.001 <= low <= high <= 0.9, got"),
        ("augment.noise=.nan", "augment.noise: Input should be"),
        ("augment.erase_law=paper", "augment.erase_law: Input should be 'log' or 'uniform', got 'paper'"),
        ("augment.elastik=3", "unknown key 'augment.elastik'; did you mean 'augment.elastic'"),
    ],
)
def test_what_is_not_allowed_is_refused_with_the_cure(text, message):
    with pytest.raises(ConfigError, match=message):
        with_overrides(RunConfig(), [text])


def test_ways_of_mixing_share_one_choice():
    with pytest.raises(ConfigError, match=r"sum must be at most 1, got 1\.2: lower one of them"):
        with_overrides(RunConfig(), ["augment.cutmix=0.6", "augment.mosaic=0.6"])
