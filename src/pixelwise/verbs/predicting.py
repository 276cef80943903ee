"""``predict``: id masks, overlays and probabilities for any number of images of any size; one bad file loses nothing else."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.loader import Reading, eval_batches
from pixelwise.engine.predict import predict_batch
from pixelwise.errors import ConfigError, DataError, PixelwiseError
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.image import is_image_name, write_image
from pixelwise.formats.label_png import write_ids
from pixelwise.report.overlay import overlay
from pixelwise.types import ClassInfo, LabelMap, Record
from pixelwise.verbs.loaded import Loaded

__all__ = ["Predicted", "images_in", "predict_files"]


@dataclass(frozen=True)
class Predicted:
    """What became of each image: rows of ``predictions.csv`` with ``image``, ``status`` (ok, failed), ``mask`` and ``error``."""

    out: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["status"] != "ok"]


def images_in(paths: Sequence[str | Path]) -> list[Record]:
    """One record per image: files as they are, folders searched through for images; keys are paths without suffix, relative
    to the folder that was given. Missing files become records too, and fail by name later.

    Raises:
        DataError: no image at all.
    """
    found: list[tuple[str, Path]] = []
    for given in map(Path, paths):
        if given.is_dir():
            inside = sorted(path for path in given.rglob("*") if path.is_file() and is_image_name(path))
            found += [(path.relative_to(given).with_suffix("").as_posix(), path) for path in inside]
        else:
            found.append((given.stem, given))
    if not found:
        where = ", ".join(map(str, paths)) or "an empty list"
        raise DataError(f"no images in {where}; give image files, or folders that hold some")
    return [Record(key, path) for key, path in _unique(found)]


def predict_files(
    loaded: Loaded,
    records: Sequence[Record],
    out: Path,
    probabilities: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Writes ``out/masks/KEY.png`` (the user's ids), ``out/overlays/KEY.jpg``, with ``probabilities`` also
    ``out/probabilities/KEY.npy`` (float16, (K, H, W)), and ``out/predictions.csv``.

    An image that cannot be read or predicted is listed there with its error; all others are written. Predictions of an
    earlier call are replaced; masks that are not predictions are not.

    Raises:
        ConfigError: ``out`` holds masks or overlays that were not written by this function.
        StorageError: the disk is full, or ``out`` cannot be written to.
    """
    _refuse_foreign(out)
    predicted = Predicted(out)
    reading = Reading(loaded.in_channels, loaded.window, loaded.max_pixels)

    def add(record: Record, status: str, mask: str = "", error: str = "") -> None:
        predicted.rows.append({"image": str(record.image), "status": status, "mask": mask, "error": error})
        if progress is not None:
            progress(len(predicted.rows), len(records))

    def fail(record: Record, error: PixelwiseError) -> None:
        add(record, "failed", error=str(error))

    _write_list(predicted)  # from here on the folder is known as ours
    try:
        for batch in eval_batches(records, reading, batch_size=1, on_error=fail):
            record = batch.records[0]
            (result,) = predict_batch(loaded.task, loaded.model, batch, loaded.device, loaded.precision, probabilities)
            add(record, "ok", str(_write(out, record, batch.images[0].permute(1, 2, 0).numpy(), result)))
    finally:
        order = {str(record.image): position for position, record in enumerate(records)}
        predicted.rows.sort(key=lambda row: order[row["image"]])
        _write_list(predicted)
    return predicted


def _refuse_foreign(out: Path) -> None:
    """Somebody's own masks must not be overwritten by predictions."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; choose a folder")
    if (out / "predictions.csv").is_file():
        return
    foreign = [name for name in ("masks", "overlays", "probabilities") if (out / name).is_dir() and any((out / name).iterdir())]
    if foreign:
        raise ConfigError(
            f"--out {out} already has {foreign[0]}/ with files that pixelwise did not predict; choose another folder, so that "
            f"nothing of yours is overwritten"
        )


def _write_list(predicted: Predicted) -> None:
    # Names that are not UTF-8 are written as the bytes that they are.
    options: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    with atomic_write(predicted.out / "predictions.csv") as path, path.open("w", **options) as file:
        writer = csv.DictWriter(file, ["image", "status", "mask", "error"])
        writer.writeheader()
        writer.writerows(predicted.rows)


def _write(out: Path, record: Record, image: np.ndarray, result: LabelMap) -> Path:
    colors = result.classes.colors
    if result.is_multilabel:
        mask = out / "masks" / record.key
        for info, layer in zip(result.classes.classes, result.indices, strict=True):
            write_ids(mask / f"{_file_name(info)}.png", layer * 255)
    else:
        mask = out / "masks" / f"{record.key}.png"
        by_id = np.zeros((256, 3), np.uint8)
        small = [info for info in result.classes.classes if info.id < 256]
        by_id[[info.id for info in small]] = [info.color for info in small]
        write_ids(mask, result.ids, by_id if result.ids.dtype == np.uint8 else None)
    write_image(out / "overlays" / f"{record.key}.jpg", overlay(image, result.indices, colors))
    if result.scores is not None:
        with atomic_write(out / "probabilities" / f"{record.key}.npy") as path, path.open("wb") as file:
            np.save(file, result.scores, allow_pickle=False)
    return mask


def _file_name(info: ClassInfo) -> str:
    """The class's name where it can be a file's; model.json may be anybody's, and must not lead out of the folder."""
    safe = re.sub(r"[^\w .-]", "_", info.name)
    return safe if safe == info.name else f"{safe}-{info.id}"


def _unique(found: Iterable[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Keys that occur again get the suffix of their file, and a number if need be: nothing overwrites anything."""
    taken: set[str] = set()
    unique = []
    for key, path in found:
        candidate = key if key not in taken else f"{key}-{path.suffix.lstrip('.').lower()}"
        number = 2
        while candidate in taken:
            candidate, number = f"{key}-{number}", number + 1
        taken.add(candidate)
        unique.append((candidate, path))
    return unique
