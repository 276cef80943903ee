"""Label maps as images: class ids read by what the file's pixels mean, never by how they look."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pixelwise.errors import DataError
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.raster import Raster, open_raster, oriented, raw_pixels, read_bytes

__all__ = ["Color", "decode_ids", "read_ids", "write_ids"]

Color = tuple[int, int, int]


def read_ids(path: str | Path, colors: Mapping[Color, int] | None = None) -> np.ndarray:
    """The class ids of a mask file: (H, W) uint8, or uint16 where the file is deeper.

    - palette: the indices, whatever the colours. Only if all palette colours are greys that differ from each other does
      the grey level count: such files are grey masks that a program has compressed. Black and white alone are 0 and 1.
    - 1-bit: 0 and 1. Grey of 2, 4, 8 or 16 bits: the stored values. Whole-number float and 32-bit TIFF within 0..65535.
    - RGB(A) with three equal channels: that grey value. Alpha never counts.
    - RGB(A) with colours: looked up in ``colors`` ``{(r, g, b): id}``; without a table, refused. The table goes before the
      rule on equal channels.

    Raises :class:`DataError` for JPEG (its compression invents ids), colours outside the table (named, with counts), and
    damaged files. EXIF orientation is applied, as for images.
    """
    return decode_ids(path, read_bytes(path), colors)


def decode_ids(path: str | Path, data: bytes, colors: Mapping[Color, int] | None = None) -> np.ndarray:
    """As :func:`read_ids`, from bytes that are there already; ``path`` is only for messages."""
    raster = open_raster(path, io.BytesIO(data), max_pixels=1 << 30)
    if raster.format == "JPEG":
        raise DataError(
            f"{path} is a JPEG mask: JPEG changes values at every edge, so ids cannot be trusted; export the masks again as PNG"
        )
    if raster.mode in ("P", "PA"):
        return _palette_ids(raster)
    pixels = raw_pixels(raster, data)
    if raster.mode == "1":
        return (pixels > 0).astype(np.uint8)
    if pixels.ndim == 3 and raster.mode[0] not in "LIF":
        return _ids_of_colors(pixels[..., :3], colors, path)
    if pixels.ndim == 3:  # grey with alpha, which decoders may spread over four channels
        pixels = np.ascontiguousarray(pixels[..., 0])
    if raster.format == "PNG" and raster.bits in (2, 4):
        return pixels // (85 if raster.bits == 2 else 17)  # decoders stretch 0..3 and 0..15 to 0..255
    return pixels if pixels.dtype in (np.uint8, np.uint16) else _whole_ids(pixels, path)


def write_ids(path: str | Path, ids: np.ndarray, colors: np.ndarray | None = None) -> None:
    """Writes (H, W) uint8 or uint16 ids as PNG, atomically; ``read_ids`` gives them back exactly.

    ``colors`` (256, 3) uint8 RGB, for uint8 ids, makes it a palette PNG that shows in colour. Its colours are nudged where
    all of them are grey, so that indices stay indices.
    """
    path = Path(path)
    if ids.ndim != 2 or ids.dtype not in (np.uint8, np.uint16) or not ids.size:
        raise DataError(f"cannot write {path}: ids must be (H, W) uint8 or uint16, got {ids.shape} {ids.dtype}")
    if path.suffix.lower() != ".png":
        raise DataError(f"cannot write {path}: ids are written as .png, got {path.suffix!r}")
    if colors is not None and (ids.dtype != np.uint8 or colors.shape != (256, 3) or colors.dtype != np.uint8):
        raise DataError(
            f"cannot write {path}: colors must be (256, 3) uint8 beside uint8 ids, "
            f"got {colors.shape} {colors.dtype} beside {ids.dtype} ids"
        )
    if colors is None:
        _, encoded = cv2.imencode(".png", np.ascontiguousarray(ids))
        content = encoded.tobytes()
    else:
        image = Image.fromarray(np.ascontiguousarray(ids))
        image.putpalette(_colored(colors).tobytes())
        stream = io.BytesIO()
        image.save(stream, "PNG", bits=8, compress_level=3)
        content = stream.getvalue()
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _palette_ids(raster: Raster) -> np.ndarray:
    try:
        raster.image.load()
        image = raster.image.getchannel("P") if raster.mode == "PA" else raster.image
        ids = np.array(image)
        palette = np.array(raster.image.getpalette() or [], np.uint8).reshape(-1, 3)
    except (OSError, SyntaxError, ValueError) as error:
        reason = "it stops before its end" if "truncated" in str(error) else " ".join(str(error).split())
        raise DataError(f"{raster.path} is damaged: {reason}; copy it again from its source, or remove it") from None
    if raster.orientation != 1:
        ids = oriented(ids, raster.orientation)
    levels = _grey_levels(palette)
    if levels is None or ids.max(initial=0) >= len(levels):
        return ids
    return levels[ids]


def _grey_levels(palette: np.ndarray) -> np.ndarray | None:
    """Grey level per index when every colour is a grey and no two are the same; None where the indices are the ids."""
    used = len(palette)
    while used > 1 and not palette[used - 1].any() and not palette[: used - 1].any(axis=1).all():
        used -= 1  # black again at the end is padding
    levels = palette[:used, 0]
    if used == 0 or (palette[:used] != levels[:, None]).any() or len(np.unique(levels)) != used:
        return None
    if set(levels.tolist()) <= {0, 255}:
        return (levels > 0).astype(np.uint8)  # black and white: what a 1-bit image is
    return levels


def _ids_of_colors(pixels: np.ndarray, colors: Mapping[Color, int] | None, path: str | Path) -> np.ndarray:
    first = pixels[..., 0]
    is_grey = bool((first == pixels[..., 1]).all() and (first == pixels[..., 2]).all())
    if colors is None and is_grey:
        return np.ascontiguousarray(first)
    if pixels.dtype != np.uint8:
        raise DataError(f"{path} is a 16-bit colour mask; export it as an 8-bit colour or a single-channel PNG")
    codes = _codes(pixels)
    if colors is None:
        found, counts = np.unique(codes, return_counts=True)
        raise DataError(
            f"{path} is a colour mask ({len(found)} colours: {_named(found, counts)}) without a colour table; list "
            f"id, name and color of each class in classes.json, or export single-channel masks"
        )
    table = sorted(((r << 16) | (g << 8) | b, class_id) for (r, g, b), class_id in colors.items())
    keys = np.array([key for key, _ in table], np.uint32)
    ids = np.array([class_id for _, class_id in table])
    place = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
    unknown = keys[place] != codes
    if unknown.any() and is_grey:
        return np.ascontiguousarray(first)  # ids saved as RGB; the colours in classes.json are for display
    if unknown.any():
        found, counts = np.unique(codes[unknown], return_counts=True)
        raise DataError(
            f"{path} holds {len(found)} colour{'s' if len(found) > 1 else ''} not in classes.json: {_named(found, counts)}; "
            f"add them there (with ignore: true where they mean nothing), or correct the mask"
        )
    return ids[place].astype(np.uint8 if ids.max() < 256 else np.uint16)


def _codes(pixels: np.ndarray) -> np.ndarray:
    wide = pixels.astype(np.uint32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _named(codes: np.ndarray, counts: np.ndarray) -> str:
    """The most frequent colours, as '(255, 0, 0) 1,200 px, ...'."""
    order = np.argsort(-counts, kind="stable")[:4]
    shown = [f"({codes[i] >> 16}, {codes[i] >> 8 & 255}, {codes[i] & 255}) {counts[i]:,} px" for i in order]
    return ", ".join(shown) + (", ..." if len(codes) > 4 else "")


def _whole_ids(pixels: np.ndarray, path: str | Path) -> np.ndarray:
    if not np.isfinite(pixels).all() or (pixels != np.floor(pixels)).any() or pixels.min() < 0 or pixels.max() > 65535:
        raise DataError(
            f"{path} holds {pixels.dtype} values from {pixels.min()} to {pixels.max()}, which are no class ids; "
            f"ids are whole numbers from 0 to 65535: export the masks as 8-bit or 16-bit PNG"
        )
    return pixels.astype(np.uint8 if pixels.max() < 256 else np.uint16)


def _colored(colors: np.ndarray) -> np.ndarray:
    """``colors``, with one entry nudged off grey where the whole palette would read as grey levels."""
    if _grey_levels(colors) is None:
        return colors
    nudged = colors.copy()
    nudged[255, 2] ^= 1
    return nudged
