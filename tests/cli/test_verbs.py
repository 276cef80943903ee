"""train, evaluate, predict and check from end to end, on each kind of data."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from pixelwise import config
from tests.cli.conftest import MAKERS
from tests.cli.sets import IDS, LENGTH, TINY, make, pixelwise, rows_of, save, scene

KINDS = list(MAKERS)
FILES = (
    "config.yaml", "model.json", "model.safetensors", "last/checkpoint.safetensors", "metrics.csv", "train_batch.png",
    "report.html", "report.json", "per_image.csv", "per_image_confusion.safetensors",
)  # fmt: skip


def mask_files(folder):
    return sorted((folder / "masks").rglob("*.png"))


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_folder_holds_all_files_and_they_are_sound(runs, kind):
    data, run, _ = runs[kind]
    assert [name for name in FILES if not (run / name).is_file() or not (run / name).stat().st_size] == []
    loaded = config.load(run / "config.yaml")
    assert config.dump(loaded) == (run / "config.yaml").read_text()
    assert loaded.data.path == str(data.resolve())
    assert loaded.train.precision == "fp32"
    spec = json.loads((run / "model.json").read_text())
    assert spec["encoder"] == "test_resnet"
    with safe_open(run / "model.safetensors", "np") as file:
        assert all(np.isfinite(file.get_tensor(name)).all() for name in file.keys())  # noqa: SIM118
    rows = rows_of(run / "metrics.csv")
    assert [row["step"] for row in rows if row["val_mean_iou"]] == ["2", "4"]
    assert len(list((run / "events").iterdir())) == 1
    assert read(run / "train_batch.png").std() > 10
    assert "</html>" in (run / "report.html").read_text()
    images = rows_of(run / "per_image.csv")
    assert len(images) == len(list((run / "worst").glob("*.png")))
    assert not list(run.rglob("*.tmp*"))


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_the_only_line_on_standard_output(runs, kind):
    _, run, said = runs[kind]
    assert len(said.out.splitlines()) == 1
    assert said.json["run"] == str(run)
    scores = said.json["test"]
    names = [row["name"] for row in json.loads((run / "model.json").read_text())["classes"] if not row.get("ignore")]
    assert {"mean_iou", "per_class_iou", "accuracy"} <= set(scores)
    assert list(scores["per_class_iou"]) == names
    assert 0 <= scores["mean_iou"] <= 1
    assert json.loads((run / "report.json").read_text())["scores"] == scores


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_command_of_a_training_runs(runs, kind, tmp_path):
    _, run, said = runs[kind]
    assert said.next[:2] == ["predict", str(run)]
    after = pixelwise(*said.next)
    assert after.status == 0, after.err
    assert mask_files(tmp_path / "predictions")
    assert after.next == ["evaluate", str(run)]


@pytest.mark.parametrize("kind", ["multiclass", "binary", "deep", "grey", "camvid"])
def test_scores_are_those_of_the_masks_that_predict_writes(runs, kind, tmp_path):
    """IoU recomputed with numpy from files alone, in the user's ids."""
    _, run, said = runs[kind]
    rows = rows_of(run / "per_image.csv")
    done = pixelwise("predict", run, *[row["image"] for row in rows], "--out", tmp_path / "out")
    assert done.status == 0, done.err
    truth_of = {
        row["image"]: row["image"]
        .replace("/images/", "/masks/")
        .replace("/test/", "/testannot/" if kind == "camvid" else "/test/")
        for row in rows
    }
    pairs = [(read(row["mask"]), read(truth_of[row["image"]])) for row in rows_of(tmp_path / "out" / "predictions.csv")]
    scores = said.json["test"]
    classes = [row for row in json.loads((run / "model.json").read_text())["classes"] if not row.get("ignore")]
    ignored = 11 if kind == "camvid" else 255 if kind != "binary" else -1
    ious = {}
    for row in classes:
        there = [(p == row["id"], t == row["id"], t != ignored) for p, t in pairs]
        union = sum(((p | t) & counts).sum() for p, t, counts in there)
        if union:
            ious[row["name"]] = float(sum((p & t & counts).sum() for p, t, counts in there) / union)
    found = {name: value for name, value in scores["per_class_iou"].items() if value is not None}
    assert found == pytest.approx(ious, abs=1e-9)
    assert scores["mean_iou"] == pytest.approx(np.mean(list(ious.values())), abs=1e-9)
    right = sum(((p == t) & (t != ignored)).sum() for p, t in pairs) / sum((t != ignored).sum() for _, t in pairs)
    assert scores["accuracy"] == pytest.approx(right, abs=1e-9)


