"""The Python face on the tiny set: what the README shows runs, and results can be used."""

import shutil

import numpy as np
import pytest
from PIL import Image

import pixelwise as pw
from pixelwise.api import Segmentation
from pixelwise.errors import ConfigError, DataError
from tests.cli.sets import IDS, pixelwise, save, scene
from tests.cli.test_refusals import some_image

SHORT = {
    "model.encoder_weights": "none", "train.steps": 2, "train.validations": 1, "train.batch_size": 2, "augment.crop": [64, 64],
    "train.precision": "fp32",
}  # fmt: skip


@pytest.fixture(scope="session")
def predictor(runs):
    return pw.load(runs["multiclass"].run)


def test_the_example_of_the_readme_runs(data, tmp_path):
    run = pw.train(data, model="unet", encoder="test_resnet", budget="30m", overrides=SHORT)
    assert run.path.parent.name == "runs"
    assert run.stopped == "done"
    assert 0 <= run.scores["mean_iou"] <= 1
    assert run.classes.ids == list(IDS)
    assert run.config.model.encoder == "test_resnet"
    image = some_image(data)
    result = pw.load(run.path)(image)
    assert result.ids.shape == np.asarray(Image.open(image)).shape[:2]
    assert result.classes.names == ["class_3", "class_17", "class_200"]
    scores = pw.evaluate(run, data, split="test")
    assert scores.mean_iou == run.scores["mean_iou"]
    assert [row["mean_iou"] for row in scores.worst(5)] == sorted(row["mean_iou"] for row in scores.per_image)
    predicted = pw.predict(run, image, out=tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(Image.open(predicted.rows[0]["mask"])), result.ids)


def test_a_config_object_and_overrides_of_both_kinds_give_one_run(data, tmp_path):
    config = pw.RunConfig.model_validate({"model": {"encoder": "test_resnet"}, "data": {"path": str(data)}})
    texts = [f"{key}={value}" for key, value in SHORT.items()]
    first = pw.train(config=config, overrides=SHORT, out=tmp_path / "first")
    second = pw.train(data, encoder="test_resnet", overrides=texts, out=tmp_path / "second")
    assert first.config == second.config
    assert (first.path / "model.safetensors").read_bytes() == (second.path / "model.safetensors").read_bytes()


def test_arguments_go_before_the_config_and_overrides_before_both(data, tmp_path):
    config = pw.RunConfig.model_validate({"model": {"encoder": "resnet50"}, "train": {"seed": 3}})
    run = pw.train(
        data, encoder="resnet18", seed=4, config=config, overrides={**SHORT, "model.encoder": "test_resnet"}, out=tmp_path / "run"
    )
    assert (run.config.model.encoder, run.config.train.seed) == ("test_resnet", 4)


def test_training_without_data_or_with_changes_on_resume_is_refused(trained):
    with pytest.raises(ConfigError, match="train needs the folder of a data set"):
        pw.train()
    with pytest.raises(DataError, match="no data set was named"):
        pw.train(config=pw.RunConfig())
    with pytest.raises(ConfigError, match=r"leave out model\.encoder, overrides, out, or start a new run"):
        pw.train(encoder="test_resnet", overrides={"optim.lr": 1}, out="x", resume=trained.run)


def test_an_interruption_of_the_evaluation_keeps_the_training(data, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pixelwise.api.evaluate_run", interrupted)
        words = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}")]
        said = pixelwise("train", data, "--encoder", "test_resnet", *words, "--out", tmp_path / "run", "--json")
    assert said.status == 130
    assert said.json == {"run": str(tmp_path / "run"), "stopped": "unevaluated"}
    assert said.next == ["evaluate", str(tmp_path / "run")]
    assert pixelwise(*said.next).status == 0


def test_check_returns_a_report(data):
    assert pw.check(data).ok
    with pytest.raises(ConfigError, match="unknown source 'folder'; did you mean 'folders'"):
        pw.check(data, source="folder")
    with pytest.raises(ConfigError, match=r"data\.task: .*'binary', 'multiclass'"):
        pw.check(data, task="semantic")


def test_a_prediction_of_a_file_is_that_of_its_pixels(predictor, trained):
    path = some_image(trained.data)
    by_path = predictor(path, scores=True)
    by_pixels = predictor(np.asarray(Image.open(path)), scores=True)
    assert isinstance(by_path, Segmentation)
    np.testing.assert_array_equal(by_path.ids, by_pixels.ids)
    np.testing.assert_array_equal(by_path.scores, by_pixels.scores)
    chosen = np.take_along_axis(by_path.scores, by_path.indices[None], 0)[0]
    assert (by_path.scores.max(0) - chosen).max() <= 2e-3  # half precision
    assert set(np.unique(by_path.ids)) <= set(IDS)
    assert predictor(str(path)).scores is None
    assert predictor.classes == ["class_3", "class_17", "class_200"]


