"""Losses that judge the overlap of whole regions (Milletari et al. 2016, V-Net: soft Dice), in fp32, ``ignore_index`` exact."""

import torch
from torch import Tensor

from pixelwise.types import IGNORE_INDEX

__all__ = ["binary_dice", "dice"]

# One pixel of smoothing keeps an empty class finite: nothing there and nothing predicted costs nothing.
_SMOOTH = 1.0


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - Dice`` of softmax probabilities, pooled over the batch, mean over the classes that the batch holds.

    Classes that no target pixel has are left out: softmax mass wrongly given to them is missing from a class that is
    there, so it is paid for once already.

    Args:
        logits: (B, K, H, W).
        targets: (B, H, W), class indices, 255 ignored.
    """
    batch, num_classes = logits.shape[:2]
    valid = targets != IGNORE_INDEX
    classes = targets.long().masked_fill(~valid, 0)
    probabilities = logits.float().softmax(1) * valid.unsqueeze(1)
    hit = probabilities.gather(1, classes.unsqueeze(1)).flatten()
    # Sums per image first: one long fp32 sum over a whole batch would lose digits.
    slot = (classes + num_classes * torch.arange(batch, device=classes.device).view(-1, 1, 1)).flatten()
    overlap = hit.new_zeros(batch * num_classes).index_add(0, slot, hit).view(batch, num_classes).sum(0)
    wanted = hit.new_zeros(batch * num_classes).index_add(0, slot, valid.flatten().float()).view(batch, num_classes).sum(0)
    each = 1 - (2 * overlap + _SMOOTH) / (probabilities.sum((0, 2, 3)) + wanted + _SMOOTH)
    present = wanted > 0
    return (each * present).sum() / present.sum().clamp(min=1)


def binary_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """``1 - Dice`` of sigmoid probabilities, pooled over the batch, mean over channels; an absent class counts, so that
    false positives are never free.

    Args:
        logits: (B, K, H, W).
        targets: (B, K, H, W), 0 or 1, 255 ignored.
    """
    valid = targets != IGNORE_INDEX
    wanted = (targets == 1).float()
    probabilities = logits.float().sigmoid() * valid
    overlap, predicted, there = ((x.sum((2, 3))).sum(0) for x in (probabilities * wanted, probabilities, wanted))
    return (1 - (2 * overlap + _SMOOTH) / (predicted + there + _SMOOTH)).mean()
