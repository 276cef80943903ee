"""Optimisers and learning-rate schedules: closed forms of the progress of the run."""

import math

import torch
from torch import nn

from pixelwise.config import OptimConfig

__all__ = ["Plateau", "optimizer", "schedule_factor", "set_learning_rate"]


def optimizer(model: nn.Module, config: OptimConfig, encoder_factor: float) -> torch.optim.Optimizer:
    """AdamW or SGD over all parameters that learn; biases and normalisation layers are not decayed.

    Args:
        encoder_factor: learning rate of ``model.encoder`` as a fraction of ``config.lr``.
    """
    part = getattr(model, "encoder", None)
    encoder = {id(p) for p in part.parameters()} if isinstance(part, nn.Module) else set()
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in encoder, parameter.ndim > 1), []).append(parameter)
    rows = [
        {
            "params": parameters,
            "lr_factor": encoder_factor if in_encoder else 1.0,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (in_encoder, decayed), parameters in groups.items()
    ]
    fused = all(p.device.type in {"cpu", "cuda"} for row in rows for p in row["params"])  # type: ignore[attr-defined]
    if config.name == "sgd":
        return torch.optim.SGD(rows, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0, fused=fused)
    return torch.optim.AdamW(rows, lr=config.lr, fused=fused)


def schedule_factor(config: OptimConfig, progress: float) -> float:
    """Learning rate at ``progress`` in [0, 1] as a fraction of the largest: a linear warm-up, then the schedule over the rest.

    poly is ``(1 - p) ** power`` (Liu et al. 2015, ParseNet); cosine is ``(1 + cos(pi p)) / 2`` (Loshchilov and Hutter 2016);
    step multiplies by gamma at each milestone; exponential falls evenly to gamma at the end.
    """
    if progress < config.warmup:
        # Not from zero: the first steps should learn too, and BatchNorm needs them.
        return 0.05 + 0.95 * progress / config.warmup
    rest = min(1.0, (progress - config.warmup) / (1 - config.warmup))
    match config.schedule:
        case "poly":
            return float((1 - rest) ** config.power)
        case "cosine":
            return (1 + math.cos(math.pi * rest)) / 2
        case "step":
            return float(config.gamma ** sum(rest >= milestone for milestone in config.milestones))
        case "exponential":
            return float(config.gamma**rest)
        case "constant":
            return 1.0


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Sets every group to ``lr`` times the group's own factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]


class Plateau:
    """Watches the score: says when it is the best, when to lower the learning rate and when to stop.

    Args:
        reduce_after: validations in a row without a better score before the factor shrinks; None: never.
        stop_after: the same for stopping; None: never.
        factor: what the learning rate is multiplied by at each reduction.
    """

    def __init__(self, reduce_after: int | None, stop_after: int | None, factor: float) -> None:
        self.reduce_after, self.stop_after, self.factor = reduce_after, stop_after, factor
        self.best, self.bad, self.bad_since_reduction, self.scale = -math.inf, 0, 0, 1.0

    def update(self, score: float) -> bool:
        """Takes one validation's score, higher is better; returns whether it is the best so far. NaN never is."""
        if score > self.best:
            self.best, self.bad, self.bad_since_reduction = score, 0, 0
            return True
        self.bad += 1
        self.bad_since_reduction += 1
        if self.reduce_after is not None and self.bad_since_reduction >= self.reduce_after:
            self.scale, self.bad_since_reduction = self.scale * self.factor, 0
        return False

    @property
    def should_stop(self) -> bool:
        return self.stop_after is not None and self.bad >= self.stop_after

    def state(self) -> dict[str, float]:
        return {"best": self.best, "bad": self.bad, "bad_since_reduction": self.bad_since_reduction, "scale": self.scale}

    def load(self, state: dict[str, float]) -> None:
        self.best, self.scale = state["best"], state["scale"]
        self.bad, self.bad_since_reduction = int(state["bad"]), int(state["bad_since_reduction"])
