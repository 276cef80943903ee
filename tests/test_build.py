"""From config and from file to the same network and task; the rule for training crops."""

import json

import pytest
import torch

from pixelwise import build
from pixelwise.config import AugmentConfig, LossConfig, RunConfig, with_overrides
from pixelwise.errors import CheckpointError, ConfigError
from pixelwise.tasks.semantic import LossWeights
from pixelwise.types import ClassTable

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def make_config(name="unet", **options):
    settings = {"model.name": name, "model.encoder": "test_resnet", "model.encoder_weights": "none", "model.options": options}
    return with_overrides(RunConfig(), settings)


def make_saved(config, mode="multiclass", ids=(0, 5, 300)):
    """Network, task, and what model.json would hold after a round trip through JSON."""
    classes = ClassTable.from_ids(ids)
    model = build.model_from_config(config.model, 1 if mode == "binary" else len(ids))
    task = build.task_from_config(config.loss, classes, mode, model.encoder.mean, model.encoder.std)
    return model, task, json.loads(json.dumps(build.spec(config, task, (0.0, 4095.0))))


@pytest.mark.parametrize("name, options", [("unet", {}), ("pspnet", {}), ("pspnet", {"encoder_output_stride": 16})])
@pytest.mark.parametrize("mode, ids", [("binary", (0, 1)), ("multiclass", (0, 5, 300)), ("multilabel", (0, 1, 2))])
def test_a_network_built_from_its_description_gives_the_same_logits(name, options, mode, ids):
    model, _, spec = make_saved(make_config(name, **options), mode, ids)
    again = build.model_from_spec(spec)
    again.load_state_dict(model.state_dict(), strict=True)
    images = torch.randn(1, 3, 64, 48)
    with torch.inference_mode():
        assert torch.equal(model.eval()(images), again.eval()(images))


def test_a_task_built_from_its_description_is_the_same():
    _, task, spec = make_saved(make_config())
    again = build.task_from_spec(spec, LossConfig(dice=0.5, auxiliary=0.1))
    kept = ("classes", "mode", "threshold", "mean", "std")
    assert [getattr(again, name) for name in kept] == [getattr(task, name) for name in kept]
    assert again.weights == LossWeights(1.0, 0.5, 0.0, 0.1)
    assert spec["window"] == [0, 4095]


def test_a_description_needs_no_weights_from_anywhere(monkeypatch):
    _, _, spec = make_saved(make_config())

    def fail(*_, **__):
        raise AssertionError("something was about to be downloaded")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", fail)
    build.model_from_spec(spec)


@pytest.mark.parametrize("key", ["model", "encoder", "in_channels", "channels", "options"])
def test_a_description_that_lacks_a_part_of_the_network_is_refused(key):
    _, _, spec = make_saved(make_config())
    del spec[key]
    with pytest.raises(CheckpointError, match=rf"model\.json lacks '{key}'; restore the file, or train again"):
        build.model_from_spec(spec)


@pytest.mark.parametrize("key", ["classes", "mode", "mean", "std", "threshold"])
def test_a_description_that_lacks_a_part_of_the_task_is_refused(key):
    _, _, spec = make_saved(make_config())
    del spec[key]
    with pytest.raises(CheckpointError, match=rf"model\.json lacks '{key}'"):
        build.task_from_spec(spec)


@pytest.mark.parametrize(
    "sizes, device, crop, why",
    [
        ([(64, 96)] * 3, CPU, (64, 96), "the median image whole"),
        ([(50, 70)], CPU, (64, 64), "the median image whole"),
        ([(10, 9)], CPU, (32, 32), "the median image whole"),
        ([(32, 32), (64, 96), (2000, 3000)], CPU, (64, 96), "the median image whole"),
        ([(640, 640)], CPU, (320, 320), "a part of the median image of 640x640"),
        ([(720, 960)], CPU, (288, 384), "a part of the median image of 720x960"),
        ([(640, 640)], GPU, (512, 512), "a part"),
        ([(400, 500)], GPU, (384, 512), "the median image whole"),
    ],
)
def test_crops_have_the_shape_of_the_median_image_and_fit_the_device(sizes, device, crop, why):
    found, reason = build.crop_size(AugmentConfig(), sizes, device)
    assert found == crop
    assert why in reason


def test_a_configured_crop_is_taken_as_it_is():
    assert build.crop_size(AugmentConfig(crop=(48, 100)), [(640, 640)], CPU) == ((48, 100), "as configured")


def test_without_augmentation_only_the_crop_remains():
    made = build.augmenter(AugmentConfig(enabled=False), (32, 48))
    assert made == build.augmenter(
        AugmentConfig(scale=(1, 1), rotation=0, flip=0, brightness=0, contrast=0, saturation=0, hue=0), (32, 48)
    )
    assert made != build.augmenter(AugmentConfig(), (32, 48))


def test_a_network_for_volumes_is_not_trained_on_images():
    config = with_overrides(make_config("unet", dims=3, encoder_widths=[4, 8]), {"model.encoder": "plain"})
    with pytest.raises(ConfigError, match=r"this version reads images alone, got model\.options\.dims=3"):
        build.model_from_config(config.model, 2)
