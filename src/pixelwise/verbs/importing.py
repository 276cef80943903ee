"""``import``: a data set of a foreign format as a canonical folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.data.importing.registry import sniff
from pixelwise.data.importing.writer import Written, refuse_taken, write_canonical
from pixelwise.errors import DataError

__all__ = ["Imported", "import_data"]


@dataclass(frozen=True)
class Imported:
    """The new folder, what was decided, and what was lost: ``failed`` by key of image, ``faults`` of annotations."""

    path: Path
    format: str
    images: int
    decisions: tuple[str, ...]
    losses: tuple[str, ...]
    failed: dict[str, str]
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every image and annotation is in the new folder."""
        return not self.failed and not self.faults

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {**vars(self), "path": str(self.path), "decisions": list(self.decisions), "losses": list(self.losses)} | {
            "faults": list(self.faults)
        }


def import_data(
    source: str | Path,
    to: str | Path,
    format: str = "auto",
    link: bool = False,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Reads ``source`` and writes ``images/``, ``masks/``, ``classes.json`` and what else is known into the new folder ``to``.

    Args:
        source: folder, or annotation file, of any known format; never changed.
        to: a folder that is not there, empty, or left by an interruption of this very import.
        format: its name, where sniffing goes wrong.
        link: symbolic links to the images in place of copies.
        say: is told what was decided.
        progress: is told (images done, of how many).

    Raises:
        DataError: nothing there that could be read.
        ConfigError: no such format; ``to`` is taken, or lies inside of ``source``.
    """
    source, to = Path(source).expanduser(), Path(to).expanduser()
    chosen, evidence = sniff(source, format)
    refuse_taken(to, source)
    annotations = chosen.read(source)
    if not annotations.items:
        raise DataError(
            f"{source} ({chosen.title}) holds no annotated images; {'; '.join(annotations.faults) or 'check the path'}"
        )
    decisions = (f"format {chosen.title}: {evidence}", *annotations.decisions)
    for decision in decisions if say is not None else ():
        say(decision)  # type: ignore[misc]
    written: Written = write_canonical(source, annotations, to, link, progress)
    return Imported(to, chosen.name, written.images, decisions, tuple(written.sentences()), written.failed, annotations.faults)
