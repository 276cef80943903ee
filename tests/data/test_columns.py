"""What people write down about their images reaches the records, and what is wrong with it is said."""

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.sources import find
from pixelwise.data.sources.columns import column_names, column_of, groups_of, is_ours
from pixelwise.errors import DataError
from pixelwise.metrics.scores import image_scores
from pixelwise.types import Record
from tests.data.sets import make_camvid, make_folders


def columns(dataset):
    return {record.key: dict(record.columns) for record in dataset.records}


def said(dataset, start):
    (line,) = [decision for decision in dataset.decisions if decision.startswith(start)]
    return line


def described(tmp_path, text, count=4, name="records.csv"):
    make_folders(tmp_path, count)
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return find(tmp_path)


def test_further_columns_of_splits_csv_are_facts_about_the_images(tmp_path):
    rows = "id,split,patient,Scanner\n00,train,p1,A\n01.jpg,train, p1 ,\n02,val,p2,B\n03,test,p3,\n"
    dataset = described(tmp_path, rows, name="splits.csv")
    assert columns(dataset) == {
        "00": {"patient": "p1", "Scanner": "A"},
        "01": {"patient": "p1", "Scanner": ""},
        "02": {"patient": "p2", "Scanner": "B"},
        "03": {"patient": "p3", "Scanner": ""},
    }
    assert said(dataset, "columns of") == "columns of splits.csv: patient (3 values), Scanner (2 values, unknown for 2 images)"
    assert column_names(dataset.records) == ("patient", "Scanner")


def test_records_csv_describes_images_whatever_splits_them(tmp_path):
    for split in ("train", "val", "test"):
        make_folders(tmp_path / "folders" / split, 2)
    (tmp_path / "folders" / "records.csv").write_text("id,place\ntrain_00,Bonn\ntest/01.jpg,Rome\n")
    make_camvid(tmp_path / "camvid")
    (tmp_path / "camvid" / "records.csv").write_text("id,place\n00,Bonn\n07,Rome\n")
    folders, camvid = find(tmp_path / "folders"), find(tmp_path / "camvid")
    places = [{key: held["place"] for key, held in columns(dataset).items() if held["place"]} for dataset in (folders, camvid)]
    assert places == [{"train_00": "Bonn", "test_01": "Rome"}, {"00": "Bonn", "07": "Rome"}]
    assert said(camvid, "columns of") == "columns of records.csv: place (2 values, unknown for 6 images)"


def test_without_further_columns_nothing_is_said_and_nothing_is_there(tmp_path):
    dataset = described(tmp_path, "id,split\n00,train\n01,train\n02,val\n03,test\n", name="splits.csv")
    assert columns(dataset) == {f"0{number}": {} for number in range(4)}
    assert not any("columns of" in decision for decision in dataset.decisions)
    assert (column_names(dataset.records), column_names([])) == ((), ())


def test_both_files_together_give_the_columns_of_both(tmp_path):
    make_folders(tmp_path, 3)
    (tmp_path / "splits.csv").write_text("id,split,patient\n00,train,p1\n01,val,p2\n02,test,p3\n")
    (tmp_path / "records.csv").write_text("id,weather\n02,fog\n")
    assert columns(find(tmp_path))["02"] == {"patient": "p3", "weather": "fog"}
    (tmp_path / "records.csv").write_text("id,Patient\n02,p4\n")
    with pytest.raises(DataError, match=r"column 'Patient' stands in splits\.csv and in records\.csv; keep it in one of them"):
        find(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfid,patient,note\r\n00,p1,a\r\n01,p2,b\r\n",
        b"\xef\xbb\xbfid;patient;note\r\n00;p1;a\r\n01;p2;b\r\n",
        b"sep=;\r\nid;patient;note\r\n00;p1;a\r\n01;p2;b\r\n",
        b"id\tpatient\tnote\n00\tp1\ta\n01\tp2\tb",
        b'"id" , "patient","note"\n\n 00, p1,a \n01,p2,b,,\n,,\n',
        b"patient,note,ID,,\np1,a,00.jpg,,\np2,b,01.jpg,,\n",
        b"id,patient,note\r00,p1,a\r01,p2,b\r",
    ],
    ids=["byte-order mark", "semicolons", "sep line", "tabs", "blanks and empty rows", "empty columns", "old line ends"],
)
def test_tables_are_read_as_programs_save_them(tmp_path, text):
    found = columns(described(tmp_path, text))
    assert (found["00"], found["01"]) == ({"patient": "p1", "note": "a"}, {"patient": "p2", "note": "b"})
    assert set(found["02"].values()) == {""}


