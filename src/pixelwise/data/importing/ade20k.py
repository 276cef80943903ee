"""ADE20K, the full set (Zhou et al. 2017): ``X.jpg`` beside ``X_seg.png``, whose red and green hold the class and whose blue the
object, and beside ``X_atr.txt`` (releases of 2016 and 2017) or ``X.json`` (2020 and 2021), which hold the names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows, from_codes, require_items, with_keys
from pixelwise.data.importing.naming import class_name
from pixelwise.data.sources.found import SPLIT_NAMES, some
from pixelwise.errors import DataError, first_line
from pixelwise.formats.image import is_image_name, read_raw
from pixelwise.formats.json_file import read_json
from pixelwise.types import MAX_CLASSES

__all__ = ["FORMAT"]

_SEG = "_seg"
_OUTER = ("images", "ade", "full")  # folders of the downloads above those of the splits
_MOST_BYTES = 64 << 20  # of the annotation of one image
_TOP_ID = 65535
_LOOKED_AT = 5000  # files and folders, for telling the format
_TRUSTED = 0.9  # share of objects whose code and name agree, above which the codes are ids


class _Sample(NamedTuple):
    image: Path
    seg: Path
    names: Mapping[int, str]  # of whole objects, by their number
    ids: Mapping[int, int]  # class ids by the same number, where the annotation states them


def _matches(root: Path) -> str | None:
    if not root.is_dir():
        return None
    for path in islice(root.rglob("*"), _LOOKED_AT):
        if not path.name.endswith(f"{_SEG}.png") or not _lies_well(path.relative_to(root).parent.parts):
            continue
        if (sidecar := _sidecar(path)) is not None:
            return f"{path.relative_to(root)} beside {sidecar.name}"
    return None


def _lies_well(folders: Sequence[str]) -> bool:
    """Whether a file lies below a split folder, or near the top: not in one of several sets."""
    outer = list(takewhile(lambda name: name.lower() not in SPLIT_NAMES, folders))
    return all(name.lower() in _OUTER for name in outer) if len(outer) < len(folders) else len(folders) <= 1


def _sidecar(seg: Path) -> Path | None:
    """The file of names beside a mask, of either release."""
    stem = seg.stem.removesuffix(_SEG)
    candidates = (seg.with_name(f"{stem}_atr.txt"), seg.with_name(f"{stem}.json"))
    return next((path for path in candidates if path.is_file()), None)


def _read(root: Path) -> Annotations:
    faults: list[str] = []
    samples = list(_samples(root, faults))
    if any(sample.ids for sample in samples):
        ids = {class_id: name for sample in samples for class_id, name in _stated(sample)}
        decisions = ["class ids are name_ndx of the JSON files, which _seg.png holds as R / 10 x 256 + G; objects are its B"]
        paints = [partial(_paint_codes, sample.seg, frozenset(ids)) for sample in samples]
    else:
        ids, is_coded, looked = _ids_by_looking(samples)
        decisions = [
            "class ids are R / 10 x 256 + G of _seg.png, objects its B; "
            f"names come from _atr.txt, joined to the ids in {looked} images"
            if is_coded
            else "R and G of _seg.png hold no ids that agree with the names in _atr.txt; classes are numbered by name, from 1"
        ]
        by_name = {name: class_id for class_id, name in ids.items()}
        paints = [
            partial(_paint_codes, sample.seg, frozenset(ids))
            if is_coded
            else partial(_paint_named, sample.seg, tuple((number, by_name[name]) for number, name in sample.names.items()))
            for sample in samples
        ]
    items = [_item(root, sample, paint) for sample, paint in zip(samples, paints, strict=True)]
    require_items(items, root, "ADE20K")
    decisions.append("0, what nobody annotated, is ignored; parts of objects (_parts_*.png) are left out")
    if len(ids) > MAX_CLASSES:
        decisions.append(
            f"{len(ids):,} classes are more than the {MAX_CLASSES} that can be trained at once: ignore rare ones in classes.json"
        )
    rows = [{"id": 0, "name": "unlabeled", "ignore": True}]
    rows += [{"id": class_id, "name": name.split(",")[0].strip()} for class_id, name in sorted(ids.items())]
    return Annotations(with_keys(items), distinct_rows(rows), tuple(decisions), tuple(faults))


def _item(root: Path, sample: _Sample, paint: Any) -> Annotated:
    folders = sample.image.relative_to(root).parent.parts
    at = next((at for at, part in enumerate(folders) if part.lower() in SPLIT_NAMES), None)
    scene = "/".join(folders[at + 1 :]) if at is not None else ""
    return Annotated(
        sample.image.stem,
        sample.image,
        paint,
        "" if at is None else SPLIT_NAMES[folders[at].lower()],
        {"scene": scene} if scene else {},
    )


def _samples(root: Path, faults: list[str]) -> Iterator[_Sample]:
    bare: list[Path] = []
    for seg in sorted(root.rglob(f"*{_SEG}.png")):
        stem = seg.stem.removesuffix(_SEG)
        image = next((path for path in sorted(seg.parent.glob(f"{_escaped(stem)}.*")) if is_image_name(path)), None)
        sidecar = _sidecar(seg)
        if image is None or sidecar is None:
            bare.append(seg)
            continue
        try:
            names, ids = _names_of_json(sidecar) if sidecar.suffix == ".json" else (_names_of_text(sidecar), {})
        except DataError as error:
            faults.append(f"{image.name} is left out: {error}")
            continue
        yield _Sample(image, seg, names, ids)
    if bare:
        faults.append(f"{len(bare)} masks have no image or no names beside them and are left out: {some([p.name for p in bare])}")


def _escaped(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _stated(sample: _Sample) -> Iterator[tuple[int, str]]:
    return ((sample.ids[number], name) for number, name in sample.names.items() if number in sample.ids)


def _names_of_text(path: Path) -> dict[int, str]:
    """Names of whole objects by number: columns number, part level, occluded, name, raw name, attributes between ``#``."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes, too many for the names of one image")
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)})") from None
    names = {}
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("#")]
        if not line.strip():
            continue
        if len(cells) < 4 or not all(cell.isascii() and cell.isdigit() and len(cell) < 7 for cell in cells[:2]) or not cells[3]:
            raise DataError(f"{path}, line {number}: needs number # part level # occluded # name, got {line[:80]!r}")
        if int(cells[1]) == 0:
            names[int(cells[0])] = cells[3]
    return names


