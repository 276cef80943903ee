"""``runs/NAME``: where a run lives, and how one is found again."""

from __future__ import annotations

import contextlib
import csv
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise import config as configs
from pixelwise.config import RunConfig
from pixelwise.errors import CheckpointError, ConfigError, StorageError
from pixelwise.formats.atomic import atomic_write
from pixelwise.types import ClassTable

__all__ = ["CONFUSIONS", "Run", "create", "existing", "images_scored", "refuse_taken", "removed_unless_saved", "sweep"]

CONFUSIONS = "per_image_confusion.safetensors"
"""What an evaluation keeps of each image; see :mod:`pixelwise.formats.confusion_file`."""


@dataclass(frozen=True)
class Run:
    """A run on disk. ``scores`` are those of the last evaluation, as ``evaluate --json`` prints them; ``stopped`` says how
    training ended."""

    path: Path
    scores: dict[str, Any] = field(default_factory=dict)
    classes: ClassTable = field(default=ClassTable(()), repr=False)
    stopped: str = "done"

    @property
    def config(self) -> RunConfig:
        """The whole configuration, resolved."""
        return configs.load(self.path / "config.yaml")


def refuse_taken(out: str | Path | None) -> None:
    """Asks before any work is done whether :func:`create` will succeed.

    Raises:
        ConfigError: the folder exists and is not empty.
        StorageError: it cannot be made there.
    """
    path = Path("runs") if out is None else Path(out)
    if out is not None and path.exists() and (not path.is_dir() or any(path.iterdir())):
        cure = f"resume it with --resume {path}, or " if (path / "last").is_dir() else ""
        raise ConfigError(f"--out {path} exists and is not empty; {cure}choose another folder; nothing was changed")
    above = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not above.is_dir():
        raise StorageError(f"cannot make the run folder {path}: {above} is a file; choose another with --out")
    if not os.access(above, os.W_OK | os.X_OK):
        raise StorageError(f"cannot make the run folder {path}: no permission to write into {above}; choose another with --out")


def create(config: RunConfig, out: str | Path | None) -> Path:
    """Makes the folder of a new run; without ``out`` it is ``runs/MODEL-ENCODER-DATE-TIME`` below the current folder.

    Raises:
        ConfigError: the folder exists and is not empty.
        StorageError: it cannot be made.
    """
    if out is None:
        stem = f"{config.model.name}-{config.model.encoder}-{time.strftime('%Y%m%d-%H%M%S')}".replace("/", "_")
        path = next(p for p in _numbered(Path("runs") / stem) if not p.exists())
    else:
        refuse_taken(out)
        path = Path(out)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the run folder {path}: {error.strerror}; choose another with --out") from None
    with removed_unless_saved(path), atomic_write(path / "config.yaml") as file:
        file.write_text(configs.dump(config), encoding="utf-8")
    return path


def images_scored(run: Path) -> Path:
    """A folder of images that the run can predict: that of the first image it was scored on."""
    path = run / "per_image.csv"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ["image", "IMAGES/one"]
    return Path(next(csv.DictReader(lines))["image"]).parent


@contextlib.contextmanager
def removed_unless_saved(run: Path) -> Iterator[None]:
    """Where the block fails before there is a checkpoint, the new run folder goes: nothing in it could be resumed."""
    try:
        yield
    except BaseException as error:
        if not any((run / "last").glob("[!.]*.safetensors")):
            shutil.rmtree(run, ignore_errors=True)
        elif isinstance(error, StorageError):
            raise StorageError(f"{error}, with: pixelwise train --resume {shlex.quote(str(run))}") from error
        raise


def sweep(run: Path) -> None:
    """Removes files that a killed process had begun to write; see :mod:`pixelwise.formats.atomic`."""
    for path in run.rglob(".*.tmp*"):
        with contextlib.suppress(OSError):
            path.unlink()


def existing(run: str | Path | Run) -> Path:
    """The folder of a run that was made before; raises CheckpointError where there is none."""
    path = run.path if isinstance(run, Run) else Path(run)
    if path.is_file() and path.name in {"model.safetensors", "model.json", "config.yaml"}:
        path = path.parent
    if not path.is_dir():
        others = sorted(p.parent.name for p in path.parent.glob("*/model.json")) if path.parent.is_dir() else []
        hint = f"runs in {path.parent}: {', '.join(others[-5:])}" if others else "give the folder that training printed"
        raise CheckpointError(f"there is no run folder {path}; {hint}")
    return path


def _numbered(path: Path) -> Any:
    yield path
    yield from (path.with_name(f"{path.name}-{number}") for number in range(2, 1000))
