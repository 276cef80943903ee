"""What evaluate measures beside the confusion matrix, against libraries and against the files that predict writes."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pixelwise import api
from pixelwise.data.sources import find
from tests.cli.sets import IDS, pixelwise, rows_of
from tests.cli.test_verbs import read

KINDS = ["multiclass", "binary", "multilabel"]


@pytest.fixture(scope="module")
def evaluated(runs, tmp_path_factory):
    """Each run with every metric that suits it, in a folder of its own."""
    out = tmp_path_factory.mktemp("evaluated")

    def evaluate(kind):
        metrics = "surface,cldice" + (",objects,membrane" if kind == "binary" else "")
        if not (out / kind).exists():
            said = pixelwise("evaluate", runs[kind].run, "--metrics", metrics, "--out", out / kind, "--json")
            assert said.status == 0, said.err
            (out / kind / "said.json").write_text(json.dumps(said.json))
        return json.loads((out / kind / "said.json").read_text())["test"], json.loads((out / kind / "report.json").read_text())

    evaluate.folder = out
    return evaluate


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_measured_told_and_written(evaluated, runs, kind):
    scores, report = evaluated(kind)
    extras = {"surface", "cldice"} | ({"objects", "membrane"} if kind == "binary" else set())
    assert set(report["details"]) == {"boundary", "errors", "ranking", "calibration", *extras}
    told = {"mean_boundary_iou", "macro_auroc", "macro_average_precision", "ece", "brier", "nll", "mean_assd", "mean_cldice"}
    assert told <= set(scores)
    rows = rows_of(evaluated.folder / kind / "per_class.csv")
    assert [row["class"] for row in rows] == list(scores["per_class_iou"])
    columns = {"iou", "iou_low", "iou_high", "dice", "precision", "recall", "boundary_iou", "auroc", "average_precision", "ece"}
    assert columns <= set(rows[0])
    page = (evaluated.folder / kind / "report.html").read_text()
    for heading in ("Where the errors sit", "ROC and precision-recall", "Calibration", "Surface distances", "clDice"):
        assert heading in page


def test_ranking_is_that_of_scikit_learn_on_the_probabilities_that_predict_writes(evaluated, runs, tmp_path):
    data, run, _ = runs["multiclass"]
    rows = rows_of(evaluated.folder / "multiclass" / "per_image.csv") if evaluated("multiclass") else []
    done = pixelwise("predict", run, *[row["image"] for row in rows], "--probabilities", "--out", tmp_path / "out")
    assert done.status == 0, done.err
    truth, scores = [], []
    for path in sorted((tmp_path / "out" / "probabilities").rglob("*.npy")):
        scores.append(np.load(path).reshape(len(IDS), -1))
        truth.append(read(data / "test" / "masks" / f"{path.stem}.png").reshape(-1))
    found, target = np.concatenate(scores, 1).astype(np.float64), np.concatenate(truth)
    ranking = evaluated("multiclass")[1]["details"]["ranking"]
    for index, name in enumerate(ranking["per_class_auroc"]):
        is_class = target == IDS[index]
        assert ranking["per_class_auroc"][name] == pytest.approx(roc_auc_score(is_class, found[index]), abs=1e-9)
        expected = average_precision_score(is_class, found[index])
        assert ranking["per_class_average_precision"][name] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_by_place_are_the_errors_of_the_confusion_matrix(evaluated, kind):
    scores, report = evaluated(kind)
    places = report["details"]["errors"]["places"]
    pixels, errors = (places["boundary"][key] + places["inside"][key] for key in ("pixels", "errors"))
    assert errors / pixels == pytest.approx(1 - scores["accuracy"])


def test_quick_counts_the_matrix_alone_and_gives_the_same_scores(evaluated, runs, tmp_path):
    scores, _ = evaluated("multiclass")
    said = pixelwise("evaluate", runs["multiclass"].run, "--quick", "--out", tmp_path / "quick", "--json")
    quick = said.json["test"]
    assert quick["per_class_iou"] == scores["per_class_iou"]
    assert quick["intervals"] == scores["intervals"]
    assert "macro_auroc" not in quick
    assert json.loads((tmp_path / "quick" / "report.json").read_text())["details"] == {}
    assert "Calibration" not in (tmp_path / "quick" / "report.html").read_text()


def test_groups_are_drawn_and_subgroups_told(runs, data, own_run, tmp_path):
    keys = [record.key for record in find(data).records]
    rows = [f"{key},{key[-1]},{'new' if at % 2 else 'old'}" for at, key in enumerate(keys)]
    (data / "records.csv").write_text("\n".join(["id,place,scanner", *rows]))
    out = tmp_path / "out"
    said = pixelwise("evaluate", own_run, data, "--split", "all", "--group", "place", "--out", out, "--json")
    assert said.status == 0, said.err
    assert "groups" in said.json["all"]["intervals_rule"]
    assert {row["scanner"] for row in rows_of(out / "per_image.csv")} == {"old", "new"}
    subgroups = rows_of(out / "subgroups.csv")
    assert {row["value"] for row in subgroups if row["column"] == "scanner"} == {"old", "new"}
    assert sum(int(row["images"]) for row in subgroups if row["column"] == "scanner") == len(rows)
    assert "by scanner" in said.err
    plain = pixelwise("evaluate", own_run, data, "--split", "all", "--out", tmp_path / "plain", "--json").json["all"]
    assert plain["mean_iou"] == said.json["all"]["mean_iou"]
    assert plain["intervals"] != said.json["all"]["intervals"]


def test_in_python_the_scores_have_intervals_a_table_and_details(own_run):
    scores = api.evaluate(own_run, metrics=["surface"], spacing=(2.0, 2.0))
    plain = api.evaluate(own_run, metrics=["surface"])
    assert scores.details["surface"]["mean_assd"] == pytest.approx(2 * plain.details["surface"]["mean_assd"])
    low, high = scores.ci("mean_iou")
    assert low <= scores.mean_iou <= high
    assert f"{scores.mean_iou:.3f}" in scores.table()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--metrics", "surfce"], "unknown; did you mean 'surface'"),
        (["--metrics", "membrane"], "one foreground class"),
        (["--spacing", "a,b"], "--spacing must be numbers"),
        (["--spacing", "1,1,1"], "spacing must be two sizes"),
        (["--spacing", "0,1"], "spacing"),
        (["--tolerance", "-1"], "tolerance must be 0 or more"),
        (["--group", "patient"], "no column 'patient'"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_predicted(own_run, words, message):
    before = (own_run / "report.html").read_bytes()
    said = pixelwise("evaluate", own_run, *words)
    assert said.status == 1
    assert message in said.err.replace("\n", " ")
    assert "Traceback" not in said.err
    assert (own_run / "report.html").read_bytes() == before
