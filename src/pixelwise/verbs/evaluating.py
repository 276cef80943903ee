"""``evaluate``: scores of a run on a split, at the original resolution, with a report, a table per image and pictures."""

from __future__ import annotations

import csv
import dataclasses
import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.loader import Reading, eval_batches
from pixelwise.engine import distributed
from pixelwise.engine.evaluate import Evaluation, ImageCounts, evaluate, shard
from pixelwise.engine.log import read_rows
from pixelwise.errors import DataError, nearest
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.confusion_file import write_confusions
from pixelwise.formats.image import write_image
from pixelwise.metrics.intervals import enough, score_intervals
from pixelwise.metrics.scores import image_scores
from pixelwise.metrics.stacks import class_counts
from pixelwise.report.html import Example, ReportData, write_report
from pixelwise.report.overlay import contact_sheet, error_overlay, overlay
from pixelwise.types import ClassTable, LabelMap, Record
from pixelwise.verbs.loaded import Loaded
from pixelwise.verbs.run_folder import CONFUSIONS

__all__ = ["Scores", "evaluate_run"]

_WORST, _BEST = 8, 4


@dataclass(frozen=True)
class Scores:
    """The result of an evaluation: the numbers, one row per image, and where the report is."""

    values: dict[str, Any]
    per_image: list[dict[str, Any]]
    classes: ClassTable
    split: str
    run: Path
    report: Path

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that occur, from one confusion matrix of the whole split."""
        return float(self.values["mean_iou"])

    def worst(self, how_many: int = 20) -> list[dict[str, Any]]:
        """The rows of the images with the lowest mean IoU, worst first."""
        known = [row for row in self.per_image if row["mean_iou"] is not None]
        return sorted(known, key=lambda row: float(row["mean_iou"]))[:how_many]


class _Examples:
    """Keeps the pictures of the worst and the best images seen so far, and no others."""

    def __init__(self) -> None:
        self._worst: list[tuple[float, int, Example]] = []
        self._best: list[tuple[float, int, Example]] = []
        self._seen = 0

    def see(self, image: np.ndarray, target: np.ndarray, result: LabelMap, counts: ImageCounts) -> None:
        score = image_scores(counts.counts).mean_iou
        if score != score:  # nothing in this image counts
            return
        self._seen += 1
        example = Example(counts.record.key, image, target, result.indices, score)
        for heap, rank, room in ((self._worst, -score, _WORST), (self._best, score, _BEST)):
            heapq.heappush(heap, (rank, -self._seen, example))
            if len(heap) > room:
                heapq.heappop(heap)

    def gathered(self) -> _Examples:
        """Those of all processes."""
        everybody = _Examples()
        parts = distributed.gather((self._worst, self._best))
        everybody._worst = heapq.nlargest(_WORST, (entry for worst, _ in parts for entry in worst), key=lambda entry: entry[:2])
        everybody._best = heapq.nlargest(_BEST, (entry for _, best in parts for entry in best), key=lambda entry: entry[:2])
        return everybody

    @property
    def worst(self) -> list[Example]:
        return [example for *_, example in sorted(self._worst, reverse=True)]

    @property
    def best(self) -> list[Example]:
        shown = {example.key for example in self.worst}
        return [example for *_, example in sorted(self._best, reverse=True) if example.key not in shown]


def evaluate_run(
    loaded: Loaded,
    dataset: Dataset,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
    out: Path | None = None,
) -> Scores:
    """Scores ``split`` of ``dataset`` and writes ``report.html``, ``report.json``, ``per_image.csv``, ``worst/`` and the matrix
    of each image into ``out``, the run folder by default. The data set's classes must be those of the run, or, where
    bare masks name them, some of those. ``split`` may be ``all``. On several processes each scores its share and the first
    writes.

    Raises:
        DataError: no such split, images without masks, or other classes.
    """
    dataset = _in_classes_of(dataset, loaded)
    records = _records(dataset, split)
    reading = Reading(loaded.in_channels, loaded.window, loaded.max_pixels, dataset.targets)
    examples, done = _Examples(), 0

    def see(image: np.ndarray, target: np.ndarray, result: LabelMap, counts: ImageCounts) -> None:
        nonlocal done
        done += 1
        examples.see(image, target, result, counts)
        if progress is not None:
            progress(min(len(records), done * distributed.world_size()), len(records))

    batches = eval_batches(shard(records, distributed.rank(), distributed.world_size()), reading, batch_size=4)
    evaluation = evaluate(loaded.task, loaded.model, batches, loaded.device, loaded.precision, see)
    values = {**evaluation.scores.to_json(), "split": split, "images": len(records), **_certainty(evaluation)}
    rows = [_row(counts, loaded.task.classes) for counts in evaluation.images]
    scores = Scores(values, rows, loaded.task.classes, split, loaded.run, (out or loaded.run) / "report.html")
    examples = examples.gathered()
    if distributed.is_main():
        _write(loaded, dataset, scores, evaluation, examples, command)
    return scores


def _records(dataset: Dataset, split: str) -> tuple[Record, ...]:
    records = dataset.records if split == "all" else dataset.split(split)
    if not records:
        raise DataError(f"{dataset.root} has no images in split {split!r}; {nearest(split, [*dataset.splits, 'all'])}")
    bare = [record.image.name for record in records if not any(record.masks)]
    if dataset.mode != "multilabel" and bare:
        more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
        raise DataError(
            f"{len(bare)} of {len(records)} images in split {split!r} of {dataset.root} have no mask: "
            f"{', '.join(bare[:5])}{more}; add their masks or move them away; predictions without scores: pixelwise predict"
        )
    return records


def _in_classes_of(dataset: Dataset, loaded: Loaded) -> Dataset:
    """The data set in the run's classes. Bare masks in which a class happens not to occur are still of these classes."""
    task = loaded.task
    is_layered = "multilabel" in (dataset.mode, task.mode)
    known = {*task.classes.ids, *task.classes.ignore_ids}
    if not is_layered and dataset.threshold is None and set(dataset.classes.ids) <= known:
        return dataclasses.replace(dataset, classes=task.classes, mode=task.mode)
    fits = dataset.mode == task.mode and dataset.classes.ids == task.classes.ids
    if fits and not (is_layered and dataset.classes.names != task.classes.names):
        return dataset
    raise DataError(
        f"{dataset.root} is {dataset.mode} with the classes {_named(dataset.classes)}, but the run was trained as {task.mode} on "
        f"{_named(task.classes)}; evaluate on data with the same classes"
    )


