"""Images that look alike: the same picture saved again, resized, brightened, hardly cropped, mirrored or turned, and frames of a
video in which little moves.

A thumbnail of 16 x 16 grey levels stands for each image. Candidates are found by a perceptual hash, the signs of the lowest 63
cosine coefficients of the thumbnail (Zauner 2010 calls this family pHash), and confirmed by the correlation of the thumbnails.
Mirroring and turning change only signs and places of coefficients, so all eight orientations are compared at the price of one
transform. Hashes within a distance are found by multi-index hashing (Norouzi, Punjani and Fleet 2012): two hashes at most 8 bits
apart have one of four 16-bit words at most 2 (the first) or 1 (the others) bits apart.

Both limits were chosen by measuring. Of photos (COCO), road scenes (CamVid), nuclei, electron micrographs and metal surfaces that
were saved as JPEG of quality 30, halved, doubled, blurred, or given noise or another gamma, 99 % or more are found, and of those
cropped by 1 % at each side 91 % or more; of 20,000 to 55,000 pairs of different photos, nuclei or micrographs, none is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["MOST_PAIRS", "Alike", "find_alike", "groups_of_alike", "thumbnail"]

MOST_PAIRS = 200_000
"""More pairs than these tell nothing new: a video of a thing at rest has millions."""

_SIDE = 16  # pixels of a thumbnail
_MOST_BITS = 8  # of 63 that may differ
_LEAST_CORRELATION = 0.95
_FLAT = 0.004  # of the full range: a deviation below one grey level of 255 shows nothing that could be recognised
_REACH = (2, 1, 1, 1)  # bits that may differ in each of the four words of a hash
_CHUNK = 1 << 21  # pairs of hashes looked at together

_ORIENTATIONS = tuple(
    (turned, upside, mirrored) for turned in (False, True) for upside in (False, True) for mirrored in (False, True)
)
_BASIS = np.cos(np.pi / _SIDE * np.arange(8)[:, None] * (np.arange(_SIDE)[None, :] + 0.5)).astype(np.float32)


@dataclass(frozen=True)
class Alike:
    """Two images that look alike, by their positions, ``first`` < ``second``; ``is_turned`` where one has to be mirrored or
    turned first."""

    first: int
    second: int
    is_turned: bool


def thumbnail(pixels: np.ndarray) -> bytes:
    """256 grey levels of an image (H, W) or (H, W, C) of any depth, stretched to 0 to 255; empty where all is about the same."""
    seen = pixels if pixels.ndim == 2 or pixels.shape[2] <= 4 else np.ascontiguousarray(pixels[..., :3])
    seen = seen.astype(np.float32) if seen.dtype == np.int32 else seen  # which OpenCV does not resize
    grey = cv2.resize(seen, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if grey.ndim == 3:
        grey = grey[..., :3] @ np.array((0.299, 0.587, 0.114), np.float32) if grey.shape[2] >= 3 else grey[..., 0]
    full = float(np.iinfo(pixels.dtype).max) if pixels.dtype in (np.uint8, np.uint16) else 0.0
    if not np.isfinite(grey).all():
        return b""
    low, high = float(grey.min()), float(grey.max())
    if high <= low or float(grey.std()) < _FLAT * full:
        return b""
    return np.rint((grey - low) * (255 / (high - low))).astype(np.uint8).tobytes()


def find_alike(thumbnails: Sequence[bytes]) -> list[Alike]:
    """All pairs of images that look alike, in order, or the first :data:`MOST_PAIRS` that are found where there are more; images
    without a thumbnail are like none."""
    known = [place for place, data in enumerate(thumbnails) if len(data) == _SIDE * _SIDE]
    if len(known) < 2:
        return []
    small = np.frombuffer(b"".join(thumbnails[place] for place in known), np.uint8).reshape(-1, _SIDE, _SIDE).astype(np.float32)
    hashes = {orientation: _hashes(_turned_coefficients(_BASIS @ small @ _BASIS.T, orientation)) for orientation in _ORIENTATIONS}
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(1, keepdims=True)
    normal = (flat / np.linalg.norm(flat, axis=1, keepdims=True)).reshape(small.shape)
    found: dict[tuple[int, int], bool] = {}
    for orientation in _ORIENTATIONS:
        for first, second in _near(hashes[orientation], hashes[_ORIENTATIONS[0]]):
            same = np.einsum("nij,nij->n", _turned(normal[first], orientation), normal[second]) >= _LEAST_CORRELATION
            for pair in zip(first[same].tolist(), second[same].tolist(), strict=True):
                found.setdefault(pair, any(orientation))
            if len(found) >= MOST_PAIRS:
                break
    pairs = sorted(found.items())[:MOST_PAIRS]
    return [Alike(known[first], known[second], is_turned) for (first, second), is_turned in pairs]


def groups_of_alike(pairs: Sequence[Alike]) -> list[list[int]]:
    """Positions of images that are alike, directly or through others, largest groups first."""
    parent: dict[int, int] = {}

    def root(place: int) -> int:
        while parent.setdefault(place, place) != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for pair in pairs:
        parent[root(pair.second)] = root(pair.first)
    groups: dict[int, list[int]] = {}
    for place in sorted(parent):
        groups.setdefault(root(place), []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group))


def _turned(pictures: np.ndarray, orientation: tuple[bool, bool, bool]) -> np.ndarray:
    turned, upside, mirrored = orientation
    pictures = pictures.swapaxes(1, 2) if turned else pictures
    pictures = pictures[:, ::-1] if upside else pictures
    return pictures[:, :, ::-1] if mirrored else pictures


def _turned_coefficients(coefficients: np.ndarray, orientation: tuple[bool, bool, bool]) -> np.ndarray:
    """Cosine coefficients (N, 8, 8) of what :func:`_turned` gives: waves of odd number change their sign when mirrored."""
    turned, upside, mirrored = orientation
    odd = np.where(np.arange(8) % 2 == 1, -1.0, 1.0).astype(np.float32)
    found = coefficients.swapaxes(1, 2) if turned else coefficients
    found = found * odd[:, None] if upside else found
    return found * odd[None, :] if mirrored else found


def _hashes(coefficients: np.ndarray) -> np.ndarray:
    """(N,) uint64: the signs of all coefficients but the first, which is the mean."""
    bits = coefficients.reshape(-1, 64) > 0
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def _near(queries: np.ndarray, hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions, the first below the second, whose hashes differ by few bits; in parts, some pairs more than once."""
    tables = [_table(hashes, word) for word in range(4)]
    probes = [(word, flip) for word in range(4) for flip in _flips(_REACH[word])]
    keys = queries.view(np.uint16).reshape(-1, 4)
    counts = [np.diff(tables[word][1])[keys[:, word] ^ flip] for word, flip in probes]
    if sum(int(count.sum()) for count in counts) > len(hashes) * len(hashes) // 2:  # many are alike: plain comparison is less
        yield from _compared(queries, hashes)
        return
    for (word, flip), count in zip(probes, counts, strict=True):
        order, starts = tables[word]
        begins = starts[keys[:, word] ^ flip]
        for part in _parts(count):
            first = np.repeat(np.arange(part.start, part.stop), count[part])
            within = np.arange(len(first)) - np.repeat(np.cumsum(count[part]) - count[part], count[part])
            second = order[np.repeat(begins[part], count[part]) + within]
            kept = (first < second) & (np.bitwise_count(queries[first] ^ hashes[second]) <= _MOST_BITS)
            if kept.any():
                yield first[kept], second[kept]


