"""A prediction and its target as the metrics over masks see them: checked, and without the ignored pixels.

Two layouts are known, as in :class:`pixelwise.types.LabelMap`: a label map with one class index per pixel, and planes, one
per class, of 0 and 1. ``dims`` is 2 for images and 3 for volumes, so that (K, H, W) planes and a (D, H, W) volume of labels
cannot be mistaken for each other.

Ignored pixels (255 in the target) leave **both** masks before anything is measured. So what is predicted there changes
nothing, a perfect prediction stays perfect, and the edge of an ignored region acts as the edge of the image does: a mask
that reaches it ends there, in prediction and target alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixelwise.errors import DataError
from pixelwise.types import IGNORE_INDEX, MAX_CLASSES

__all__ = ["check_class_names", "check_same_classes", "class_masks", "without_ignored"]


def without_ignored(prediction: np.ndarray, target: np.ndarray, num_classes: int, dims: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Both maps as uint8, 255 in both where the target is ignored. The inputs stay as they are; with nothing to ignore they are
    what is given back.

    ``prediction`` and ``target`` have ``dims`` axes (class indices) or one more (planes of 0 and 1, one per class). Raises
    :class:`DataError` for other shapes or types, and for values outside the class table.
    """
    _check_layout(prediction, target, num_classes, dims)
    is_planes = target.ndim == dims + 1
    highest = 1 if is_planes else num_classes - 1
    found, expected = np.ascontiguousarray(prediction, np.uint8), np.ascontiguousarray(target, np.uint8)
    if found.size and int(found.max()) > highest:
        raise DataError(
            f"predictions must be {'0 or 1' if is_planes else f'class indices 0 to {highest}'}, got {int(found.max())}; "
            "was the model trained with another class table?"
        )
    if not expected.size or int(expected.max()) <= highest:
        return found, expected
    ignored = expected == IGNORE_INDEX
    outside = (expected > highest) & ~ignored
    if outside.any():
        raise DataError(
            f"targets must be {'0 or 1' if is_planes else f'class indices 0 to {highest}'}, or {IGNORE_INDEX} where ignored, "
            f"got {np.unique(expected[outside])[:8].tolist()}; map ids to indices with ClassTable.to_indices"
        )
    return np.where(ignored, np.uint8(IGNORE_INDEX), found), expected


def class_masks(prediction: np.ndarray, target: np.ndarray, index: int, dims: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The two boolean masks of class ``index`` of what :func:`without_ignored` gave."""
    if target.ndim == dims + 1:
        return prediction[index] == 1, target[index] == 1
    return prediction == index, target == index


def check_class_names(num_classes: int, class_names: Sequence[str] | None) -> tuple[str, ...]:
    """The names, one per class, made up as ``class_0`` where none are given."""
    if not 1 <= num_classes <= MAX_CLASSES:
        raise DataError(f"num_classes must be 1 to {MAX_CLASSES}, got {num_classes}")
    names = tuple(f"class_{index}" for index in range(num_classes)) if class_names is None else tuple(class_names)
    if len(names) != num_classes:
        raise DataError(f"class_names must hold {num_classes} names, one per class, got {len(names)}")
    return names


def check_same_classes(ours: Sequence[str], theirs: Sequence[str], what: str) -> None:
    """Refuses to merge counts of different classes."""
    if tuple(ours) != tuple(theirs):
        raise DataError(f"{what} of different classes cannot be merged: {list(ours)[:8]} and {list(theirs)[:8]}")


def _check_layout(prediction: np.ndarray, target: np.ndarray, num_classes: int, dims: int) -> None:
    if prediction.shape != target.shape or target.ndim not in (dims, dims + 1):
        layout = "(height, width)" if dims == 2 else "(depth, height, width)"
        raise DataError(
            f"prediction and target must be {layout} of one shape, or one such plane per class, got {prediction.shape} and "
            f"{target.shape}; scores are taken at the original size of the image"
        )
    is_planes = target.ndim == dims + 1
    if is_planes and len(target) != num_classes:
        raise DataError(f"multilabel maps must have {num_classes} planes, one per class, got {len(target)}")
    for what, array in (("prediction", prediction), ("target", target)):
        if array.dtype != np.uint8 and not (array.dtype == np.bool_ and (is_planes or num_classes == 2)):
            raise DataError(f"{what} must be uint8 class indices, got {array.dtype}; convert it with .astype(np.uint8)")
