"""``list`` and ``show``: the catalog, and the inside of one network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelwise.config import RunConfig, with_overrides
from pixelwise.errors import ConfigError, nearest
from pixelwise.models.catalog import ARCHITECTURES, architecture

if TYPE_CHECKING:
    from pixelwise.models.anatomy import Anatomy

__all__ = ["KINDS", "architectures", "check_picture", "encoders", "shown", "size_from", "write_picture"]

KINDS = (".png", ".svg", ".html")
"""Kinds of files that a picture can be written to."""

_MODEL_KEYS = ("model.options.", "model.encoder", "model.in_channels")


def architectures() -> list[dict[str, Any]]:
    """The catalog, one row per architecture: ``name``, ``public``, ``task``, ``paper``, ``summary``, default ``encoder`` and
    ``parameters`` with it, for colour images and 21 classes. Loads no torch."""
    counted = json.loads(files("pixelwise.models").joinpath("sizes.json").read_text(encoding="utf-8"))
    return [
        {
            "name": name,
            "public": row.public,
            "task": row.task,
            "paper": row.paper,
            "summary": row.summary,
            "encoder": row.encoder,
            "parameters": counted.get(name),
        }
        for name, row in ARCHITECTURES.items()
    ]


def encoders(pattern: str) -> list[str]:
    """Names of timm's networks that fit a pattern such as ``resnet*``.

    Raises:
        ConfigError: none does; with the nearest names.
    """
    import timm

    found = timm.list_models(pattern)
    if not found:
        raise ConfigError(f"no encoder is named {pattern!r}; {nearest(pattern.strip('*?').lower(), timm.list_models())}")
    return list(found)


def shown(
    model: str,
    size: tuple[int, ...],
    encoder: str = "auto",
    in_channels: int = 3,
    classes: int = 2,
    options: Iterable[str] | Mapping[str, Any] = (),
    depth: int = 1,
    fields: bool = True,
) -> Anatomy:
    """The anatomy of an architecture of the catalog, without the memory of its weights.

    Args:
        model: a row of the catalog.
        size: of the image, (height, width) for two dimensions.
        encoder: ``auto`` is the architecture's own.
        in_channels, classes: channels of the image and of the logits.
        options: ``model.options.KEY=VALUE`` as for training, or a mapping of such keys.
        depth: 1 for the main parts, 2 for their parts as well, and so on.
        fields: whether receptive fields are measured, which takes longer than all else.

    Raises:
        ConfigError: a name, an option or a size that is not allowed.
    """
    architecture(model)  # an unknown name is said before torch is loaded
    keys = list(options) if isinstance(options, Mapping) else [text.partition("=")[0].strip() for text in options]
    for key in keys:
        if not key.startswith(_MODEL_KEYS):
            raise ConfigError(f"show takes settings of the model, such as model.options.width=64, got {key!r}")
    base = with_overrides(RunConfig(), {"model.name": model, "model.encoder": encoder, "model.in_channels": in_channels})
    config = with_overrides(base, options).model

    from pixelwise.models.anatomy import anatomy, blueprint

    network = blueprint(model, config.encoder, config.in_channels, classes, config.options)
    return anatomy(network, size, config.in_channels, depth, fields)


def size_from(text: str) -> tuple[int, ...]:
    """``256x320`` -> (256, 320); one number for signals, three for volumes.

    Raises:
        ConfigError: anything else.
    """
    if not re.fullmatch(r"[1-9]\d{0,4}([x×][1-9]\d{0,4}){0,2}", text.strip().lower()):
        raise ConfigError(f"size must be HEIGHTxWIDTH in pixels, such as 256x320, got {text!r}")
    return tuple(int(side) for side in re.split("[x×]", text.strip().lower()))


def write_picture(path: Path, anatomy: Anatomy, title: str, command: str) -> None:
    """Writes the diagram as PNG or SVG, or diagram and table as a page, by the end of the name.

    Raises:
        ConfigError: another end.
        StorageError: the file cannot be written.
    """
    check_picture(path)
    from pixelwise.formats.atomic import atomic_write
    from pixelwise.report.diagram import anatomy_page, diagram, standalone_svg
    from pixelwise.report.plots import to_png

    data = anatomy.to_json()
    if path.suffix == ".png":
        content = to_png(diagram(data, title))
    elif path.suffix == ".svg":
        content = standalone_svg(diagram(data, title), title).encode()
    else:
        content = anatomy_page(data, title, command).encode()
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def check_picture(path: Path) -> None:
    """Refuses a file name of another kind than :data:`KINDS` (:class:`ConfigError`), before any work is done."""
    if path.suffix not in KINDS:
        raise ConfigError(f"--out must end in {', '.join(KINDS)}, got {path.name!r}")
