"""The one door to image files: bytes to a header that is checked, and from there to raw pixels.

The header is read by Pillow's format classes directly, without ``Image.open``: its limit on declared pixels is a global
of the process, while ours is an argument, and is applied before anything is decoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pixelwise.errors import DataError, nearest

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "Raster", "open_raster", "oriented", "raw_pixels", "read_bytes"]

MAX_PIXELS = 179_000_000
"""Default limit on the pixels that a file may declare."""

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jp2"}
)
"""Names with these endings, in lower or upper case, are taken for images."""

_PLUGINS = (
    *(PngImagePlugin, JpegImagePlugin, TiffImagePlugin, BmpImagePlugin),
    *(WebPImagePlugin, PpmImagePlugin, GifImagePlugin, Jpeg2KImagePlugin),
)  # imported by name: Image.init() would load forty more in every loader process
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM", "GIF", "JPEG2000")
_ORIENTATION = 0x0112
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap height and width


@dataclass(frozen=True)
class Raster:
    """The checked header of one file. ``size`` is (height, width) as a person sees it, after the EXIF orientation."""

    path: Path
    format: str
    mode: str  # Pillow's: "L", "RGB", "P", "I;16", ...
    bits: int  # per channel on disk: 1, 2, 4, 8, 16 or 32
    orientation: int  # EXIF 1 to 8 still to be applied; 1 where the decoder applies it itself (TIFF)
    size: tuple[int, int]
    image: ImageFile.ImageFile

    @property
    def is_deep(self) -> bool:
        """More than 8 bits per channel: pixels need a grey window to become uint8."""
        return self.bits > 8 or self.mode in ("F", "I")


def read_bytes(path: str | Path) -> bytes:
    """The whole file; raises :class:`DataError` where there is none, or it is empty."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        hint = nearest(path.name, siblings) if siblings else "its folder does not exist"
        raise DataError(f"{path} does not exist; {hint if len(hint) < 200 else 'check the name'}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not an image; give the path of one file") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check its permissions and its disk") from None
    if not data:
        raise DataError(f"{path} is empty (0 bytes); copy it again from its source, or remove it")
    return data


def open_raster(path: str | Path, stream: IO[bytes], max_pixels: int = MAX_PIXELS) -> Raster:
    """Reads and checks the header in ``stream``; raises :class:`DataError` for what is no image or declares too much."""
    path = Path(path)
    format, image = _header(path, stream)
    width, height = image.size
    if width * height > max_pixels:
        raise DataError(
            f"{path} declares {height} x {width} = {height * width:,} pixels, more than the limit of {max_pixels:,}; "
            f"if that is its true size, raise data.max_pixels, otherwise remove it"
        )
    if width < 1 or height < 1:
        raise DataError(f"{path} declares {height} x {width} pixels; copy it again from its source, or remove it")
    bits = _bits(format, image, stream)
    orientation = _orientation(format, image)
    size = (width, height) if orientation in _TRANSPOSED else (height, width)
    return Raster(path, format, image.mode, bits, orientation, size, image)


def raw_pixels(raster: Raster, data: bytes) -> np.ndarray:
    """Decodes to (H, W) or (H, W, C) in the file's own depth: grey, grey + alpha, RGB or RGBA, EXIF orientation applied.

    Palette images come as RGB or RGBA, CMYK as RGB, 1-bit as 0 and 255. A file that stops before its end is refused.
    """
    pixels = _decode_with_opencv(raster, data)
    if pixels is None:
        pixels = _decode_with_pillow(raster)
    return oriented(pixels, raster.orientation)


def _header(path: Path, stream: IO[bytes]) -> tuple[str, ImageFile.ImageFile]:
    """The format by the first bytes (Pillow's own word differs for JPEGs with several pictures), and the open header."""
    start = stream.read(64)
    for name in _FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is not None and not accept(start):
            continue
        stream.seek(0)
        try:
            # no file name: Pillow would map the file into memory, and forget the orientation of TIFFs there
            return name, factory(stream, "")  # type: ignore[return-value]
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"{path} is damaged: it starts like {name} but its header cannot be read ({reason}); "
                f"copy it again from its source, or remove it"
            ) from None
    if not start:
        raise DataError(f"{path} is empty (0 bytes); copy it again from its source, or remove it")
    raise DataError(f"{path} is not an image: {_seen(start)}; save it again as PNG or JPEG, or remove it")


def _seen(start: bytes) -> str:
    text = start[:24].decode("utf-8", errors="replace")
    if all(c.isprintable() or c in "\r\n\t" for c in text.rstrip("\ufffd")):
        return f"it holds text that starts with {text!r}"
    return f"its first bytes are {start[:8].hex(' ')}, which no supported format ({', '.join(_FORMATS)}) starts with"


