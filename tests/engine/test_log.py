"""The log keeps every row, grows columns, and forgets what a resume will do again."""

import math

import numpy as np
import pytest

from pixelwise.engine.log import RunLog, read_rows
from pixelwise.errors import StorageError


@pytest.fixture
def log(tmp_path):
    opened = RunLog(tmp_path)
    yield opened
    opened.close()


def test_rows_come_back_and_columns_grow(tmp_path, log):
    rows = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 1e-7}, {"step": 2, "val_mean_iou": 0.25}, {"step": 3, "loss": 0.1}]
    for row in rows:
        log.add(row)
        assert read_rows(tmp_path / "metrics.csv") == rows[: len(log.rows)]
    assert (tmp_path / "metrics.csv").read_text().splitlines()[0] == "step,loss,val_mean_iou"


def test_a_score_that_is_not_a_number_comes_back_as_such(tmp_path, log):
    log.add({"step": 1, "val_mean_iou": math.nan})
    assert math.isnan(read_rows(tmp_path / "metrics.csv")[0]["val_mean_iou"])


def test_a_resume_drops_what_came_after_its_checkpoint(tmp_path, log):
    for step in range(1, 6):
        log.add({"step": step, "loss": step / 10})
    resumed = RunLog(tmp_path, step=3)
    resumed.add({"step": 4, "loss": 9.0})
    resumed.close()
    assert [(row["step"], row["loss"]) for row in read_rows(tmp_path / "metrics.csv")] == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 9.0)]


def test_a_new_run_begins_an_empty_log(tmp_path, log):
    log.add({"step": 1, "loss": 0.5})
    RunLog(tmp_path).close()
    assert read_rows(tmp_path / "metrics.csv") == []


def test_without_a_file_there_are_no_rows(tmp_path):
    assert read_rows(tmp_path / "metrics.csv") == []


def test_tensorboard_gets_numbers_and_pictures(tmp_path, log):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log.add({"step": 5, "time_s": 1.0, "lr": 0.25, "loss": 0.5, "loss_dice": 0.125, "val_mean_iou": 0.75})
    log.picture("predictions", np.zeros((4, 6, 3), np.uint8), 5)
    log.close()
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    tags = {"training/lr": 0.25, "loss/total": 0.5, "loss/dice": 0.125, "validation/mean_iou": 0.75}
    assert {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]} == {
        tag: [(5, value)] for tag, value in tags.items()
    }
    assert events.Tags()["images"] == ["predictions"]


def test_a_log_that_cannot_be_written_is_an_error_with_a_cure(tmp_path, log):
    log.add({"step": 1, "loss": 0.5})
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*metrics\.csv: .*; make room, then resume the run"):
        log.add({"step": 2, "loss": 0.4})


def test_a_row_that_a_kill_has_cut_off_is_left_out(tmp_path, log):
    log.add({"step": 1, "loss": 0.5, "lr": 0.125})
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2,0.")
    assert read_rows(tmp_path / "metrics.csv") == [{"step": 1, "loss": 0.5, "lr": 0.125}]
