"""Pictures of label maps on their images: overlays, errors, legends, contact sheets. RGB uint8 in and out.

Ignored pixels (255) are greyed and hatched everywhere, so that they are never mistaken for a class. Multilabel maps
(K, H, W) show the first class that is present at a pixel, and the bare image where none is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX, ClassTable

__all__ = ["batch_picture", "contact_sheet", "error_overlay", "legend", "overlay"]

_WRONG = (230, 40, 60)
_PAPER, _INK = (255, 255, 255), (40, 44, 52)
_NOTHING = 254  # of a flattened multilabel map: no class is present here


def overlay(image: np.ndarray, indices: np.ndarray, colors: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """The image tinted by class, with crisp boundaries between regions, (H, W, 3) uint8.

    ``image`` is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8; ``indices`` (H, W) class indices or (K, H, W) multilabel;
    ``colors`` (K, 3) uint8 RGB; ``alpha`` in [0, 1] is the strength of the tint. Raises :class:`DataError` when sizes differ.
    """
    picture, flat = _rgb(image), _flat(indices)
    _check_sizes(picture, flat)
    color = _colorize(flat, colors)
    tinted = cv2.addWeighted(picture, 1.0 - alpha, color, alpha, 0.0)
    _copy_where(_boundary(flat), color, tinted)
    if len(colors) <= _NOTHING:
        _copy_where(cv2.inRange(flat, len(colors), _NOTHING), picture, tinted)
    return _hatch(tinted, picture, flat)


def error_overlay(image: np.ndarray, prediction: np.ndarray, target: np.ndarray, colors: np.ndarray | None = None) -> np.ndarray:
    """Where the prediction is wrong, (H, W, 3) uint8: right pixels are a dim grey image, wrong ones have the colour of the
    class that was predicted there, or red without ``colors`` and in multilabel mode. Ignored pixels are hatched."""
    picture, expected = _rgb(image), _flat(target)
    _check_sizes(picture, expected)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    dimmed = cv2.addWeighted(grey, 0.45, np.full_like(grey, 255), 0.35, 0.0)
    wrong = (prediction != target) & (target != IGNORE_INDEX)
    if target.ndim == 3:
        wrong, colors = wrong.any(0), None
    strong = np.full_like(picture, _WRONG) if colors is None else _colorize(np.ascontiguousarray(prediction), colors)
    strong = cv2.addWeighted(strong, 0.85, grey, 0.15, 0.0)
    _copy_where(wrong.astype(np.uint8), strong, dimmed)
    return _hatch(dimmed, picture, expected)


def legend(names: Sequence[str], colors: np.ndarray, width: int = 800, ignored: bool = False) -> np.ndarray:
    """A strip (h, ``width``, 3) of colour swatches and class names, in as many lines as they need."""
    font, swatch, gap, line = ImageFont.load_default(14), 14, 18, 24
    entries = [(_shortened(name, 28), tuple(color)) for name, color in zip(names, np.asarray(colors).tolist(), strict=True)]
    entries += [("ignored", None)] if ignored else []  # type: ignore[list-item]
    places, x, y = [], gap, 8
    for name, _ in entries:
        needed = swatch + 6 + math.ceil(font.getlength(name)) + gap
        if x + needed > width and x > gap:
            x, y = gap, y + line
        places.append((x, y))
        x += needed
    sheet = Image.new("RGB", (width, y + line + 4), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for (name, color), (x, y) in zip(entries, places, strict=True):
        pen.rectangle((x, y, x + swatch, y + swatch), fill=color or (190, 190, 190), outline=_INK)
        if color is None:
            pen.line((x, y + swatch, x + swatch, y), fill=_INK)
        pen.text((x + swatch + 6, y + swatch // 2 + 1), name, fill=_INK, font=font, anchor="lm")
    return np.asarray(sheet)


def contact_sheet(pictures: Sequence[tuple[np.ndarray, str]], columns: int | None = None, cell: int = 256) -> np.ndarray:
    """Pictures in a grid with a title under each, (h, w, 3) uint8; each fits into ``cell`` x ``cell`` pixels, never enlarged
    more than 4 times. ``columns`` defaults to a grid about as wide as high."""
    if not pictures:
        raise DataError("a contact sheet needs at least one picture, got none")
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    fitted = [_fitted(_rgb(picture), cell) for picture, _ in pictures]
    width, height = max(p.shape[1] for p in fitted), max(p.shape[0] for p in fitted)
    has_titles = any(title for _, title in pictures)
    gap, caption = 8, 22 if has_titles else 0
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (gap + columns * (width + gap), gap + rows * (height + caption + gap)), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for position, (picture, (_, title)) in enumerate(zip(fitted, pictures, strict=True)):
        x, y = gap + position % columns * (width + gap), gap + position // columns * (height + caption + gap)
        sheet.paste(Image.fromarray(picture), (x, y))
        if title:
            pen.text((x + 1, y + height + 4), _fitting_text(title, font, width), fill=_INK, font=font)
    return np.asarray(sheet)


def batch_picture(images: np.ndarray, targets: np.ndarray, class_table: ClassTable, most: int = 12) -> np.ndarray:
    """A batch as the network gets it: each image beside its overlay, with the legend below, (h, w, 3) uint8.

    ``images`` (B, H, W, C) uint8; ``targets`` (B, H, W), or (B, K, H, W) multilabel, uint8; at most ``most`` samples.
    """
    pairs = []
    for image, target in zip(images[:most], targets[:most], strict=True):
        picture = _rgb(image)
        divider = np.full((picture.shape[0], max(2, picture.shape[1] // 128), 3), 255, np.uint8)
        pairs.append((np.hstack([picture, divider, overlay(picture, target, class_table.colors)]), ""))
    columns = {1: 1, 2: 1, 3: 1, 4: 2}.get(len(pairs), 2 if len(pairs) <= 8 else 3)
    sheet = contact_sheet(pairs, columns=columns, cell=640 if columns < 3 else 480)
    strip = legend(class_table.names, class_table.colors, sheet.shape[1], ignored=bool((targets == IGNORE_INDEX).any()))
    return np.vstack([sheet, strip])


def _rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) contiguous uint8 of a grey, RGB, RGBA or many-channel image (its first channel, then)."""
    picture = image if image.ndim == 3 else image[..., None]
    if picture.shape[2] in (3, 4):
        return np.ascontiguousarray(picture[..., :3])
    return cv2.cvtColor(np.ascontiguousarray(picture[..., 0]), cv2.COLOR_GRAY2RGB)


