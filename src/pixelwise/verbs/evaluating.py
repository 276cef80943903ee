"""``evaluate``: scores of a run on a split, at the original resolution, with a report, a table per image and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.loader import Reading, eval_batches
from pixelwise.data.sources.columns import column_names, column_of, groups_of
from pixelwise.engine import distributed
from pixelwise.engine.evaluate import Evaluation, ImageCounts, evaluate, shard
from pixelwise.errors import DataError, nearest
from pixelwise.metrics.intervals import enough, score_intervals
from pixelwise.metrics.scores import image_scores
from pixelwise.metrics.stacks import class_counts
from pixelwise.metrics.subgroups import subgroup_scores
from pixelwise.types import ClassTable, LabelMap, Record
from pixelwise.verbs.evaluation_files import write_evaluation
from pixelwise.verbs.examples import Examples
from pixelwise.verbs.loaded import Loaded
from pixelwise.verbs.measures import Measures, headline, measured
from pixelwise.verbs.scores import Scores

__all__ = ["evaluate_run", "own_split"]

_MOST_SUBGROUPS = 12  # values of a column; more are names of images or patients, and a table of them says nothing


def evaluate_run(
    loaded: Loaded,
    dataset: Dataset,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
    out: Path | None = None,
    measures: Measures | None = None,
) -> Scores:
    """Scores ``split`` of ``dataset``, which may be ``all``, and writes ``report.html``, ``report.json``, tables per image and
    per class, ``worst/`` and the matrix of each image into ``out``, the run folder by default. The data set's classes must be
    those of the run, or, where bare masks name them, some of those. On several processes each scores its share and the first
    writes; the numbers are the same.

    Raises:
        DataError: no such split or column, images without masks, or other classes.
        ConfigError: a measure that does not suit the task.
    """
    measures = measures or Measures()
    dataset = _in_classes_of(dataset, loaded)
    records = _records(dataset, split)
    groups = None if measures.group is None else groups_of(records, measures.group)
    details = measures.details(loaded.task)
    reading = Reading(loaded.in_channels, loaded.window, loaded.max_pixels, dataset.targets)
    examples, done = Examples(), 0

    def see(image: np.ndarray, target: np.ndarray, result: LabelMap, counts: ImageCounts) -> None:
        nonlocal done
        done += 1
        examples.see(image, target, result, counts)
        if progress is not None:
            progress(min(len(records), done * distributed.world_size()), len(records))

    batches = eval_batches(shard(records, distributed.rank(), distributed.world_size()), reading, batch_size=4)
    evaluation = evaluate(loaded.task, loaded.model, batches, loaded.device, loaded.precision, see, details=details)
    examples = examples.gathered()
    found = measured(evaluation.details)
    counts = class_counts([image.counts for image in evaluation.images])
    subgroups = _subgroups(evaluation, counts, records, groups)
    found |= {"subgroups": subgroups} if subgroups else {}
    certainty = _certainty(evaluation, counts, groups, measures.group)
    values = {**evaluation.scores.to_json(), **headline(found), "split": split, "images": len(records), **certainty}
    rows = [_row(counts, loaded.task.classes) for counts in evaluation.images]
    scores = Scores(values, rows, loaded.task.classes, split, loaded.run, (out or loaded.run) / "report.html", found)
    if distributed.is_main():
        write_evaluation(loaded, dataset, scores, evaluation, examples, command)
    return scores


def own_split(dataset: Dataset) -> str:
    """The split that a run is judged on: the test images, or the validation images where there are none."""
    return "test" if dataset.split("test") else "val"


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


def _certainty(evaluation: Evaluation, counts: np.ndarray, groups: Sequence[str] | None, column: str | None) -> dict[str, Any]:
    """Intervals of the scores over the images or groups, and a sentence where these are too few."""
    scores = evaluation.scores
    found = score_intervals(counts, scores.class_names, groups, is_binary=scores.foreground_iou is not None)
    unit = "images" if column is None else f"groups by {column}"
    sentence = enough(found.means["mean_iou"], unit=unit)
    told = {"intervals": found.to_json(), "intervals_rule": found.rule if column is None else f"{found.rule} by {column}"}
    return {**told, **({"too_small": sentence} if sentence else {})}


def _subgroups(
    evaluation: Evaluation, counts: np.ndarray, records: Sequence[Record], groups: Sequence[str] | None
) -> dict[str, list[dict[str, Any]]]:
    """Scores of the subgroups of every column that has a few values."""
    scores, found = evaluation.scores, {}
    for column in column_names(records):
        labels = column_of(records, column)
        if 2 <= len(set(labels)) <= _MOST_SUBGROUPS:
            found[column] = subgroup_scores(
                counts, labels, scores.class_names, groups, is_binary=scores.foreground_iou is not None
            )
    return found


def _row(counts: ImageCounts, classes: ClassTable) -> dict[str, Any]:
    scores = image_scores(counts.counts)
    row: dict[str, Any] = {"key": counts.record.key, "image": str(counts.record.image)}
    row |= {"height": counts.size[0], "width": counts.size[1], **counts.record.columns}
    return row | scores.to_row(classes.names)
