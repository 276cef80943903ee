"""Which arithmetic trains fastest here: measured on the model itself, not assumed."""

import contextlib
import copy
import time
from collections.abc import Iterator
from typing import Literal, TypeVar

import torch
from torch import nn

from pixelwise.tasks.task import Task
from pixelwise.types import Batch

__all__ = ["Precision", "autocast", "choose", "for_inference", "prepared"]

Precision = Literal["fp32", "bf16", "fp16"]
_Net = TypeVar("_Net", bound=nn.Module)


@contextlib.contextmanager
def autocast(device: torch.device, precision: Precision) -> Iterator[None]:
    """Mixed precision for the forward pass."""
    if precision == "fp32":
        yield
        return
    with torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16):
        yield


def prepared(model: _Net, device: torch.device, channels_last: bool) -> _Net:
    """The model on its device and in its memory format."""
    return model.to(device, memory_format=torch.channels_last if channels_last else torch.preserve_format)  # type: ignore[call-overload, no-any-return]


def choose(model: nn.Module, task: Task, batch: Batch, device: torch.device) -> tuple[Precision, str]:
    """The fastest precision for training this model here, and the reason in a sentence.

    On a CPU three steps of each are timed on a copy of the model; bf16 must be a tenth faster to be taken.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "the GPU has bf16"
        return "fp16", "the GPU has no bf16, so fp16 with loss scaling"
    if device.type != "cpu":
        return "fp32", f"mixed precision is not used on {device.type}"
    seconds: dict[Precision, float] = {}
    for precision in ("fp32", "bf16"):
        trial = copy.deepcopy(model).train()
        seconds[precision] = min(_step_seconds(trial, task, batch, device, precision) for _ in range(3))
    gain = seconds["fp32"] / seconds["bf16"]
    if gain > 1.1:
        return "bf16", f"measured {gain:.1f}x as fast as fp32 here"
    return "fp32", f"bf16 is not faster here (measured {gain:.1f}x)"


def _step_seconds(model: nn.Module, task: Task, batch: Batch, device: torch.device, precision: Precision) -> float:
    start = time.perf_counter()
    with autocast(device, precision):
        total = torch.stack(list(task.loss(model, batch).values())).sum()
    total.backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - start


def for_inference(device: torch.device) -> Precision:
    """bf16 where the device has instructions for it, else fp32; with fp16 on GPUs without bf16."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "cpu":
        has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if has_bf16 else "fp32"
    return "fp32"
