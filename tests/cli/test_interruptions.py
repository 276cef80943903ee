"""Ctrl-C, kill -9 and several processes: nothing is lost, and a resumed run ends where an uninterrupted one would have."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.sets import TINY, make, pixelwise
from tests.plan.tree import SRC

pytestmark = pytest.mark.slow  # processes of their own, each of which loads torch

LONG = ["--set", "train.steps=40", "--set", "train.validations=4", "--set", "train.checkpoint_minutes=0.0001"]


def start(*words: object, module: str = "pixelwise") -> subprocess.Popen:
    command = [sys.executable, "-m", *module.split(), *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process: subprocess.Popen) -> None:
    end = time.monotonic() + 600
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make(tmp_path_factory.mktemp("interrupted") / "data")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The run that nobody interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    said = pixelwise("train", data, *TINY, *LONG, "--out", run, "--json")
    assert said.status == 0, said.err
    return run


def same_weights(run: Path, other: Path) -> bool:
    return all((run / name).read_bytes() == (other / name).read_bytes() for name in ("model.safetensors", "per_image.csv"))


def test_a_training_that_was_interrupted_resumes_bit_for_bit(data, whole, tmp_path):
    run = tmp_path / "a run"
    process = start("train", data, *TINY, *LONG, "--out", run, "--json")
    wait_for((run / "last" / "checkpoint.safetensors").exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert json.loads(out) == {"run": str(run), "stopped": "interrupted"}
    assert err.splitlines()[-1] == f"Next: pixelwise train --resume '{run}'"
    resumed = pixelwise("train", "--resume", run, "--json")
    assert resumed.status == 0, resumed.err
    assert "resuming" in resumed.err
    assert same_weights(run, whole)


def test_a_training_that_was_killed_resumes_bit_for_bit(data, whole, tmp_path):
    run = tmp_path / "run"
    process = start("train", data, *TINY, *LONG, "--out", run)
    wait_for((run / "last" / "checkpoint.safetensors").exists, process)
    process.kill()
    process.communicate()
    (run / "last" / ".checkpoint.0123abcd.tmp.safetensors").write_text("begun, and killed")
    resumed = pixelwise("train", "--resume", run, "--json")
    assert resumed.status == 0, resumed.err
    assert same_weights(run, whole)
    assert not list(run.rglob("*.tmp*"))


def test_two_processes_train_and_evaluate_one_run(data, tmp_path):
    """Each image is scored once, and one set of files and one set of lines comes out."""
    run = tmp_path / "run"
    launcher = "torch.distributed.run --standalone --nproc-per-node 2 -m pixelwise"
    words = [
        "train",
        data,
        *TINY,
        "--set",
        "train.steps=4",
        "--set",
        "train.validations=2",
        "--out",
        run,
        "--device",
        "cpu",
        "--json",
    ]
    process = start(*words, module=launcher)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    (line,) = [line for line in out.splitlines() if line.startswith("{")]
    scores = json.loads(line)["test"]
    assert scores["images"] == 2
    assert err.count("val mIoU") == 1
    assert err.count("Next: ") == 1
    alone = pixelwise("evaluate", run, "--json", "--device", "cpu")
    assert alone.json["test"]["per_class_iou"] == pytest.approx(scores["per_class_iou"])
    assert len(list((run / "worst").glob("*.png"))) == 2
