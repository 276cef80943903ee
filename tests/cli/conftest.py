"""One tiny training per kind of data, shared by all tests of this folder."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.sets import LENGTH, TINY, Said, make, make_camvid, make_multilabel, pixelwise

MAKERS = {
    "multiclass": make,
    "binary": lambda root: make(root, (0, 255, 255)),
    "multilabel": make_multilabel,
    "deep": lambda root: make(root, (0, 1, 2), "deep"),
    "grey": lambda root: make(root, (0, 1, 2), "grey"),
    "camvid": make_camvid,
}


class Trained(NamedTuple):
    data: Path
    run: Path
    said: Said


class Runs:
    """Trains on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, Trained] = {}

    def __getitem__(self, kind: str) -> Trained:
        if kind not in self.made:
            data = MAKERS[kind](self.folder / kind)
            run = self.folder / "runs" / kind
            said = pixelwise("train", data, *TINY, *LENGTH, "--out", run, "--json")
            assert said.status == 0, said.err
            self.made[kind] = Trained(data, run, said)
        return self.made[kind]


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def trained(runs):
    """The multiclass run; must not be changed."""
    return runs["multiclass"]


@pytest.fixture
def own_run(runs, tmp_path):
    """A copy of the multiclass run that a test may damage."""
    run = tmp_path / "own run"
    shutil.copytree(runs["multiclass"].run, run)
    return run


@pytest.fixture
def data(runs, tmp_path):
    """A copy of the multiclass data that a test may damage."""
    folder = tmp_path / "data"
    shutil.copytree(runs["multiclass"].data, folder)
    return folder


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
