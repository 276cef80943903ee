"""The nouns: what passes from file to report, each small and frozen. A target and a result are the same noun.

Sizes are always ``(height, width)`` in pixels. A *class index* is a position in the :class:`ClassTable`, which is what
networks, losses and metrics see; a *class id* is the number that the user's masks hold on disk. ``LabelMap.indices``
and ``LabelMap.ids`` are these two views of the same map.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pixelwise.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "IGNORE_INDEX",
    "MAX_CLASSES",
    "Batch",
    "ClassInfo",
    "ClassTable",
    "LabelMap",
    "Mode",
    "Record",
    "Sample",
    "Size",
    "distinct_colors",
]

IGNORE_INDEX = 255
"""Class index of pixels that count for nothing: no loss, no gradient, no score. Padding has it too."""

MAX_CLASSES = 255
"""Class indices are uint8 and 255 is :data:`IGNORE_INDEX`, so indices 0 to 254 remain."""

Size = tuple[int, int]
Mode = Literal["binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class ClassInfo:
    """One class: the id in the user's masks (0 to 65535), its name, its colour (RGB), and whether it is countable."""

    id: int
    name: str
    color: tuple[int, int, int]
    is_thing: bool = False


@dataclass(frozen=True)
class ClassTable:
    """The classes of one data set, in training order, and the ids on disk that are ignored.

    Ids need not be consecutive: ``to_indices`` and ``to_ids`` are inverse look-ups between the user's ids and class
    indices. Id 255 is always ignored unless a class claims it.
    """

    classes: tuple[ClassInfo, ...]
    ignore_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.classes) > MAX_CLASSES:
            raise DataError(
                f"{len(self.classes)} classes, but at most {MAX_CLASSES} are supported; mark rare ids as ignored in classes.json"
            )
        for what, values in (("id", [str(c.id) for c in self.classes]), ("name", self.names)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise DataError(f"class {what} {', '.join(twice)} stands more than once; make each {what} unique in classes.json")
        both = {c.id for c in self.classes} & set(self.ignore_ids)
        if both:
            raise DataError(f"class ids {sorted(both)} are both a class and ignored; choose one in classes.json")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.classes]

    @property
    def ids(self) -> list[int]:
        return [c.id for c in self.classes]

    @cached_property
    def colors(self) -> np.ndarray:
        """(K, 3) uint8 RGB, one row per class index."""
        return np.array([c.color for c in self.classes], np.uint8).reshape(-1, 3)

    @property
    def ignore_id(self) -> int:
        """The id that ignored pixels get when a map is written in the user's ids."""
        return self.ignore_ids[0] if self.ignore_ids else IGNORE_INDEX

    @cached_property
    def _index_of_id(self) -> np.ndarray:
        table = np.full(65536, -1, np.int16)
        table[IGNORE_INDEX] = IGNORE_INDEX
        for ignored in self.ignore_ids:
            table[ignored] = IGNORE_INDEX
        for index, info in enumerate(self.classes):
            table[info.id] = index
        return table

    @cached_property
    def _id_of_index(self) -> np.ndarray:
        top = max([*self.ids, self.ignore_id])
        table = np.full(256, self.ignore_id, np.uint8 if top < 256 else np.uint16)
        table[: len(self)] = self.ids
        return table

    def to_indices(self, ids: np.ndarray) -> np.ndarray:
        """Class indices (uint8) of a map of ids on disk; raises :class:`DataError` that names ids outside the table."""
        found = self._index_of_id[ids]
        if found.min(initial=0) < 0:
            unknown, counts = np.unique(ids[found < 0], return_counts=True)
            shown = ", ".join(f"{i} ({n} px)" for i, n in zip(unknown[:8].tolist(), counts[:8].tolist(), strict=True))
            more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
            raise DataError(
                f"ids {shown}{more} are not in the class table (ids {_ranges(self.ids)}, ignored "
                f"{sorted({*self.ignore_ids, IGNORE_INDEX})}); add them to classes.json, or mark them ignored there"
            )
        return found.astype(np.uint8)

    def to_ids(self, indices: np.ndarray) -> np.ndarray:
        """The user's ids (uint8, or uint16 where ids need it) of a map of class indices."""
        return self._id_of_index[indices]

    def to_json(self) -> list[dict[str, Any]]:
        """The rows of ``classes.json``."""
        rows: list[dict[str, Any]] = [
            {"id": c.id, "name": c.name, "color": list(c.color), **({"thing": True} if c.is_thing else {})} for c in self.classes
        ]
        return rows + [{"id": i, "name": f"ignore_{i}", "ignore": True} for i in self.ignore_ids]

    @classmethod
    def from_json(cls, rows: Sequence[Mapping[str, Any]]) -> ClassTable:
        """Reads the rows of ``classes.json``: ``id`` and ``name``, optional ``color`` (three numbers or ``#rrggbb``),
        ``ignore`` and ``thing``."""
        kept = [row for row in rows if not row.get("ignore")]
        palette = distinct_colors(len(kept))
        classes = []
        for position, row in enumerate(kept):
            class_id = _checked_id(row)
            color = _checked_color(row) if row.get("color") is not None else palette[position]
            classes.append(ClassInfo(class_id, str(row.get("name", f"class_{class_id}")), color, bool(row.get("thing", False))))
        return cls(tuple(classes), tuple(_checked_id(row) for row in rows if row.get("ignore")))

    @classmethod
    def from_ids(cls, ids: Sequence[int]) -> ClassTable:
        """A table for bare ids: names ``class_7``, or ``background`` and ``foreground`` where there are just two."""
        names = ["background", "foreground"] if len(ids) == 2 else [f"class_{i}" for i in ids]
        return cls.from_json([{"id": i, "name": name} for i, name in zip(ids, names, strict=True)])


