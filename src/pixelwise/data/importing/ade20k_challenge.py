"""ADE20K's scene parsing challenge of 2016: ``images/training`` beside ``annotations/training``, ids 0 to 150."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

from pixelwise.data.importing.annotated import Annotated, Annotations, Format
from pixelwise.data.importing.mask_files import distinct_rows, paint_ids, require_items, unmatched, with_keys
from pixelwise.data.sources.found import SPLIT_NAMES, list_images
from pixelwise.errors import DataError

__all__ = ["FORMAT"]

_NAMES = """
    wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door,
    table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair,
    seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers,
    counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, case, pool table, pillow,
    screen door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop,
    stove, palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck,
    tower, chandelier, awning, streetlight, booth, television receiver, airplane, dirt track, apparel, pole, land,
    bannister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer belt, canopy, washer,
    plaything, swimming pool, stool, barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank,
    trade name, microwave, pot, animal, bicycle, lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic
    light, tray, ashcan, fan, pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass, clock, flag
"""
"""Classes 1 to 150, in the order of their ids."""

_CLASSES, _SCENES = "objectInfo150.txt", "sceneCategories.txt"
_SPLITS = ("training", "validation", "testing")


def _matches(root: Path) -> str | None:
    splits = [name for name in _SPLITS if (root / "images" / name).is_dir() and (root / "annotations" / name).is_dir()]
    if not splits:
        return None
    listed = [name for name in (_CLASSES, _SCENES) if (root / name).is_file()]
    masks = islice((root / "annotations" / splits[0]).iterdir(), 20)
    if not listed and not any(path.name.startswith(("ADE_train_", "ADE_val_")) for path in masks):
        return None
    folders = ", ".join(f"images/{name}/ and annotations/{name}/" for name in splits)
    return f"folders {folders}" + (f" beside {' and '.join(listed)}" if listed else " with files ADE_*")


def _read(root: Path) -> Annotations:
    scenes = _scenes(root / _SCENES)
    items: list[Annotated] = []
    faults: list[str] = []
    for split in _SPLITS:
        if not (root / "annotations" / split).is_dir() or not (root / "images" / split).is_dir():
            continue
        images, masks = list_images(root / "images" / split), list_images(root / "annotations" / split)
        faults += unmatched(images, masks)
        for name, image in images.items():
            if name in masks:
                columns = {"scene": scenes[name]} if name in scenes else {}
                items.append(
                    Annotated(name.replace("/", "_"), image, partial(paint_ids, masks[name]), SPLIT_NAMES[split], columns)
                )
    require_items(items, root, "ADE20K's scene parsing set")
    names, things, source = _classes(root / _CLASSES)
    rows = [{"id": 0, "name": "other", "ignore": True}]
    rows += [
        {"id": class_id, "name": name} | ({"thing": True} if class_id in things else {}) for class_id, name in enumerate(names, 1)
    ]
    decisions = (
        f"ids 1 to {len(names)} stay as they are, names {source}; 0, everything else, is ignored, as the challenge does",
        *((f"column scene from {_SCENES}",) if scenes else ()),
    )
    return Annotations(with_keys(items), distinct_rows(rows), decisions, tuple(faults))


def _classes(path: Path) -> tuple[list[str], set[int], str]:
    """Names in the order of their ids, the ids of countable classes, and where they stand."""
    built_in = [name.strip() for name in _NAMES.replace("\n", " ").split(",")]
    try:
        lines = path.read_text(encoding="utf-8-sig")[: 1 << 20].splitlines()
    except (OSError, UnicodeDecodeError):
        return built_in, set(), "by the challenge's table"
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines[1:] if line.strip()]
    if [row[0] for row in rows] != [str(number) for number in range(1, len(rows) + 1)] or any(len(row) != 6 for row in rows):
        raise DataError(
            f"{path} must have six columns, Idx, Ratio, Train, Val, Stuff and Name, and a row per id from 1; remove it"
        )
    return [row[5].split(",")[0] for row in rows], {int(row[0]) for row in rows if row[4] == "0"}, f"by {path.name}"


def _scenes(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: scene for name, _, scene in (line.strip().partition(" ") for line in lines) if scene}


FORMAT = Format("ade20k-challenge", "ADE20K scene parsing", _matches, _read)
