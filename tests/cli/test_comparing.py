"""``compare``: two evaluations on disk, and what cannot be compared."""

import csv
import json
import shutil

import numpy as np
import pytest

import pixelwise as pw
from pixelwise.errors import CheckpointError, ConfigError, DataError
from pixelwise.formats.confusion_file import read_confusions, write_confusions
from pixelwise.metrics.paired import paired_differences
from pixelwise.metrics.stacks import class_counts
from pixelwise.types import ClassTable
from pixelwise.verbs.run_folder import CONFUSIONS
from tests.cli.sets import pixelwise, rows_of

CLASSES = ClassTable.from_json([{"id": 3, "name": "ground"}, {"id": 17, "name": "thing"}])
KEYS = [f"image {index:02}" for index in range(30)]


def draw(accuracy, seed=0):
    """30 images of 1000 pixels, 600 of the first class."""
    rng = np.random.default_rng(seed)
    shares = np.clip(accuracy + rng.normal(0, 0.02, 30), 0, 1)
    right = [(round(600 * share), round(400 * share)) for share in shares]
    return [np.array([[a, 600 - a], [400 - b, b]], np.int64) for a, b in right]


def save(folder, matrices, keys=KEYS, classes=CLASSES):
    write_confusions(folder / CONFUSIONS, keys, matrices, classes, "test")
    with (folder / "per_image.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("key", "image", "patient"), *((key, f"x/{key}.png", key[-1]) for key in keys)])
    return folder


@pytest.fixture
def pair(tmp_path):
    return save(tmp_path / "a", draw(0.8)), save(tmp_path / "b", draw(0.85))


def test_the_better_run_is_named_with_the_interval_of_the_difference(pair):
    said = pixelwise("compare", *pair)
    assert said.status == 0, said.err
    expected = paired_differences(*(class_counts(draw(share)) for share in (0.8, 0.85)), CLASSES.names)["mean_iou"].interval
    assert f"{pair[1]} has the higher mean IoU on 30 images: {expected.value:+.3f}, 95 % interval {expected.low:+.3f}" in said.out
    assert "IoU thing" in said.out
    assert "too few" not in said.out


def test_json_and_the_python_face_say_the_same(pair):
    said = pixelwise("compare", *pair, "--json")
    assert said.status == 0, said.err
    assert len(said.out.splitlines()) == 1
    found = pw.compare(*pair)
    assert said.json == json.loads(json.dumps(found.to_json()))
    assert said.json["differences"]["mean_iou"]["interval"] == found["mean_iou"].interval.ends()
    assert (said.json["first"], said.json["second"], said.json["images"]) == (str(pair[0]), str(pair[1]), 30)


def test_runs_of_one_quality_cannot_be_told_apart(tmp_path):
    folders = save(tmp_path / "a", draw(0.8)), save(tmp_path / "b", draw(0.8, seed=1))
    assert "the difference in mean IoU cannot be told from 0 on 30 images" in pixelwise("compare", *folders).out


def test_groups_are_drawn_whole_and_said(pair):
    said = pixelwise("compare", *pair, "--group", "patient", "--json")
    assert (said.json["group"], said.json["units"], said.json["images"]) == ("patient", 10, 30)
    assert "30 images in 10 groups by patient" in said.err
    assert "10 groups by patient are too few to tell" in said.err


def test_images_that_one_run_alone_has_are_named_and_left_out(tmp_path):
    first = save(tmp_path / "a", draw(0.8))
    second = save(tmp_path / "b", draw(0.85)[:22][::-1], KEYS[:22][::-1])
    said = pixelwise("compare", first, second)
    assert f"8 images that only {first} was scored on are left out: image 22, image 23, image 24, image 25" in said.out
    found = pw.compare(second, first)
    assert (found.only_first, found.only_second, found.images) == ((), tuple(KEYS[22:]), 22)
    expected = paired_differences(*(class_counts(draw(share)[:22][::-1]) for share in (0.85, 0.8)), CLASSES.names)
    assert found.differences == expected


def other_names(folder):
    classes = ClassTable.from_json([{"id": 3, "name": "ground"}, {"id": 18, "name": "thing"}])
    save(folder, draw(0.8), classes=classes)


def overlapping(folder):
    save(folder, [np.array([matrix, matrix]) for matrix in draw(0.8)])


def other_masks(folder):
    save(folder, [matrix[::-1, ::-1] for matrix in draw(0.8)])


def other_images(folder):
    save(folder, draw(0.8), [f"other {index}" for index in range(30)])


def not_evaluated(folder):
    (folder / CONFUSIONS).unlink()


def damaged(folder):
    (folder / CONFUSIONS).write_bytes(b"x" * 99)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (other_names, DataError, "the runs have other classes: .*3 ground, 17 thing, .*3 ground, 18 thing; scores over other"),
        (overlapping, DataError, r"3 ground, 17 thing \(overlapping\)"),
        (other_masks, DataError, "30 of 30 images have other masks in .*: image 00, .* and 25 more; evaluate both on the same"),
        (other_images, DataError, "have no image in common; evaluate both on the same split of the same data"),
        (not_evaluated, CheckpointError, f"b has no {CONFUSIONS}; write it with: pixelwise evaluate"),
        (damaged, DataError, "is damaged"),
    ],
)
def test_what_cannot_be_compared_is_refused(pair, change, error, message):
    change(pair[1])
    with pytest.raises(error, match=message):
        pw.compare(*pair)
    assert pixelwise("compare", *pair).status == 1


