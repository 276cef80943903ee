"""Every golden case: ours is what was worked out by hand, and what the references say wherever it is defined.

The cases of surface distances and boundaries are in :mod:`test_surface` and :mod:`test_boundary`, whose references differ by
definition. Who says something else is written into the case, by name and with the reason, and must really say so.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pixelwise.metrics.average_precision import AveragePrecision
from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.confusion import ConfusionMatrix, MultilabelConfusion
from pixelwise.metrics.instances import Instances
from pixelwise.metrics.object_matching import ObjectMatching
from pixelwise.metrics.panoptic import PanopticMap, PanopticQuality
from pixelwise.metrics.partition import partition_scores
from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.metrics.skeleton import ClDice, thin
from pixelwise.types import ClassInfo, ClassTable

FOLDER = Path(__file__).parents[1] / "golden"
NAMES = ("confusion", "ranking", "calibration", "surface", "instances")
FILES = {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}
CLASSES = ClassTable(tuple(ClassInfo(index, f"c{index}", (0, 0, 0), index > 1) for index in range(4)))
COCO = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large")
COCO += ("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large")


def to_map(rows):
    return np.array([[255 if letter == "." else int(letter) for letter in row] for row in rows], np.uint8)


def to_ids(rows):
    return np.where(to_map(rows) == 255, 0, to_map(rows))


def label_maps(case):
    metric = ConfusionMatrix(len(case["matrix"]))
    assert metric.update(to_map(case["prediction"]), to_map(case["target"])).tolist() == case["matrix"]
    return vars(metric.compute())


def planes(case):
    metric = MultilabelConfusion(len(case["matrix"]))
    pair = (np.stack([to_map(rows) for rows in case[key]]) for key in ("prediction", "target"))
    assert metric.update(*pair).tolist() == case["matrix"]
    return vars(metric.compute())


def to_scores(case, dtype=np.float16):
    scores = np.array(case["scores"]) / case["unit"]
    assert (scores.astype(dtype) == scores).all()  # exact, or ours would be of other scores than theirs
    return scores.astype(dtype), to_map(case["target"])


def ranking(case):
    scores, target = to_scores(case)
    is_one = len(scores) == 1
    metric = ScoreHistograms(len(scores), multilabel=is_one)
    metric.update(scores, target[None] if is_one else target)
    return vars(metric.compute())


def calibration(case):
    scores, target = to_scores(case)
    metric = Calibration(len(scores), num_bins=case["bins"], strata=None)
    metric.update(scores, target)
    found = metric.compute()
    return vars(found) | {"ece": found.top_label.ece, "mce": found.top_label.mce}


def partitions(case):
    return vars(partition_scores(to_ids(case["prediction"]), to_ids(case["target"])))


def centre_lines(case):
    metric = ClDice(2)
    metric.update(to_map(case["prediction"]), to_map(case["target"]))
    return {"cldice": metric.compute().cldice[1]}


def panoptic(case):
    metric, counts = PanopticQuality(CLASSES), np.zeros((4, 4))
    for image in case["images"]:
        sides = [to_ids(image[side]) for side in ("prediction", "target")]
        labels = [{int(k): v for k, v in image[f"{side}_labels"].items()} for side in ("prediction", "target")]
        target = PanopticMap(sides[1], labels[1], frozenset(map(int, image["crowd"])))
        counts += metric.update(PanopticMap(sides[0], labels[0]), target)
    assert counts[:, 1:].tolist() == case["counts"]
    scores = metric.compute()
    return np.stack([scores.per_class_pq, scores.per_class_sq, scores.per_class_rq], 1).tolist()


def to_instances(rows, size):
    boxes = np.array([row["box"] for row in rows], float).reshape(-1, 4)
    masks = np.zeros((len(rows), *size), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int).tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    areas = [row.get("area", area) for row, area in zip(rows, (boxes[:, 2:] - boxes[:, :2]).prod(1).tolist(), strict=True)]
    scores, crowd = ([row.get(key, 0) for row in rows] for key in ("score", "crowd"))
    return Instances(np.array([r["label"] for r in rows], int), np.array(scores, float), boxes, masks, np.array(crowd), areas)


def average_precision(case):
    found = {}
    for region in ("mask", "box"):
        metric = AveragePrecision(3, region)
        for image in case["images"]:
            metric.update(*(to_instances(image[side], case["size"]) for side in ("predictions", "targets")))
        found[region] = [getattr(metric.compute(), name) for name in COCO]
    return found


def objects(case):
    metric = ObjectMatching([float(threshold) for threshold in case["expected"]])
    sums = metric.update(to_ids(case["prediction"]), to_ids(case["target"]))[:, 0].tolist()
    scores = metric.compute()
    names = {"tp": "true_positives", "fp": "false_positives", "fn": "false_negatives", "precision": "precision", "f1": "f1"}
    names |= {"recall": "recall", "accuracy": "average_precision", "mean_matched_score": "mean_matched_iou"}
    names |= {"panoptic_quality": "panoptic_quality"}
    return {
        threshold: {ours: getattr(scores, theirs)[place] for ours, theirs in names.items()} | {"sum_iou": sums[place]}
        for place, threshold in enumerate(case["expected"])
    }


SECTIONS = {
    ("confusion", "cases"): label_maps,
    ("confusion", "planes"): planes,
    ("ranking", "cases"): ranking,
    ("calibration", "cases"): calibration,
    ("surface", "partitions"): partitions,
    ("surface", "cldice"): centre_lines,
    ("instances", "panoptic"): panoptic,
    ("instances", "average_precision"): average_precision,
    ("instances", "objects"): objects,
}
CASES = [
    pytest.param(ours, case, id=f"{file}: {case['name']}")
    for (file, section), ours in SECTIONS.items()
    for case in FILES[file][section]
]


def to_number(value):
    """A number of the files: null is nan, fractions stand as 2/3 or sqrt(2/3)."""
    if value is None:
        return math.nan
    if isinstance(value, str) and value != "inf":
        return math.sqrt(Fraction(value[5:-1])) if value.startswith("sqrt(") else float(Fraction(value))
    return float(value)


def leaves(value, *path):
    """The numbers of nested lists and objects by their path; a list that is null as a whole has no numbers."""
    if isinstance(value, dict):
        return {where: leaf for key, part in value.items() for where, leaf in leaves(part, *path, key).items()}
    if isinstance(value, list | tuple):
        return {where: leaf for index, part in enumerate(value) for where, leaf in leaves(part, *path, str(index)).items()}
    return {path: to_number(value)}


def pairs(ours, theirs):
    """Ours and theirs by path, of all that they say; a whole row of theirs that is null is nan in each of its places."""
    known, found = leaves({key: ours[key] for key in theirs} if isinstance(theirs, dict) else ours), {}
    for path, value in leaves(theirs).items():
        inside = [where for where in known if where[: len(path)] == path]
        assert inside, f"ours has nothing like {path}"
        found |= {where: (known[where], value) for where in inside}
    return found


def agree(ours, theirs, tolerance):
    return ours == theirs or (math.isnan(ours) and math.isnan(theirs)) or abs(ours - theirs) <= tolerance


@pytest.mark.parametrize("ours, case", [case for case in CASES if case.values[1].get("expected")])
def test_values_equal_those_worked_out_by_hand_undefined_ones_too(ours, case):
    wrong = {where: pair for where, pair in pairs(ours(case), case["expected"]).items() if not agree(*pair, 1e-12)}
    assert wrong == {}


@pytest.mark.parametrize("ours, case", CASES)
def test_values_equal_those_of_every_reference_where_they_are_defined(ours, case):
    found = ours(case)
    for name, theirs in case["references"].items():
        excused = case.get("differs", {}).get(name, {})
        defined = {where: pair for where, pair in pairs(found, theirs).items() if not math.isnan(pair[0])}
        other = {where: pair for where, pair in defined.items() if not agree(*pair, 2e-6)}
        assert {where: pair for where, pair in other.items() if where[0] not in excused} == {}, name
        assert {where[0] for where in other} == set(excused), name


@pytest.mark.parametrize("case", FILES["surface"]["skeletons"], ids=lambda case: case["name"])
def test_skeletons_equal_those_of_scikit_image(case):
    np.testing.assert_array_equal(thin(to_map(case["mask"]) == 1), to_map(case["references"]["scikit-image"]["thin"]) == 1)


def sources(case):
    """How many say what the value is: packages that answered, and the hand."""
    return len(case["references"]) + bool(case.get("expected"))


def test_there_are_forty_cases_and_more_of_all_situations_with_two_sources_each():
    cases = [case for file, section in [*SECTIONS, ("surface", "cases")] for case in FILES[file][section]]
    assert [case["name"] for case in cases if sources(case) < 2] == []
    assert [case["name"] for case in FILES["surface"]["cases"] if len(case["boundary"]) < 2] == []
    assert len(cases) >= 40
    names = " / ".join(case["name"] for case in cases)
    situations = ("empty and empty", "empty and full", "one pixel", "touching the border", "hole", "crowd overlap")
    situations += ("void ring", "absent class", "anisotropic", "tie", "ignored", "wrong class", "empty image")
    assert [situation for situation in situations if situation not in names] == []


def test_each_file_names_the_packages_and_their_versions():
    for file, kept in FILES.items():
        named = {package.lower() for package in kept["packages"]}
        cases = [case for section in kept.values() if isinstance(section, list) for case in section]
        used = {name.lower() for case in cases for name in (*case["references"], *case.get("boundary", {}))}
        assert used <= named, file
        assert all(kept["packages"].values()), file