def test_grey_pixels_are_taken_as_colour(predictor):
    grey = scene(3)[0].mean(2).astype(np.uint8)
    expected = predictor(np.stack([grey] * 3, 2)).ids
    np.testing.assert_array_equal(predictor(grey).ids, expected)
    np.testing.assert_array_equal(predictor(grey[:, :, None]).ids, expected)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((9, 9, 3)), np.zeros((9, 9, 2), np.uint8), np.zeros((0, 9, 3), np.uint8), np.zeros((1, 9, 9, 3), np.uint8)],
)
def test_pixels_that_are_no_image_are_refused(predictor, pixels):
    with pytest.raises(DataError, match=r"image must be a \(H, W, 3\) or \(H, W\) uint8 array in RGB order, got shape"):
        predictor(pixels)


def test_a_file_that_is_not_there_is_refused(predictor):
    with pytest.raises(DataError, match=r"nowhere\.png"):
        predictor("nowhere.png")


def test_a_result_can_be_saved_as_mask_and_as_overlay(predictor, trained, tmp_path):
    result = predictor(some_image(trained.data))
    assert result.overlay().shape == (*result.size, 3)
    assert result.save(tmp_path / "new" / "mask.png") == tmp_path / "new" / "mask.png"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "mask.png")), result.ids)
    result.save(str(tmp_path / "seen.jpg"))
    assert np.asarray(Image.open(tmp_path / "seen.jpg")).shape == (*result.size, 3)


def test_polygons_go_round_the_regions_of_each_class(predictor):
    result = predictor(scene(2)[0])
    map_with_a_box = np.zeros((30, 40), np.uint8)
    map_with_a_box[5:11, 20:33] = 1
    boxed = Segmentation(map_with_a_box, result.classes)
    polygons = boxed.polygons()
    assert list(polygons) == result.classes.names
    (polygon,) = polygons["class_17"]
    assert sorted(map(tuple, polygon.tolist())) == [(20, 5), (20, 10), (32, 5), (32, 10)]
    assert polygons["class_200"] == []


def test_a_multilabel_result_has_one_layer_per_class(runs, tmp_path):
    data, run, _ = runs["multilabel"]
    result = pw.load(run)(data / "images" / "00.png")
    assert result.ids.shape == (2, *result.size)
    assert set(np.unique(result.ids)) <= {0, 1}
    assert set(result.polygons()) == {"warm", "any thing"}
    result.save(tmp_path / "seen.png")
    assert np.asarray(Image.open(tmp_path / "seen.png")).shape == (*result.size, 3)


def test_a_run_that_was_moved_predicts_without_its_data(trained, tmp_path):
    shutil.copytree(trained.run, tmp_path / "moved")
    (tmp_path / "moved" / "config.yaml").unlink()
    save(tmp_path / "new.png", scene(8)[0])
    moved = pw.load(tmp_path / "moved" / "model.safetensors")(tmp_path / "new.png")
    np.testing.assert_array_equal(moved.ids, pw.load(trained.run)(tmp_path / "new.png").ids)


def test_a_16_bit_image_is_read_with_the_window_of_the_run(runs):
    data, run, _ = runs["deep"]
    predictor = pw.load(run)
    low, high = predictor.loaded.window
    assert 400 <= low < high <= 400 + 12 * 255
    path = some_image(data)
    pixels = np.asarray(Image.open(path)).astype(float)
    by_hand = np.clip((pixels - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    assert np.abs(predictor(path).image[:, :, 0].astype(int) - by_hand).max() <= 1


def test_an_evaluation_of_anything_else_leaves_the_report_of_the_run_alone(own_run):
    before = (own_run / "report.json").read_bytes()
    looks = pw.evaluate(own_run, scales=(0.5, 1.0), flip=True)
    val = pw.evaluate(own_run, split="val")
    chosen = pw.evaluate(own_run, out=own_run.parent / "elsewhere")
    assert (own_run / "report.json").read_bytes() == before
    assert looks.report.parent.name.endswith("-test-scales-0.5-1-mirrored")
    assert val.report.parent.name.endswith("-val")
    assert {path.parent.parent for path in (looks.report, val.report)} == {own_run / "evaluations"}
    assert chosen.report == own_run.parent / "elsewhere" / "report.html"
    assert all(scores.report.is_file() and scores.run == own_run for scores in (looks, val, chosen))
    assert "scales-0.5-1-mirrored" in looks.report.read_text()


def test_mirrored_looks_make_predictions_mirror_with_the_image(own_run):
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    looks = pw.load(own_run, flip=True)
    once = pw.load(own_run)
    np.testing.assert_array_equal(looks(pixels[:, ::-1]).ids[:, ::-1], looks(pixels).ids)
    assert (once(pixels[:, ::-1]).ids[:, ::-1] != once(pixels).ids).any()