def _bits(format: str, image: ImageFile.ImageFile, stream: IO[bytes]) -> int:
    """Bits per channel on disk; Pillow's mode hides 2 and 4 bits of grey, and 16 bits of colour."""
    if format == "PNG":
        stream.seek(24)
        return stream.read(1)[0]
    if format == "TIFF":
        declared = image.tag_v2.get(258, 1)  # type: ignore[attr-defined]
        return int(max(declared) if isinstance(declared, tuple) else declared)
    if image.mode == "1":
        return 1
    return 16 if image.mode.startswith("I") else 8


def _orientation(format: str, image: ImageFile.ImageFile) -> int:
    if format == "TIFF":
        return 1  # both decoders turn TIFF pixels themselves, and Pillow's size is that of the turned image
    if format == "PNG":
        if "exif" not in image.info:
            return 1  # getexif() would decode the whole image to look behind its pixels
        exif = Image.Exif()
        exif.load(image.info["exif"])
        value = exif.get(_ORIENTATION, 1)
    else:
        try:
            value = image.getexif().get(_ORIENTATION, 1)
        except (struct.error, SyntaxError, ValueError, KeyError, TypeError):
            value = 1  # damaged EXIF beside sound pixels
    return value if value in range(1, 9) else 1


def _decode_with_opencv(raster: Raster, data: bytes) -> np.ndarray | None:
    """The fast way for what OpenCV decodes without loss; None leaves the file, and the complaint, to Pillow."""
    if raster.format == "JPEG" and raster.mode in ("L", "RGB"):
        if not _jpeg_is_complete(data):
            return None
        flags = cv2.IMREAD_GRAYSCALE if raster.mode == "L" else cv2.IMREAD_COLOR_RGB
        return _imdecode(data, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if raster.format == "PNG" and raster.mode != "P" and raster.bits >= 8:
        if not _png_is_whole(data):
            return None
        return _rgb_order(_imdecode(data, cv2.IMREAD_UNCHANGED))
    if raster.format == "TIFF" and raster.bits > 8 and raster.mode not in ("F", "I", "I;16", "I;16B"):
        return _rgb_order(_imdecode(data, cv2.IMREAD_UNCHANGED))  # Pillow would cut deep colour to 8 bits
    if raster.format in ("PPM", "JPEG2000") and raster.bits > 8:
        return _rgb_order(_imdecode(data, cv2.IMREAD_UNCHANGED))
    return None


def _jpeg_is_complete(data: bytes) -> bool:
    """Whether the end marker follows the start of the pixels. OpenCV may fill a cut JPEG with grey and say nothing.

    The walk over the segments steps over an embedded thumbnail, which has an end marker of its own; bytes behind the end
    are common and harmless.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
        if marker == 0xFF:  # fill byte
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _png_is_whole(data: bytes) -> bool:
    """Whether the parts follow each other up to the last. OpenCV makes room for whatever length a part declares, half a
    gigabyte for a file of a hundred bytes, and decodes on where such a part is cut off."""
    position = 8
    while position + 12 <= len(data):
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _imdecode(data: bytes, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def _rgb_order(pixels: np.ndarray | None) -> np.ndarray | None:
    if pixels is None or pixels.ndim == 2:
        return pixels
    codes = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    code = codes.get(pixels.shape[2])
    return pixels if code is None else cv2.cvtColor(pixels, code)


def _decode_with_pillow(raster: Raster) -> np.ndarray:
    image: Image.Image = raster.image
    if raster.is_deep and raster.mode not in ("F", "I", "I;16", "I;16B", "I;16L"):
        # only reached when OpenCV refused: Pillow decodes deep colour at 8 bits, which would be another image
        raise DataError(f"{raster.path} is damaged or of a kind that is not supported ({_kind(raster)}); save it again as PNG")
    try:
        image.load()
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "LA", "RGB", "RGBA", "F", "I", "I;16", "I;16B", "I;16L"):
            image = image.convert("RGB")
        pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        reason = "it stops before its end" if "truncated" in str(error) else " ".join(str(error).split())
        raise DataError(
            f"{raster.path} is damaged: {_kind(raster)} of {raster.size[0]} x {raster.size[1]}, but {reason}; "
            f"copy it again from its source, or remove it"
        ) from None
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _kind(raster: Raster) -> str:
    return f"{'an' if raster.bits == 8 else 'a'} {raster.bits}-bit {raster.format} image"


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns and mirrors by the EXIF orientation, so that the image is as a person sees it."""
    if orientation == 1:
        return pixels
    if orientation in _TRANSPOSED:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
