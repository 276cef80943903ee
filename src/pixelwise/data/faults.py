"""From inspections to problems: of single files, of classes, of splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixelwise.data.dataset import Dataset
from pixelwise.data.inspection import Inspection
from pixelwise.data.problems import Problem, Severity
from pixelwise.data.wording import counted, files_of, named, sized

__all__ = ["faults_of_classes", "faults_of_files", "faults_of_splits"]

_TURNED = (
    "height and width are swapped, as if the EXIF orientation had not been applied when the masks were drawn; "
    "turn the masks, or remove the orientation from the images"
)
_LEFT_OUT = "left out"
_SNAPPED = "each value becomes the nearest id of its surroundings, if ids are 8 or more apart"
_RESIZED = (
    "masks that were not turned with their image are turned, masks a whole number of times larger or smaller are resized; other "
    "pairs are left out"
)
_SMALLEST = 8  # pixels; below that there is nothing to segment
_SMALL = 32  # encoders reduce 32 times, so smaller images are all padding


def faults_of_files(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Problem]:
    """What is wrong with single files: missing, unreadable, of different size, too small, all ignored."""
    yield from _unreadable(inspections)
    missing = [i.record.image for i in inspections if not i.has_mask]
    if missing:
        yield Problem(
            "error", "missing_mask", f"no mask for {counted(missing, 'image')}: {named(missing)}",
            "add a mask of the same name for each, or move these images out of the data set", *files_of(missing),
            repair=_LEFT_OUT,
        )  # fmt: skip
    if dataset.orphans:
        yield Problem(
            "warning", "mask_without_image", f"no image for {counted(dataset.orphans, 'mask')}: {named(dataset.orphans)}",
            "they are not used; add the images of the same names, or remove them", *files_of(dataset.orphans),
            repair=_LEFT_OUT,
        )  # fmt: skip
    yield from _sizes(inspections)
    ignored = [i.record.masks[0] or i.record.image for i in inspections if i.total and i.ignored == i.total]
    if ignored:
        yield Problem(
            "warning", "all_ignored", f"{counted(ignored, 'mask')} holding nothing but ignored pixels: {named(ignored)}",
            "nothing can be learned or scored there; correct them, or remove them with their images", *files_of(ignored),
        )  # fmt: skip
    deep = [i.record.image for i in inspections if i.is_deep]
    if deep and len(deep) < sum(i.size is not None for i in inspections):
        yield Problem(
            "warning", "mixed_depth", f"{counted(deep, 'image')} of 16 bits or float among 8-bit images: {named(deep)}",
            "their brightness is mapped by data.window, which 8-bit images are not; convert them to one depth", *files_of(deep),
        )  # fmt: skip


def faults_of_classes(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Problem]:
    """Ids outside the class table, only one class, classes that training never sees."""
    yield from _unknown_ids(dataset, inspections)
    totals: Counter[int] = Counter()
    in_train: Counter[int] = Counter()
    for inspection in inspections:
        totals.update(inspection.pixels)
        if inspection.record.split == "train":
            in_train.update(inspection.pixels)
    names = dataset.classes.names
    seen = [names[index] for index in sorted(in_train) if in_train[index]]
    if dataset.mode != "multilabel" and len(seen) == 1:
        yield _one_class(dataset, seen[0], inspections)
        return
    absent = [name for index, name in enumerate(names) if not in_train[index]]
    if absent and seen:
        elsewhere = [name for index, name in enumerate(names) if not in_train[index] and totals[index]]
        where = f" ({named(elsewhere)} only in val or test)" if elsewhere else " (nor from the other splits)"
        yield Problem(
            "warning", "class_absent_from_train", f"{counted(absent, 'class', 'classes')} absent from the training masks: "
            f"{named(absent)}{where}", "they cannot be learned; move images that show them to train, or remove them "
            "from classes.json", count=len(absent),
        )  # fmt: skip


def faults_of_splits(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Problem]:
    """Splits without images, and the same image twice."""
    for name in ("train", "val", "test"):
        if not dataset.split(name):
            yield Problem(
                "warning" if name == "test" else "error", "empty_split", f"the split {name} has no images",
                f"put images into {name}, or list them as {name} in splits.csv",
            )  # fmt: skip
    same: dict[bytes, list[Inspection]] = defaultdict(list)
    for inspection in inspections:
        if inspection.digest:
            same[inspection.digest].append(inspection)
    groups = [group for group in same.values() if len(group) > 1]
    across = [group for group in groups if len({i.record.split for i in group}) > 1]
    within = [group for group in groups if len({i.record.split for i in group}) == 1]
    if across:
        yield _duplicates(
            across, "error", "duplicate_across_splits", "in several splits",
            "the scores would be of images that were trained on; keep each in one split", "all of them go to train",
        )  # fmt: skip
    if within:
        yield _duplicates(
            within, "warning", "duplicate_within_split", "more than once in one split",
            "each counts as often as it stands there; keep one of each", "",
        )  # fmt: skip


def _unreadable(inspections: Sequence[Inspection]) -> Iterator[Problem]:
    images = {i.record.image: i.image_error for i in inspections if i.image_error}
    masks = {path: error for i in inspections for path, error in i.mask_errors.items() if path not in i.jpeg_masks}
    jpegs = {path: i.mask_errors[path] for i in inspections for path in i.jpeg_masks}
    kinds = (("unreadable_image", "image", images), ("unreadable_mask", "mask", masks), ("jpeg_mask", "mask", jpegs))
    for code, what, errors in kinds:
        if not errors:
            continue
        files = list(errors)
        first = errors[files[0]]
        problem, _, cure = first.partition("; ")
        more = f"; also {named(files[1:])}" if len(files) > 1 else ""
        yield Problem(
            "error", code, f"{counted(files, what)} cannot be used: {problem}{more}", cure or "replace or remove them",
            *files_of(files), repair=_SNAPPED if code == "jpeg_mask" else _LEFT_OUT,
        )  # fmt: skip


def _sizes(inspections: Sequence[Inspection]) -> Iterator[Problem]:
    differing = [(i, path, size) for i in inspections for path, size in i.mask_sizes.items() if i.size and size != i.size]
    if differing:
        first, path, size = differing[0]
        turned = all(found == (i.size or (0, 0))[::-1] for i, _, found in differing)
        files = [path for _, path, _ in differing]
        yield Problem(
            "error", "size_mismatch", f"{counted(files, 'mask')} of another size than the image: {path.name} is {sized(size)}, "
            f"its image {sized(first.size)}" + (f"; also {named(files[1:])}" if len(files) > 1 else ""),
            _TURNED if turned else "export these masks again at the size of their images",
            *files_of(files), repair=_RESIZED,
        )  # fmt: skip
    too_small = [i.record.image for i in inspections if i.size and min(i.size) < _SMALLEST]
    if too_small:
        sizes = {i.record.image: i.size for i in inspections}
        yield Problem(
            "error", "image_too_small", f"{counted(too_small, 'image')} with a side below {_SMALLEST} px: {named(too_small)} "
            f"(the first is {sized(sizes[too_small[0]])})", "there is nothing to segment in them; remove them with their masks",
            *files_of(too_small), repair=_LEFT_OUT,
        )  # fmt: skip
    small = [i.record.image for i in inspections if i.size and _SMALLEST <= min(i.size) < _SMALL]
    if small:
        yield Problem(
            "warning", "image_small", f"{counted(small, 'image')} with a side below {_SMALL} px: {named(small)}",
            "most of what the network sees is padding then; enlarge them, or leave them out", *files_of(small),
        )  # fmt: skip


def _unknown_ids(dataset: Dataset, inspections: Sequence[Inspection]) -> Iterator[Problem]:
    files: dict[int, list[Path]] = defaultdict(list)
    pixels: Counter[int] = Counter()
    for inspection in inspections:
        for value, count in inspection.unknown.items():
            files[value] += [path for path in inspection.record.masks if path is not None]
            pixels[value] += count
    if not files:
        return
    ids = sorted(files, key=lambda value: -pixels[value])
    parts = [f"{value} ({pixels[value]:,} px in {counted(files[value], 'file')}: {named(files[value], 3)})" for value in ids[:5]]
    more = f" and {len(ids) - 5} more ids" if len(ids) > 5 else ""
    known = named(dataset.classes.ids, 12)
    cure = 'add them to classes.json (with "ignore": true where they mean nothing), or correct the masks'
    if len(ids) >= 16 and 255 not in dataset.classes.ids:
        cure += "; if these are soft edges of 0/255 masks, delete classes.json and they are read at a threshold"
    all_files = sorted({path for paths in files.values() for path in paths})
    yield Problem(
        "error", "unknown_ids", f"masks hold ids that are not in the class table (ids {known}): {', '.join(parts)}{more}", cure,
        tuple(map(str, all_files)), len(ids), repair="their pixels become ignored",
    )  # fmt: skip


def _one_class(dataset: Dataset, name: str, inspections: Sequence[Inspection]) -> Problem:
    ignored = sum(i.ignored for i in inspections)
    cure = "segmentation needs at least two classes in training: check that the right masks were exported"
    if ignored and 255 not in dataset.classes.ids:
        cure = (
            f"{ignored:,} pixels are ignored (255 or marked in classes.json): if 255 is the foreground, give that class the id "
            f"255 in classes.json, or delete classes.json"
        )
    return Problem("error", "one_class", f"the training masks hold one class only, {name!r}", cure)


def _duplicates(
    groups: Sequence[Sequence[Inspection]], severity: Severity, code: str, where: str, cure: str, repair: str
) -> Problem:
    pairs = [" = ".join(f"{i.record.split}/{i.record.image.name}" for i in group) for group in groups]
    files = tuple(str(i.record.image) for group in groups for i in group)
    return Problem(severity, code, f"{counted(groups, 'image')} {where}: {named(pairs, 3)}", cure, files, len(groups), repair)
