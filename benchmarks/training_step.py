"""Training throughput on this machine: ours against a plain loop over the same network of segmentation-models-pytorch.

    python benchmarks/training_step.py [--encoder tf_efficientnet_lite0] [--batch 8] [--size 256 320] [--rounds 5]

The plain loop is what people write first: fp32, contiguous tensors, AdamW, the library's own U-Net, the default allocator.
Ours is what ``pixelwise train`` does on a CPU: tuned allocator, channels-last, the arithmetic that was measured to be fastest,
fused AdamW, cross-entropy + Dice, moving average of the weights included. Each runs in a process of its own, because an allocator
cannot be untuned; the processes take turns, and the ratio is of the medians over all rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

_STEPS, _WARM_UP = 4, 2


def main() -> None:
    arguments = _arguments()
    if arguments.contender:
        print(json.dumps(_timed(arguments)))
        return
    seconds: dict[str, list[float]] = {name: [] for name in ("plain", "plain-ce-dice", "pixelwise")}
    for _ in range(arguments.rounds):
        for name in seconds:
            command = [sys.executable, __file__, *sys.argv[1:], "--contender", name]
            seconds[name] += json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            )
    height, width = arguments.size
    print(f"U-Net on {arguments.encoder}, batch {arguments.batch}, {height}x{width}, {arguments.rounds} rounds of {_STEPS} steps")
    print(f"{'loop':34} {'ms per step':>12} {'images/s':>9} {'ratio':>6}")
    base = statistics.median(seconds["plain"])
    labels = {"plain": "smp, fp32, contiguous, CE", "plain-ce-dice": "smp, the same, CE + its Dice", "pixelwise": "pixelwise"}
    for name, label in labels.items():
        middle = statistics.median(seconds[name])
        print(f"{label:34} {1000 * middle:12.0f} {arguments.batch / middle:9.2f} {base / middle:6.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--encoder", default="tf_efficientnet_lite0")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 320))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _timed(arguments: argparse.Namespace) -> list[float]:
    step = _pixelwise_step(arguments) if arguments.contender == "pixelwise" else _plain_step(arguments)
    seconds = []
    for number in range(_WARM_UP + _STEPS):
        start = time.perf_counter()
        step()
        if number >= _WARM_UP:
            seconds.append(time.perf_counter() - start)
    return seconds


def _plain_step(arguments: argparse.Namespace) -> Callable[[], None]:
    import segmentation_models_pytorch as smp
    import torch

    model = smp.Unet(f"tu-{arguments.encoder}", encoder_weights=None, classes=11).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    images = torch.randn(arguments.batch, 3, *arguments.size)
    targets = torch.randint(0, 11, (arguments.batch, *arguments.size))
    cross_entropy = torch.nn.CrossEntropyLoss(ignore_index=255)
    dice = smp.losses.DiceLoss("multiclass", ignore_index=255) if arguments.contender == "plain-ce-dice" else None

    def step() -> None:
        logits = model(images)
        loss = cross_entropy(logits, targets)
        if dice is not None:
            loss = loss + dice(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _pixelwise_step(arguments: argparse.Namespace) -> Callable[[], None]:
    from pathlib import Path

    import torch

    from pixelwise.config import OptimConfig
    from pixelwise.engine import precision
    from pixelwise.engine.allocator import keep_freed_memory
    from pixelwise.engine.ema import Average
    from pixelwise.engine.optim import optimizer
    from pixelwise.engine.step import Stepper
    from pixelwise.models.create import create
    from pixelwise.tasks.semantic import SemanticTask
    from pixelwise.types import Batch, ClassTable, Record

    keep_freed_memory()
    device = torch.device("cpu")
    model = precision.prepared(create("unet", arguments.encoder, None, 3, 11), device, channels_last=True).train()
    task = SemanticTask(ClassTable.from_ids(range(11)), "multiclass", model.encoder.mean, model.encoder.std)
    images = torch.randint(0, 256, (arguments.batch, *arguments.size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    targets = torch.randint(0, 11, (arguments.batch, *arguments.size), dtype=torch.uint8)
    batch = Batch(images, targets, tuple(Record(str(i), Path(str(i))) for i in range(arguments.batch)))
    chosen, _ = precision.choose(model, task, batch, device)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    stepper = Stepper(task, model, optimizer(model, OptimConfig(), 1.0), chosen, scaler, 1.0)
    average, number = Average(model, 0.995), 0

    def step() -> None:
        nonlocal number
        stepper.step(batch, number)
        average.update(model, number)
        number += 1

    return step


if __name__ == "__main__":
    main()
