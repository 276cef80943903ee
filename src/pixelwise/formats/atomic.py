"""Files that are there whole or not at all: written beside their place, flushed to disk, then renamed into it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from pixelwise.errors import PixelwiseError, StorageError

__all__ = ["atomic_write"]

# There is no other way to ask for it than to set it; once, at import, before there are threads.
_UMASK = os.umask(0)
os.umask(_UMASK)

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REASONS = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk reports an error",
    errno.EFBIG: "the file is too large for this file system",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a part of the path is a file, not a folder",
    errno.EISDIR: "a folder of that name is in the way",
}


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yields a path in the same folder to write to; on success that file replaces ``path`` in one step, on failure it is
    removed and ``path`` stays as it was. Missing parent folders are made. The suffix is kept, for writers that go by it.

    Raises :class:`StorageError` when the disk is full or the place cannot be written to, also when the writer inside the
    block reports this in an exception of its own.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem[:80]}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.chmod(_mode(path))
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        message = _storage_message(path, error)
        if message is None:
            raise
        raise StorageError(message) from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced; for a new one what the process gives to any new file. Some writers,
    safetensors among them, make files that only their owner can read."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o777
    return 0o666 & ~_UMASK


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself durable; not every file system offers this, and the file is whole without it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _storage_message(path: Path, error: BaseException) -> str | None:
    """What to tell the user when ``error`` is about storage; None for everything else."""
    if isinstance(error, PixelwiseError) or not isinstance(error, Exception):
        return None
    number = error.errno if isinstance(error, OSError) else None
    # safetensors and torch wrap the system's error in exceptions of their own; only the text remains
    if number in _FULL or "no space left" in str(error).lower() or "os error 28" in str(error):
        return f"disk full while writing {path}; what was there before is unharmed; free space and run again"
    if number in _REASONS:
        return (
            f"cannot write {path}: {_REASONS[number]}; what was there before is unharmed; "
            f"choose another place or change its permissions"
        )
    return None
