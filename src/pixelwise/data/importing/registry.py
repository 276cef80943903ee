"""All formats that can be read, the most specific first, and which of them a folder is of."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from pixelwise.data.importing.annotated import Format
from pixelwise.errors import ConfigError, DataError, nearest

__all__ = ["format_names", "formats", "sniff"]

_MODULES = (
    "pets", "fast_ai", "cityscapes", "mapillary", "kitti", "synthia", "mots", "ade20k", "ade20k_challenge", "coco", "yolo",
    "voc", "cvat", "labelme", "labelme_xml", "label_studio", "segment_anything", "hugging_face", "nnunet", "camvid", "colored",
    "volumes",
)  # fmt: skip


@cache
def formats() -> tuple[Format, ...]:
    """Every format, in the order in which they are tried."""
    return tuple(import_module(f"pixelwise.data.importing.{module}").FORMAT for module in _MODULES)


def format_names() -> list[str]:
    """What ``--format`` takes."""
    return ["auto", *(found.name for found in formats())]


def sniff(root: Path, name: str = "auto") -> tuple[Format, str]:
    """The format of a folder or file, and the evidence for it, with the others that would also fit.

    Raises:
        ConfigError: no format of this name.
        DataError: there is nothing at ``root``, or nothing that any format knows.
    """
    if not root.exists():
        raise DataError(f"there is no {root}; check the path")
    if name != "auto":
        chosen = next((found for found in formats() if found.name == name), None)
        if chosen is None:
            raise ConfigError(f"format {name!r} is unknown; {nearest(name, format_names())}")
        return chosen, chosen.matches(root) or "as you said"
    fitting = [(found, evidence) for found in formats() if (evidence := found.matches(root)) is not None]
    if not fitting:
        titles = ", ".join(found.title for found in formats())
        raise DataError(f"{root} is of no known format ({titles}); make images/ and masks/ of it, by the same names")
    (chosen, evidence), *others = fitting
    also = f"; it could also be {', '.join(found.name for found, _ in others)}: choose with --format" if others else ""
    return chosen, evidence + also
