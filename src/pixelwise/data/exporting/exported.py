"""What every writer of a foreign format shares: images to their place, classes that have numbers, and the account of it all."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise.data.importing.annotated import Annotated
from pixelwise.data.importing.naming import BACKGROUND_NAMES
from pixelwise.data.importing.paths import inside
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.image import write_image

__all__ = ["Exported", "Roles", "place_image", "refuse_filled", "roles_of"]


@dataclass
class Exported:
    """What was written. ``failed``: why, by key of image. ``decisions``: what was written how. ``losses``: what the format cannot
    hold, by name in the plural."""

    title: str
    images: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)

    def sentences(self) -> list[str]:
        """What was lost, for people."""
        return [f"{self.title} export loses {count:,} {what}" for what, count in self.losses.items() if count]


@dataclass(frozen=True)
class Roles:
    """What the ids of a class table are for: ``objects``, ids that are written, by name; the ``background``, where there is one;
    ``ignored`` ids; and ``things`` among the objects."""

    objects: Mapping[int, str]
    background: int | None
    ignored: frozenset[int]
    things: frozenset[int]


def roles_of(classes: Sequence[Mapping[str, Any]]) -> Roles:
    """Roles of the rows of ``classes.json``: the background is the class of that name, and 255 is ignored unless it has one."""
    ignored = {row["id"] for row in classes if row.get("ignore")}
    named = {row["id"]: str(row.get("name") or f"class_{row['id']}") for row in classes if not row.get("ignore")}
    background = next((number for number, name in named.items() if name.lower() in BACKGROUND_NAMES), None)
    objects = {number: name for number, name in sorted(named.items()) if number != background}
    if not objects:
        raise DataError("there is no class but background, so there is nothing to export; name the classes in classes.json")
    things = frozenset(row["id"] for row in classes if row.get("thing"))
    return Roles(objects, background, frozenset(ignored | {255} - named.keys()), things)


def refuse_filled(out: Path) -> None:
    """Raises :class:`ConfigError` where ``out`` holds anything: nothing is ever written over."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists and is not empty; choose another folder; nothing was changed")


def place_image(item: Annotated, folder: Path, name: str) -> str:
    """Copies or writes the image of ``item`` as ``folder / name`` with its suffix, and returns the name with the suffix."""
    name = inside(name).as_posix()
    if isinstance(item.image, Path):
        name += item.image.suffix.lower()
        with atomic_write(folder / name) as temporary:
            shutil.copyfile(item.image, temporary)
        return name
    write_image(folder / f"{name}.png", item.image())
    return f"{name}.png"
