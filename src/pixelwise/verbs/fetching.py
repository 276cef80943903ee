"""``fetch``: a public data set, from its authors' address to a folder that the other verbs take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pixelwise.data.fetching.archive import is_archive, unpack
from pixelwise.data.fetching.catalog import PublicDataset, public_dataset
from pixelwise.data.fetching.download import download
from pixelwise.errors import ConfigError

__all__ = ["fetch_data", "fetched"]


def fetch_data(
    name: str,
    to: str | Path | None = None,
    keep: bool = False,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Downloads a data set of :data:`~pixelwise.data.fetching.catalog.DATASETS`, verifies it and unpacks it.

    Args:
        name: its name there.
        to: new folder; ``data/NAME`` by default. Where a download was interrupted it goes on.
        keep: keep the archives after unpacking.
        say: is told the licence, and what happens.
        progress: is told (bytes, of how many, or None) of the file that is being fetched.

    Returns:
        The folder to train on.

    Raises:
        ConfigError: no such name, or ``to`` holds something else.
        DataError: the files cannot be had, or are not those that they should be.
        StorageError: the disk is too full.
    """
    return fetched(public_dataset(name), Path("data") / name if to is None else Path(to), keep, say or _silent, progress)


def fetched(
    dataset: PublicDataset,
    to: Path,
    keep: bool,
    say: Callable[[str], None],
    progress: Callable[[int, int | None], None] | None,
) -> Path:
    """As :func:`fetch_data`, for any row."""
    waiting = to.with_name(f"{to.name}.fetching")  # complete or not there: the data stand in ``to`` only once they are whole
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError(f"{to} exists and is not empty; remove it to fetch {dataset.title} anew, or choose another with --to")
    say(f"{dataset.title}: {dataset.contents}; licence: {dataset.licence} ({dataset.page})")
    paths = [download(file, waiting / "downloads", progress) for file in dataset.downloads]
    content = waiting / "content"
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir()
    for path in paths:
        if is_archive(path):
            say(f"unpacking {path.name}: {unpack(path, content):,} files")
        else:
            shutil.copyfile(path, content / path.name)
    if keep:
        shutil.move(waiting / "downloads", content / "downloads")
    if to.exists():
        to.rmdir()
    to.parent.mkdir(parents=True, exist_ok=True)
    content.replace(to)
    shutil.rmtree(waiting)
    return to / dataset.folder


def _silent(sentence: str) -> None:
    """Tells nobody."""
