"""YOLO segmentation: a text file of outlines per image, one closed line per object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

from pixelwise.data.exporting.exported import Exported, place_image, refuse_filled, roles_of
from pixelwise.data.exporting.regions import Region, regions_of
from pixelwise.data.importing.annotated import Annotated, Annotations
from pixelwise.data.importing.naming import counted
from pixelwise.data.sources.found import SPLIT_NAMES
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats import outline, polygon
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.yolo_txt import write_row

__all__ = ["write_yolo"]

_SPLITS = ("train", "val", "test")


def write_yolo(
    annotations: Annotations,
    out: Path,
    holes: Literal["cut", "fill"] = "cut",
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Writes ``images/SPLIT/``, ``labels/SPLIT/`` and ``data.yaml`` into an empty folder; images without a split are ``train``.

    Classes are counted from 0 in order of their ids, as the format wants. What has no number of an object is one object per
    connected part. One damaged image loses nothing else.

    Args:
        annotations: what is written.
        out: an empty or new folder.
        holes: a line of YOLO's has one closed outline. ``cut``: holes and parts hang on it by cuts of no width, which fill as
            even-odd rule and COCO's tools do to just the same pixels. ``fill``: holes are filled, and parts become objects of
            their own; both are counted as lost.
        progress: is told (done, total) after each image.

    Raises:
        ConfigError: ``out`` holds anything already, or ``holes`` is neither.
    """
    refuse_filled(out)
    if holes not in ("cut", "fill"):
        raise ConfigError(f"holes must be 'cut' or 'fill', got {holes!r}")
    roles = roles_of(annotations.classes)
    numbers = {class_id: at for at, class_id in enumerate(roles.objects)}
    exported = Exported("YOLO")
    names = _names_of(annotations.items)
    seen: Counter[str] = Counter()
    for done, item in enumerate(annotations.items, 1):
        try:
            painted = item.paint()
            size = (painted.ids.shape[0], painted.ids.shape[1])
            split, name = names[item.key]
            lines, lost = [], Counter[str]()
            for region in regions_of(painted, roles, in_parts=True):
                seen["unnumbered"] += not region.is_numbered
                for ring in _rings(region, holes, lost, seen):
                    lines.append(write_row(numbers[region.class_id], ring.tolist(), size))
            placed = place_image(item, out / "images" / split, name)
            with atomic_write((out / "labels" / split / placed).with_suffix(".txt")) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        except DataError as error:
            exported.failed[item.key] = str(error)
            continue
        exported.images += 1
        seen[split] += 1
        exported.losses.update(lost)
        exported.losses["ignored pixels, which become background"] += int(np.isin(painted.ids, list(roles.ignored)).sum())
        if progress is not None:
            progress(done, len(annotations.items))
    _write_yaml(out, [roles.objects[class_id] for class_id in numbers], seen)
    exported.decisions += _decisions(numbers, seen)
    return exported


def _names_of(items: Sequence[Annotated]) -> dict[str, tuple[str, str]]:
    """Split and name of each key. Keys that all begin with a folder for their split do without it. Readers find a label by the
    last folder called images in the path of its image, so that names must not have one of their own."""
    firsts = {item.key: item.key.partition("/") for item in items}
    is_first = all(SPLIT_NAMES.get(firsts[item.key][0].lower()) == (item.split or "train") for item in items)
    names = {}
    for item in items:
        name = firsts[item.key][2] if is_first else item.key
        parts = [f"{part}_" if part.lower() in ("images", "labels") else part for part in name.split("/")]
        names[item.key] = (item.split or "train", "/".join(parts))
    return names


def _rings(region: Region, holes: str, losses: Counter[str], seen: Counter[str]) -> Iterator[np.ndarray]:
    """The outline of a region in pixels of the image; one closed line, or one per part where holes are filled."""
    outlines = outline.trace(region.mask)
    inner = sum(found.is_hole for found in outlines)
    move = (region.left, region.top)
    if len(outlines) == 1 or holes == "cut":
        seen["held by cuts"] += len(outlines) > 1
        yield outline.join([found.ring for found in outlines]) + move
        return
    outer = [found.ring for found in outlines if not found.is_hole]
    if inner:
        losses["holes"] += inner
        drawn = polygon.draw([polygon.as_ring(ring) for ring in outer], region.mask.shape)
        losses["pixels in holes, which are filled"] += int(drawn.mask.sum()) - int(region.mask.sum())
    if len(outer) > 1:
        losses["objects of several parts, which become several objects"] += 1
    yield from (ring + move for ring in outer)


def _write_yaml(out: Path, names: list[str], seen: Mapping[str, int]) -> None:
    splits = {split: f"images/{split}" for split in _SPLITS if seen[split]}
    content = {"path": ".", **splits, "names": dict(enumerate(names))}
    with atomic_write(out / "data.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _decisions(numbers: Mapping[int, int], seen: Mapping[str, int]) -> list[str]:
    decisions = []
    if any(class_id != number for class_id, number in numbers.items()):
        decisions.append("class ids are counted anew: " + ", ".join(f"{old} is {new}" for old, new in list(numbers.items())[:12]))
    if seen["held by cuts"]:
        decisions.append(
            f"{counted(seen['held by cuts'], 'object')} of several parts or with holes, held together by cuts of no width"
        )
    if seen["unnumbered"]:
        decisions.append(f"{counted(seen['unnumbered'], 'object')} from connected parts, as objects have no numbers there")
    missing = [split for split in ("train", "val") if not seen[split]]
    if missing:
        decisions.append(
            f"data.yaml has no {' and no '.join(missing)}, which training tools ask for: no images are of that split"
        )
    return decisions