def _checked_id(row: Mapping[str, Any]) -> int:
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise DataError(f"classes.json: id must be a whole number from 0 to 65535, got {value!r} in {dict(row)}")
    return value


def _checked_color(row: Mapping[str, Any]) -> tuple[int, int, int]:
    color = row["color"]
    if isinstance(color, str) and re.fullmatch("#[0-9a-fA-F]{6}", color):
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    if isinstance(color, (list, tuple)) and len(color) == 3 and all(isinstance(c, int) and 0 <= c <= 255 for c in color):
        return color[0], color[1], color[2]
    raise DataError(f"classes.json: color must be three numbers, 0 to 255, or '#rrggbb', got {color!r} for {row.get('name')!r}")


def _ranges(ids: Sequence[int]) -> str:
    """'0-10, 37' for a list of ids."""
    parts: list[list[int]] = []
    for value in sorted(ids):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def distinct_colors(how_many: int) -> list[tuple[int, int, int]]:
    """Colours that stay apart on screen and in grey: hues by the golden angle, lightness in three steps."""
    colors = []
    for position in range(how_many):
        red, green, blue = colorsys.hls_to_rgb((0.58 + position * 0.381966) % 1.0, (0.5, 0.66, 0.36)[position % 3], 0.75)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return colors


@dataclass(frozen=True)
class Record:
    """Where one image and its target are. ``masks`` holds one path for a label map, one per class for multilabel
    (``None`` where a class has no file for this image, which means none of its pixels), and nothing without a target.
    ``columns`` holds what the user wrote down about the image, such as ``{"patient": "p3"}``; an empty value is unknown."""

    key: str  # unique within the data set; ends up in per_image.csv and in names of written files
    image: Path
    masks: tuple[Path | None, ...] = ()
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)  # a dict has no hash; equality still sees it


@dataclass(frozen=True)
class LabelMap:
    """One class index per pixel: a target, or a result of the original image's size.

    ``indices`` is (H, W) uint8 with 255 for ignored pixels; in multilabel mode it is (K, H, W) uint8 holding 0, 1 or 255.
    ``scores`` is (K, H, W) float16 probabilities where they were asked for.
    """

    indices: np.ndarray
    classes: ClassTable
    scores: np.ndarray | None = field(default=None, repr=False)

    @property
    def size(self) -> Size:
        return int(self.indices.shape[-2]), int(self.indices.shape[-1])

    @property
    def is_multilabel(self) -> bool:
        return self.indices.ndim == 3

    @property
    def ids(self) -> np.ndarray:
        """The map in the user's own ids (H, W); for multilabel the (K, H, W) masks as they are."""
        return self.indices if self.is_multilabel else self.classes.to_ids(self.indices)


@dataclass(frozen=True)
class Sample:
    """One record, loaded: ``image`` (H, W, C) uint8; ``target`` (H, W) or, multilabel, (K, H, W) uint8 class indices."""

    image: np.ndarray
    target: np.ndarray | None
    record: Record


@dataclass(frozen=True)
class Batch:
    """Samples of one size: ``images`` (B, C, H, W) uint8; ``targets`` (B, H, W) or, multilabel, (B, K, H, W)."""

    images: Tensor
    targets: Tensor | None
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    def to(self, device: Any) -> Batch:
        """The same batch on another device."""
        targets = None if self.targets is None else self.targets.to(device, non_blocking=True)
        return Batch(self.images.to(device, non_blocking=True), targets, self.records)

    def part(self, start: int, stop: int) -> Batch:
        """Samples ``start`` to ``stop`` as a smaller batch: a micro-batch."""
        targets = None if self.targets is None else self.targets[start:stop]
        return Batch(self.images[start:stop], targets, self.records[start:stop])