def _named(classes: ClassTable) -> str:
    shown = ", ".join(f"{info.id} {info.name}" for info in classes.classes[:8])
    return shown + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")


def _certainty(evaluation: Evaluation) -> dict[str, Any]:
    """Intervals of the scores over the images, and a sentence where these are too few."""
    scores = evaluation.scores
    counts = class_counts([image.counts for image in evaluation.images])
    found = score_intervals(counts, scores.class_names, is_binary=scores.foreground_iou is not None)
    sentence = enough(found.means["mean_iou"])
    return {"intervals": found.to_json(), "intervals_rule": found.rule, **({"too_small": sentence} if sentence else {})}


def _row(counts: ImageCounts, classes: ClassTable) -> dict[str, Any]:
    scores = image_scores(counts.counts)
    row: dict[str, Any] = {"key": counts.record.key, "image": str(counts.record.image)}
    row |= {"height": counts.size[0], "width": counts.size[1]}
    return row | scores.to_row(classes.names)


def _write(loaded: Loaded, dataset: Dataset, scores: Scores, evaluation: Evaluation, examples: _Examples, command: str) -> None:
    run, out = loaded.run, scores.report.parent
    with atomic_write(out / "per_image.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(scores.per_image[0]))
        writer.writeheader()
        writer.writerows(scores.per_image)
    keys, matrices = zip(*((image.record.key, image.counts) for image in evaluation.images), strict=True)
    write_confusions(out / CONFUSIONS, keys, matrices, loaded.task.classes, scores.split)
    with atomic_write(out / "report.json") as path:
        path.write_text(json.dumps({"command": command, "scores": scores.values}, indent=1) + "\n", encoding="utf-8")
    colors = loaded.task.classes.colors
    for old in (out / "worst").glob("[0-9][0-9]-*.png"):
        old.unlink()
    for number, example in enumerate(examples.worst, 1):
        panels = [(example.image, example.key), (overlay(example.image, example.target, colors), "truth")]
        panels += [(overlay(example.image, example.prediction, colors), f"prediction, mean IoU {example.mean_iou:.3f}")]
        panels += [(error_overlay(example.image, example.prediction, example.target), "errors")]
        write_image(out / "worst" / f"{number:02}-{Path(example.key).name}.png", contact_sheet(panels, columns=2, cell=480))
    counts = evaluation.metric.matrix if loaded.task.mode != "multilabel" else None  # type: ignore[attr-defined]
    data = ReportData(
        title=f"{loaded.spec['model']} on {dataset.root.name}", command=command, scores=scores.values,
        class_table=loaded.task.classes, confusion=counts, history=read_rows(run / "metrics.csv"),
        per_image=scores.per_image, worst=examples.worst, best=examples.best,
        facts=_facts(loaded, dataset, scores, evaluation), decisions=dataset.decisions,
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
        },
        "Versions": loaded.versions(),
    }