def test_values_may_hold_separators_and_line_ends_and_lines_are_counted_as_editors_do(tmp_path):
    text = 'id,note\n00,"a, b; c"\n01,"two\nlines"\n'
    assert columns(described(tmp_path, text))["01"] == {"note": "two\nlines"}
    with pytest.raises(DataError, match=r"records\.csv, line 5: id is empty; write the name of the image, or remove the row"):
        described(tmp_path, text + ",c\n")
    with pytest.raises(DataError, match=r"records\.csv, line 6: id is empty"):
        described(tmp_path, "sep=,\n" + text + ",c\n")


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,patient\n00,p1\n00.jpg,p2\n", "line 3 says that patient of '00' is 'p2', and a line before it 'p1'; keep one"),
        ("0,1,00\nid,patient,x\n", r"needs the column id \(names of images\) and one more.*got 0, 1, 00; rename the file"),
        ("id\n00\n", "needs the column id .* got id; rename"),
        ("", "got nothing; rename"),
        ("id,patient\n", "names no image that is there: ids are none, images are called 00, 01, 02 and 1 more"),
        ("id,patient\n0,p1\n1,p2\n", r"ids are 0, 1, images are called 00, .*; write the ids like these \(spreadsheets drop"),
        (",id,patient\n0,00,p1\n", r"column 1 has no name in the first line; write one, or remove the column"),
        ("id,patient,width\n00,p1,5\n", "column 'width' has a name that results use for something else; .* 'my_width'"),
        ("id,split\n00,train\n", "column 'split' has a name that results use"),
        ("id,IoU_road\n00,1\n", "column 'IoU_road' has a name that results use"),
        ("id,patient,Patient\n00,p1,p1\n", "2 columns are called 'patient'; give each a name of its own"),
        ("id,ID,patient\n00,00,p1\n", "has 2 columns 'id'; keep one of them"),
        ("id,patient\n00,p1\n01,Smith, John\n", "line 3 has more cells than the first line has names, .* put quotes around"),
        ("id,ort\n00,Köln\n".encode("cp1252"), "is not text in UTF-8; save it as 'CSV UTF-8'"),
        ("id,patient\n00,p1\n".encode("utf-16"), "is not text in UTF-8"),
        ('id,patient\n00,"' + "x" * 200_000, r"cannot be read as CSV \(field larger than field limit"),
    ],
    ids=[
        "contradiction", "no id", "id alone", "empty", "no rows", "no zeros", "nameless", "ours", "split", "a score", "twice",
        "two ids", "too many cells", "other encoding", "UTF-16", "open quote",
    ],
)  # fmt: skip
def test_a_wrong_records_csv_is_refused_with_the_cure(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as refused:
        described(tmp_path, text)
    assert str(tmp_path / "records.csv") in str(refused.value)


def test_a_file_that_may_not_be_read_is_refused_by_name(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    make_folders(tmp_path, 3)
    (tmp_path / "records.csv").touch()
    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DataError, match=r"records\.csv cannot be read as CSV .*Permission denied.*it needs the column id"):
        find(tmp_path, source="folders")


def test_names_of_columns_may_hold_other_separators(tmp_path):
    assert columns(described(tmp_path, "id,size; of; the; cells\n00,3\n"))["00"] == {"size; of; the; cells": "3"}


def test_ids_of_no_image_are_said_and_left_out(tmp_path):
    dataset = described(tmp_path, "id,patient\n00,p1\n77,p2\n78,p3\n")
    assert columns(dataset)["00"] == {"patient": "p1"}
    assert said(dataset, "2 ids") == (
        "2 ids of records.csv belong to no image in use and are left out: 77, 78; correct the names of those that should be"
    )


def test_equal_rows_and_rows_that_complete_each_other_are_no_contradiction(tmp_path):
    dataset = described(tmp_path, "id,patient,weather\n00,p1,\n00,p1,fog\n00,,\n")
    assert columns(dataset)["00"] == {"patient": "p1", "weather": "fog"}


def test_columns_of_splits_csv_that_cannot_be_taken_are_left_out_and_it_is_said(tmp_path):
    rows = ",id,image,split,object,place\n0,00,x,train,cell,Bonn\n1,00,y,train,crack,Bonn\n2,01,z,val,cell,\n3,02,z,test,cell,\n"
    dataset = described(tmp_path, rows, name="splits.csv")
    assert {name: [record.key for record in dataset.split(name)] for name in dataset.splits} == {
        "train": ["00"], "val": ["01"], "test": ["02"],
    }  # fmt: skip
    assert columns(dataset)["00"] == {"place": "Bonn"}
    left_out = [decision for decision in dataset.decisions if decision.startswith("left out of splits.csv: ")]
    assert [line.split(": ", 1)[1].split(" ")[:2] for line in left_out] == [["column", "1"], ["column", "'image'"], ["line", "3"]]


def test_a_long_row_of_splits_csv_costs_the_columns_and_not_the_split(tmp_path):
    rows = "id,split,patient\n00,train,Smith, John\n01,val,p2\n02,test,p3\n"
    dataset = described(tmp_path, rows, name="splits.csv")
    assert [record.split for record in dataset.records if record.columns == {}] == ["train", "val", "test"]
    assert "line 2 has more cells" in said(dataset, "left out of splits.csv")


def test_columns_that_results_have_are_ours():
    row = image_scores(np.ones((2, 2), np.int64)).to_row(["road", "car"])
    assert [name for name in [*row, "key", "image", "height", "width", "split"] if not is_ours(name)] == []
    assert not is_ours("patient")


def test_groups_are_one_per_record_and_complete():
    records = [Record(f"{n}", None, columns={"patient": p, "site": s}) for n, (p, s) in enumerate(["aX", "aY", "bX"])]
    assert groups_of(records, "patient") == ["a", "a", "b"]
    records.append(Record("3", None, columns={"patient": "c", "site": ""}))
    assert column_of(records, "site") == ["X", "Y", "X", ""]
    with pytest.raises(DataError, match="1 of 4 images have no site: 3; fill it in, since groups are drawn whole"):
        groups_of(records, "site")
    with pytest.raises(DataError, match=r"no column 'sites' about the images; did you mean 'site'\?"):
        groups_of(records, "sites")
    with pytest.raises(DataError, match=r"there are none yet; add it to records\.csv \(columns id, patient\)"):
        column_of([Record("0", None)], "patient")


def test_records_with_columns_go_to_worker_processes_and_into_sets(tmp_path):
    one, other = (Record("a", tmp_path, (tmp_path,), "train", {"patient": patient}) for patient in ("p1", "p2"))
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != other
    assert len({one, other, Record("a", tmp_path, (tmp_path,), "train", {"patient": "p1"})}) == 2


def test_columns_come_back_from_a_table_of_results(tmp_path):
    make_folders(tmp_path, 3)
    values = {"00": 'a "quoted", one', "01": "ü; two", "02": "three\nlines"}
    with (tmp_path / "records.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "note"), *values.items()])
    assert {key: held["note"] for key, held in columns(find(tmp_path)).items()} == values
