"""Several processes, one run: torchrun, Slurm, Ray Train or Kubeflow set ``RANK`` and ``WORLD_SIZE``; nothing else changes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

__all__ = ["broadcast", "gather", "is_main", "local_device", "process_group", "rank", "replicated", "unwrap", "world_size"]


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Joins the ``env://`` process group where the environment describes one, and leaves it at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", init_method="env://")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """This process's number, also before the group exists: launchers set ``RANK``."""
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this process writes files and talks to the person."""
    return rank() == 0


def local_device(name: str) -> torch.device:
    """The device for a name such as ``auto``, ``cpu`` or ``cuda:1``; ``auto`` and ``cuda`` mean this process's own GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
    return torch.device(name)


def replicated(model: nn.Module, device: torch.device) -> nn.Module:
    """The model as DistributedDataParallel when there are several processes; on GPUs with synchronised BatchNorm."""
    if world_size() == 1:
        return model
    if device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model, device_ids=[device.index])
    return nn.parallel.DistributedDataParallel(model)


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside a DistributedDataParallel wrapper, or the model itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model


def broadcast(value: Any) -> Any:
    """Rank 0's value on every rank, so that decisions by the clock are the same everywhere."""
    if world_size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: Any) -> list[Any]:
    """Every rank's value, on every rank, in rank order."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values
