"""An exponential moving average of weights and BatchNorm statistics (Polyak and Juditsky 1992); it is what gets evaluated."""

import copy

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """Keeps ``model``, an averaged copy in eval mode. With decay 0 it is a plain copy of the last weights.

    The decay rises as ``(1 + step) / (10 + step)`` up to its limit, so that short runs do not evaluate their first weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        ours, theirs = list(_tensors(self.model)), list(_tensors(model))
        floats = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floats], [b.detach() for _, b in floats], 1 - decay)
        for a, b in zip(ours, theirs, strict=True):
            if not a.is_floating_point():
                a.copy_(b)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
