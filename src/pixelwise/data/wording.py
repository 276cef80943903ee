"""How faults are told: some names and how many more, how many of what, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixelwise.types import Size

__all__ = ["counted", "files_of", "named", "sized"]


def counted(items: Sequence[object], one: str, many: str = "") -> str:
    """``3 masks``, ``1 mask``."""
    return f"{len(items):,} {one if len(items) == 1 else many or one + 's'}"


def named(items: Sequence[object], how_many: int = 5) -> str:
    """The first few, paths by their name alone, and how many more there are."""
    shown = ", ".join(item.name if isinstance(item, Path) else str(item) for item in items[:how_many])
    return shown + (f" and {len(items) - how_many:,} more" if len(items) > how_many else "")


def files_of(paths: Sequence[Path]) -> tuple[tuple[str, ...], int]:
    """``files`` and ``count`` of a problem."""
    return tuple(str(path) for path in paths), len(paths)


def sized(size: Size | None) -> str:
    """``360 x 480``: height and width."""
    return "unknown" if size is None else f"{size[0]} x {size[1]}"
