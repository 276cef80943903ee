"""The page of a check: pairs drawn at random, and the files of each fault, with their masks laid over them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pixelwise.data.check import Examination
from pixelwise.data.facts import intensity_window
from pixelwise.data.inspection import Inspection
from pixelwise.data.problems import Problem
from pixelwise.errors import DataError
from pixelwise.formats.image import read_image
from pixelwise.report import check_page
from pixelwise.report.overlay import overlay
from pixelwise.types import IGNORE_INDEX, Record

__all__ = ["write_check_page"]

_DRAWN, _SHOWN = 12, 8  # pictures at random, and of each fault
_LONGEST = 420  # pixels of a side
_MASKLESS = {"near_duplicate_across_splits", "near_duplicate_within_split", "duplicate_across_splits", "duplicate_within_split"}
_MASKLESS |= {"flat_image", "missing_mask", "mixed_depth", "image_small"}  # faults of images, which a mask would hide
_UNKNOWN = (255, 0, 220)


def write_check_page(path: str | Path, examination: Examination, command: str = "", seed: int = 0) -> Path:
    """Writes ``check.html`` to ``path``, whole or not at all.

    ``seed`` draws the pairs that are shown. Raises :class:`StorageError` when it cannot be written.
    """
    dataset, report = examination.dataset, examination.report
    artist = _Artist(examination)
    readable = [i.record for i in examination.inspections if i.size and not i.image_error and not i.mask_errors and i.has_mask]
    drawn = random.Random(seed).sample(readable, min(_DRAWN, len(readable)))
    sizes = Counter(i.size for i in examination.inspections if i.size)
    page = check_page.CheckPage(
        title=f"Check of {dataset.root.resolve().name}",
        command=command or f"pixelwise check {dataset.root}",
        report=report.to_json(),
        class_table=dataset.classes,
        sizes=np.array([(*size, count) for size, count in sizes.items()]).reshape(-1, 3),
        brightness=_brightness(examination.inspections),
        unit="in the files' own units" if report.facts["is_deep"] else "of 255",
        random=[picture for record in drawn for picture in artist.pair(record, True)],
        faulty={problem.code: artist.of(problem) for problem in report.problems},
    )
    return check_page.write_check_page(path, page)


def _brightness(inspections: Sequence[Inspection]) -> dict[str, np.ndarray]:
    """Means of the images of the commonest number of channels, by channel."""
    looks = [i.closeup.image.channels for i in inspections if i.closeup and i.closeup.image.channels]
    if not looks:
        return {}
    common = Counter(map(len, looks)).most_common(1)[0][0]
    values = np.array([[channel.mean for channel in look] for look in looks if len(look) == common])
    names = {1: ["grey"], 3: ["red", "green", "blue"]}.get(common, [f"channel {n + 1}" for n in range(common)])
    return {name: values[:, number] for number, name in enumerate(names)}


class _Artist:
    """Draws records of one data set, small."""

    def __init__(self, examination: Examination) -> None:
        self._examination = examination
        dataset = examination.dataset
        self._targets = dataset.targets
        self._window = intensity_window(dataset.records) if examination.report.facts["is_deep"] else None
        self._colors = np.concatenate([dataset.classes.colors, np.array([_UNKNOWN], np.uint8)])
        self._by_file = {str(path): r for r in dataset.records for path in (r.image, *r.masks) if path is not None}
        self._orphans = {str(path) for path in dataset.orphans}

    def of(self, problem: Problem) -> list[check_page.Picture]:
        """Pictures of the files of a problem; of images that look alike, one beside the other."""
        if problem.code.startswith("near_duplicate"):
            return self._alike(problem.code == "near_duplicate_across_splits")
        records = dict.fromkeys(self._by_file[file] for file in problem.files if file in self._by_file)
        return [picture for record in list(records)[:_SHOWN] for picture in self.pair(record, problem.code not in _MASKLESS)[-1:]]

    def pair(self, record: Record, has_mask: bool) -> list[check_page.Picture]:
        """The image, and the image under its mask; nothing of an image that cannot be read."""
        try:
            image = read_image(record.image, window=self._window)
        except DataError:
            return []
        caption = f"{record.split}/{record.image.name}"
        target = self._indices(record) if has_mask else None
        if target is not None and target.shape[-2:] != image.shape[:2]:
            height, width = target.shape[-2:]
            caption += f": mask {height} x {width}, image {image.shape[0]} x {image.shape[1]}"
            image = np.full((height, width, 3), 128, np.uint8)  # the mask alone
        small, target = _shrunk(image, target)
        pictures = [check_page.Picture(small, caption)]
        if target is not None:
            pictures.append(check_page.Picture(overlay(small, target, self._colors), caption))
        return pictures

    def _alike(self, is_across: bool) -> list[check_page.Picture]:
        records = self._examination.dataset.records
        seen = self._examination.inspections
        pairs = [
            (records[pair.first], records[pair.second])
            for pair in self._examination.alike
            if (records[pair.first].split != records[pair.second].split) == is_across
            and seen[pair.first].digest != seen[pair.second].digest
        ]
        step = max(1, len(pairs) // (_SHOWN // 2))
        chosen = pairs[::step][: _SHOWN // 2]
        return [picture for pair in chosen for record in pair for picture in self.pair(record, False)]

    def _indices(self, record: Record) -> np.ndarray | None:
        """The target, with what is no class marked as one more class; ``None`` where it cannot be read."""
        try:
            if self._targets.mode == "multilabel":
                return self._targets(record)
            if not record.masks or record.masks[0] is None:
                return None
            ids = self._targets.ids(record.masks[0])
        except DataError:
            return None
        if self._targets.threshold is not None:
            return (ids > self._targets.threshold).astype(np.uint8)
        classes = self._targets.classes
        table = np.full(65536, len(classes), np.uint8)
        table[[IGNORE_INDEX, *classes.ignore_ids]] = IGNORE_INDEX
        table[classes.ids] = np.arange(len(classes))
        return table[ids]


def _shrunk(image: np.ndarray, target: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Both at the size at which they are shown, the map by nearest neighbour."""
    height, width = image.shape[:2]
    factor = min(1.0, _LONGEST / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if target is None:
        return small, None
    rows = np.minimum((np.arange(size[1]) + 0.5) * height / size[1], height - 1).astype(int)
    columns = np.minimum((np.arange(size[0]) + 0.5) * width / size[0], width - 1).astype(int)
    return small, np.ascontiguousarray(target[..., rows[:, None], columns])
