"""Images of one patient in several splits are found, by the column's name or as told."""

import pytest

from pixelwise.data.dataset import Dataset
from pixelwise.data.leakage import faults_of_groups, group_column
from pixelwise.errors import DataError
from pixelwise.types import ClassTable, Record


def dataset_of(root, rows, column="patient"):
    records = [Record(str(at), root / f"{at}.png", (), split, {column: value}) for at, (split, value) in enumerate(rows)]
    return Dataset(root, "folders", tuple(records), ClassTable.from_ids([0, 1]), "binary")


LEAKING = [("train", "p1"), ("test", "p1"), ("val", "p2"), ("val", "p2"), ("train", ""), ("test", "")]


@pytest.mark.parametrize("column", ["patient", "Patient_ID", "scene", "group"])
def test_a_patient_in_two_splits_is_an_error_with_files_and_cure(tmp_path, column):
    (problem,) = faults_of_groups(dataset_of(tmp_path, LEAKING, column))
    assert problem.severity == "error"
    assert problem.code == "group_across_splits"
    assert "p1 (train 1, test 1)" in problem.message
    assert f"--group {column}" in problem.cure
    assert problem.files == (str(tmp_path / "0.png"), str(tmp_path / "1.png"))
    assert problem.count == 1


def test_groups_that_stay_together_and_unknown_ones_are_no_fault(tmp_path):
    assert faults_of_groups(dataset_of(tmp_path, LEAKING[2:])) == []


def test_other_columns_say_nothing_about_what_belongs_together_unless_told(tmp_path):
    data = dataset_of(tmp_path, LEAKING, "weather")
    assert group_column(data) is None
    assert faults_of_groups(data) == []
    assert len(faults_of_groups(data, "weather")) == 1
    assert faults_of_groups(dataset_of(tmp_path, LEAKING), "none") == []
    with pytest.raises(DataError, match="no column 'hospital'"):
        faults_of_groups(data, "hospital")
