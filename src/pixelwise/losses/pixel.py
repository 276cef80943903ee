"""Losses that judge each pixel by itself. All compute in fp32 whatever the logits' dtype, and ``ignore_index`` is exact:
an ignored pixel changes neither the loss nor any gradient, and a batch of ignored pixels alone gives 0, not NaN."""

from torch import Tensor
from torch.nn import functional as F

from pixelwise.types import IGNORE_INDEX

__all__ = ["binary_cross_entropy", "cross_entropy"]


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the pixels that are not ignored.

    With ``weights`` it is the mean of weight times cross-entropy over these pixels, not divided by the sum of the weights:
    weights of 1 change nothing, and a pixel of weight 11 counts as eleven others do, whatever the rest of the batch holds.

    Args:
        logits: (B, K, H, W), any float dtype.
        targets: (B, H, W), class indices, 255 ignored.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
        weights: (B, H, W) floats, such as :func:`pixelwise.losses.border.border_weights`.
    """
    targets = targets.long()
    if weights is not None:
        each = F.cross_entropy(
            logits.float(), targets, ignore_index=IGNORE_INDEX, label_smoothing=label_smoothing, reduction="none"
        )
        return _mean(each * weights, targets != IGNORE_INDEX)
    total = F.cross_entropy(logits.float(), targets, ignore_index=IGNORE_INDEX, label_smoothing=label_smoothing, reduction="sum")
    return total / (targets != IGNORE_INDEX).sum().clamp(min=1)


def binary_cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy with logits over the entries that are not ignored; of weight times it with ``weights``.

    Args:
        logits: any shape, such as (B, H, W) or (B, K, H, W).
        targets: the same shape, 0 or 1, 255 ignored.
        label_smoothing: targets become ``smoothing / 2`` and ``1 - smoothing / 2``.
        weights: floats of the same shape; see :func:`cross_entropy`.
    """
    valid = targets != IGNORE_INDEX
    wanted = (targets == 1).float() * (1 - label_smoothing) + label_smoothing / 2
    each = F.binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none")
    return _mean(each if weights is None else each * weights, valid)


def _mean(each: Tensor, valid: Tensor) -> Tensor:
    # where, not multiplication: a logit of inf on an ignored pixel must not become NaN.
    return each.where(valid, each.new_zeros(())).sum() / valid.sum().clamp(min=1)
