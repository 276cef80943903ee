"""The run lengths in which Label Studio stores brush strokes: the RGBA pixels of a whole image, packed bit by bit.

The layout is that of the rle-pack library of thi.ng: 32 bits for the number of values, 5 bits for the bits of a value less one,
four times 4 bits for the four sizes of run lengths, each less one. Then packets: one bit says whether a value is repeated, two
bits choose one of the four sizes, that many bits hold the length less one, and then follow the value once, or as many values
as the length says. The first bit of a byte is its highest. Values are those of height x width x 4 channels, row by row; only
the fourth, how strongly a pixel is painted, means anything.
"""

from __future__ import annotations

import numpy as np

from pixelwise.errors import DataError
from pixelwise.types import Size

__all__ = ["decode_brush", "encode_brush"]

_HEADER_BITS = 32 + 5 + 4 * 4
_CHANNELS = 4
_MOST_WAITING = 1 << 12  # packets of values that are not repeated, written together
_RUN_SIZES = (3, 4, 8, 16)  # what Label Studio's own encoder takes


def decode_brush(data: bytes, size: Size) -> np.ndarray:
    """The fourth channel, (H, W) uint8, of an image of ``size``; nothing is allocated before the declared number of values is
    known to be that of the image.

    Raises :class:`DataError` for a number of values other than height x width x 4, data that end too early, a packet that goes
    on behind the last value, and values that are no uint8.
    """
    height, width = size
    total = height * width * _CHANNELS
    if len(data) * 8 < _HEADER_BITS:
        raise DataError(f"a brush mask has {len(data)} bytes, too few for its header; export it again")
    header = int.from_bytes(data[:7], "big") >> 56 - _HEADER_BITS
    declared = header >> 21
    if declared != total:
        raise DataError(
            f"a brush mask declares {declared:,} values, but an image of {height} x {width} has {total:,} (4 for each pixel); "
            "is it of another image?"
        )
    alpha = np.zeros(height * width, np.uint8)
    word_bits = (header >> 16 & 31) + 1
    _unpack(data, alpha, word_bits, [(header >> shift & 15) + 1 for shift in (12, 8, 4, 0)])
    return alpha.reshape(size)


def _unpack(data: bytes, alpha: np.ndarray, word_bits: int, run_bits: list[int]) -> None:
    """Writes every fourth value into ``alpha``: repeated ones at once, the others many packets at a time."""
    total, end = alpha.size * _CHANNELS, len(data) * 8
    padded = data + bytes(8)
    position, place = _HEADER_BITS, 0
    single: list[tuple[int, int, int]] = []  # pixel, first bit and count of values that are not repeated
    while place < total:
        # 64 bits hold all of a packet: at most 7 of the byte before it, 3 + 16 of its head, 32 of a value
        window = int.from_bytes(padded[position >> 3 : (position >> 3) + 8], "big") << (position & 7)
        size = run_bits[window >> 61 & 3]
        length = (window >> 61 - size & (1 << size) - 1) + 1
        is_repeated = window >> 63 & 1
        begin = position + 3 + size
        position = begin + word_bits * (1 if is_repeated else length)
        if position > end or place + length > total:
            raise DataError(
                f"a brush mask of {total:,} values is damaged at value {place:,}: "
                + ("it was cut off" if position > end else f"a run of {length:,} goes on behind its end")
            )
        if is_repeated:
            value = window >> 61 - size - word_bits & (1 << word_bits) - 1
            _check(value)
            alpha[place // _CHANNELS : (place + length) // _CHANNELS] = value
        else:
            skipped = -(place + 1) % _CHANNELS  # values before the first that is a fourth channel
            single.append(((place + skipped) // _CHANNELS, begin + skipped * word_bits, (length - skipped + 3) // _CHANNELS))
            if len(single) >= _MOST_WAITING:
                _write_single(padded, single, alpha, word_bits)
                single.clear()
        place += length
    _write_single(padded, single, alpha, word_bits)


def _write_single(padded: bytes, packets: list[tuple[int, int, int]], alpha: np.ndarray, word_bits: int) -> None:
    """Writes one in four of the values in the given packets, all together."""
    pixels, starts, counts = np.array(packets, np.int64).reshape(-1, 3).clip(min=0).T
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    bits = np.repeat(starts, counts) + within * (_CHANNELS * word_bits)
    stored = np.frombuffer(padded, np.uint8)
    window = np.zeros(len(bits), np.int64)
    for step in range(5):  # 5 bytes hold 32 bits wherever they begin
        window = window << 8 | stored[(bits >> 3) + step]
    values = window >> 40 - (bits & 7) - word_bits & (1 << word_bits) - 1
    _check(int(values.max(initial=0)))
    alpha[np.repeat(pixels, counts) + within] = values


def _check(value: int) -> None:
    if value > 255:
        raise DataError(f"a brush mask holds the value {value}, but its channels go to 255; it is damaged")


def encode_brush(mask: np.ndarray) -> bytes:
    """Packs a (H, W) bool or uint8 mask as Label Studio does: all four channels 255 where it is true, or its value."""
    if mask.ndim != 2 or mask.dtype not in (np.bool_, np.uint8):
        raise DataError(f"a brush mask is (H, W) bool or uint8, got {mask.shape} {mask.dtype}")
    values = np.repeat(mask.reshape(-1).astype(np.uint8) * (255 if mask.dtype == np.bool_ else 1), _CHANNELS)
    changes = np.flatnonzero(np.diff(values)) + 1
    begins = np.concatenate(([0], changes)) if values.size else changes
    packed = [f"{values.size:032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in _RUN_SIZES)]
    for begin, stop in zip(begins.tolist(), [*changes.tolist(), values.size], strict=False):
        left = stop - begin
        while left:
            index = next((i for i, size in enumerate(_RUN_SIZES) if left <= 1 << size), len(_RUN_SIZES) - 1)
            length = min(left, 1 << _RUN_SIZES[index])
            packed.append(f"1{index:02b}{length - 1:0{_RUN_SIZES[index]}b}{values[begin]:08b}")
            left -= length
    bits = "".join(packed)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