def test_a_run_is_not_compared_with_itself(pair):
    with pytest.raises(ConfigError, match=r"both runs are .*; give two, or the folders of two evaluations"):
        pw.compare(pair[0], pair[0] / ".." / "a")


def test_groups_need_a_column_and_a_value_for_each_image(pair):
    with pytest.raises(
        DataError, match="has no column 'patent'; add one with the group of each image, or did you mean 'patient'"
    ):
        pw.compare(*pair, group="patent")
    table = pair[0] / "per_image.csv"
    table.write_text(table.read_text().replace(".png,7", ".png,"))
    with pytest.raises(DataError, match="3 of 30 images have no group"):
        pw.compare(*pair, group="patient")
    table.unlink()
    with pytest.raises(DataError, match=r"groups are read from .*per_image\.csv, which is not there"):
        pw.compare(*pair, group="patient")


def test_groups_may_have_been_written_with_a_spreadsheet(pair):
    table = pair[0] / "per_image.csv"
    expected = pw.compare(*pair, group="patient")
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b",", b";"))
    assert pw.compare(*pair, group="patient") == expected
    table.write_text(table.read_text(encoding="utf-8-sig").replace("key", "number"), encoding="utf-8")
    with pytest.raises(DataError, match=r"per_image\.csv has no column 'key' with the names of the images; write it again"):
        pw.compare(*pair, group="patient")
    table.write_bytes("key;patient\nimage 00;Käthe\n".encode("cp1252"))
    with pytest.raises(
        DataError, match=r"per_image\.csv is not text in UTF-8; save it as 'CSV UTF-8', with the columns key and pat"
    ):
        pw.compare(*pair, group="patient")


def test_columns_about_the_images_reach_tables_subgroups_and_groups(own_run, data):
    keys = sorted(path.stem for path in data.glob("*/images/*"))
    about = {key: (f"p{number % 4}", "old" if number < 7 else "") for number, key in enumerate(keys)}
    (data / "records.csv").write_text("id,patient,scanner\n" + "".join(f"{key},{p},{s}\n" for key, (p, s) in about.items()))
    said = pixelwise("evaluate", own_run, data, "--split", "all", "--group", "patient", "--quick", "--json")
    assert said.status == 0, said.err
    assert said.json["all"]["intervals_rule"] == "95 % BCa interval, 2,000 resamples of 4 groups, seed 0 by patient"
    (folder,) = (own_run / "evaluations").iterdir()
    rows = rows_of(folder / "per_image.csv")
    assert {row["key"]: (row["patient"], row["scanner"]) for row in rows} == about
    subgroups = rows_of(folder / "subgroups.csv")
    assert {row["value"]: int(row["images"]) for row in subgroups if row["column"] == "scanner"} == {"old": 7, "unknown": 3}
    other = shutil.copytree(folder, own_run / "other")
    found = pixelwise("compare", folder, other, "--group", "patient", "--json").json
    assert (found["units"], found["images"]) == (4, 10)


def test_an_evaluation_keeps_the_matrix_of_each_image(trained):
    kept = read_confusions(trained.run / CONFUSIONS)
    rows = rows_of(trained.run / "per_image.csv")
    assert list(kept.keys) == [row["key"] for row in rows]
    assert [int(matrix.sum()) for matrix in kept.matrices] == [int(row["height"]) * int(row["width"]) for row in rows]
    whole = kept.matrices.sum(0)
    iou = np.diagonal(whole) / (whole.sum(0) + whole.sum(1) - np.diagonal(whole))
    assert trained.said.json["test"]["mean_iou"] == pytest.approx(iou[~np.isnan(iou)].mean())


def test_scores_have_intervals_and_a_small_set_is_said_to_be_small(trained):
    scores = trained.said.json["test"]
    low, high = scores["intervals"]["mean_iou"]
    assert low <= scores["mean_iou"] <= high
    assert list(scores["intervals"]["per_class_iou"]) == list(scores["per_class_iou"])
    assert scores["intervals_rule"] == "95 % BCa interval, 2,000 resamples of 2 images, seed 0"
    assert "2 images are too few to tell" in scores["too_small"]
    assert scores["too_small"] in trained.said.err
    assert f"mean IoU {scores['mean_iou']:.3f} [{low:.3f}, {high:.3f}]" in trained.said.err
    assert f"mean IoU<br>[{low:.3f}, {high:.3f}]" in (trained.run / "report.html").read_text()


def test_a_run_and_another_look_at_its_images_are_compared(own_run, trained):
    assert pixelwise("evaluate", own_run, "--flip").status == 0
    (looks,) = (own_run / "evaluations").iterdir()
    said = pixelwise("compare", own_run, looks)
    assert said.status == 0, said.err
    assert said.next[:2] == ["predict", str(own_run)]
    shutil.rmtree(own_run / "evaluations")
    found = pw.compare(own_run, trained.run)
    assert found["mean_iou"].interval.value == 0
