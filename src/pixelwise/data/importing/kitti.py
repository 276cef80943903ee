"""KITTI's semantic segmentation: ``training/image_2`` beside ``semantic`` and ``instance``, with the ids of Cityscapes (Geiger
et al. 2012, Alhaija et al. 2018). The other benchmarks of KITTI know boxes and tracks, but no pixels: they are told apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.mask_files import distinct_rows, from_codes, paint_ids, require_items, unmatched
from pixelwise.data.importing.street_classes import STREET_CLASSES, id_rows
from pixelwise.data.sources.found import list_images
from pixelwise.errors import DataError
from pixelwise.formats.label_png import read_ids

__all__ = ["FORMAT"]

_IMAGES, _SEMANTIC, _INSTANCE = "training/image_2", "training/semantic", "training/instance"
_BOXES = {
    "training/label_2": "boxes of objects (label_2/*.txt)",
    "tracklet_labels.xml": "boxes along tracks (tracklet_labels.xml)",
    "training/velodyne": "laser points",
}
_PER_CLASS = 256


def _matches(root: Path) -> str | None:
    present = [name for name in (_SEMANTIC, _INSTANCE) if (root / name).is_dir()]
    if (root / _IMAGES).is_dir() and present:
        return f"folders {_IMAGES}/ and {' and '.join(f'{name}/' for name in present)}"
    boxes = _boxes(root)
    return f"KITTI's {boxes}" if boxes else None


def _boxes(root: Path) -> str:
    is_kitti = (root / "training/image_2").is_dir() or any(root.glob("[iI][mM][aA][gG][eE]_0[0-3]"))
    return " and ".join(what for name, what in _BOXES.items() if (root / name).exists()) if is_kitti else ""


def _read(root: Path) -> Annotations:
    if _matches(root) is None or not (root / _IMAGES).is_dir() or not any((root / n).is_dir() for n in (_SEMANTIC, _INSTANCE)):
        held = _boxes(root) or "no folder training/image_2"
        raise DataError(
            f"{root} holds {held}, and no masks; take KITTI's semantic segmentation set (data_semantics), which has "
            f"{_SEMANTIC}/ and {_INSTANCE}/"
        )
    images = list_images(root / _IMAGES)
    semantic, instance = (list_images(root / name) if (root / name).is_dir() else {} for name in (_SEMANTIC, _INSTANCE))
    items = [
        Annotated(
            name, image, partial(_paint_instances, instance[name]) if name in instance else partial(paint_ids, semantic[name])
        )
        for name, image in images.items()
        if name in instance or name in semantic
    ]
    require_items(items, root, "KITTI")
    used = "instance (256 x label id + number of the object)" if instance else "semantic (label ids)"
    ignored = sum(label.is_ignored for label in STREET_CLASSES)
    decisions = [
        f"labels from training/{used}",
        f"label ids are those of Cityscapes and stay as they are; {ignored} of 34 are ignored, as the benchmark does",
    ]
    if (root / "testing/image_2").is_dir():
        decisions.append("testing/ has no labels in the public download and is left out")
    return Annotations(
        tuple(items), distinct_rows(id_rows()), tuple(decisions), unmatched(images, instance | semantic, "label file")
    )


def _paint_instances(path: Path) -> Painted:
    return from_codes(read_ids(path), partial(_meaning, path))


def _meaning(path: Path, code: int) -> tuple[int, bool]:
    label_id, number = divmod(code, _PER_CLASS)
    if label_id >= len(STREET_CLASSES):
        raise DataError(f"{path} holds {code}, which is of no label (0 to {len(STREET_CLASSES) - 1}); is it an instance file?")
    return label_id, number > 0


FORMAT = Format("kitti", "KITTI segmentation", _matches, _read)
