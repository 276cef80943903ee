"""Names in annotations: of classes, whose ids they become, and of images, whose keys they become."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError

__all__ = ["BACKGROUND_NAMES", "ClassIds", "beginning", "class_name", "counted", "files_below", "keys_of", "split_of"]

_MOST_CLASSES = 65535  # ids of 16 bits

BACKGROUND_NAMES = ("background", "_background_", "__background__")
"""Names, in any case, of the class that gets id 0."""


class ClassIds:
    """Ids for classes that have only names: 0 for background, the others from 1 in the order in which they are added.
    ``ignored``: ids of names that count for nothing."""

    def __init__(self, names: Iterable[str] = (), ignored: Mapping[str, int] | None = None) -> None:
        self.ids: dict[str, int] = {}
        self._ignored = dict(ignored or {})
        self._colors: dict[str, str | tuple[int, int, int]] = {}
        self._free = (number for number in range(1, _MOST_CLASSES + 1) if number not in self._ignored.values())
        self.add(names)

    def add(self, names: Iterable[str]) -> None:
        """Gives ids to names that have none yet; raises :class:`DataError` when none are left."""
        for name in names:
            if name in self.ids:
                continue
            class_id = 0 if name.lower() in BACKGROUND_NAMES else self._ignored.get(name) or next(self._free, None)
            if class_id is None:
                raise DataError(f"there are more than {_MOST_CLASSES:,} class names; are they names of objects, not of classes?")
            self.ids[name] = class_id

    def sentence(self, order: str) -> str:
        """Which id each class got, for the decisions; ``order`` says why."""
        shown = some([f"{class_id} {name}" for name, class_id in sorted(self.ids.items(), key=lambda row: row[1]) if class_id], 8)
        return f"class ids {order}: {shown or 'none'}; 0 is background"

    def color(self, name: str, color: str | tuple[int, int, int]) -> None:
        """What colour a class is shown in."""
        self._colors[name] = color

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """Rows of ``classes.json``, background first whether it was named or not."""
        names = {class_id: name for name, class_id in reversed(self.ids.items())}
        names.setdefault(0, "background")
        rows = []
        shown: list[str | tuple[int, int, int]] = []
        for class_id, name in sorted(names.items()):
            color = {"color": self._colors[name]} if name in self._colors else {}
            ignore = {"ignore": True} if name in self._ignored else {}
            if color.get("color") in shown:
                color = {}  # a table of colours must be one to one
            shown += color.values()
            rows.append({"id": class_id, "name": name, **color, **ignore})
        return tuple(rows)


def class_name(value: Any) -> str:
    """A name that can be written anywhere: without blanks around it and without half characters; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return str(value).strip().encode("utf-8", "replace").decode("utf-8")


def keys_of(images: Sequence[Path], root: Path) -> list[str]:
    """A unique key for each of several different files below ``root``: its relative path without the folders that all share,
    and without its suffix where that leaves it unique."""
    paths = [path.relative_to(root) for path in images]
    shared = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    names = [path.relative_to(shared) for path in paths]
    counts = Counter(name.with_suffix("").as_posix() for name in names)
    return [name.as_posix() if counts[name.with_suffix("").as_posix()] > 1 else name.with_suffix("").as_posix() for name in names]


def split_of(path: Path | str) -> str:
    """The split that a folder of the path is called by, the outermost first; empty where none is."""
    return next((SPLIT_NAMES[part.lower()] for part in Path(path).parts if part.lower() in SPLIT_NAMES), "")


def files_below(root: Path, suffix: str, levels: int = 3) -> Iterator[Path]:
    """Files of a suffix in ``root`` and few levels below it, or ``root`` itself where it is such a file; nearest first."""
    if root.is_file():
        return iter([root] if root.suffix.lower() == suffix else [])
    found = (sorted(root.glob(f"{'*/' * level}*{suffix}")) for level in range(levels + 1))
    return (path for path in chain.from_iterable(found) if path.is_file() and not path.name.startswith("."))


def beginning(path: Path, length: int = 4096) -> bytes:
    """The first and the last bytes of a file, for telling what it is; nothing where it cannot be read."""
    try:
        with path.open("rb") as stream:
            start = stream.read(length)
            stream.seek(max(length, path.stat().st_size - length))
            return start + stream.read(length)
    except OSError:
        return b""


def counted(count: int, noun: str, names: Sequence[Any] = ()) -> str:
    """'1 box', '3 boxes', '3 boxes (a, b, c)': a noun in the singular with its number, and some of the names behind it."""
    ending = "" if count == 1 else "es" if noun.endswith(("x", "s")) else "s"
    return f"{count:,} {noun}{ending}" + (f" ({some(list(names), 3)})" if names else "")
