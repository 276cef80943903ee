"""The door to image files: what a file declares costs nothing before it is known to be there."""

import io
import struct
import zlib

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats import raster
from pixelwise.formats.raster import open_raster, raw_pixels


def part(kind, content, length=None):
    length = len(content) if length is None else length
    return struct.pack(">I", length) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels, declared=None, behind=b""):
    """A grey PNG; ``declared``: the length that the part with the pixels claims to have."""
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    body = part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows), declared)
    return b"\x89PNG\r\n\x1a\n" + body + part(b"IEND", b"") + behind


def decoded(data):
    return raw_pixels(open_raster("a.png", io.BytesIO(data)), data)


@pytest.mark.parametrize("behind", [b"", b"what a camera appends" * 20], ids=["nothing behind", "something behind"])
def test_a_whole_png_is_read_whatever_stands_behind_it(behind):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9)).astype(np.uint8)
    assert np.array_equal(decoded(png(pixels, behind=behind)), pixels)


@pytest.mark.parametrize("declared", [5000, 0x20000000, 0x7FFFFFFF])
def test_a_part_that_declares_more_than_there_is_never_comes_to_opencv(declared, monkeypatch):
    """It would make room for all of it first: half a gigabyte for a file of two kilobytes."""
    monkeypatch.setattr(raster, "_imdecode", lambda *_: pytest.fail("OpenCV was asked"))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8)
    assert np.array_equal(decoded(png(pixels, declared)), pixels)
    with pytest.raises(DataError, match="damaged"):
        decoded(png(pixels, declared)[:1000])


def test_a_whole_png_does_come_to_opencv(monkeypatch):
    asked = []
    monkeypatch.setattr(raster, "_imdecode", lambda data, flags: asked.append(data))
    decoded(png(np.zeros((3, 4), np.uint8)))
    assert len(asked) == 1
