"""Where to cut a large image into overlapping tiles, and which part of each tile's result to keep."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from pixelwise.errors import ConfigError
from pixelwise.types import Size

__all__ = ["Window", "cores", "tiles"]


class Window(NamedTuple):
    """A rectangle of pixels: rows ``top`` to ``top + height``, columns ``left`` to ``left + width``, ends excluded."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """``array[..., *window.slices]`` is the window's view of an array (..., H, W)."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def within(self, outer: Window) -> Window:
        """The same window, counted from the top left corner of ``outer``."""
        return Window(self.top - outer.top, self.left - outer.left, self.height, self.width)


def tiles(size: Size, tile: Size, overlap: int) -> list[Window]:
    """Windows of ``tile`` (height, width) that cover an image of ``size``, row by row; neighbours share at least ``overlap``.

    All tiles have the same size and none leaves the image: they are spread evenly. Along a side on which the image is
    smaller than the tile, the tile is cut to the image. Raises ConfigError where the overlap does not fit the tile.
    """
    rows, columns = _starts(size[0], tile[0], overlap), _starts(size[1], tile[1], overlap)
    height, width = min(size[0], tile[0]), min(size[1], tile[1])
    return [Window(top, left, height, width) for top in rows for left in columns]


def cores(size: Size, tile: Size, overlap: int) -> list[Window]:
    """The part of each of the ``tiles`` that is its own, in the same order: every pixel of the image is in exactly one.

    Borders run through the middle of the overlaps, so a core is at least ``overlap // 2`` pixels away from every edge
    of its tile at which the image goes on.
    """
    rows = _shares(_starts(size[0], tile[0], overlap), min(size[0], tile[0]), size[0])
    columns = _shares(_starts(size[1], tile[1], overlap), min(size[1], tile[1]), size[1])
    return [Window(top, left, bottom - top, right - left) for top, bottom in rows for left, right in columns]


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    if length < 1 or tile < 1 or not 0 <= overlap < tile:
        raise ConfigError(
            f"tiles need a size and a tile of at least 1 pixel and 0 <= overlap < tile, got an image side of {length}, "
            f"tile {tile}, overlap {overlap}; lower the overlap or enlarge the tile"
        )
    if length <= tile:
        return [0]
    how_many = -(-(length - overlap) // (tile - overlap))
    return [index * (length - tile) // (how_many - 1) for index in range(how_many)]


def _shares(starts: list[int], tile: int, length: int) -> list[tuple[int, int]]:
    borders = [0, *((after + before + tile) // 2 for before, after in pairwise(starts)), length]
    return list(pairwise(borders))
