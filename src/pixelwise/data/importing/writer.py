"""From a foreign format to the canonical folder: ``images/``, ``masks/`` of ids, ``instances/`` where there are objects,
``classes.json``, ``splits.csv``. One bad image loses nothing else; after an interruption the same import goes on."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Painted
from pixelwise.data.importing.paths import inside
from pixelwise.data.levels import thread_count
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.image import image_size, write_image
from pixelwise.formats.label_png import write_ids

__all__ = ["MARK", "Written", "flat_name", "refuse_taken", "write_canonical", "write_masks"]

MARK = "import.json"
"""Beside the data: where they came from, what was decided, what was lost."""


@dataclass
class Written:
    """What was written. ``failed``: why, by key of image; ``losses``: how many of what pixels cannot hold, in how many images."""

    images: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    losses: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """What was lost, for people."""
        return [
            f"not in the masks: {what}: {count:,}, in {images:,} of {self.images:,} images"
            for what, (count, images) in self.losses.items()
        ]


def flat_name(key: str) -> str:
    """What the files of an item are called: folders in its key become part of the name, as in the keys of records, because a
    folder ``train/`` below ``images/`` would be taken for a split.

    Raises :class:`DataError` for a key that leads out of the folder.
    """
    return inside(key).as_posix().replace("/", "_")


def refuse_taken(out: Path, source: Path) -> None:
    """Raises :class:`ConfigError` if ``out`` holds anything but an interrupted import of ``source``, or lies inside of it."""
    if source.resolve() == out.resolve() or source.resolve() in out.resolve().parents:
        raise ConfigError(f"--to {out} lies inside of {source}, which is never changed; choose another folder")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    mark = _mark(out)
    if mark.get("source") != str(source.resolve()):
        raise ConfigError(f"--to {out} exists and is not empty; choose another folder; nothing was changed")
    if mark.get("complete"):
        raise ConfigError(f"--to {out} holds a complete import of {source}; choose another folder, or remove it to import anew")


def write_canonical(
    source: Path,
    annotations: Annotations,
    out: Path,
    link: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Writes all items into ``out``. Images that an interrupted import left there are not copied again.

    Args:
        source: what ``annotations`` were read from.
        out: see :func:`refuse_taken`.
        link: symbolic links to the images instead of copies.
        progress: is told (done, total) after each image.
    """
    refuse_taken(out, source)
    told = {"source": str(source.resolve()), "complete": False, "decisions": list(annotations.decisions)}
    told["faults"] = list(annotations.faults)
    _write_json(out / MARK, told)
    _write_json(out / "classes.json", list(annotations.classes))
    written = _write_all(annotations.items, partial(_write_item, out=out, link=link), progress)
    kept = [item for item in annotations.items if item.key not in written.failed]
    if not kept:
        why = next(iter(written.failed.values()), "there are no images")
        raise DataError(f"nothing of {source} could be imported; the first reason: {why}")
    _write_tables(out, kept)
    _write_json(out / MARK, told | {"complete": True} | vars(written))
    return written


def write_masks(items: Sequence[Annotated], out: Path, progress: Callable[[int, int], None] | None = None) -> Written:
    """Writes the masks alone, and images only where they lie inside other files, for reading a format where it is."""
    return _write_all(items, partial(_write_item, out=out, link=False, only_masks=True), progress)


def _write_all(
    items: Sequence[Annotated], write: Callable[[Annotated], Painted | str], progress: Callable[[int, int], None] | None
) -> Written:
    written = Written(failed=_clashes(items))
    items = [item for item in items if item.key not in written.failed]
    losses: Counter[str] = Counter()
    images: Counter[str] = Counter()
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for done, (item, found) in enumerate(zip(items, _results(pool, write, items), strict=True), 1):
                if isinstance(found, str):
                    written.failed[item.key] = found
                else:
                    written.images += 1
                    losses.update(found.losses)
                    images.update(list(found.losses))
                if progress is not None:
                    progress(done, len(items))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C ends the import at once
    written.losses = {what: (count, images[what]) for what, count in losses.items()}
    return written


