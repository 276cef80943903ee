"""pixelwise split: a table that reads back as what was said, and nothing overwritten."""

import json

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.folds import in_fold
from pixelwise.data.leakage import faults_of_groups
from pixelwise.data.sources import find
from pixelwise.errors import ConfigError, DataError
from pixelwise.verbs.splitting import split_data


@pytest.fixture
def data(tmp_path):
    """60 images of 12 patients, of which two alone show class 2."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for at in range(60):
        name = f"p{at // 5:02}_{at % 5}.png"
        mask = rng.integers(0, 2, (16, 16)).astype(np.uint8)
        if at // 5 in (3, 7):
            mask[:4] = 2
        Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(tmp_path / "images" / name)
        Image.fromarray(mask).save(tmp_path / "masks" / name)
    return tmp_path


def splits_of(data):
    return {record.key: record.split for record in find(data).records}


def test_the_table_reads_back_as_what_was_said(data):
    found = split_data(data)
    splits = splits_of(data)
    counts = {name: list(splits.values()).count(name) for name in ("train", "val", "test")}
    assert counts == {name: part["images"] for name, part in found.table.items()} == {"train": 42, "val": 9, "test": 9}
    shown = [part["with"]["class_2"] for part in found.table.values()]
    assert sum(shown) == 10
    assert min(shown) > 0
    assert json.loads((data / "splits.json").read_text())["seed"] == 0


@pytest.mark.parametrize("how", ["pattern", "column"])
def test_patients_are_never_parted(data, how):
    if how == "column":
        rows = "\n".join(f"{path.stem},{path.stem[:3]}" for path in sorted((data / "images").iterdir()))
        (data / "records.csv").write_text(f"id,patient\n{rows}\n")
    found = split_data(data, pattern=r"^(p\d+)_" if how == "pattern" else None)
    splits = splits_of(data)
    assert all(
        len({split for key, split in splits.items() if key.startswith(patient)}) == 1 for patient in {k[:3] for k in splits}
    )
    assert sum(part["groups"] for part in found.table.values()) == 12
    assert faults_of_groups(find(data)) == []


def test_folds_share_out_what_does_not_test(data):
    found = split_data(data, folds=5)
    dataset = find(data)
    tested = {record.key for record in dataset.records if record.split == "test"}
    assert len(tested) == found.table["test"]["images"] == 9
    validated = [{record.key for record in in_fold(dataset, fold).split("val")} for fold in range(5)]
    assert sorted(key for part in validated for key in part) == sorted(splits_of(data).keys() - tested)
    assert {len(part) for part in validated} <= {10, 11}
    assert {record.key for record in dataset.split("val")} == validated[0]


def test_without_a_test_share_all_images_are_in_folds(data):
    assert "test" not in split_data(data, shares=(85, 15, 0), folds=3).table
    assert "test" not in splits_of(data).values()


def test_a_split_that_is_there_is_never_overwritten(data):
    split_data(data)
    before = (data / "splits.csv").read_bytes()
    with pytest.raises(ConfigError, match="not overwritten"):
        split_data(data, seed=1)
    assert (data / "splits.csv").read_bytes() == before
    assert split_data(data, to=data / "other.csv", seed=1).path == data / "other.csv"


def test_leakage_in_a_table_of_ones_own_is_found(data):
    rows = "\n".join(
        f"{p.stem},{'train' if p.stem[-1] != '0' else 'test'},{p.stem[:3]}" for p in sorted((data / "images").iterdir())
    )
    (data / "splits.csv").write_text(f"id,split,patient\n{rows}\n")
    (problem,) = faults_of_groups(find(data))
    assert problem.count == 12


@pytest.mark.parametrize(
    "how, error, message",
    [
        ({"shares": (0, 50, 50)}, ConfigError, "three numbers"),
        ({"shares": (70, 30)}, ConfigError, "three numbers"),
        ({"shares": (70, 0, 30)}, ConfigError, "three numbers"),
        ({"folds": 1}, ConfigError, "2 or more"),
        ({"pattern": "("}, ConfigError, "no regular expression"),
        ({"pattern": "p"}, ConfigError, "one group in parentheses"),
        ({"pattern": "(x)"}, DataError, "finds nothing in 60 names"),
        ({"group": "patient"}, DataError, "no column 'patient'"),
        ({"group": "a", "pattern": "(p)"}, ConfigError, "give one of them"),
        ({"pattern": "(p)"}, DataError, "1 groups cannot fill 3 parts"),
    ],
)
def test_what_cannot_be_split_is_refused_and_nothing_written(data, how, error, message):
    with pytest.raises(error, match=message):
        split_data(data, **how)
    assert not (data / "splits.csv").exists()
