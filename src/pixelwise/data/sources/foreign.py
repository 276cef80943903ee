"""Foreign formats read where they are: their annotations are painted once, into the cache, and the images stay in place."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from pixelwise import __version__
from pixelwise.data.importing.annotated import Annotated, Format
from pixelwise.data.importing.registry import formats
from pixelwise.data.importing.writer import flat_name, write_masks
from pixelwise.data.sources.found import Found, some
from pixelwise.data.sources.splits import completed
from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.types import Record

__all__ = ["cache_folder", "foreign_records", "format_of"]

_MOST_IMAGES = 5000  # more are imported on purpose, where progress is shown and the masks are kept
_DONE = "painted.json"


def cache_folder() -> Path:
    """Where painted masks are kept: ``PIXELWISE_CACHE``, or the cache folder of the system."""
    if "PIXELWISE_CACHE" in os.environ:
        return Path(os.environ["PIXELWISE_CACHE"])
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "pixelwise"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pixelwise"


def foreign_records(root: Path, chosen: Format) -> Found:
    """Records of a folder in a foreign format, with masks in the cache; painted again when any file below ``root`` changes.

    Raises :class:`DataError` where nothing could be read, and for more images than are painted unasked.
    """
    annotations = chosen.read(root)
    if not annotations.items:
        why = "; ".join(annotations.faults[:3]) or "check the path"
        raise DataError(f"{root} ({chosen.title}) holds no annotated images; {why}")
    if len(annotations.items) > _MOST_IMAGES:
        raise DataError(
            f"{root} ({chosen.title}) has {len(annotations.items):,} images; import them first, which shows progress and "
            f"keeps the masks: pixelwise import {root} --to NEW_FOLDER"
        )
    out = cache_folder() / "painted" / _state_of(root)
    failed = _painted(annotations.items, out)
    records = tuple(_record(item, out) for item in annotations.items if item.key not in failed)
    if not records:
        raise DataError(f"nothing of {root} ({chosen.title}) could be read; the first reason: {next(iter(failed.values()))}")
    split, reasons = completed(root, records)
    decisions = [*reasons, *annotations.decisions, f"masks were painted into {out}"]
    lost = [*annotations.faults, *(f"{key}: {why}" for key, why in failed.items())]
    if lost:
        decisions.append(f"warning: {len(lost)} images or annotations could not be read and are left out: {some(lost, 3)}")
    return Found(tuple(split), tuple(decisions), rows=annotations.classes, is_stated=True)


def format_of(root: Path) -> tuple[Format, str] | None:
    """The first foreign format that fits, with its evidence."""
    fitting = ((found, found.matches(root)) for found in formats())
    return next(((found, evidence) for found, evidence in fitting if evidence is not None), None)


def _painted(items: tuple[Annotated, ...], out: Path) -> dict[str, str]:
    """Paints what is not in the cache yet; why images failed, by key."""
    done = out / _DONE
    try:
        failed: dict[str, str] = json.loads(done.read_text(encoding="utf-8"))["failed"]
    except (OSError, ValueError, KeyError, TypeError):
        failed = write_masks(items, out).failed
        with atomic_write(done) as path:
            path.write_text(json.dumps({"failed": failed}), encoding="utf-8")
    return failed


def _record(item: Annotated, out: Path) -> Record:
    key = flat_name(item.key)
    image = item.image if isinstance(item.image, Path) else out / "images" / f"{key}.png"
    return Record(key, image, (out / "masks" / f"{key}.png",), item.split, item.columns)


def _state_of(root: Path) -> str:
    """A name for what is below ``root``, which changes when any file does."""
    state = hashlib.sha256(f"{__version__}\0{root.resolve()}".encode())
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_file():
            facts = path.stat()
            state.update(f"\0{path}\0{facts.st_size}\0{facts.st_mtime_ns}".encode())
    return f"{root.name}-{state.hexdigest()[:16]}"
