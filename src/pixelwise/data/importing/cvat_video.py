"""CVAT "for video": tracks of one object each, a shape per frame. Only shapes that the file gives are drawn."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from pixelwise.data.importing.cvat_shapes import CvatShape
from pixelwise.data.importing.geometry import whole
from pixelwise.data.importing.naming import counted
from pixelwise.data.importing.paths import ImageFinder
from pixelwise.errors import DataError

__all__ = ["Frames"]


@dataclass
class Frames:
    """Shapes by frame, and where tracks are silent.

    A track's shape stands in each frame that the file gives; ``outside`` says that the object is not seen from there on.
    CVAT writes every frame of a track. A file of keyframes alone leaves frames between two shapes open: their images are not
    annotated, and are left out.
    """

    tracks: int = 0
    shapes: dict[int, list[CvatShape]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    _open: list[tuple[int, int | None]] = field(default_factory=list)  # (after, before) which a seen object is nowhere

    def add_track(self, track: Element, shapes: tuple[CvatShape, ...], path: Path) -> None:
        """Takes the shapes of one track."""
        self.tracks += 1
        try:
            given = sorted((whole(shape.attributes.get("frame"), "frame"), at) for at, shape in enumerate(shapes))
        except DataError as error:
            self.faults.append(f"{path}, track {track.get('id')!r}: {error}; it is left out")
            return
        seen: int | None = None
        for frame, at in given:
            if seen is not None and frame > seen + 1:
                self._open.append((seen, frame))
            is_outside = shapes[at].attributes.get("outside") == "1"
            if not is_outside:
                self.shapes.setdefault(frame, []).append(shapes[at])
            seen = None if is_outside else frame
        if seen is not None:
            self._open.append((seen, None))

    def images(self, path: Path, finder: ImageFinder) -> Iterator[tuple[Path, tuple[CvatShape, ...]]]:
        """The images of all frames, by the number at the end of their names, with their shapes; also those in which nothing
        is seen. What could not be told is said in ``faults`` and ``decisions``."""
        numbered, unclear = _numbered(path, finder)
        open_frames = self._open_frames(sorted(numbered))
        missing = sorted(set(self.shapes) - set(numbered))
        if missing:
            self.faults.append(
                f"{path} has shapes without an image in {counted(len(missing), 'frame', missing)}; extract the frames of the "
                "video into images/ as frame_000000.png and so on"
            )
        if unclear:
            self.faults.append(f"several images are numbered as frame {unclear[0]}; keep only the frames of this video")
        if open_frames:
            self.decisions.append(
                "nothing is interpolated: left out, for a track goes on there but the file gives no shape: "
                + counted(len(open_frames), "frame", sorted(open_frames))
            )
        self.decisions.append("frames are found by the number at the end of the image's name; each track is one object")
        for frame in sorted(set(numbered) - open_frames):
            yield numbered[frame], tuple(self.shapes.get(frame, ()))

    def _open_frames(self, frames: list[int]) -> set[int]:
        """Those of the sorted ``frames`` that lie in an open stretch of any track."""
        steps = np.zeros(len(frames) + 1, np.int64)
        for after, before in self._open:
            first = bisect_right(frames, after)
            last = len(frames) if before is None else bisect_left(frames, before)
            if last > first:
                steps[first] += 1
                steps[last] -= 1
        return {frame for frame, count in zip(frames, np.cumsum(steps)[:-1].tolist(), strict=True) if count}


def _numbered(path: Path, finder: ImageFinder) -> tuple[dict[int, Path], list[int]]:
    """Images below the annotation file by their number, and numbers that stand twice."""
    numbered: dict[int, Path] = {}
    unclear = []
    for image in finder.images.values():
        found = re.search(r"(\d{1,9})$", image.stem)
        if found is None or path.parent not in image.parents:
            continue
        if numbered.setdefault(int(found[1]), image) != image:
            unclear.append(int(found[1]))
    return {number: image for number, image in numbered.items() if number not in unclear}, unclear
