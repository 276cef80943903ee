"""One file over HTTP: resumed where it was broken off, and taken only if its checksum is right."""

from __future__ import annotations

import hashlib
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from pixelwise.data.fetching.catalog import Download
from pixelwise.errors import DataError, StorageError

__all__ = ["download"]

_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 4  # per mirror; each goes on where the one before broke off
_PAUSE = 1.0  # seconds before the second try, doubled before each further one

_Progress = Callable[[int, int | None], None]


def download(file: Download, to: Path, progress: _Progress | None = None, pause: float = _PAUSE) -> Path:
    """Fetches ``file`` into the folder ``to`` and returns its path; a complete one that is there is not fetched again.

    An interruption leaves ``NAME.part``, with which the next call goes on. ``progress`` is told (bytes, of how many, or None).

    Raises:
        DataError: no mirror answers, or what they send has another size or checksum.
        StorageError: the disk is too full.
    """
    to.mkdir(parents=True, exist_ok=True)
    path, part = to / file.name, to / f"{file.name}.part"
    if path.is_file() and _md5(path) == file.md5:
        return path
    reasons = []
    for mirror in file.mirrors:
        reason = _from_mirror(mirror, file, part, progress, pause)
        if not reason:
            part.replace(path)
            return path
        reasons.append(f"{mirror}: {reason}")
    raise DataError(
        f"{file.name} could not be fetched ({'; '.join(reasons)}); check the network and any proxy, or put the file into {to}"
    )


def _from_mirror(url: str, file: Download, part: Path, progress: _Progress | None, pause: float) -> str:
    """Tries one mirror; why it failed, or an empty string."""
    if urlsplit(url).scheme not in ("http", "https"):
        return "not an address of the web"
    reason = "no answer"
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _append(url, file, part, progress)
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 416, 429):
                return reason
            if error.code == 416:  # there is no such rest: what we hold belongs to another file
                part.unlink(missing_ok=True)
            continue
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            continue
        found = _md5(part)
        if found == file.md5:
            return ""
        reason = f"its MD5 sum is {found}, not {file.md5}, so it is damaged or another file"
        part.unlink()
    return reason


def _append(url: str, file: Download, part: Path, progress: _Progress | None) -> None:
    """Adds the rest of the file to ``part``; all of it where the server cannot send a rest."""
    held = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "pixelwise", **({"Range": f"bytes={held}-"} if held else {})}
    # Redirects of urllib lead to http, https and ftp alone, never to files of this machine.
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as answer:
        if answer.status != 206:
            held = 0
        rest = answer.headers.get("Content-Length")
        total = held + int(rest) if rest and rest.isdigit() else file.size
        _check_room(part.parent, (total or 0) - held, file.name)
        with part.open("ab" if held else "wb") as stream:
            done = held
            for block in iter(lambda: answer.read(_CHUNK), b""):
                stream.write(block)
                done += len(block)
                if progress is not None:
                    progress(done, total)
                if file.size is not None and done > file.size:
                    raise HTTPException(f"more than the {file.size:,} bytes of {file.name}")
        if total is not None and done < total:
            raise ConnectionError(f"broken off after {done:,} of {total:,} bytes")


def _check_room(folder: Path, needed: int, name: str) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(f"{name} needs {needed:,} bytes and {folder} has {free:,} free; make room, or choose another folder")


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from iter(lambda: stream.read(_CHUNK), b"")