def _flat(indices: np.ndarray) -> np.ndarray:
    """One index per pixel, (H, W) uint8."""
    if indices.ndim == 2:
        return np.ascontiguousarray(indices, np.uint8)
    present = indices == 1
    rest = np.where((indices == IGNORE_INDEX).any(0), IGNORE_INDEX, _NOTHING)
    return np.where(present.any(0), present.argmax(0), rest).astype(np.uint8)


def _colorize(flat: np.ndarray, colors: np.ndarray) -> np.ndarray:
    table = np.full((256, 1, 3), 128, np.uint8)
    table[: len(colors), 0] = colors
    return cv2.applyColorMap(flat, table)


def _boundary(flat: np.ndarray) -> np.ndarray:
    """Non-zero where a neighbour has another index: the inner rims of both regions, one pixel each (more in big images)."""
    reach = max(1, round(min(flat.shape) / 500))
    return cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))


def _hatch(drawn: np.ndarray, picture: np.ndarray, flat: np.ndarray) -> np.ndarray:
    ignored = flat == IGNORE_INDEX
    if not ignored.any():
        return drawn
    height, width = flat.shape
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    veil = cv2.addWeighted(grey, 0.3, np.full_like(grey, 150), 0.7, 0.0)
    period = max(8, round(min(height, width) / 40))
    stripe = (np.arange(height)[:, None] + np.arange(width)[None, :]) % period < max(1, period // 5)
    veil[stripe] = cv2.addWeighted(veil, 0.4, np.full_like(veil, 235), 0.6, 0.0)[stripe]
    _copy_where(ignored.astype(np.uint8), veil, drawn)
    return drawn


def _copy_where(where: np.ndarray, source: np.ndarray, onto: np.ndarray) -> None:
    cv2.copyTo(source, where, onto)


def _fitted(picture: np.ndarray, cell: int) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = min(cell / height, cell / width, 4.0)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if factor >= 1.0:
        return cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST) if factor > 1.0 else picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _fitting_text(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    length = len(text)
    while length > 1 and font.getlength(_shortened(text, length)) > width:
        length -= 1
    return _shortened(text, length)


def _check_sizes(picture: np.ndarray, flat: np.ndarray) -> None:
    if picture.shape[:2] != flat.shape:
        raise DataError(
            f"image and label map must have one size, got {picture.shape[:2]} and {flat.shape}; "
            "resize the map with nearest neighbour first"
        )
