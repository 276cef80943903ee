"""Archives from strangers: nothing outside of the folder, no links out of it, no devices, and no more than was promised."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path

from pixelwise.data.importing.paths import inside
from pixelwise.errors import DataError

__all__ = ["MOST_BYTES", "MOST_FILES", "is_archive", "unpack"]

MOST_BYTES = 200 << 30
MOST_FILES = 5_000_000
_RATIO = 200  # bytes out per byte in, beyond the first 100 MiB: images hardly shrink, bombs do little else
_FREE = 100 << 20
_CHUNK = 1 << 20

_Member = tarfile.TarInfo | zipfile.ZipInfo


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive with files in it; a single ``.gz`` is none."""
    return path.name.lower().endswith((".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2"))


def unpack(path: Path, to: Path, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> int:
    """Unpacks a zip or tar into the folder ``to`` and returns the number of files.

    Links, devices and whatever is neither file nor folder are refused, and so is every name that leads out.

    Raises:
        DataError: no archive, a damaged one, or one of these.
    """
    allowed = min(most_bytes, _FREE + _RATIO * path.stat().st_size)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _unpack_zip(archive, path, to, allowed, most_files)
        with tarfile.open(path) as archive:
            return _unpack_tar(archive, path, to, allowed, most_files)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, DataError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise DataError(f"{path} is no archive, or a damaged one ({error}); fetch it again") from None


def _unpack_zip(archive: zipfile.ZipFile, path: Path, to: Path, allowed: int, most_files: int) -> int:
    files = written = 0
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(f"{path} holds {member.filename!r}, which is a link or a device; it is not unpacked")
        if member.is_dir():
            continue
        files += 1
        _check(path, files, most_files)
        with archive.open(member) as source:
            written = _write(source, to / inside(member.filename), written, allowed, path)
    return files


def _unpack_tar(archive: tarfile.TarFile, path: Path, to: Path, allowed: int, most_files: int) -> int:
    files = written = 0
    for member in archive:
        if member.isdir():
            continue
        if not member.isreg():
            raise DataError(f"{path} holds {member.name!r}, which is a link or a device; it is not unpacked")
        files += 1
        _check(path, files, most_files)
        source = archive.extractfile(member)
        assert source is not None
        with source:
            written = _write(source, to / inside(member.name), written, allowed, path)
    return files


def _write(source: object, file: Path, written: int, allowed: int, path: Path) -> int:
    """Copies one file, counting what comes out rather than what the archive declares."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        while block := source.read(_CHUNK):  # type: ignore[attr-defined]
            written += len(block)
            if written > allowed:
                raise DataError(
                    f"{path} unpacks to more than {allowed:,} bytes, which is no data set of its size; it is not unpacked"
                )
            stream.write(block)
    return written


def _check(path: Path, files: int, most_files: int) -> None:
    if files > most_files:
        raise DataError(f"{path} holds more than {most_files:,} files; it is not unpacked")
