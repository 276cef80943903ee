"""A whole evaluation pass: label maps of 19 classes at 1024 x 2048, from PNG files to mean IoU, in one process and in several.

    python benchmarks/evaluate.py [--images 24] [--rounds 9] [--stream 1e9]

Three tables. (1) One update of the confusion matrix from arrays in memory, beside torchmetrics' ``JaccardIndex.update``, which
gets the int64 tensors that it wants; processor time of one thread, interleaved, median of the rounds. (2) ``--images`` pairs of
PNG files, written to a temporary folder, read and counted: by 1, 2 and 4 processes, whose parts are merged, and by torchmetrics
in one process; wall time after the processes have started, processor time, and the largest peak memory of a process. (3)
``--stream`` pixels read from those files and counted by one process, and its peak memory along the way. torchmetrics may be
missing.
"""

import argparse
import importlib
import multiprocessing
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pixelwise.formats.label_png import read_ids, write_ids
from pixelwise.metrics.confusion import ConfusionMatrix

CLASSES, HEIGHT, WIDTH = 19, 1024, 2048
Pair = tuple[Path, Path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--stream", type=float, default=1e9, help="pixels; 0 leaves this part out")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    update(arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        pairs = [write_pair(Path(folder), seed) for seed in range(arguments.images)]
        passes(pairs)
        if arguments.stream:
            stream(pairs, int(arguments.stream))


def draw_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(prediction, target): bands of a smooth field, and the same with some noise; 5 % of the target is ignored."""
    rng = np.random.default_rng(seed)

    def field(grid: int) -> np.ndarray:
        coarse = rng.normal(size=(HEIGHT // grid, WIDTH // grid)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))

    smooth, noise = field(64), field(8)
    edges = np.quantile(smooth[::8, ::8], np.arange(1, CLASSES) / CLASSES)
    prediction, target = (np.searchsorted(edges, values).astype(np.uint8) for values in (smooth + 0.03 * noise, smooth))
    target[: HEIGHT // 20] = 255
    return prediction, target


def update(rounds: int) -> None:
    prediction, target = draw_pair(0)
    metric = ConfusionMatrix(CLASSES)
    jobs: dict[str, Callable[[], Any]] = {"pixelwise, uint8": lambda: metric.update(prediction, target)}
    for name, options in (("torchmetrics, int64", {}), ("torchmetrics, unchecked values", {"validate_args": False})):
        rival = load_rival(**options)
        if rival is not None:
            pair = to_tensors(prediction, target)
            jobs[name] = lambda rival=rival, pair=pair: rival.update(*pair)
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):  # the first warms up
        for name, job in jobs.items():
            start = time.process_time()
            job()
            spent[name].append(1000 * (time.process_time() - start))
    medians = {name: statistics.median(times[1:]) for name, times in spent.items()}
    print(f"{f'one update, {CLASSES} classes, {HEIGHT}x{WIDTH}':44}{'ms':>9}{'pixelwise is':>14}")
    for name, median in medians.items():
        print(f"{name:44}{median:9.2f}{median / next(iter(medians.values())):13.1f}x")


def load_rival(**options: Any) -> Any:
    """A ``JaccardIndex``; None where torchmetrics is not installed."""
    try:
        torch, kinds = importlib.import_module("torch"), importlib.import_module("torchmetrics")
    except ImportError:
        return None
    torch.set_num_threads(1)
    return kinds.JaccardIndex(task="multiclass", num_classes=CLASSES, ignore_index=255, **options)


def to_tensors(*maps: np.ndarray) -> list[Any]:
    torch = importlib.import_module("torch")
    return [torch.from_numpy(labels)[None].long() for labels in maps]


def write_pair(folder: Path, seed: int) -> Pair:
    paths = folder / f"{seed}_prediction.png", folder / f"{seed}_target.png"
    for path, labels in zip(paths, draw_pair(seed), strict=True):
        write_ids(path, labels)
    return paths


def count(pairs: list[Pair]) -> tuple[ConfusionMatrix, float, float]:
    """What one process does: the counts of its files, its processor seconds, and its peak memory in MiB."""
    cv2.setNumThreads(1)
    start, metric = time.process_time(), ConfusionMatrix(CLASSES)
    for prediction, target in pairs:
        metric.update(read_ids(prediction), read_ids(target))
    return metric, time.process_time() - start, peak_memory()


def count_by_torchmetrics(pairs: list[Pair]) -> tuple[float, float, float]:
    rival = load_rival()
    start = time.process_time()
    for prediction, target in pairs:
        rival.update(*to_tensors(read_ids(prediction), read_ids(target)))
    return float(rival.compute()), time.process_time() - start, peak_memory()


def passes(pairs: list[Pair]) -> None:
    size = sum(path.stat().st_size for pair in pairs for path in pair) / 2**20
    title = f"{len(pairs)} pairs of PNG files, {size:.0f} MiB"
    print(f"\n{title:30}{'wall s':>9}{'images/s':>10}{'CPU s':>8}{'peak MiB':>10}  mean IoU")
    context = multiprocessing.get_context("spawn")
    for processes in (1, 2, 4):
        with context.Pool(processes) as pool:
            pool.map(count, [pairs[:1]] * 2 * processes, chunksize=1)  # started, imported, files in the cache
            start = time.perf_counter()
            parts = pool.map(count, [pairs[rank::processes] for rank in range(processes)], chunksize=1)
            whole = ConfusionMatrix(CLASSES)
            for part, _, _ in parts:
                whole.merge(part)
            score = whole.compute().mean_iou
            row(f"pixelwise, {processes} process{'es' * (processes > 1)}", start, pairs, [part[1:] for part in parts], score)
    if load_rival() is not None:
        with context.Pool(1) as pool:
            pool.apply(count_by_torchmetrics, [pairs[:1]])
            start = time.perf_counter()
            score, seconds, peak = pool.apply(count_by_torchmetrics, [pairs])
            row("torchmetrics, 1 process", start, pairs, [(seconds, peak)], score)


def row(name: str, start: float, pairs: list[Pair], costs: list[tuple[float, float]], score: float) -> None:
    wall = time.perf_counter() - start
    seconds, peak = sum(cost[0] for cost in costs), max(cost[1] for cost in costs)
    print(f"{name:30}{wall:9.2f}{len(pairs) / wall:10.1f}{seconds:8.2f}{peak:10.0f}  {score:.15f}")


def stream(pairs: list[Pair], pixels: int) -> None:
    """In a process of its own, whose peak nothing else has raised."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seen, seconds, peaks = pool.apply(count_many, [pairs, pixels])
    steps = ", ".join(f"{peak:.0f} MiB after {done:.3g}" for done, peak in peaks)
    print(f"\n{seen:.4g} pixels from files in {seconds:.0f} s of processor time; peak memory {steps}")


def count_many(pairs: list[Pair], pixels: int) -> tuple[int, float, list[tuple[int, float]]]:
    cv2.setNumThreads(1)
    metric, peaks, seen = ConfusionMatrix(CLASSES), [], 0
    marks = [pixels // 100, pixels // 10, pixels // 2, pixels]
    start = time.process_time()
    while marks:
        for prediction, target in pairs:
            metric.update(read_ids(prediction), read_ids(target))
            seen += HEIGHT * WIDTH
            if marks and seen >= marks[0]:
                peaks.append((seen, peak_memory()))
                marks.pop(0)
    return seen, time.process_time() - start, peaks


def peak_memory() -> float:
    """MiB of this process. ``ru_maxrss`` would start from the peak of the process that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[1]) / 1024  # type: ignore[index]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
