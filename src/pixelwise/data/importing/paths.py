"""File names that stand in annotations: found below the data set, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from pixelwise.errors import DataError
from pixelwise.formats.image import is_image_name

__all__ = ["ImageFinder", "inside", "is_there"]


def inside(name: str) -> PurePosixPath:
    """A relative name with ``/`` between its folders, whatever system wrote it.

    Raises :class:`DataError` for names that lead out of the folder they are meant for: absolute ones and those with ``..``.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")) or "\0" in name or not path.parts:
        raise DataError(f"the file name {name!r} leads out of the data set; annotations must name files below their own folder")
    return path


def is_there(path: Path) -> bool:
    """Whether a file is there. Names in annotations may be longer than any file's, at which ``Path.is_file`` fails."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


class ImageFinder:
    """Finds the images of a folder by what annotations call them: by relative path, else by the file's name alone where that
    is unique, with or without its suffix, whatever absolute path stands before it.

    Args:
        root: the folder; images are found at any depth.
        without: folders of images that are masks, which annotations do not mean.
    """

    def __init__(self, root: Path, without: Collection[Path] = ()) -> None:
        self.root = root
        self._by_path: dict[str, Path] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in sorted(root.rglob("*")):
            if is_image_name(path) and path.is_file() and not any(folder in path.parents for folder in without):
                self._by_path[path.relative_to(root).as_posix()] = path
                self._by_name.setdefault(path.name, []).append(path)
                self._by_stem.setdefault(path.stem, []).append(path)

    @property
    def images(self) -> Mapping[str, Path]:
        """All images by their path relative to the root."""
        return self._by_path

    def find(self, name: str) -> Path:
        """The image called ``name``. Raises :class:`DataError` where there is none, or several and nothing tells them apart."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.as_posix() in self._by_path:
            return self._by_path[path.as_posix()]
        candidates = self._by_name.get(path.name) or self._by_stem.get(path.stem if is_image_name(path.name) else path.name, [])
        if len(candidates) > 1:  # the longest common end of the path decides, if anything does
            ends = [(_common_end(path.parts, found.parts), found) for found in candidates]
            longest = max(length for length, _ in ends)
            candidates = [found for length, found in ends if length == longest]
        if not candidates:
            raise DataError(f"the image {name!r} is not below {self.root}; add it, or remove its annotation")
        if len(candidates) > 1:
            raise DataError(f"{len(candidates)} images below {self.root} could be {name!r}: {candidates[0]}, {candidates[1]}")
        return candidates[0]


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return length
