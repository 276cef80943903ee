"""How many pixels two id maps share, for each pair of ids that meet: what panoptic quality and object matching count.

Only places where one of the maps changes are looked at: objects are much larger than a pixel, so there are few, and the
lengths between them are the counts. On noise, where every pixel differs from its neighbour, it is as slow as a sort.
"""

from __future__ import annotations

import numpy as np

from pixelwise.errors import DataError

__all__ = ["ids_of_masks", "shared_pixels"]

_MAX_ID = (1 << 31) - 1
_TABLE = 1 << 22  # pairs up to which counting in a table beats sorting


def shared_pixels(target: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of ids at one pixel of two (H, W) maps: target ids, prediction ids and counts, (P,) int64 each, sorted.

    Raises :class:`DataError` for maps of two sizes, that hold no whole numbers, or ids outside 0 to 2^31 - 1.
    """
    if target.shape != prediction.shape or target.ndim != 2:
        raise DataError(
            f"prediction and target must be (height, width) of one shape, got {prediction.shape} and {target.shape}; "
            "scores are taken at the original size of the image"
        )
    first, second = (np.ascontiguousarray(ids).reshape(-1) for ids in (target, prediction))
    for what, ids in (("target", first), ("prediction", second)):
        if ids.dtype.kind not in "iu":
            raise DataError(
                f"{what} must hold whole numbers, one id per pixel, got {ids.dtype}; give ids, not scores or colours, as integers"
            )
    if not first.size:
        return tuple(np.zeros((3, 0), np.int64))  # type: ignore[return-value]
    changes = first[1:] != first[:-1]
    changes |= second[1:] != second[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    lengths = np.diff(starts, append=first.size)
    ours, theirs = _checked(first[starts], "target"), _checked(second[starts], "prediction")
    stride = int(theirs.max()) + 1
    pairs, counts = _summed(ours * stride + theirs, lengths)
    return pairs // stride, pairs % stride, counts


def ids_of_masks(masks: np.ndarray) -> np.ndarray:
    """(H, W) int32 with the id n + 1 where the n-th of (N, H, W) bool masks is, and 0 elsewhere.

    Raises :class:`DataError` where two masks overlap: in an id map a pixel belongs to one object.
    """
    if masks.ndim != 3 or masks.dtype != np.bool_:
        raise DataError(f"masks must be (N, height, width) bool, got {masks.dtype} of shape {masks.shape}")
    ids = np.zeros(masks.shape[1:], np.int32)
    for index, mask in enumerate(masks):
        below = ids[mask]
        if below.any():
            other = int(below[below > 0][0]) - 1
            raise DataError(
                f"masks {other} and {index} overlap in {int((below == other + 1).sum())} px, but an id map has one object per "
                "pixel; decide which is in front first"
            )
        ids[mask] = index + 1
    return ids


def _checked(ids: np.ndarray, what: str) -> np.ndarray:
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high > _MAX_ID:
        raise DataError(f"{what} ids must be 0 to {_MAX_ID}, got {low if low < 0 else high}; 0 is no object")
    return ids.astype(np.int64)


def _summed(keys: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, rising, and the sum of the lengths of each."""
    if int(keys.max()) < _TABLE:
        table = np.bincount(keys, lengths)  # float64 holds whole numbers up to 2^53 exactly
        distinct = np.flatnonzero(table)
        return distinct, table[distinct].astype(np.int64)
    order = np.argsort(keys)
    keys, lengths = keys[order], lengths[order]
    begins = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1))
    return keys[begins], np.add.reduceat(lengths, begins)