def test_multilabel_scores_are_those_of_the_masks_that_predict_writes(runs, tmp_path):
    data, run, said = runs["multilabel"]
    rows = rows_of(run / "per_image.csv")
    done = pixelwise("predict", run, *[row["image"] for row in rows], "--out", tmp_path / "out")
    assert done.status == 0, done.err
    for name in ("warm", "any thing"):
        pairs = [
            (
                read(tmp_path / "out" / "masks" / row["key"] / f"{name}.png") > 0,
                read(data / "masks" / name / f"{row['key']}.png") > 0,
            )
            for row in rows
        ]
        iou = sum((p & t).sum() for p, t in pairs) / sum((p | t).sum() for p, t in pairs)
        assert said.json["test"]["per_class_iou"][name] == pytest.approx(iou, abs=1e-9)


def test_predictions_hold_the_ids_of_the_user(trained, tmp_path):
    assert pixelwise("predict", trained.run, trained.data / "test" / "images", "--out", tmp_path / "out").status == 0
    found = [read(path) for path in mask_files(tmp_path / "out")]
    assert set(np.unique(np.concatenate([mask.ravel() for mask in found]))) <= set(IDS)
    assert [mask.shape for mask in found] == [read(path).shape[:2] for path in sorted((trained.data / "test/images").iterdir())]


def test_binary_predictions_are_0_and_255(runs, tmp_path):
    _, run, _ = runs["binary"]
    image, _ = scene(99, (40, 90))
    save(tmp_path / "new.png", image)
    assert pixelwise("predict", run, tmp_path / "new.png", "--out", tmp_path / "out").status == 0
    assert set(np.unique(read(tmp_path / "out" / "masks" / "new.png"))) <= {0, 255}


def test_predict_takes_any_size_and_writes_probabilities(trained, tmp_path):
    for number, size in enumerate([(20, 20), (33, 70), (200, 130)]):
        save(tmp_path / "in" / f"{number}.png", scene(number, (60, 60))[0] if number else np.full((*size, 3), 90, np.uint8))
    done = pixelwise("predict", trained.run, tmp_path / "in", "--out", tmp_path / "out", "--probabilities", "--json")
    assert done.status == 0, done.err
    assert done.json == {"run": str(trained.run), "out": str(tmp_path / "out"), "predicted": 3, "failed": []}
    shares = np.load(tmp_path / "out" / "probabilities" / "1.npy")
    assert shares.shape == (3, 60, 60)
    assert shares.dtype == np.float16
    np.testing.assert_allclose(shares.astype(np.float32).sum(0), 1, atol=5e-3)
    written = np.searchsorted(IDS, read(tmp_path / "out" / "masks" / "1.png"))
    chosen = np.take_along_axis(shares, written[None], 0)[0]
    assert (shares.max(0) - chosen).max() <= 2e-3  # ties in half precision aside, the class with the largest share


def test_evaluate_repeats_the_scores_of_training(own_run, trained):
    again = pixelwise("evaluate", own_run, "--json")
    assert again.status == 0, again.err
    assert again.json["test"] == trained.said.json["test"]
    assert again.json["run"] == str(own_run)
    assert again.next[0] == "predict"


def test_evaluate_scores_other_data_in_the_classes_of_the_run(own_run, tmp_path):
    """Bare masks in which one class happens not to occur are still of the run's classes."""
    for seed in range(4):
        image, indices = scene(seed + 50)
        save(tmp_path / "other" / "test" / "images" / f"{seed}.png", image)
        save(tmp_path / "other" / "test" / "masks" / f"{seed}.png", np.array((3, 17, 3), np.uint8)[indices])
    done = pixelwise("evaluate", own_run, tmp_path / "other", "--split", "all", "--json")
    assert done.status == 0, done.err
    assert done.json["all"]["images"] == 4
    assert list(done.json["all"]["per_class_iou"]) == ["class_3", "class_17", "class_200"]


