"""What is good to know of a data set before training: sizes, kinds of images, pixels and images per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelwise.data.dataset import SPLITS, Dataset
from pixelwise.data.inspection import Inspection
from pixelwise.errors import DataError
from pixelwise.formats.image import is_sixteen_bit, read_raw
from pixelwise.types import Record

__all__ = ["gather", "intensity_window"]

_SAMPLED_IMAGES = 48
_SAMPLED_PIXELS = 100_000  # of each image; percentiles do not need more


def gather(dataset: Dataset, inspections: Sequence[Inspection]) -> dict[str, Any]:
    """Facts as plain values: ``images``, ``splits``, ``classes`` (pixels, share of the pixels that count, images, pixels per
    split), ``sizes`` (height and width: smallest, median, largest), ``image_kinds``, ``ignored_fraction``, ``is_deep``."""
    total = sum(i.total for i in inspections)
    ignored = sum(i.ignored for i in inspections)
    return {
        "source": dataset.source,
        "mode": dataset.mode,
        "images": len(dataset.records),
        "splits": {name: len(dataset.split(name)) for name in SPLITS},
        "classes": _classes(dataset, inspections),
        "ignored_fraction": ignored / total if total else 0.0,
        "sizes": _sizes(inspections),
        "image_kinds": dict(Counter(i.kind for i in inspections if i.kind).most_common()),
        "is_deep": any(i.is_deep for i in inspections),
        "grey_masks_stored_as_color": sum(i.is_grey_as_color for i in inspections),
        "decisions": list(dataset.decisions),
    }


def intensity_window(records: Sequence[Record]) -> tuple[float, float] | None:
    """The grey range (low, high) of 16-bit and float images that becomes 0..255: percentiles 0.5 and 99.5 over a sample,
    spread evenly over ``records`` (give those of training). None where all sampled images have 8 bits."""
    step = max(1, len(records) // _SAMPLED_IMAGES)
    values = []
    for record in records[::step][:_SAMPLED_IMAGES]:
        try:
            if is_sixteen_bit(record.image):
                values.append(_thinned(read_raw(record.image)))
        except DataError:
            continue  # the check names it
    if not values:
        return None
    joined = np.concatenate(values)
    joined = joined[np.isfinite(joined)]
    if not joined.size:
        return None
    low, high = (float(value) for value in np.percentile(joined, (0.5, 99.5)))
    return low, high if high > low else low + 1.0


def _thinned(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = pixels[..., :-1]  # alpha is no brightness
    flat = pixels.reshape(-1).astype(np.float32)
    return flat[:: max(1, flat.size // _SAMPLED_PIXELS)]


def _classes(dataset: Dataset, inspections: Sequence[Inspection]) -> list[dict[str, Any]]:
    pixels: Counter[int] = Counter()
    images: Counter[int] = Counter()
    by_split: dict[str, Counter[int]] = {name: Counter() for name in dataset.splits}
    for inspection in inspections:
        pixels.update(inspection.pixels)
        images.update(index for index, count in inspection.pixels.items() if count)
        if inspection.record.split in by_split:
            by_split[inspection.record.split].update(inspection.pixels)
    counted = sum(i.total for i in inspections) if dataset.mode == "multilabel" else sum(pixels.values())
    return [
        {
            "id": info.id,
            "name": info.name,
            "pixels": pixels[index],
            "share": pixels[index] / counted if counted else 0.0,
            "images": images[index],
            "pixels_by_split": {name: counts[index] for name, counts in by_split.items()},
        }
        for index, info in enumerate(dataset.classes.classes)
    ]


def _sizes(inspections: Sequence[Inspection]) -> dict[str, Any]:
    sizes = [i.size for i in inspections if i.size]
    if not sizes:
        return {}
    by_side = np.array(sizes)
    return {
        "smallest": by_side.min(axis=0).tolist(),
        "median": np.median(by_side, axis=0).astype(int).tolist(),
        "largest": by_side.max(axis=0).tolist(),
        "distinct": len(set(sizes)),
    }
