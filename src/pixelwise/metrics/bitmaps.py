"""Masks and label maps as bits, 64 pixels a word: what lies near an edge is found many times faster than pixel by pixel.

A row of W pixels is W // 64 + 1 words, the first pixel in the lowest bit of the first word. So at least one bit of each row's
last word is left over, and a row shifted by one pixel does not reach into the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["dilated", "mixed_squares", "mixed_squares_of", "packed", "packed_classes"]

_WORD = np.dtype("<u8")
_NO_WORD = np.uint64(0)
_STRIP = 1 << 18  # pixels


def mixed_squares(labels: np.ndarray) -> np.ndarray:
    """(H - 1, words) bits: whether the square of 2 x 2 pixels that ends in row r + 1 and column c holds several labels; what
    bit 0 says means nothing."""
    mixed = np.zeros((max(len(labels) - 1, 0), labels.shape[1]), np.bool_)
    inner = mixed[:, 1:]
    np.not_equal(labels[:-1, :-1], labels[:-1, 1:], out=inner)
    inner |= labels[:-1, 1:] != labels[1:, 1:]
    inner |= labels[1:, :-1] != labels[1:, 1:]
    return packed(mixed)


def mixed_squares_of(masks: np.ndarray) -> np.ndarray:
    """The same from the (K, H, words) bits of the classes' masks, where no mask reaches the last bit of its rows."""
    mixed, across, spare = np.zeros_like(masks[0, 1:]), np.empty_like(masks[0]), np.zeros_like(masks[0])
    for bits in masks:
        np.left_shift(bits, 1, out=across)  # pixel c - 1 in the place of pixel c
        np.right_shift(bits.reshape(-1)[:-1], 63, out=spare.reshape(-1)[1:])
        across |= spare
        across ^= bits
        mixed |= across[:-1]
        mixed |= across[1:]
        mixed |= np.bitwise_xor(bits[:-1], bits[1:], out=spare[1:])
    return mixed


def packed(mask: np.ndarray) -> np.ndarray:
    """(H, words) bits of a boolean (H, W), the first pixel lowest; at least one bit of each row's last word is left over."""
    height, width = mask.shape
    rows = np.zeros((height, width // 64 + 1), _WORD)
    rows.view(np.uint8)[:, : (width + 7) // 8] = np.packbits(mask, axis=1, bitorder="little")
    return rows


def packed_classes(labels: np.ndarray, classes: Sequence[int], last_is_rest: bool = False) -> np.ndarray:
    """(K, H, words) bits of the classes' masks, by strips of rows that stay in the processor's cache. With ``last_is_rest`` the
    last class is not looked for: it has all pixels that no other class has."""
    height, width = labels.shape
    masks, step = np.zeros((len(classes), height, width // 64 + 1), _WORD), max(_STRIP // max(width, 1), 1)
    sought = list(zip(masks.view(np.uint8)[..., : (width + 7) // 8], classes, strict=True))[: -1 if last_is_rest else None]
    buffer = np.empty((min(step, height), width), np.bool_)
    for start in range(0, height, step):
        strip = labels[start : start + step]
        for octets, index in sought:
            is_class = np.equal(strip, index, out=buffer[: len(strip)])
            octets[start : start + step] = np.packbits(is_class, axis=1, bitorder="little")
    if last_is_rest:
        masks[-1] = packed(np.ones((1, width), np.bool_))
        for bits in masks[:-1]:
            masks[-1] ^= bits
    return masks


def dilated(squares: np.ndarray, width: int, distance: int) -> np.ndarray:
    """(H, words) bits of the boundary band, from the mixed squares; bits from ``width`` on mean nothing.

    A pixel's window begins d - 1 before it. As windows are taken forward, words of zeros stand before each row, in which the
    row before looks on as well.
    """
    height, words = len(squares) + 1, squares.shape[1]
    if min(height, width) <= 2 * distance:
        return np.full((height, words), ~_NO_WORD)  # nothing is farther from the border of the image
    before = -(-(distance - 1) // 64)
    framed = np.zeros((height + 2 * distance, before + words), _WORD)
    framed[distance : distance + height - 1, before:] = squares
    now, then, spare = framed.reshape(-1), np.empty(framed.size, _WORD), np.empty(framed.size, _WORD)
    for step in _steps(2 * distance):  # downwards: a row is as many words
        now, then = _or_ahead(now, 64 * framed.shape[1] * step, then, spare), now
    used = framed.shape[1] * (height + 1)  # one row more than asked for: its zeros end the last window
    now, then, spare = now[:used], then[:used], spare[:used]
    for step in _steps(2 * distance):
        now, then = _or_ahead(now, step, then, spare), now
    band = _ahead(now, 64 * before - (distance - 1), then, spare).reshape(height + 1, -1)[:height, :words]
    columns = np.ones((1, width), np.bool_)
    columns[:, distance:-distance] = False
    band |= packed(columns)
    band[:distance], band[-distance:] = ~_NO_WORD, ~_NO_WORD
    return band


def _steps(window: int) -> Iterator[int]:
    """Steps ahead that widen a window of one to ``window``, none longer than the window before it; from a window of eight on all
    but one are whole bytes, which are many times faster."""
    size = 1
    while size < window:
        if size == 8:
            step = window % 8 or 8
        else:
            step = min(size if size < 8 else size // 8 * 8, window - size)
        yield step
        size += step


def _or_ahead(words: np.ndarray, step: int, out: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Each bit or the one ``step`` ahead of it."""
    if step % 8:
        _ahead(words, step, out, spare)
        out |= words
    else:
        octets, put, kept = words.view(np.uint8), out.view(np.uint8), 8 * len(words) - step // 8
        np.bitwise_or(octets[:kept], octets[step // 8 :], out=put[:kept])
        put[kept:] = octets[kept:]
    return out


def _ahead(words: np.ndarray, step: int, out: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """The bits from ``step`` on, with zeros after the last. Buffers are handed in: fresh ones would cost more than the work."""
    whole, part = divmod(step, 64)
    kept = len(words) - whole
    np.right_shift(words[whole:], part, out=out[:kept])
    out[kept:] = 0
    if part:
        out[: kept - 1] |= np.left_shift(words[whole + 1 :], 64 - part, out=spare[: kept - 1])
    return out
