"""Objects onto one label map. Pixels hold one class, objects may overlap: who lies above is decided here, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelwise.data.importing.annotated import Painted
from pixelwise.errors import DataError
from pixelwise.types import Size

__all__ = ["Patch", "paint"]

_MOST_OBJECTS = 65535


@dataclass(frozen=True)
class Patch:
    """The pixels of one object: ``mask`` (h, w) bool with its top left corner at ``top``, ``left`` of the image. ``height`` is
    the order in which the source stacks objects, larger above; ``None`` where it has none. ``is_thing`` is False for a region
    that is no countable object, such as sky or a crowd: it gets a class but no number."""

    class_id: int
    mask: np.ndarray
    top: int = 0
    left: int = 0
    height: int | None = None
    is_thing: bool = True


def paint(size: Size, patches: Sequence[Patch], background: int = 0) -> Painted:
    """Paints objects onto a map of ``background``.

    Regions that are no things lie lowest; then the source's own order decides, and where it has none, larger areas lie below
    smaller ones, so that a small object on a large one is seen. Numbers of objects are in the order of ``patches``, from 1, also
    where an object is hidden altogether, which is counted.

    Raises :class:`DataError` for a patch that reaches beyond the image, and for more than 65535 objects.
    """
    if len(patches) > _MOST_OBJECTS:
        raise DataError(f"an image holds {len(patches):,} objects, at most {_MOST_OBJECTS:,} can be numbered; tile the image")
    top_id = max([background, *(patch.class_id for patch in patches)])
    ids = np.full(size, background, np.uint8 if top_id < 256 else np.uint16)
    instances = np.zeros(size, np.uint16)
    covered = hidden = 0
    areas = [int(patch.mask.sum()) for patch in patches]
    order = sorted(range(len(patches)), key=lambda at: (patches[at].is_thing, patches[at].height or 0, -areas[at], at))
    for at in order:
        patch = patches[at]
        rows, columns = patch.mask.shape
        if patch.top < 0 or patch.left < 0 or patch.top + rows > size[0] or patch.left + columns > size[1]:
            raise DataError(
                f"an object of {rows} x {columns} pixels at row {patch.top}, column {patch.left} reaches beyond the image of "
                f"{size[0]} x {size[1]}; is the annotation of another image?"
            )
        here = np.s_[patch.top : patch.top + rows, patch.left : patch.left + columns]
        covered += int((instances[here][patch.mask] > 0).sum())
        ids[here][patch.mask] = patch.class_id
        instances[here][patch.mask] = at + 1 if patch.is_thing else 0
    shown = np.bincount(instances.reshape(-1), minlength=len(patches) + 1) > 0
    hidden = sum(patch.is_thing and areas[at] > 0 and not shown[at + 1] for at, patch in enumerate(patches))
    losses = {"pixels under other objects": covered, "hidden objects": hidden}
    return Painted(ids, instances, {name: count for name, count in losses.items() if count})
