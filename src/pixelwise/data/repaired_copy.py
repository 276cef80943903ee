"""A repaired copy of a data set, in the canonical layout: written beside its place, and moved there when it is whole."""

from __future__ import annotations

import csv
import json
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pixelwise.data.dataset import Dataset
from pixelwise.data.levels import thread_count
from pixelwise.data.repair import LEFT_OUT, Repair, Repaired, Repairer
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import is_image_name
from pixelwise.types import IGNORE_INDEX, Record

__all__ = ["MOVED", "Copied", "refuse_place", "write_repaired"]

MOVED = "moved to train"


@dataclass(frozen=True)
class Copied:
    """What was written: how many pairs, and all repairs."""

    pairs: int
    repairs: tuple[Repair, ...]


def refuse_place(data: Path, to: Path) -> None:
    """Raises :class:`ConfigError` unless ``to`` is new or empty, and neither folder lies inside the other."""
    own, place = data.resolve(), to.resolve()
    if own == place or own in place.parents or place in own.parents:
        raise ConfigError(f"--to {to} and {data} lie inside one another; choose a folder beside it, such as {data}-repaired")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError(f"--to {to} exists and is not empty; choose another folder; nothing was changed")


def write_repaired(dataset: Dataset, to: Path, progress: Callable[[int, int], None] | None = None) -> Copied:
    """Repairs all records in threads and writes them into ``to``, see :func:`refuse_place`.

    ``images/``, ``masks/`` (``instances/`` where masks number objects), ``classes.json`` and ``splits.csv``. Files without a
    fault are copied byte by byte under the name of their record. Raises :class:`DataError` where nothing is left to write.
    """
    refuse_place(dataset.root, to)
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    try:
        written = _write(dataset, part, progress)
        if to.is_dir():
            to.rmdir()  # it is empty
        part.rename(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return written


def _write(dataset: Dataset, part: Path, progress: Callable[[int, int], None] | None) -> Copied:
    ignore_id = _ignore_id(dataset)
    repairer = Repairer(dataset, ignore_id)
    names = _names(dataset.records)
    folders = _mask_folders(dataset)
    for folder in ("images", *folders):
        (part / folder).mkdir(parents=True)
    repairs = [Repair(path, "mask_without_image", LEFT_OUT) for path in dataset.orphans]
    kept: list[tuple[Record, bytes]] = []

    def place(record: Record) -> Repaired:
        done = repairer(record)
        name = names[record.key]
        if done.image is not None:
            (part / "images" / f"{name}{done.image[1]}").write_bytes(done.image[0])
            for number, (data, suffix) in done.masks.items():
                (part / folders[number] / f"{name}{suffix}").write_bytes(data)
        return replace(done, image=None, masks={}) if done.image is None else replace(done, image=(b"", ""), masks={})

    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for count, done in enumerate(pool.map(place, dataset.records), 1):
                repairs += done.repairs
                if done.image is not None:
                    kept.append((done.record, done.digest))
                if progress is not None:
                    progress(count, len(dataset.records))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    if not kept:
        raise DataError(f"no pair of {dataset.root} is sound or can be repaired; the first fault: {repairs[0].detail}")
    records, moves = _one_split_each(kept)
    _write_splits(part / "splits.csv", [replace(record, key=names[record.key]) for record in records])
    rows = _class_rows(dataset)
    if rows and ignore_id not in {*dataset.classes.ignore_ids, IGNORE_INDEX} and any(r.fault == "unknown_ids" for r in repairs):
        rows.append({"id": ignore_id, "name": "ignored", "ignore": True})
    if rows:
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        (part / "classes.json").write_text(text, encoding="utf-8")
    return Copied(len(records), (*repairs, *moves))


def _ignore_id(dataset: Dataset) -> int:
    """The id to write for what is no class."""
    classes = dataset.classes
    if classes.ignore_ids or IGNORE_INDEX not in classes.ids:
        return classes.ignore_id
    return next(number for number in range(IGNORE_INDEX - 1, -1, -1) if number not in classes.ids)


def _class_rows(dataset: Dataset) -> list[dict[str, Any]]:
    """The rows of ``classes.json``; none where folders name the classes."""
    if dataset.mode == "multilabel" or dataset.threshold == 0:
        return []
    colors = {class_id: list(color) for color, class_id in dataset.colors}
    return [{**row, "color": colors[row["id"]]} if row["id"] in colors else row for row in dataset.classes.to_json()]


def _mask_folders(dataset: Dataset) -> list[str]:
    """Where the masks of a record belong, by their position."""
    if dataset.mode == "multilabel":
        return [f"masks/{name}" for name in dataset.classes.names]
    return ["instances" if dataset.threshold == 0 else "masks"]


def _names(records: Sequence[Record]) -> dict[str, str]:
    """A file name for each key, which differs from all others also where upper and lower case are the same."""
    taken: set[str] = set()
    names = {}
    for record in records:
        name, number = record.key, 1
        while name.casefold() in taken:
            number += 1
            name = f"{record.key}_{number}"
        taken.add(name.casefold())
        names[record.key] = name
    return names


def _one_split_each(kept: Sequence[tuple[Record, bytes]]) -> tuple[list[Record], list[Repair]]:
    """The same image is in one split only, ``train``, as long as no split is emptied by that."""
    splits: dict[bytes, set[str]] = defaultdict(set)
    for record, digest in kept:
        splits[digest].add(record.split)
    moving = {digest for digest, found in splits.items() if len(found) > 1}
    staying = {record.split for record, digest in kept if digest not in moving}
    if not {record.split for record, _ in kept} <= {*staying, "train"}:
        told = "would leave a split without images, so they stay where they are"
        return [record for record, _ in kept], [
            Repair(record.image, "duplicate_across_splits", "left as it is", 0, told) for record, key in kept if key in moving
        ]
    records, moves = [], []
    for record, digest in kept:
        if digest in moving and record.split != "train":
            moves.append(Repair(record.image, "duplicate_across_splits", MOVED, 0, f"from {record.split}"))
            record = replace(record, split="train")
        records.append(record)
    return records, moves


def _write_splits(path: Path, records: Sequence[Record]) -> None:
    columns = list(dict.fromkeys(name for record in records for name in record.columns))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "split", *columns])
        for record in records:
            name = record.key + ".png" * is_image_name(record.key)  # of what looks like a suffix, one is taken off
            table.writerow([name, record.split, *(record.columns.get(name, "") for name in columns)])
