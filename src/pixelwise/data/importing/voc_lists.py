"""Lists of images in ``ImageSets/``, and the images that they name without a suffix."""

from __future__ import annotations

from pathlib import Path

from pixelwise.data.importing.naming import beginning, class_name
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.data.sources.found import SPLIT_NAMES
from pixelwise.errors import DataError

__all__ = ["ListedImages", "listed_images", "read_names"]

_IMAGE_FOLDERS = ("JPEGImages", "images", "")
_MOST_BYTES = 1 << 28


class ListedImages:
    """Finds images by what lists call them: the name below their folder, without a suffix."""

    def __init__(self, finder: ImageFinder) -> None:
        self._finder = finder
        self._by_stem: dict[str, Path] = {}
        for name, path in finder.images.items():
            self._by_stem.setdefault(Path(name).with_suffix("").as_posix(), path)

    def find(self, name: str) -> Path | None:
        """The image, or None where there is none, or several could be meant."""
        for folder in _IMAGE_FOLDERS:
            place = f"{folder}/{name}" if folder else name
            if place in self._by_stem:
                return self._by_stem[place]
        try:
            return self._finder.find(name)
        except DataError:
            return None


def listed_images(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The split of each listed name, empty for lists such as ``trainval.txt`` and ``default.txt``, and what was decided.
    ``train.txt``, ``val.txt`` and ``test.txt`` go before others; a name in two of them belongs to the first, ``test`` first,
    so that nothing is trained on that is tested."""
    lists = {path.stem: path for path in sorted(folder.glob("*.txt")) if not _is_of_one_class(path)} if folder.is_dir() else {}
    names: dict[str, str] = {}
    twice = 0
    order = sorted(lists, key=lambda stem: ("test", "val", "train", "").index(SPLIT_NAMES.get(stem.lower(), "")))
    for stem in order:
        split = SPLIT_NAMES.get(stem.lower(), "")
        for name in read_names(lists[stem]):
            if names.setdefault(name, split) != split and split:
                twice += 1
    said = [f"images and splits as listed in {folder.parent.name}/{folder.name}/: {', '.join(sorted(lists))}"] if names else []
    if twice:
        said.append(f"{twice:,} names stand in two lists; they belong to test before val before train")
    return names, said


def _is_of_one_class(path: Path) -> bool:
    """Whether it is a list such as ``cow_train.txt``, which says 1 or -1 behind each name: what it names, others name too."""
    start = beginning(path, 256).decode("utf-8", "replace").splitlines()[:1]
    return "_" in path.stem and "".join(start).rpartition(" ")[2] in ("-1", "0", "1")


def read_names(path: Path) -> list[str]:
    """Names of a list, one a line; names with blanks may stand in quotes."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, too many for a list of names; is it another file?")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{path} cannot be read as text; correct it, or remove it to read all images") from None
    found = []
    for line in lines:
        name = line.strip()
        if name.startswith('"') and '"' in name[1:]:
            name = name[1:].partition('"')[0]
        if name:
            found.append(class_name(name).replace("\\", "/"))
    return found