def _clashes(items: Sequence[Annotated]) -> dict[str, str]:
    """Items whose files would overwrite those of an earlier one, and why."""
    first: dict[str, str] = {}
    clashes = {}
    for item in items:
        name = item.key.replace("/", "_")
        if first.setdefault(name, item.key) != item.key:
            clashes[item.key] = f"{first[name]!r} and {item.key!r} would both be called {name!r}; rename one of them"
    return clashes


def _results(
    pool: ThreadPoolExecutor, write: Callable[[Annotated], Painted | str], items: Sequence[Annotated]
) -> Iterator[Painted | str]:
    """Results in order, with only so many ahead that painted masks do not pile up."""
    ahead = 4 * thread_count()
    futures = [pool.submit(write, item) for item in items[:ahead]]
    for at in range(len(items)):
        yield futures[at].result()
        futures[at] = None  # type: ignore[call-overload]
        if at + ahead < len(items):
            futures.append(pool.submit(write, items[at + ahead]))


def _write_item(item: Annotated, out: Path, link: bool, only_masks: bool = False) -> Painted | str:
    """Writes one item; what was lost, without the pixels, or why it failed."""
    try:
        name = flat_name(item.key)
        painted = item.paint()
        size = painted.ids.shape[:2]
        if isinstance(item.image, Path):
            found = image_size(item.image)
            if found != size:
                raise DataError(
                    f"{item.image.name} has {found[0]} x {found[1]} pixels, its annotation {size[0]} x {size[1]}; "
                    "annotate this very file, or export again"
                )
            if not only_masks:
                _place(item.image, out / "images" / f"{name}{item.image.suffix.lower()}", link)
        else:
            _write_pixels(out / "images" / name, item.image())
        if painted.instances is not None:
            write_ids(out / "instances" / f"{name}.png", _narrow(painted.instances, item.key))
        write_ids(out / "masks" / f"{name}.png", _narrow(painted.ids, item.key))
        return Painted(painted.ids[:0], None, painted.losses)
    except DataError as error:
        return str(error)


def _place(image: Path, to: Path, link: bool) -> None:
    """Copies or links an image; one that is there is left."""
    if to.exists():
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if link:
        to.symlink_to(image.resolve())
        return
    with atomic_write(to) as temporary:
        shutil.copyfile(image, temporary)


def _write_pixels(stem: Path, pixels: np.ndarray) -> None:
    if pixels.dtype == np.uint8:
        write_image(stem.with_name(f"{stem.name}.png"), pixels)
        return
    if pixels.dtype != np.uint16 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise DataError(
            f"pixels of {stem.name} are {pixels.shape} {pixels.dtype}; uint8, and uint16 of 1 or 3 channels, can be written"
        )
    ordered = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    with atomic_write(stem.with_name(f"{stem.name}.png")) as temporary:
        temporary.write_bytes(cv2.imencode(".png", np.ascontiguousarray(ordered))[1].tobytes())


def _narrow(ids: np.ndarray, key: str) -> np.ndarray:
    """Ids as uint8 or uint16, whichever holds them."""
    top = int(ids.max()) if ids.size else 0
    if top > 65535 or (ids.size and int(ids.min()) < 0):
        raise DataError(f"the ids of {key} go up to {top:,}, and masks hold 0 to 65,535; number the objects of each image anew")
    return ids.astype(np.uint8 if top < 256 else np.uint16, copy=False)


def _write_tables(out: Path, items: Sequence[Annotated]) -> None:
    """``splits.csv`` where the format says who trains, and ``records.csv`` for columns where it does not."""
    columns = list(dict.fromkeys(name for item in items for name in item.columns))
    is_split = any(item.split for item in items)
    if not is_split and not columns:
        return
    name = "splits.csv" if is_split else "records.csv"
    with atomic_write(out / name) as path, path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", *["split"] * is_split, *columns])
        for item in items:
            values = [item.columns.get(name, "") for name in columns]
            table.writerow([flat_name(item.key), *[item.split or "train"] * is_split, *values])


def _write_json(path: Path, value: Any) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _mark(out: Path) -> dict[str, Any]:
    try:
        value = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
