"""What a check saw, kept for the next one: a file whose size and time of change are the same is not read again.

One file per data set in the user's cache, in plain JSON, compressed, behind a checksum; whatever is wrong with it, all is read
anew. It holds no pixels but thumbnails of 16 x 16.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise import __version__
from pixelwise.data.closeup import Channel, Closeup, ImageLook, MaskLook
from pixelwise.data.dataset import Dataset
from pixelwise.data.inspection import Inspection
from pixelwise.data.levels import Levels, histogram_or_error, scan
from pixelwise.data.objects import STRIDES, Objects
from pixelwise.errors import DataError, PixelwiseError
from pixelwise.formats.atomic import atomic_write
from pixelwise.types import Record

__all__ = ["CheckMemory"]

_FORM = 1  # of the file; another number is another form
_MOST_BYTES = 256 << 20  # of all data sets together
_MOST_BINS = 8 * 60  # of areas: none is larger than 2^60 pixels
_FRESH = 2.0  # seconds: what changed just before it was read may change again within one tick of the file system's clock

_NOTHING: dict[str, Any] = {"reading": "", "levels": {}, "records": {}}

_Stamp = list[int]  # size and time of change in nanoseconds


class CheckMemory:
    """The memory of one data set. All methods but :meth:`recall` and :meth:`scan` belong to one thread."""

    def __init__(self, folder: Path | None, root: Path) -> None:
        """``root`` is the data set; without a ``folder`` nothing is remembered."""
        name = f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:24]}.check"
        self._path = None if folder is None else folder / name
        self._levels: dict[str, Any] = {}
        self._records: dict[str, Any] = {}
        self._reading = ""
        self._num_classes = 0
        self._old = _NOTHING | (_read(self._path) if self._path is not None else {})
        self._stamps: dict[str, list[_Stamp]] = {}
        self._recalled: set[str] = set()
        self._is_news = False

    @property
    def recalled(self) -> int:
        """Records that were not read again."""
        return len(self._recalled)

    def scan(self, masks: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Levels:
        """As :func:`pixelwise.data.levels.scan`, of what is known and what is not."""
        known = self._old.get("levels", {})
        done = 0

        def histogram_of(path: Path) -> np.ndarray | DataError:
            nonlocal done
            stamp = _stamp(path)
            counts = _counts(known.get(str(path)), stamp)
            found = histogram_or_error(path) if counts is None else counts
            if counts is not None:
                self._levels[str(path)] = known[str(path)]
            elif isinstance(found, np.ndarray) and stamp and not _is_fresh(stamp):
                self._is_news = True
                present = np.flatnonzero(found)
                self._levels[str(path)] = [stamp, len(found), present.tolist(), found[present].tolist()]
            done += 1
            if progress is not None:
                progress(done, len(masks))
            return found

        return scan(masks, histogram_of)

    def begin(self, dataset: Dataset, max_pixels: int) -> None:
        """Before the first :meth:`recall`: what was seen counts only if masks are read in the same way."""
        how = [__version__, dataset.classes.to_json(), dataset.mode, dataset.threshold, dataset.colors, max_pixels]
        self._num_classes = len(dataset.classes)
        self._reading = hashlib.sha256(json.dumps(how).encode()).hexdigest()
        if self._old.get("reading") != self._reading:
            self._old["records"] = {}

    def recall(self, record: Record) -> Inspection | None:
        """What was seen of these very files, if anything."""
        stamps = [_stamp(path) for path in (record.image, *record.masks) if path is not None]
        if not all(stamps):
            return None
        self._stamps[record.key] = [stamp for stamp in stamps if stamp]
        row = self._old["records"].get(record.key)
        names = [str(path) for path in (record.image, *record.masks) if path is not None]
        try:
            if not row or row["stamps"] != stamps or row["names"] != names:
                return None
            seen = _inspection(record, row, self._num_classes)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
            return None
        self._recalled.add(record.key)
        return seen

    def keep(self, inspection: Inspection) -> None:
        """Notes what was seen."""
        key = inspection.record.key
        stamps = self._stamps.get(key)
        if key in self._recalled:
            self._records[key] = self._old["records"][key]
        elif stamps and not any(map(_is_fresh, stamps)):
            self._records[key] = _row(inspection, stamps)
            self._is_news = True

    def save(self) -> None:
        """Writes all that was noted, if any of it is new, and makes room. A memory that cannot be written is none."""
        if self._path is None or not self._is_news:
            return
        told = {"reading": self._reading, "levels": self._levels or self._old.get("levels", {}), "records": self._records}
        packed = zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 1)
        if len(packed) > _MOST_BYTES:
            return
        with contextlib.suppress(PixelwiseError, OSError):
            with atomic_write(self._path) as temporary:
                temporary.write_bytes(_head(packed) + packed)
            _make_room(self._path)


def _head(packed: bytes) -> bytes:
    return f"pixelwise check {_FORM} {hashlib.sha256(packed).hexdigest()}\n".encode()


def _read(path: Path) -> dict[str, Any]:
    """What the file holds, or nothing: where there is none, or it is damaged, or of another form."""
    try:
        if path.stat().st_size > _MOST_BYTES + 1000:
            return {}
        head, packed = path.read_bytes().split(b"\n", 1)
        if head + b"\n" != _head(packed):
            return {}
        told = json.loads(zlib.decompress(packed))
        is_whole = isinstance(told["levels"], dict) and isinstance(told["records"], dict)
    except (OSError, ValueError, KeyError, TypeError, zlib.error, RecursionError):
        return {}
    return told if is_whole else {}


def _make_room(newest: Path) -> None:
    """Removes the memories that were written longest ago, until all of them together are small enough."""
    files = sorted(newest.parent.glob("*.check"), key=lambda path: (path == newest, path.stat().st_mtime_ns), reverse=True)
    total = 0
    for path in files:
        total += path.stat().st_size
        if total > _MOST_BYTES and path != newest:
            path.unlink()


def _stamp(path: Path) -> _Stamp | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return [facts.st_size, facts.st_mtime_ns]


def _is_fresh(stamp: _Stamp) -> bool:
    return time.time() - stamp[1] / 1e9 < _FRESH


def _counts(row: Any, stamp: _Stamp | None) -> np.ndarray | None:
    """Pixels per value of a mask, (256,) or (65536,) int64, from a row of the file."""
    try:
        if stamp is None or row[0] != stamp or row[1] not in (256, 65536):
            return None
        counts = np.zeros(row[1], np.int64)
        counts[row[2]] = row[3]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return counts if counts.min() >= 0 else None


def _row(inspection: Inspection, stamps: list[_Stamp]) -> dict[str, Any]:
    """An inspection as plain values; masks by their position."""
    place = {path: at for at, path in enumerate(inspection.record.masks)}
    look = inspection.closeup or Closeup()
    return {
        "stamps": stamps,
        "names": [str(path) for path in (inspection.record.image, *inspection.record.masks) if path is not None],
        "digest": inspection.digest.hex(),
        "size": inspection.size,
        "kind": inspection.kind,
        "flags": [inspection.is_deep, inspection.has_mask, inspection.is_grey_as_color],
        "mask_sizes": [[place[path], *size] for path, size in inspection.mask_sizes.items()],
        "pixels": list(inspection.pixels.items()),
        "unknown": list(inspection.unknown.items()),
        "totals": [inspection.ignored, inspection.total],
        "image_error": inspection.image_error,
        "mask_errors": [[place[path], error] for path, error in inspection.mask_errors.items()],
        "jpeg_masks": [place[path] for path in inspection.jpeg_masks],
        "thumbnail": base64.b64encode(look.image.thumbnail).decode("ascii"),
        "channels": [list(vars(channel).values()) for channel in look.image.channels],
        "mask": [look.mask.digest.hex(), look.mask.strays, look.mask.stray_pixels, look.mask.soft_pixels],
        "objects": [
            [index, list(own.areas.items()), own.lost_pixels, own.lost_objects] for index, own in look.mask.objects.items()
        ],
    }


def _inspection(record: Record, row: dict[str, Any], num_classes: int) -> Inspection:
    """The inverse of :func:`_row`; raises one of the errors of bad data where a value is not what it should be."""
    masks = record.masks
    is_deep, has_mask, is_grey_as_color = map(bool, row["flags"])
    ignored, total = map(_whole, row["totals"])
    digest, *counts = row["mask"]
    strays, stray_pixels, soft_pixels = map(_whole, counts)
    objects = {
        _whole(index, num_classes): Objects(_numbers(areas, _MOST_BINS), _row_of(pixels), _row_of(lost))
        for index, areas, pixels, lost in row["objects"]
    }
    thumbnail = base64.b64decode(row["thumbnail"], validate=True)
    return Inspection(
        record,
        digest=bytes.fromhex(row["digest"]),
        size=None if row["size"] is None else _size(*row["size"]),
        kind=str(row["kind"]),
        is_deep=is_deep,
        has_mask=has_mask,
        mask_sizes={_known(masks[at]): _size(height, width) for at, height, width in row["mask_sizes"]},
        pixels=_numbers(row["pixels"], num_classes),
        ignored=ignored,
        total=total,
        unknown=_numbers(row["unknown"], 65536),
        is_grey_as_color=is_grey_as_color,
        image_error=str(row["image_error"]),
        mask_errors={_known(masks[at]): str(error) for at, error in row["mask_errors"]},
        jpeg_masks=tuple(_known(masks[at]) for at in row["jpeg_masks"]),
        closeup=Closeup(
            ImageLook(thumbnail, tuple(Channel(*map(_finite, values)) for values in row["channels"])),
            MaskLook(bytes.fromhex(digest), objects, strays, stray_pixels, soft_pixels),
        ),
    )


def _known(path: Path | None) -> Path:
    if path is None:
        raise ValueError("a mask that is not there")
    return path


def _whole(value: Any, end: int = 1 << 53) -> int:
    if not isinstance(value, int) or not 0 <= value < end:
        raise ValueError(f"no whole number below {end}")
    return int(value)


def _finite(value: Any) -> float:
    number = float(value)
    if not abs(number) < 1e80:  # the square of what a float image can hold
        raise ValueError("no number")
    return number


def _size(height: Any, width: Any) -> tuple[int, int]:
    return _whole(height, 1 << 31), _whole(width, 1 << 31)


def _row_of(values: Sequence[Any]) -> tuple[int, ...]:
    if len(values) != len(STRIDES):
        raise ValueError("one number for each stride")
    return tuple(map(_whole, values))


def _numbers(pairs: Sequence[Sequence[Any]], end: int) -> dict[int, int]:
    return {_whole(key, end): _whole(count) for key, count in pairs}