def test_evaluate_takes_the_split_that_is_asked_for(own_run):
    done = pixelwise("evaluate", own_run, "--split", "val", "--json")
    assert list(done.json) == ["run", "val"]
    assert done.json["val"]["images"] == 2
    unknown = pixelwise("evaluate", own_run, "--split", "tset")
    assert unknown.status == 1
    assert "'tset'; did you mean 'test'" in unknown.err


@pytest.mark.parametrize("kind", KINDS)
def test_check_finds_no_fault_and_says_what_to_do_next(runs, kind):
    data = runs[kind].data
    said = pixelwise("check", data)
    assert said.status == 0, said.out
    assert said.next == ["train", str(data), "--budget", "30m"]
    told = pixelwise("check", data, "--json")
    assert told.json["ok"] is True
    assert len(told.out.splitlines()) == 1


def test_nothing_moves_where_nobody_watches(trained):
    """Written to a pipe, a training is sentences and rows: no bar, no control codes, no empty line at the start."""
    said = trained.said.err
    assert "\x1b" not in said
    assert "\r" not in said
    assert "━" not in said
    assert said[0] == "·"
    assert said.count("val mIoU") == 1


def test_training_says_how_long_it_will_last(trained, data, tmp_path):
    assert "training for 4 steps of 2 images, 1.33 epochs" in trained.said.err
    said = pixelwise("train", data, *TINY, "--set", "train.epochs=0.7", "--set", "train.validations=1", "--out", tmp_path / "run")
    assert said.status == 0, said.err
    assert "training for 2 steps of 2 images" in said.out


def test_a_run_file_repeats_a_run(trained, tmp_path):
    said = pixelwise("train", "--config", trained.run / "config.yaml", "--out", tmp_path / "again", "--json")
    assert said.status == 0, said.err
    assert said.json["test"] == trained.said.json["test"]
    assert (tmp_path / "again/model.safetensors").read_bytes() == (trained.run / "model.safetensors").read_bytes()


def test_without_out_the_run_is_below_runs(data, tmp_path):
    said = pixelwise("train", data, *TINY, "--set", "train.steps=1", "--json")
    assert said.status == 0, said.err
    (folder,) = (tmp_path / "runs").iterdir()
    assert said.json["run"] == f"runs/{folder.name}"
    assert folder.name.startswith("unet-test_resnet-")


def test_the_report_shows_the_command_that_made_it(trained):
    command = json.loads((trained.run / "report.json").read_text())["command"]
    assert command.startswith(f"pixelwise train {trained.data} --encoder test_resnet")
    assert LENGTH[-1] in command


@pytest.mark.parametrize("words", [[], ["--help"], ["train", "-h"], ["--version"]])
def test_help_is_answered(words):
    said = pixelwise(*words)
    assert said.status in (0, 2)
    assert "pixelwise" in said.out + said.err


def test_scores_on_the_images_that_chose_the_weights_are_said_to_flatter(tmp_path):
    data = make(tmp_path / "data", counts=(6, 2, 0))
    said = pixelwise("train", data, *TINY, "--set", "train.steps=1", "--out", tmp_path / "run", "--json")
    assert said.status == 0, said.err
    assert "no test images" in said.err
    assert list(said.json) == ["run", "val"]


def test_several_looks_are_scored_beside_the_report_of_the_run(own_run):
    report = (own_run / "report.json").read_bytes()
    done = pixelwise("evaluate", own_run, "--scales", "0.5,1", "--flip", "--json")
    assert done.status == 0, done.err
    assert (own_run / "report.json").read_bytes() == report
    assert done.json["run"] == str(own_run)
    assert [path.name for path in (own_run / "evaluations").iterdir()] == ["multiclass-test-scales-0.5-1-mirrored"]
    refused = pixelwise("evaluate", own_run, "--scales", "half")
    assert refused.status == 1
    assert "--scales must be numbers with commas between them, such as 0.75,1,1.25, got 'half'" in refused.err


def test_predictions_can_be_means_of_several_looks(own_run, runs, tmp_path):
    image = next((runs["multiclass"].data / "test" / "images").iterdir())
    for out, looks in (("once", []), ("twice", ["--flip"])):
        assert pixelwise("predict", own_run, image, "--out", tmp_path / out, "--probabilities", *looks).status == 0
    once, twice = (np.load(next((tmp_path / out / "probabilities").iterdir())) for out in ("once", "twice"))
    assert once.shape == twice.shape
    assert (once != twice).any()
