"""The files of an evaluation: the report, tables as CSV and JSON, pictures of the worst images."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise.data.dataset import Dataset
from pixelwise.engine.evaluate import Evaluation
from pixelwise.engine.log import read_rows
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.confusion_file import write_confusions
from pixelwise.formats.image import write_image
from pixelwise.report.html import Example, ReportData, write_report
from pixelwise.report.overlay import contact_sheet, error_overlay, overlay
from pixelwise.verbs.examples import Examples
from pixelwise.verbs.loaded import Loaded
from pixelwise.verbs.measures import TITLES
from pixelwise.verbs.run_folder import CONFUSIONS
from pixelwise.verbs.scores import Scores

__all__ = ["write_evaluation"]

_PER_CLASS = {  # columns of per_class.csv, and where in the details or the scores they are
    "boundary_iou": "boundary",
    "auroc": "ranking",
    "average_precision": "ranking",
    "best_f1": "ranking",
    "best_f1_threshold": "ranking",
    "ece": "calibration",
    "brier": "calibration",
}


def write_evaluation(
    loaded: Loaded, dataset: Dataset, scores: Scores, evaluation: Evaluation, examples: Examples, command: str
) -> None:
    """Writes everything into the folder of ``scores.report``; each file whole or not at all."""
    out = scores.report.parent
    _write_csv(out / "per_image.csv", scores.per_image)
    _write_csv(out / "per_class.csv", _class_rows(scores))
    subgroups = [{"column": name, **row} for name, rows in scores.details.get("subgroups", {}).items() for row in rows]
    if subgroups:
        _write_csv(out / "subgroups.csv", [_flat(row) for row in subgroups])
    else:
        (out / "subgroups.csv").unlink(missing_ok=True)
    keys, matrices = zip(*((image.record.key, image.counts) for image in evaluation.images), strict=True)
    write_confusions(out / CONFUSIONS, keys, matrices, loaded.task.classes, scores.split)
    with atomic_write(out / "report.json") as path:
        told = {"command": command, "scores": scores.values, "details": scores.details}
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    _write_worst(out / "worst", examples.worst, scores)
    _write_report(loaded, dataset, scores, evaluation, examples, command)


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _class_rows(scores: Scores) -> list[dict[str, Any]]:
    """One row per class: its scores, the ends of the interval of its IoU, and what was measured besides."""
    plain = [key.removeprefix("per_class_") for key in scores.values if key.startswith("per_class_")]
    intervals = scores.values["intervals"]["per_class_iou"]
    rows = []
    for name in scores.classes.names:
        row: dict[str, Any] = {"class": name, **{key: scores.values[f"per_class_{key}"][name] for key in plain}}
        row["iou_low"], row["iou_high"] = intervals[name] or (None, None)
        for key, where in _PER_CLASS.items():
            if where in scores.details:
                row[key] = scores.details[where][f"per_class_{key}"][name]
        rows.append(row)
    return rows


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its interval as two columns."""
    low, high = row["interval"] or (None, None)
    return {**{key: value for key, value in row.items() if key != "interval"}, "low": low, "high": high}


def _write_worst(folder: Path, worst: Sequence[Example], scores: Scores) -> None:
    colors = scores.classes.colors
    for old in folder.glob("[0-9][0-9]-*.png"):
        old.unlink()
    for number, example in enumerate(worst, 1):
        panels = [(example.image, example.key), (overlay(example.image, example.target, colors), "truth")]
        panels += [(overlay(example.image, example.prediction, colors), f"prediction, mean IoU {example.mean_iou:.3f}")]
        panels += [(error_overlay(example.image, example.prediction, example.target), "errors")]
        write_image(folder / f"{number:02}-{Path(example.key).name}.png", contact_sheet(panels, columns=2, cell=480))


def _write_report(
    loaded: Loaded, dataset: Dataset, scores: Scores, evaluation: Evaluation, examples: Examples, command: str
) -> None:
    details = scores.details
    counts = evaluation.metric.matrix if loaded.task.mode != "multilabel" else None  # type: ignore[attr-defined]
    data = ReportData(
        title=f"{loaded.spec['model']} on {dataset.root.name}", command=command, scores=scores.values,
        class_table=loaded.task.classes, confusion=counts, history=read_rows(loaded.run / "metrics.csv"),
        per_image=scores.per_image, worst=examples.worst, random=examples.random, best=examples.best,
        facts=_facts(loaded, dataset, scores, evaluation), decisions=dataset.decisions,
        notes=[details["left_out"]] if "left_out" in details else [],
        ranking=details.get("ranking", {}), calibration=details.get("calibration", {}), boundary=details.get("boundary", {}),
        errors=details.get("errors", {}), subgroups=details.get("subgroups", {}),
        extra={title: details[name] for name, title in TITLES.items() if name in details},
    )  # fmt: skip
    write_report(scores.report, data)


def _facts(loaded: Loaded, dataset: Dataset, scores: Scores, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "Network": {
            "architecture": loaded.spec["model"],
            "encoder": loaded.spec["encoder"],
            "parameters": f"{sum(p.numel() for p in loaded.model.parameters()):,}",
            "options": json.dumps(loaded.spec["options"]),
            "looks at each image": loaded.looks or "one",
        },
        "Weights": {name: str(value) for name, value in loaded.facts.items()},
        "Data": {
            "folder": str(dataset.root),
            "split": f"{scores.split}, {len(scores.per_image)} images",
            "training images": str(len(dataset.split("train"))),
            "rule": "ignored pixels count for nothing; classes that never occur are left out of means and listed",
        },
        "Evaluation": {
            "seconds": f"{evaluation.seconds:.1f}",
            "device and arithmetic": f"{loaded.device}, {loaded.precision}",
            "when": time.strftime("%Y-%m-%d %H:%M:%S"),
            **({"left out": scores.details["left_out"]} if "left_out" in scores.details else {}),
        },
        "Versions": loaded.versions(),
    }
