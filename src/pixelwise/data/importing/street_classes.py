"""The classes of Cityscapes, which KITTI's segmentation shares: ids, training ids, colours, what is counted and what is not."""

from __future__ import annotations

from typing import Any, NamedTuple

from pixelwise.formats.label_png import Color

__all__ = ["IGNORED_TRAIN_ID", "STREET_CLASSES", "StreetClass", "id_rows", "train_id_rows"]

IGNORED_TRAIN_ID = 255


class StreetClass(NamedTuple):
    """One label of the data set's definition. ``train_id`` is 255 for labels that the benchmark ignores; objects of a label
    with ``has_objects`` are told apart in the instance files."""

    id: int
    name: str
    train_id: int
    color: Color
    has_objects: bool = False

    @property
    def is_ignored(self) -> bool:
        """Whether the benchmark leaves this label out."""
        return self.train_id == IGNORED_TRAIN_ID


STREET_CLASSES = (
    StreetClass(0, "unlabeled", 255, (0, 0, 0)),
    StreetClass(1, "ego vehicle", 255, (0, 0, 0)),
    StreetClass(2, "rectification border", 255, (0, 0, 0)),
    StreetClass(3, "out of roi", 255, (0, 0, 0)),
    StreetClass(4, "static", 255, (0, 0, 0)),
    StreetClass(5, "dynamic", 255, (111, 74, 0)),
    StreetClass(6, "ground", 255, (81, 0, 81)),
    StreetClass(7, "road", 0, (128, 64, 128)),
    StreetClass(8, "sidewalk", 1, (244, 35, 232)),
    StreetClass(9, "parking", 255, (250, 170, 160)),
    StreetClass(10, "rail track", 255, (230, 150, 140)),
    StreetClass(11, "building", 2, (70, 70, 70)),
    StreetClass(12, "wall", 3, (102, 102, 156)),
    StreetClass(13, "fence", 4, (190, 153, 153)),
    StreetClass(14, "guard rail", 255, (180, 165, 180)),
    StreetClass(15, "bridge", 255, (150, 100, 100)),
    StreetClass(16, "tunnel", 255, (150, 120, 90)),
    StreetClass(17, "pole", 5, (153, 153, 153)),
    StreetClass(18, "polegroup", 255, (153, 153, 153)),
    StreetClass(19, "traffic light", 6, (250, 170, 30)),
    StreetClass(20, "traffic sign", 7, (220, 220, 0)),
    StreetClass(21, "vegetation", 8, (107, 142, 35)),
    StreetClass(22, "terrain", 9, (152, 251, 152)),
    StreetClass(23, "sky", 10, (70, 130, 180)),
    StreetClass(24, "person", 11, (220, 20, 60), True),
    StreetClass(25, "rider", 12, (255, 0, 0), True),
    StreetClass(26, "car", 13, (0, 0, 142), True),
    StreetClass(27, "truck", 14, (0, 0, 70), True),
    StreetClass(28, "bus", 15, (0, 60, 100), True),
    StreetClass(29, "caravan", 255, (0, 0, 90), True),
    StreetClass(30, "trailer", 255, (0, 0, 110), True),
    StreetClass(31, "train", 16, (0, 80, 100), True),
    StreetClass(32, "motorcycle", 17, (0, 0, 230), True),
    StreetClass(33, "bicycle", 18, (119, 11, 32), True),
)
"""All labels with an id of 0 or more. The 35th, license plate, has id -1 and stands in no label file; its pixels are those of
the car."""


def id_rows() -> tuple[dict[str, Any], ...]:
    """Rows of ``classes.json`` for label ids 0 to 33; those that the benchmark ignores are marked."""
    return tuple(
        {"id": label.id, "name": label.name, "color": list(label.color)}
        | ({"ignore": True} if label.is_ignored else {})
        | ({"thing": True} if label.has_objects else {})
        for label in STREET_CLASSES
    )


def train_id_rows() -> tuple[dict[str, Any], ...]:
    """Rows of ``classes.json`` for training ids 0 to 18, and 255 ignored."""
    counted = sorted((label for label in STREET_CLASSES if not label.is_ignored), key=lambda label: label.train_id)
    rows = [
        {"id": label.train_id, "name": label.name, "color": list(label.color)} | ({"thing": True} if label.has_objects else {})
        for label in counted
    ]
    return (*rows, {"id": IGNORED_TRAIN_ID, "name": "ignored", "ignore": True})
