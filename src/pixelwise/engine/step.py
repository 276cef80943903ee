"""One optimiser step: micro-batches, mixed precision, clipping; says which loss is not finite, and survives low memory."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelwise.engine.distributed import unwrap
from pixelwise.engine.precision import Precision, autocast
from pixelwise.errors import TrainingError
from pixelwise.tasks.task import Task
from pixelwise.types import Batch

__all__ = ["Stepper"]


@dataclass
class Stepper:
    """Turns batches into weight updates.

    ``accumulate`` is the number of micro-batches that a batch is cut into; it doubles when memory runs out, which keeps
    the batch of each optimiser step as it was.
    """

    task: Task
    model: nn.Module
    optimizer: torch.optim.Optimizer
    precision: Precision
    scaler: torch.amp.GradScaler
    clip_norm: float | None
    accumulate: int = 1

    def step(self, batch: Batch, number: int) -> dict[str, float]:
        """Updates the weights once; returns the named losses, averaged over the micro-batches.

        Raises:
            TrainingError: a loss is not finite (named), or one image alone does not fit into memory.
        """
        while True:
            try:
                losses = self._gradients(batch, number)
                break
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                self.optimizer.zero_grad(set_to_none=True)
                if self.accumulate >= len(batch):
                    raise TrainingError(
                        "one image alone does not fit into memory; make augment.crop smaller, or choose a smaller encoder"
                    ) from None
                self.accumulate = min(2 * self.accumulate, len(batch))
        self.scaler.unscale_(self.optimizer)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return losses

    def _gradients(self, batch: Batch, number: int) -> dict[str, float]:
        device = batch.images.device
        sums: dict[str, float] = {}
        size = -(-len(batch) // self.accumulate)
        starts = range(0, len(batch), size)
        for start in starts:
            part = batch.part(start, start + size)
            share = len(part) / len(batch)
            with autocast(device, self.precision):
                losses = self.task.loss(self.model, part)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + share * _finite(name, value, number, part)
            total = share * torch.stack(list(losses.values())).sum()
            if start != starts[-1] and self.model is not unwrap(self.model):
                with self.model.no_sync():  # type: ignore[operator]
                    self.scaler.scale(total).backward()
            else:
                self.scaler.scale(total).backward()
        return sums


def _finite(name: str, value: Tensor, number: int, batch: Batch) -> float:
    number_value = float(value.detach())
    if number_value - number_value == 0:  # false for NaN and infinities
        return number_value
    images = ", ".join(record.key for record in batch.records[:4]) + (", ..." if len(batch) > 4 else "")
    raise TrainingError(
        f"the loss {name!r} became {number_value} at step {number} (images {images}); the last checkpoint is unharmed: "
        f"lower optim.lr, or set train.precision=fp32, and start again or resume"
    )


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error)
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "DefaultCPUAllocator: can't allocate memory" in text