def _names_of_json(path: Path) -> tuple[dict[int, str], dict[int, int]]:
    """Names and class ids of whole objects by number."""
    content = read_json(path, _MOST_BYTES)
    annotation = content.get("annotation") if isinstance(content, dict) else None
    objects = annotation.get("object") if isinstance(annotation, dict) else None
    if isinstance(objects, dict):
        objects = [objects]  # a list of one, as the data set's own scripts write it
    if not isinstance(objects, list):
        raise DataError(f"{path} holds no list annotation.object; take the file of the download")
    names: dict[int, str] = {}
    ids: dict[int, int] = {}
    for number, found in enumerate(objects, 1):
        entry = found if isinstance(found, dict) else {}
        parts = entry.get("parts")
        if isinstance(parts, dict) and str(parts.get("part_level", 0)) != "0":
            continue
        name, class_id = class_name(entry.get("name")), entry.get("name_ndx")
        if name and isinstance(class_id, int) and 0 < class_id <= _TOP_ID:  # others have no pixels of a class either
            names[number], ids[number] = name, class_id
    return names, ids


def _ids_by_looking(samples: Sequence[_Sample]) -> tuple[dict[int, str], bool, int]:
    """Class names by id, whether the ids are the codes of the masks, and in how many masks that was looked up: so many that each
    name was seen once. Masks that cannot be read, and those with more or fewer objects than names, tell nothing."""
    votes: Counter[tuple[int, str]] = Counter()
    missing = {name for sample in samples for name in sample.names.values()}
    every = sorted(missing)
    looked = 0
    for sample in samples:
        if missing.isdisjoint(sample.names.values()):
            continue
        try:
            codes = _codes_of_objects(sample)
        except DataError:
            continue
        looked += bool(codes)
        votes.update((code, sample.names[number]) for number, code in codes.items())
        missing -= {sample.names[number] for number in codes}
    ids: dict[int, str] = {}
    agreeing, taken = 0, set()
    for (code, name), count in votes.most_common():
        if code and code not in ids and name not in taken:
            ids[code] = name
            taken.add(name)
            agreeing += count
    if votes and agreeing >= _TRUSTED * votes.total():
        return ids, True, looked
    return dict(enumerate(every, 1)), False, looked


def _channels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) int64 class codes and uint8 numbers of objects of a mask."""
    pixels = read_raw(path)
    if pixels.ndim != 3 or pixels.shape[2] < 3 or pixels.dtype != np.uint8:
        raise DataError(f"{path} is no _seg.png of ADE20K: it has {pixels.shape} {pixels.dtype}, not three channels of 8 bits")
    return pixels[..., 0].astype(np.int64) // 10 * 256 + pixels[..., 1], pixels[..., 2]


def _codes_of_objects(sample: _Sample) -> dict[int, int]:
    """The class code of each object by its number: blue is the number, or counts up with it where objects have other numbers."""
    codes, blue = _channels(sample.seg)
    values = [int(value) for value in np.unique(blue) if value]
    numbers = _numbers(values, sample.names.keys())
    return {number: int(np.bincount(codes[blue == value]).argmax()) for value, number in numbers.items()}


def _numbers(values: Sequence[int], numbers: Any) -> dict[int, int]:
    """The number of the object of each blue value; nothing where they cannot be told."""
    if set(values) <= set(numbers):
        return {value: value for value in values}
    return dict(zip(values, sorted(numbers), strict=True)) if len(values) == len(numbers) else {}


def _paint_codes(seg: Path, known: frozenset[int]) -> Painted:
    codes, blue = _channels(seg)
    return _painted(codes << 8 | blue, known)


def _paint_named(seg: Path, ids: tuple[tuple[int, int], ...]) -> Painted:
    _, blue = _channels(seg)
    id_of = dict(ids)
    numbers = _numbers([int(value) for value in np.unique(blue) if value], id_of.keys())
    classes = np.zeros(256, np.int64)
    for value, number in numbers.items():
        classes[value] = id_of[number]
    return _painted(classes[blue] << 8 | blue, frozenset(id_of.values()))


def _painted(codes: np.ndarray, known: frozenset[int]) -> Painted:
    """From class code x 256 + object; classes that have no name become unlabeled, and are counted."""
    unknown: list[int] = []

    def meaning(code: int) -> tuple[int, bool]:
        class_id, number = code >> 8, code & 255
        if class_id in known:
            return class_id, number > 0
        unknown.extend([code] if code else [])
        return 0, False

    painted = from_codes(codes, meaning)
    return replace(painted, losses={"objects without a named class": len(unknown)}) if unknown else painted


FORMAT = Format("ade20k", "ADE20K", _matches, _read)