def _table(hashes: np.ndarray, word: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions ordered by one word of their hash, and (65537,) where each value of the word begins."""
    values = hashes.view(np.uint16).reshape(-1, 4)[:, word]
    order = np.argsort(values, kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(values, minlength=65536))])


def _flips(reach: int) -> list[np.uint16]:
    """All 16-bit words with at most ``reach`` bits set."""
    single = [1 << bit for bit in range(16)]
    double = [a | b for at, a in enumerate(single) for b in single[at + 1 :]] if reach > 1 else []
    return [np.uint16(value) for value in (0, *single, *double)]


def _parts(count: np.ndarray) -> Iterator[slice]:
    """Slices of the queries that have about :data:`_CHUNK` candidates each."""
    upto = np.cumsum(count)
    start = 0
    while start < len(count):
        done = int(upto[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(upto, done + _CHUNK, side="right")))
        yield slice(start, stop)
        start = stop


def _compared(queries: np.ndarray, hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pair, some rows at a time."""
    rows = max(1, _CHUNK // len(hashes))
    for start in range(0, len(queries), rows):
        distance = np.bitwise_count(queries[start : start + rows, None] ^ hashes[None, start:])
        first, second = np.nonzero(distance <= _MOST_BITS)
        first, second = first + start, second + start
        kept = first < second
        if kept.any():
            yield first[kept], second[kept]
