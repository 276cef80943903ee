"""COCO instances: one JSON file per split, polygons where they hold the pixels exactly, run lengths where there are holes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.exporting.exported import Exported, Roles, place_image, refuse_filled, roles_of
from pixelwise.data.exporting.regions import Region, regions_of
from pixelwise.data.importing.annotated import Annotated, Annotations, Painted
from pixelwise.data.importing.naming import counted
from pixelwise.errors import DataError
from pixelwise.formats import outline, rle
from pixelwise.formats.atomic import atomic_write

__all__ = ["write_coco"]


def write_coco(annotations: Annotations, out: Path, progress: Callable[[int, int], None] | None = None) -> Exported:
    """Writes ``images/`` and ``annotations/instances_SPLIT.json`` (``instances.json`` without splits) into an empty folder.

    Ids of classes are the category ids, and classes with numbered objects are things. What has no number is one annotation per
    class and image. One damaged image loses nothing else.

    Raises :class:`~pixelwise.errors.ConfigError` where ``out`` holds anything already.
    """
    refuse_filled(out)
    roles = roles_of(annotations.classes)
    exported = Exported("COCO")
    files: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with_holes = unnumbered = 0
    things = set(roles.things)
    for done, item in enumerate(annotations.items, 1):
        try:
            painted = item.paint()
            regions = list(regions_of(painted, roles, in_parts=False))
            content = files.setdefault(item.split, {"images": [], "annotations": []})
            content["images"].append(_image(item, painted, out, exported.images + 1))
        except DataError as error:
            exported.failed[item.key] = str(error)
            continue
        exported.images += 1
        for region in regions:
            rows = content["annotations"]
            rows.append(_annotation(region, painted.ids.shape, len(rows) + 1, exported.images))
            with_holes += isinstance(rows[-1]["segmentation"], dict)
            unnumbered += not region.is_numbered
            things |= {region.class_id} if region.is_numbered else set()
        exported.losses["ignored pixels, which become background"] += int(np.isin(painted.ids, list(roles.ignored)).sum())
        if progress is not None:
            progress(done, len(annotations.items))
    categories = _categories(annotations, roles, things)
    for split, content in files.items():
        name = f"instances_{split}.json" if split else "instances.json"
        with atomic_write(out / "annotations" / name) as temporary, temporary.open("w", encoding="utf-8") as stream:
            json.dump({**content, "categories": categories}, stream)
    if with_holes:
        exported.decisions.append(f"{counted(with_holes, 'object')} with holes, which polygons cannot have: as run lengths")
    if unnumbered:
        exported.decisions.append(f"{counted(unnumbered, 'annotation')} of all pixels of a class that are no numbered objects")
    return exported


def _image(item: Annotated, painted: Painted, out: Path, number: int) -> dict[str, Any]:
    height, width = painted.ids.shape
    return {"id": number, "file_name": place_image(item, out / "images", item.key), "height": height, "width": width}


def _annotation(region: Region, size: tuple[int, ...], number: int, image: int) -> dict[str, Any]:
    height, width = region.mask.shape
    return {
        "id": number,
        "image_id": image,
        "category_id": region.class_id,
        "iscrowd": 0,
        "area": int(region.mask.sum()),
        "bbox": [region.left, region.top, width, height],
        "segmentation": _segmentation(region, (size[0], size[1])),
    }


def _segmentation(region: Region, size: tuple[int, int]) -> list[list[int]] | dict[str, Any]:
    outlines = outline.trace(region.mask)
    if not any(found.is_hole for found in outlines):
        return [np.add(found.ring, (region.left, region.top)).reshape(-1).tolist() for found in outlines]
    whole = np.zeros(size, np.bool_)
    height, width = region.mask.shape
    whole[region.top : region.top + height, region.left : region.left + width] = region.mask
    return rle.to_coco(rle.encode(whole[None])[0])


def _categories(annotations: Annotations, roles: Roles, things: Set[int]) -> list[Mapping[str, Any]]:
    colors = {row["id"]: row["color"] for row in annotations.classes if isinstance(row.get("color"), (list, tuple))}
    written = dict(roles.objects)
    free = next(number for number in range(len(written) + 2) if number not in written and number != 255)
    if roles.background not in (None, free):
        # readers take the first free number for background, so another must be told
        written[roles.background] = next(str(row["name"]) for row in annotations.classes if row["id"] == roles.background)
    return [
        {"id": number, "name": name, "supercategory": "", "isthing": int(number in things)}
        | ({"color": list(colors[number])} if number in colors else {})
        for number, name in sorted(written.items())
    ]
