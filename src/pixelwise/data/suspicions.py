"""Faults that only a close look shows. They are warnings, or notes where the same may well be as it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pixelwise.data.closeup import background_of
from pixelwise.data.dataset import Dataset
from pixelwise.data.inspection import Inspection
from pixelwise.data.likeness import MOST_PAIRS, Alike, groups_of_alike
from pixelwise.data.objects import STRIDES
from pixelwise.data.problems import Problem
from pixelwise.data.wording import counted, files_of, named

__all__ = ["suspicions"]

_THIN_STRIDE = 8  # of the maps on which PSPNet and DeepLab compute, unless told otherwise
_THIN_SHARE = 0.4
_FLAT_DEVIATION = 0.5  # grey levels


def suspicions(
    dataset: Dataset, inspections: Sequence[Inspection], alike: Sequence[Alike], objects: Sequence[dict[str, Any]]
) -> Iterator[Problem]:
    """What a close look shows. ``alike`` are pairs of positions in ``inspections``, ``objects`` rows of the fingerprint."""
    yield from _damaged_masks(inspections)
    yield from _same_masks(dataset, inspections, alike)
    yield from _alike(inspections, alike)
    yield from _empty(dataset, inspections)
    yield from _flat_images(inspections)
    yield from _thin(dataset, inspections, objects)


def _damaged_masks(inspections: Sequence[Inspection]) -> Iterator[Problem]:
    damaged = [i for i in inspections if i.closeup and i.closeup.mask.strays]
    if damaged:
        masks = _masks_of(damaged)
        pixels = sum(i.closeup.mask.stray_pixels for i in damaged if i.closeup)
        yield Problem(
            "warning", "damaged_mask", f"{counted(masks, 'mask')} with values that stand alone along edges, as JPEG or smoothing "
            f"leave them ({pixels:,} pixels): {named(masks)}",
            "they are no classes: export the masks again, without compression or smoothing", *files_of(masks),
            repair="each such value becomes the nearest id of its surroundings, if ids are 8 or more apart",
        )  # fmt: skip
    soft = [i for i in inspections if i.closeup and i.closeup.mask.soft_pixels]
    if soft:
        masks = _masks_of(soft)
        pixels = sum(i.closeup.mask.soft_pixels for i in soft if i.closeup)
        yield Problem(
            "note", "soft_mask", f"{counted(masks, 'mask')} with soft edges ({pixels:,} pixels between 0 and 255): "
            f"{named(masks)}",
            "above 127 is foreground here; other tools may see it otherwise", *files_of(masks),
            repair="every pixel becomes 0 or 255",
        )  # fmt: skip


def _same_masks(dataset: Dataset, inspections: Sequence[Inspection], alike: Sequence[Alike]) -> Iterator[Problem]:
    """Masks that are the same, pixel by pixel, although their images are not."""
    background = background_of(dataset.classes, dataset.mode)
    same: dict[bytes, list[int]] = defaultdict(list)
    for place, inspection in enumerate(inspections):
        present = [index for index, count in inspection.pixels.items() if count and index != background]
        is_telling = len(present) + (background is not None) > 1 or dataset.mode == "multilabel"
        if present and is_telling and inspection.closeup and inspection.closeup.mask.digest and inspection.digest:
            same[inspection.closeup.mask.digest].append(place)
    look_alike = {place: number for number, group in enumerate(groups_of_alike(alike)) for place in group}
    groups = []
    for places in same.values():
        images = {look_alike.get(place, inspections[place].digest) for place in places}
        if len(images) > 1:
            groups.append([inspections[place] for place in places])
    if groups:
        told = [" = ".join(i.record.image.name for i in group[:4]) + ", ..." * (len(group) > 4) for group in groups]
        masks = _masks_of([i for group in groups for i in group])
        yield Problem(
            "warning", "same_mask", f"{counted(groups, 'mask')} of several different images, the same pixel by pixel: "
            f"{named(told, 3)}", "at most one of the images fits its mask: look at them, and export the masks again",
            tuple(map(str, masks)), len(groups),
        )  # fmt: skip


def _alike(inspections: Sequence[Inspection], alike: Sequence[Alike]) -> Iterator[Problem]:
    """Images that look alike; the same file twice is an error of its own."""
    pairs = [
        (inspections[pair.first], inspections[pair.second], pair.is_turned)
        for pair in alike
        if inspections[pair.first].digest != inspections[pair.second].digest
    ]
    least = "at least " if len(alike) >= MOST_PAIRS else ""
    across = [pair for pair in pairs if pair[0].record.split != pair[1].record.split]
    if across:
        images = list(dict.fromkeys(i.record.image for pair in across for i in pair[:2]))
        yield Problem(
            "warning", "near_duplicate_across_splits", f"{least}{counted(images, 'image')} look almost like one "
            f"in another split: {named([_told(*pair) for pair in across], 3)}",
            "scores on them tell of memory: put what shows the same into one split, with a column for the scene and: "
            "pixelwise split DATA --group COLUMN", *files_of(images),
        )  # fmt: skip
    within = [pair for pair in pairs if pair[0].record.split == pair[1].record.split]
    if within:
        images = list(dict.fromkeys(i.record.image for pair in within for i in pair[:2]))
        yield Problem(
            "note", "near_duplicate_within_split", f"{least}{counted(images, 'image')} look almost like another in their split: "
            f"{named([_told(*pair) for pair in within], 3)}",
            "they tell less than as many different ones; a new random split would part them, so give it a column for the scene",
            *files_of(images),
        )  # fmt: skip


def _told(first: Inspection, second: Inspection, is_turned: bool) -> str:
    end = " (mirrored or turned)" if is_turned else ""
    return f"{first.record.split}/{first.record.image.name} ~ {second.record.split}/{second.record.image.name}{end}"


def _empty(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Problem]:
    background = background_of(dataset.classes, dataset.mode)
    if background is None and dataset.mode != "multilabel":
        return
    empty = [i for i in inspections if i.total > i.ignored and not any(n for k, n in i.pixels.items() if k != background)]
    if empty:
        masks = _masks_of(empty)
        yield Problem(
            "note", "empty_mask", f"nothing but background in {len(empty):,} of {len(inspections):,} images, by their masks: "
            f"{named(masks)}", "right if nothing is there to be seen; otherwise annotate them, or leave them out",
            *files_of(masks),
        )  # fmt: skip


def _flat_images(inspections: Sequence[Inspection]) -> Iterator[Problem]:
    flat = [
        i.record.image
        for i in inspections
        if i.closeup
        and i.closeup.image.channels
        and all(max(0.0, c.power - c.mean**2) ** 0.5 < _FLAT_DEVIATION for c in i.closeup.image.channels)
        and not i.is_deep
    ]
    if flat:
        yield Problem(
            "warning", "flat_image", f"{counted(flat, 'image')} of one brightness all over: {named(flat)}",
            "nothing can be seen in them: export them again, or remove them with their masks", *files_of(flat),
        )  # fmt: skip


def _thin(dataset: Dataset, inspections: Sequence[Inspection], objects: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    """Classes most of whose pixels a coarse network cannot place; the files are those that lose most."""
    at = STRIDES.index(_THIN_STRIDE)
    thin = [row for row in objects if row["lost_pixels"][at] >= _THIN_SHARE]
    if not thin:
        return
    indices = [dataset.classes.names.index(row["name"]) for row in thin]
    lost = {
        path: sum(i.closeup.mask.objects[index].lost_pixels[at] for index in indices if index in i.closeup.mask.objects)
        for i in inspections
        if i.closeup
        for path in i.record.masks[:1]
        if path is not None
    }
    worst = sorted((path for path in lost if lost[path]), key=lambda path: -lost[path])
    told = [f"{row['name']} ({_shares(row['lost_pixels'])})" for row in thin]
    yield Problem(
        "note", "thin_objects", f"too thin for coarse networks: of {named(told, 4)} so many pixels fall to other classes",
        "choose a network that computes at a finer stride (pixelwise show MODEL says at which; unet is fine), or train on larger "
        "images", tuple(map(str, worst)), len(thin),
    )  # fmt: skip


def _shares(lost: Sequence[float]) -> str:
    return ", ".join(f"{100 * share:.0f} % at stride {stride}" for stride, share in zip(STRIDES[:3], lost, strict=False))


def _masks_of(inspections: Sequence[Inspection]) -> list[Path]:
    return [path for i in inspections for path in (i.record.masks or (i.record.image,)) if path is not None]
