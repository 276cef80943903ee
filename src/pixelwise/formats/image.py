"""Images: files to (H, W, C) uint8 arrays and back, upright, in RGB order, nothing decoded that declares too much."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np

from pixelwise.errors import DataError, nearest
from pixelwise.formats.atomic import atomic_write
from pixelwise.formats.raster import IMAGE_SUFFIXES, MAX_PIXELS, open_raster, raw_pixels, read_bytes

__all__ = [
    "decode_image",
    "image_size",
    "is_image_name",
    "is_sixteen_bit",
    "read_image",
    "read_raw",
    "write_image",
]

_WRITABLE = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def read_image(
    path: str | Path, channels: int = 3, window: tuple[float, float] | None = None, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """One image as (H, W, ``channels``) uint8, upright (EXIF orientation applied once).

    - ``channels`` 3: RGB; grey is repeated, alpha is dropped (not blended: pixels under it are kept as stored).
    - 1: grey; colour becomes its luminance (Rec. 601).
    - 4: RGBA; images without alpha get 255. Any other number: the file must have exactly that many channels.
    - ``window`` (low, high) maps 16-bit and float pixels linearly to 0..255, clipped; without one, 16 bits are divided
      by 257, and 32-bit and float images are refused. 8-bit images are taken as they are.

    Raises :class:`DataError`, which names the file, for what is missing, empty, no image, damaged or truncated, and for
    files that declare more than ``max_pixels`` (before decoding).
    """
    return decode_image(path, read_bytes(path), channels, window, max_pixels)


def decode_image(
    path: str | Path,
    data: bytes,
    channels: int = 3,
    window: tuple[float, float] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """As :func:`read_image`, from bytes that are there already; ``path`` is only for messages."""
    pixels = raw_pixels(open_raster(path, io.BytesIO(data), max_pixels), data)
    if pixels.dtype != np.uint8:
        pixels = _to_bytes(pixels, window, path)
    return _with_channels(pixels, channels, path)


def read_raw(path: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """One image as stored: (H, W) or (H, W, C) in its own depth (uint8, uint16, int32 or float32), upright."""
    data = read_bytes(path)
    return raw_pixels(open_raster(path, io.BytesIO(data), max_pixels), data)


def image_size(path: str | Path) -> tuple[int, int]:
    """(height, width) from the header alone, after the EXIF orientation; a huge declared size is reported, not refused."""
    path = Path(path)
    if not path.is_file():
        read_bytes(path)  # says what is wrong
    with path.open("rb") as stream:
        return open_raster(path, stream, max_pixels=1 << 62).size


def is_sixteen_bit(path: str | Path) -> bool:
    """Whether the pixels are deeper than 8 bits (16-bit, 32-bit or float), so that ``window`` matters."""
    path = Path(path)
    if not path.is_file():
        read_bytes(path)
    with path.open("rb") as stream:
        return open_raster(path, stream, max_pixels=1 << 62).is_deep


def is_image_name(path: str | Path) -> bool:
    """Whether the name ends like an image's, in lower or upper case, and is not hidden."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def write_image(path: str | Path, array: np.ndarray) -> None:
    """Writes (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA uint8 in the format of the suffix, atomically."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITABLE:
        raise DataError(f"cannot write {path}: unknown suffix {path.suffix!r}; {nearest(suffix, _WRITABLE)}")
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not is_image or not array.size:
        raise DataError(
            f"cannot write {path}: an image is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8, got {array.shape} {array.dtype}"
        )
    if array.ndim == 3 and array.shape[2] == 4 and suffix in (".jpg", ".jpeg", ".bmp"):
        raise DataError(f"cannot write {path}: {suffix} holds no alpha; write .png, or give 3 channels")
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = codes.get(array.shape[2]) if array.ndim == 3 else None
    ordered = np.ascontiguousarray(array) if code is None else cv2.cvtColor(np.ascontiguousarray(array), code)
    _, encoded = cv2.imencode(suffix, ordered)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _to_bytes(pixels: np.ndarray, window: tuple[float, float] | None, path: str | Path) -> np.ndarray:
    if window is None:
        if pixels.dtype != np.uint16:
            raise DataError(
                f"{path} holds {pixels.dtype} pixels, which have no range of their own; set data.window to the (low, high) that "
                f"become black and white"
            )
        window = (0, 65535)
    low, high = window
    if not high > low:
        raise DataError(f"data.window must be (low, high) with low < high, got {window}")
    if pixels.dtype == np.uint16:
        table = np.clip((np.arange(65536) - low) * (255.0 / (high - low)), 0, 255)
        return np.rint(table).astype(np.uint8)[pixels]
    # NaN, which scientific TIFFs use for "no value", becomes black
    scaled = np.nan_to_num((pixels.astype(np.float32) - low) * (255.0 / (high - low)), nan=0.0, posinf=255, neginf=0)
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _with_channels(pixels: np.ndarray, channels: int, path: str | Path) -> np.ndarray:
    """(H, W) or (H, W, 1 to 4) uint8 to (H, W, ``channels``)."""
    held = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels not in (1, 3, 4):
        if held != channels:
            raise DataError(
                f"{path} has {held} channels, but {channels} were asked for; set model.in_channels to 1, 3, 4 or {held}"
            )
        return pixels
    grey = pixels if pixels.ndim == 2 else pixels[..., 0] if held <= 2 else None
    if channels == 1:
        if grey is None:
            grey = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)
        return np.ascontiguousarray(grey[..., None])
    color = pixels[..., :3] if grey is None else cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2RGB)
    if channels == 3:
        return np.ascontiguousarray(color)
    alpha = pixels[..., held - 1] if held in (2, 4) else np.full(pixels.shape[:2], 255, np.uint8)
    return np.dstack([color, alpha])
