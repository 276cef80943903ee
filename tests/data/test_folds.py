"""Folds: every image that does not test validates exactly once."""

import pytest

from pixelwise.data.dataset import Dataset
from pixelwise.data.folds import in_fold
from pixelwise.errors import ConfigError
from pixelwise.types import ClassTable, Record

CLASSES = ClassTable.from_ids([0, 1])


def dataset_of(folds, root):
    records = [
        Record(str(at), root / f"{at}.png", (), "test" if fold == "" else "train", {"fold": fold})
        for at, fold in enumerate(folds)
    ]
    return Dataset(root, "folders", tuple(records), CLASSES, "binary")


def test_each_image_validates_in_its_own_fold_and_trains_in_all_others(tmp_path):
    data = dataset_of(["0", "1", "2", "", "1"], tmp_path)
    for fold in range(3):
        found = in_fold(data, fold)
        assert [record.split for record in found.records] == [
            "test" if record.columns["fold"] == "" else "val" if record.columns["fold"] == str(fold) else "train"
            for record in data.records
        ]
        assert f"fold {fold} validates" in found.decisions[-1]
    assert in_fold(data, None) is data


def test_a_fold_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="got 3; its folds are 0, 1; make folds"):
        in_fold(dataset_of(["0", "1"], tmp_path), 3)
    with pytest.raises(ConfigError, match="it has no folds"):
        in_fold(dataset_of(["", ""], tmp_path), 0)
