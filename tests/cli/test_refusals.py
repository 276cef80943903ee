"""Whatever is wrong with what came: a sentence on standard error, an exit status that is not 0, and nothing harmed."""

import errno
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelwise.errors import StorageError
from tests.cli.sets import LENGTH, TINY, make, make_multilabel, pixelwise, rows_of, save, scene


def refused(*words, status=1):
    """The sentence with which a command refuses."""
    said = pixelwise(*words)
    assert said.status == status, said
    assert "Traceback" not in said.out + said.err
    assert said.err.startswith("error: ") or "\nerror: " in said.err, said.err
    return said.err.split("error: ", 1)[1]


def state(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def some_image(data: Path, split: str = "train") -> Path:
    return sorted((data / split / "images").iterdir())[0]


def mask_of(image: Path) -> Path:
    return image.parent.parent / "masks" / f"{image.stem}.png"


# Data that training must refuse: what is done to a sound set, and what the message says.


def _wrong_path(data):
    data.rename(data.with_name("date"))
    return "does not exist.*did you mean 'date'"


def _empty(data):
    shutil.rmtree(data)
    data.mkdir()
    return "is an empty folder"


def _text_as_png(data):
    some_image(data).write_text("not a picture")
    return f"1 image cannot be used.*{some_image(data).name}"


def _truncated_jpeg(data):
    image = some_image(data)
    Image.open(image).convert("RGB").save(data / "whole.jpg", quality=95)
    content = (data / "whole.jpg").read_bytes()
    image.with_suffix(".jpg").write_bytes(content[: len(content) // 2])
    image.unlink()
    (data / "whole.jpg").unlink()
    return f"1 image cannot be used.*{image.stem}.jpg"


def _truncated_mask(data):
    mask = mask_of(some_image(data))
    mask.write_bytes(mask.read_bytes()[:60])
    return f"1 mask cannot be used.*{mask.name}"


def _color_mask(data):
    for path in data.rglob("masks/*.png"):
        save(path, np.array([[0, 0, 0], [200, 10, 10], [0, 0, 200]], np.uint8)[np.asarray(Image.open(path)) % 3])
    return "colour table"


def _unknown_id(data):
    rows = [{"id": i, "name": f"c{i}"} for i in range(12)]
    (data / "classes.json").write_text(json.dumps(rows))
    for path in data.rglob("masks/*.png"):
        save(path, np.asarray(Image.open(path)) % 12)
    mask = mask_of(some_image(data))
    pixels = np.asarray(Image.open(mask)).copy()
    pixels[:2, :5] = 37
    save(mask, pixels)
    return rf"37 \(10 px in 1 file: {mask.name}\)"


def _one_pixel(data):
    image = some_image(data)
    save(image, np.zeros((1, 1, 3), np.uint8))
    save(mask_of(image), np.full((1, 1), 3, np.uint8))
    return f"side below 8 px: {image.name}"


def _one_class(data):
    for path in data.rglob("masks/*.png"):
        save(path, np.full_like(np.asarray(Image.open(path)), 3))
    return "one class|at least two|hold only"


def _missing_mask(data):
    mask_of(some_image(data)).unlink()
    return f"no mask for 1 image: {some_image(data).name}"


def _other_size(data):
    mask = mask_of(some_image(data))
    save(mask, np.asarray(Image.open(mask))[:-3])
    return f"1 mask of another size than the image: {mask.name}"


def _duplicates(data):
    image, other = some_image(data), some_image(data, "test")
    shutil.copy(image, other)
    shutil.copy(mask_of(image), mask_of(other))
    return "1 image in several splits"


def _empty_val(data):
    rows = ["id,split"]
    for image in sorted(data.rglob("images/*.png")):
        rows.append(f"{image.stem},{'test' if 'test' in image.parts else 'train'}")
        for path in (image, mask_of(image)):
            (data / path.parent.name).mkdir(exist_ok=True)
            path.rename(data / path.parent.name / path.name)
    for split in ("train", "val", "test"):
        shutil.rmtree(data / split)
    (data / "splits.csv").write_text("\n".join(rows))
    return "split val has no images"


def _broken_classes_json(data):
    (data / "classes.json").write_text("[{")
    return "classes.json"


FAULTS = [
    _wrong_path, _empty, _text_as_png, _truncated_jpeg, _truncated_mask, _color_mask, _unknown_id, _one_pixel, _one_class,
    _missing_mask, _other_size, _duplicates, _empty_val, _broken_classes_json,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_data_that_cannot_be_trained_on_are_refused(data, tmp_path, fault):
    expected = fault(data)
    before = state(tmp_path)
    message = refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "run")
    assert re.search(expected, message, re.DOTALL), message
    assert not (tmp_path / "run").exists()
    checked = pixelwise("check", data)
    assert checked.status == 1
    assert re.search(expected, (checked.out + checked.err).replace("\n    cure:", ";"), re.DOTALL), checked
    assert state(tmp_path) == before


def test_a_0_255_mask_is_no_fault(runs):
    """It is read as background and object, and predictions come back as 0 and 255 (see test_verbs)."""
    assert json.loads((runs["binary"].run / "model.json").read_text())["mode"] == "binary"


# Arguments that are refused before anything is read or written.


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--encoder", "test_resnett"], "unknown encoder 'test_resnett'; did you mean 'test_resnet'"),
        (["--model", "unett"], "unknown model 'unett'; did you mean 'unet'?"),
        (["--encoder-weights", "nowhere.pth"], "'nowhere.pth', which is no file"),
        (["--set", "optim.learning=1"], "unknown key 'optim.learning'"),
        (["--set", "lr=1"], "unknown key 'lr'; did you mean 'optim.lr'?"),
        (["--set", "optim.lr"], "--set takes key=value, got 'optim.lr'"),
        (["--set", "optim.lr=fast"], "optim.lr: .*number.* got 'fast'"),
        (["--set", "train.steps=-3"], "train.steps: .*greater.* got -3"),
        (["--set", "augment.crop=[4,4]"], "at least 16"),
        (["--set", "model.options.widthz=[1]"], "unet has no option 'widthz'; did you mean 'widths'"),
        (["--set", "optim.lr=[1"], "cannot read the value '\\[1' as YAML"),
        (["--budget", "soon"], "budget must be a time such as 90s, 30m, 2h or 1h30m, got 'soon'"),
        (["--budget", "0s"], "budget must be a time"),
        (["--device", "gpu"], "unknown device 'gpu'; allowed: auto, cpu, cuda"),
        (["--device", "meta"], "unknown device 'meta'"),
        (["--config", "nowhere.yaml"], "cannot read the run file nowhere.yaml"),
        (["--resume", "nowhere"], "there is no run folder nowhere|leave out data.path"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(data, tmp_path, words, expected):
    before = state(tmp_path)
    given = [*TINY, *LENGTH] if words[0] != "--resume" else []
    message = refused("train", data, *given, "--out", tmp_path / "run", *words)
    assert re.search(expected, " ".join(message.split())), message
    assert state(tmp_path) == before
    assert not (tmp_path / "run").exists()


def test_a_gpu_that_is_not_there_is_refused(trained, data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for words in (["train", data, *TINY], ["evaluate", trained.run], ["predict", trained.run, data]):
        message = refused(*words, "--device", "cuda")
        assert "device 'cuda': torch" in message
        assert "finds no usable GPU here; take --device cpu or auto" in message


def test_a_gpu_beyond_the_last_is_refused(trained, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "this machine has 2, so the last one is cuda:1" in refused("evaluate", trained.run, "--device", "cuda:7")


def test_a_budget_that_is_over_before_the_first_step_is_refused(data, tmp_path):
    message = refused("train", data, *TINY, "--budget", "0.01s", "--out", tmp_path / "run")
    assert "the budget of 0.01s was over before the first step" in message
    assert not (tmp_path / "run").exists()


def test_an_unknown_verb_and_an_unknown_option_are_wrong_usage(data):
    for words in (["trian", data], ["train", data, "--modle", "unet"], ["predict"], ["train", data, "--seed", "-1"]):
        said = pixelwise(*words, "--json")
        assert said.status == 2
        assert said.err
        assert set(said.json) == {"error"}


def test_train_without_data_says_what_it_needs():
    assert "train needs the folder of a data set" in refused("train")


def test_a_refusal_in_json_is_one_object(tmp_path):
    said = pixelwise("check", tmp_path / "nowhere", "--json")
    assert said.status == 1
    assert "does not exist" in said.json["error"]
    assert len(said.out.splitlines()) == 1


def test_debug_shows_the_traceback(tmp_path):
    said = pixelwise("check", tmp_path / "nowhere", "--debug")
    assert said.status == 1
    assert "Traceback" in said.err


# Folders that are taken or cannot be written.


def test_a_run_folder_that_exists_is_refused_and_unharmed(own_run, data):
    before = state(own_run)
    message = refused("train", data, *TINY, *LENGTH, "--out", own_run)
    assert "exists and is not empty; resume it with --resume" in message
    assert state(own_run) == before


def test_a_run_folder_below_a_file_is_refused(data, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert f"{tmp_path / 'file'} is a file" in refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "file" / "run")
    assert "exists and is not empty" in refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_without_permission_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    message = refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "deep" / "run")
    assert f"no permission to write into {tmp_path}; choose another with --out" in message


def test_masks_of_the_user_are_never_overwritten_by_predictions(trained, data):
    before = state(data)
    message = refused("predict", trained.run, data / "test" / "images", "--out", data / "test")
    assert "already has masks/ with files that pixelwise did not predict" in message
    assert state(data) == before


def test_predictions_of_before_are_replaced(trained, data, tmp_path):
    for _ in range(2):
        assert pixelwise("predict", trained.run, some_image(data), "--out", tmp_path / "out").status == 0
    (tmp_path / "file").write_text("")
    assert "is a file; choose a folder" in refused("predict", trained.run, some_image(data), "--out", tmp_path / "file")


def _full(monkeypatch, name: str) -> None:
    """From now on the disk is full when the file ``name`` is to be written."""
    from pixelwise.formats import atomic

    def flush(path):
        if path.name.startswith(f".{name}."):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "_flush", flush)


@pytest.mark.parametrize("name", ["config", "model", "train_batch", "checkpoint"])
def test_a_full_disk_at_the_start_leaves_no_run_folder(data, tmp_path, monkeypatch, name):
    _full(monkeypatch, name)
    before = state(tmp_path)
    message = refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "run")
    assert "disk full while writing" in message
    assert "free space and run again" in message
    assert not (tmp_path / "run").exists()
    assert state(tmp_path) == before


def test_a_full_disk_in_the_middle_says_how_to_resume(data, tmp_path, monkeypatch):
    from pixelwise.engine import train as engine

    save, calls = engine.save_for_resume, []

    def second_is_too_much(*given):
        calls.append(given)
        if len(calls) == 2:
            raise StorageError("disk full while writing x; free space and run again")
        save(*given)

    run = tmp_path / "a run"
    steps = ["--set", "train.steps=12", "--set", "train.validations=4"]
    with monkeypatch.context() as patch:
        patch.setattr(engine, "save_for_resume", second_is_too_much)
        message = refused("train", data, *TINY, *steps, "--out", run)
    assert message == f"disk full while writing x; free space and run again, with: pixelwise train --resume '{run}'\n"
    assert pixelwise("train", "--resume", run).status == 0


def test_a_full_disk_during_evaluation_harms_no_report(own_run, monkeypatch):
    before = state(own_run)
    _full(monkeypatch, "per_image")
    assert "disk full while writing" in refused("evaluate", own_run)
    assert state(own_run) == before


def test_a_full_disk_during_prediction_keeps_what_was_written(trained, data, tmp_path, monkeypatch):
    first, second = sorted((data / "train" / "images").iterdir())[:2]
    _full(monkeypatch, second.stem)
    message = refused("predict", trained.run, first, second, "--out", tmp_path / "out")
    assert "disk full while writing" in message
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [(row["image"], row["status"]) for row in rows] == [(str(first), "ok")]
    assert np.asarray(Image.open(rows[0]["mask"])).size


def test_a_full_disk_that_no_writer_caught_is_a_sentence_too(data, monkeypatch):
    def train(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "metrics.csv")

    monkeypatch.setattr("pixelwise.api.train", train)
    assert "disk full while writing metrics.csv" in refused("train", data)


def test_a_file_without_permission_is_a_sentence_too(data, monkeypatch):
    def train(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/images")

    monkeypatch.setattr("pixelwise.api.train", train)
    assert "/data/images: Permission denied; check the path" in refused("train", data)


def test_a_fault_of_ours_says_so(data, monkeypatch):
    def train(*_, **__):
        raise RuntimeError("beyond")

    monkeypatch.setattr("pixelwise.api.train", train)
    assert "RuntimeError: beyond; this is a fault of pixelwise, not yours: --debug shows where" in refused(
        "train", data, status=70
    )


def test_an_interruption_outside_of_training_is_status_130(data, monkeypatch):
    def check_folder(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pixelwise.verbs.prepare.check_folder", check_folder)
    said = pixelwise("check", data)
    assert said.status == 130
    assert "Traceback" not in said.err


# Runs that are none, or were damaged.


def _no_model_json(run):
    (run / "model.json").unlink()
    return "holds no model.json"


def _damaged_weights(run):
    content = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(content[: len(content) // 2])
    return "model.safetensors is damaged"


def _no_weights(run):
    (run / "model.safetensors").unlink()
    return "model.safetensors does not exist; finish or resume its training first"


def _edit(run, **changes):
    spec = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**spec, **changes}))


def _other_encoder(run):
    _edit(run, encoder="test_efficientnet")
    return "model.safetensors does not fit the network that model.json describes"


def _unknown_encoder(run):
    _edit(run, encoder="../../evil")
    return "model.json describes no network that can be built \\(unknown encoder"


def _other_channels(run):
    _edit(run, channels=7)
    return "7 channels do not fit 3 classes"


def _words_for_numbers(run):
    _edit(run, in_channels="many")
    return "model.json describes no network"


def _no_classes(run):
    _edit(run, classes=None)
    return "model.json describes no network"


def _no_mean(run):
    spec = json.loads((run / "model.json").read_text())
    del spec["mean"]
    (run / "model.json").write_text(json.dumps(spec))
    return "model.json lacks 'mean'"


def _no_json(run):
    (run / "model.json").write_text("{")
    return "cannot read .*model.json"


def _other_format(run):
    _edit(run, format="pixelwise-model-9")
    return "not a model description that this version reads"


DAMAGES = [
    _no_model_json, _damaged_weights, _no_weights, _other_encoder, _unknown_encoder, _other_channels, _words_for_numbers,
    _no_classes, _no_mean, _no_json, _other_format,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_a_damaged_run_is_refused_and_left_as_it_is(own_run, data, tmp_path, damage):
    expected = damage(own_run)
    before = state(own_run)
    for words in (["evaluate", own_run], ["predict", own_run, some_image(data), "--out", tmp_path / "out"]):
        assert re.search(expected, refused(*words), re.DOTALL)
    assert not (tmp_path / "out").exists()
    assert state(own_run) == before


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_folder_that_is_no_run_is_refused(own_run, data, verb):
    words = [some_image(data)] if verb == "predict" else []
    assert "holds no model.json" in refused(verb, data, *words)
    assert "there is no run folder" in refused(verb, own_run.with_name("nowhere"), *words)


def test_a_run_that_was_mistyped_offers_its_neighbours(own_run):
    assert "own run" in refused("evaluate", own_run.with_name("own rum"))


def test_evaluate_refuses_other_classes(own_run, tmp_path):
    before = state(own_run)
    message = refused("evaluate", own_run, make(tmp_path / "other", (0, 4, 9)))
    assert "is multiclass with the classes 0 class_0, 4 class_4, 9 class_9, but the run was trained as multiclass on 3" in message
    assert "is multilabel" in refused("evaluate", own_run, make_multilabel(tmp_path / "layers"))
    assert state(own_run) == before


def test_evaluate_refuses_images_without_masks(own_run, data):
    before = state(own_run)
    image = some_image(data, "test")
    mask_of(image).unlink()
    message = refused("evaluate", own_run, data)
    assert f"1 of 2 images in split 'test' of {data} have no mask: {image.name}" in message
    assert state(own_run) == before


# Prediction: one bad file loses nothing else.


def test_predict_names_bad_files_and_writes_all_others(trained, data, tmp_path):
    good = some_image(data)
    save(tmp_path / "one.png", np.zeros((1, 1, 3), np.uint8))
    (tmp_path / "text.png").write_text("no picture")
    words = [tmp_path / "missing.png", good, tmp_path / "text.png", tmp_path / "one.png"]
    said = pixelwise("predict", trained.run, *words, "--out", tmp_path / "out", "--json")
    assert said.status == 1
    assert said.json["predicted"] == 2
    assert [Path(row["image"]).name for row in said.json["failed"]] == ["missing.png", "text.png"]
    assert "missing.png" in said.err
    assert "text.png" in said.err
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [row["status"] for row in rows] == ["failed", "ok", "failed", "ok"]
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == sorted([good.name, "one.png"])


def test_predict_refuses_a_folder_without_images(trained, tmp_path):
    (tmp_path / "nothing").mkdir()
    assert "no images in" in refused("predict", trained.run, tmp_path / "nothing")


def test_images_of_one_name_do_not_overwrite_each_other(trained, tmp_path):
    for folder, suffix in (("a", "png"), ("b", "png"), ("c", "jpg")):
        save(tmp_path / folder / f"same.{suffix}", scene(1)[0])
    said = pixelwise("predict", trained.run, tmp_path / "a/same.png", tmp_path / "b", tmp_path / "c", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    assert len({row["mask"] for row in rows_of(tmp_path / "out" / "predictions.csv")}) == 3


# Resuming.


def test_resume_of_nothing_is_refused(own_run, data):
    assert "there is no run folder" in refused("train", "--resume", own_run.with_name("nowhere"))
    assert "does not exist; there is nothing to resume" in refused("train", "--resume", data)
    shutil.rmtree(own_run / "last")
    assert "does not exist; there is nothing to resume" in refused("train", "--resume", own_run)


def test_resume_with_settings_of_its_own_is_refused(own_run, data):
    for words, named in ((["--set", "optim.lr=1"], "overrides"), (["--budget", "2h"], "train.budget"), (["--out", "x"], "out")):
        assert f"leave out {named}" in refused("train", "--resume", own_run, *words)
    assert "leave out data.path" in refused("train", data, "--resume", own_run)


def test_resume_of_a_damaged_checkpoint_is_refused(own_run):
    path = own_run / "last" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    before = state(own_run)
    assert "checkpoint.safetensors is damaged" in refused("train", "--resume", own_run)
    assert state(own_run) == before


def test_resume_with_changed_data_is_refused(data, tmp_path):
    run = tmp_path / "run"
    assert pixelwise("train", data, *TINY, "--set", "train.steps=1", "--out", run).status == 0
    before = state(run)
    save(data / "train" / "images" / "new.png", scene(77)[0])
    save(data / "train" / "masks" / "new.png", np.array((3, 17, 200), np.uint8)[scene(77)[1]])
    assert "are not those of" in refused("train", "--resume", run)
    for path in (data / "train" / "images" / "new.png", data / "train" / "masks" / "new.png"):
        path.unlink()
    for path in data.rglob("masks/*.png"):
        pixels = np.asarray(Image.open(path)).copy()
        save(path, np.where(pixels == 17, 18, pixels).astype(np.uint8))
    assert "is now multiclass with the class ids [3, 18, 200], but" in refused("train", "--resume", run)
    assert state(run) == before


def test_a_storage_error_is_the_first_thing_said_not_the_last(data, monkeypatch):
    def train(*_, **__):
        raise StorageError("cannot write x; do y")

    monkeypatch.setattr("pixelwise.api.train", train)
    assert refused("train", data) == "cannot write x; do y\n"


def test_a_batch_that_processes_cannot_share_evenly_is_refused(tmp_path, monkeypatch):
    data = make(tmp_path / "data")
    monkeypatch.setattr("pixelwise.engine.distributed.world_size", lambda: 3)
    message = refused("train", data, *TINY, *LENGTH, "--out", tmp_path / "run")
    assert re.search(r"batch_size .* multiple of their number, 3, got 2; choose 3", message)
    assert not (tmp_path / "run").exists()
