"""What a data set is like, in numbers: sizes, intensities, the objects of each class, and what a coarse network cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pixelwise.data.closeup import background_of
from pixelwise.data.dataset import Dataset
from pixelwise.data.inspection import Inspection
from pixelwise.data.likeness import Alike, groups_of_alike
from pixelwise.data.objects import STRIDES, Objects, area_quantiles, bin_area

__all__ = ["SMALL_AREA", "fingerprint"]

SMALL_AREA = 32 * 32
"""Objects below these pixels are small, as COCO counts them."""

_COMMONEST = 8
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def fingerprint(dataset: Dataset, inspections: Sequence[Inspection], alike: Sequence[Alike]) -> dict[str, Any]:
    """Plain values, ready for JSON.

    ``sizes``: the commonest as [height, width, images], and percentiles 0, 25, 50, 75 and 100 of height and width.
    ``intensity``: for each number of channels, how many images, and of each channel the mean and standard deviation over all
    pixels of these images, and the lowest percentile 1 and highest percentile 99 of an image, in the files' own units.
    ``objects``: for each class but the background ``count``, ``small`` (below 32 x 32 pixels), median ``per_image`` of those that
    have any, ``area`` (percentiles 5, 25, 50, 75 and 95 in pixels), ``areas`` (rows of smallest area and count), and the shares
    ``lost_pixels`` and ``lost_objects`` at each of ``strides``. ``alike``: groups of images that look alike, and images in them.
    """
    background = background_of(dataset.classes, dataset.mode)
    groups = groups_of_alike(alike)
    return {
        "sizes": _sizes(inspections),
        "intensity": _intensity(inspections),
        "background": None if background is None else dataset.classes.names[background],
        "strides": list(STRIDES),
        "objects": [
            _objects(dataset, index, inspections) for index in range(len(dataset.classes)) if index != background
        ],
        "alike": {"groups": len(groups), "images": sum(map(len, groups))},
    }  # fmt: skip


def _sizes(inspections: Sequence[Inspection]) -> dict[str, Any]:
    counts = Counter(i.size for i in inspections if i.size)
    if not counts:
        return {"commonest": [], "distinct": 0}
    sides = np.array(list(counts.elements()))
    quartiles = np.percentile(sides, (0, 25, 50, 75, 100), axis=0).round().astype(int)
    return {
        "commonest": [[*size, count] for size, count in counts.most_common(_COMMONEST)],
        "distinct": len(counts),
        "height": quartiles[:, 0].tolist(),
        "width": quartiles[:, 1].tolist(),
    }


def _intensity(inspections: Sequence[Inspection]) -> list[dict[str, Any]]:
    by_kind: dict[tuple[int, bool], list[Inspection]] = {}
    for inspection in inspections:
        if inspection.closeup and inspection.closeup.image.channels:
            kind = (len(inspection.closeup.image.channels), inspection.is_deep)
            by_kind.setdefault(kind, []).append(inspection)
    rows = []
    for (how_many, is_deep), members in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        looks = [member.closeup.image.channels for member in members if member.closeup]
        values = np.array([[(c.mean, c.power, c.low, c.high) for c in look] for look in looks])  # (N, channels, 4)
        weights = np.array([member.size[0] * member.size[1] if member.size else 0 for member in members], np.float64)
        means, powers = (np.average(values[..., column], axis=0, weights=weights) for column in (0, 1))
        rows.append(
            {
                "images": len(members),
                "is_deep": is_deep,
                "channels": [
                    {
                        "name": _channel_name(number, how_many),
                        "mean": float(means[number]),
                        "std": float(np.sqrt(max(0.0, powers[number] - means[number] ** 2))),
                        "low": float(values[:, number, 2].min()),
                        "high": float(values[:, number, 3].max()),
                    }
                    for number in range(how_many)
                ],
            }
        )
    return rows


def _channel_name(number: int, how_many: int) -> str:
    return {1: ("grey",), 3: ("red", "green", "blue")}.get(how_many, [f"channel {n + 1}" for n in range(how_many)])[number]


def _objects(dataset: Dataset, index: int, inspections: Sequence[Inspection]) -> dict[str, Any]:
    found = [i.closeup.mask.objects[index] for i in inspections if i.closeup and index in i.closeup.mask.objects]
    pixels = sum(i.pixels.get(index, 0) for i in inspections if i.closeup and index in i.closeup.mask.objects)
    whole = _joined(found)
    return {
        "id": dataset.classes.ids[index],
        "name": dataset.classes.names[index],
        "count": whole.count,
        "small": sum(count for position, count in whole.areas.items() if bin_area(position) < SMALL_AREA),
        "per_image": float(np.median([own.count for own in found])) if found else 0.0,
        "area": area_quantiles(whole.areas, _SHARES),
        "areas": [[bin_area(position), whole.areas[position]] for position in sorted(whole.areas)],
        "lost_pixels": [lost / pixels if pixels else 0.0 for lost in whole.lost_pixels],
        "lost_objects": [lost / whole.count if whole.count else 0.0 for lost in whole.lost_objects],
    }


def _joined(parts: Iterable[Objects]) -> Objects:
    areas: Counter[int] = Counter()
    pixels, objects = np.zeros(len(STRIDES), np.int64), np.zeros(len(STRIDES), np.int64)
    for part in parts:
        areas.update(part.areas)
        pixels += part.lost_pixels
        objects += part.lost_objects
    return Objects(dict(areas), tuple(pixels.tolist()), tuple(objects.tolist()))
