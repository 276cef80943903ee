"""The weight map of the U-Net paper (Ronneberger et al. 2015, section 3, equation 2): pixels in narrow gaps between objects
count more, so that objects that nearly touch are learned apart.

``w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2))``, where d1 and d2 are the distances of pixel x to the nearest and to
the second nearest object. An object is a connected piece of one class (pixels that touch at a corner are connected); a pixel
inside an object has distance 0 to it, and a pixel beside it distance 1.
"""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from pixelwise.types import IGNORE_INDEX

__all__ = ["border_weights"]

_ERROR = 1e-4  # by how much a weight may be too small, so that an object is only looked at in its neighbourhood


def border_weights(targets: Tensor, w0: float = 10.0, sigma: float = 5.0, balance: bool = False) -> Tensor:
    """(..., H, W) class indices -> (..., H, W) float32 weights, on the device of the targets.

    Every map of the last two dimensions is judged by itself: (B, H, W) label maps, or (B, K, H, W) multilabel maps of 0 and 1,
    whose objects are then those of one channel. Class 0 is background, 255 is ignored: neither is an object, and ignored
    pixels weigh 0. The distances are computed on the CPU.

    Args:
        targets: of any integer dtype.
        w0: the most that the border term can add; 10 in the paper. 0 leaves it out.
        sigma: width of the gaps in pixels; 5 in the paper.
        balance: ``w_c`` is then the inverse of the frequency of the pixel's class in its map, scaled so that its mean over the
            pixels that count is 1. Otherwise it is 1.
    """
    maps = targets.detach().cpu().numpy()
    flat = maps.reshape(-1, *maps.shape[-2:])
    weights = [_weights(labels, w0, sigma, balance) for labels in flat]
    both = np.stack(weights) if weights else np.zeros(flat.shape, np.float32)
    return torch.from_numpy(both.reshape(maps.shape)).to(targets.device)


def _weights(labels: np.ndarray, w0: float, sigma: float, balance: bool) -> np.ndarray:
    """Weights (H, W) of one map."""
    counted = labels != IGNORE_INDEX
    weights = _inverse_frequency(labels, counted) if balance else np.ones(labels.shape, np.float32)
    if w0 > _ERROR:
        # Farther than this from its second nearest object a pixel would gain less than the error that is allowed.
        reach = ceil(sigma * sqrt(2 * log(w0 / _ERROR)))
        gap = _two_distances(labels, reach).sum(0)
        weights += w0 * np.exp(-np.square(gap) / (2 * sigma**2))
    return weights * counted


def _inverse_frequency(labels: np.ndarray, counted: np.ndarray) -> np.ndarray:
    pixels = np.bincount(labels[counted].ravel(), minlength=IGNORE_INDEX + 1)
    there = np.count_nonzero(pixels)
    share = counted.sum() / np.maximum(pixels * there, 1)
    inverse: np.ndarray = share[np.where(counted, labels, 0)].astype(np.float32)
    return inverse


def _two_distances(labels: np.ndarray, reach: int) -> np.ndarray:
    """(2, H, W): distance to the nearest and to the second nearest object, infinite where there is none.

    Each object is looked at in its bounding box and ``reach`` pixels around: there its distance is exact, for the whole object
    is inside, and outside it is more than ``reach``.
    """
    two = np.full((2, *labels.shape), np.inf, np.float32)
    for one_class in np.unique(labels):
        if one_class in (0, IGNORE_INDEX):
            continue
        pieces, _ = ndimage.label(labels == one_class, structure=np.ones((3, 3)))
        for index, box in enumerate(ndimage.find_objects(pieces), start=1):
            near = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
            distance = ndimage.distance_transform_edt(pieces[near] != index).astype(np.float32)
            nearest, second = two[0][near], two[1][near]
            np.minimum(second, np.maximum(nearest, distance), out=second)
            np.minimum(nearest, distance, out=nearest)
    return two
