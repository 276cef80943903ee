"""ROC, average precision and calibration of 19 classes: time, memory and error, side by side.

    python benchmarks/metrics_ranking.py [--rows 64] [--rounds 3] [--stream 100e6]

First one image of ``--rows`` x 2048 pixels (all rivals at full size would take minutes): ours against scikit-learn, class by
class, and, where it is installed, torchmetrics in its exact form. Each gets the same scores; update and compute count
together. Then ours alone on a whole 1024 x 2048 image. Then ``--stream`` pixels of 19 classes through one metric, with the
process's peak memory before and after. Processor time of one thread counts, the median of the rounds is shown; peak memory is
what numpy and Python allocate beyond the image (torch's own memory is not seen, hence the dash).
"""

import argparse
import importlib.util
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from pixelwise.metrics.calibration import Calibration
from pixelwise.metrics.ranking import ScoreHistograms
from pixelwise.metrics.strata import Strata

CLASSES = 19
WIDTH = 2048
Contestant = Callable[[np.ndarray, np.ndarray], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", type=float, default=100e6, help="pixels; 0 leaves this part out")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    scores, target = make_image(1024)
    half = scores.astype(np.float16)
    part = slice(0, arguments.rows)
    show(
        f"{arguments.rows} x {WIDTH}, update + compute", rivals(), scores[:, part], half[:, part], target[part], arguments.rounds
    )
    show(f"1024 x {WIDTH}, update alone", updates(), scores, half, target, arguments.rounds)
    if arguments.stream:
        stream(half, target, int(arguments.stream))


def make_image(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(K, H, W) float32 softmax scores of smooth random fields, and a target that they get mostly right; 5 % is ignored."""
    rng = np.random.default_rng(0)

    def field(grid: int, sigma: float) -> np.ndarray:
        coarse = sigma * rng.normal(size=(CLASSES, rows // grid, WIDTH // grid)).astype(np.float32)
        return np.stack([cv2.resize(plane, (WIDTH, rows), interpolation=cv2.INTER_CUBIC) for plane in coarse])

    logits = field(64, 5.0) + field(4, 0.5)
    target = (logits + field(16, 2.0)).argmax(0).astype(np.uint8)
    target[rng.random(target.shape) < 0.05] = 255
    logits -= logits.max(0)
    scores = np.exp(logits, out=logits)
    return scores / scores.sum(0), target


def rivals() -> dict[str, Contestant]:
    def ours(scores: np.ndarray, target: np.ndarray) -> float:
        metric = ScoreHistograms(CLASSES)
        metric.update(scores, target)
        return metric.compute().macro_auroc

    def scikit_learn(scores: np.ndarray, target: np.ndarray) -> float:
        counted = target != 255
        values = []
        for index in range(CLASSES):
            truth, guess = target[counted] == index, scores[index][counted]
            if truth.any():
                average_precision_score(truth, guess)
                values.append(roc_auc_score(truth, guess))
        return float(np.mean(values))

    found: dict[str, Contestant] = {"pixelwise": ours, "scikit-learn, per class": scikit_learn}
    if importlib.util.find_spec("torchmetrics"):
        from torchmetrics import MetricCollection
        from torchmetrics.classification import MulticlassAUROC, MulticlassAveragePrecision

        def torchmetrics(scores: np.ndarray, target: np.ndarray) -> float:
            kinds = [kind(num_classes=CLASSES, ignore_index=255) for kind in (MulticlassAUROC, MulticlassAveragePrecision)]
            metric = MetricCollection(kinds)
            metric.update(torch.from_numpy(scores).float()[None], torch.from_numpy(target).long()[None])
            return float(metric.compute()["MulticlassAUROC"])

        found["torchmetrics, exact"] = torchmetrics
    return found


def updates() -> dict[str, Contestant]:
    def update(metric: Calibration | ScoreHistograms) -> Contestant:
        def run(scores: np.ndarray, target: np.ndarray) -> float:
            metric.update(scores, target)
            return float("nan")

        return run

    return {
        "ROC and precision-recall": update(ScoreHistograms(CLASSES)),
        "these and calibration": update(Calibration(CLASSES, strata=None)),
        "these, calibration and strata": update(Calibration(CLASSES, strata=Strata())),
    }


def show(
    title: str, contestants: dict[str, Contestant], scores: np.ndarray, half: np.ndarray, target: np.ndarray, rounds: int
) -> None:
    print(f"\n{title:34}{'float16 ms':>12}{'float32 ms':>12}{'peak MiB':>10}{'macro AUROC f16':>18}{'f32':>12}")
    for name, run in contestants.items():
        times: dict[str, list[float]] = {"half": [], "single": []}
        values = run(half, target), run(scores, target)
        for _ in range(rounds):
            for kind, given in (("half", half), ("single", scores)):
                start = time.process_time()
                run(given, target)
                times[kind].append(1e3 * (time.process_time() - start))
        tracemalloc.start()
        run(half, target)
        peak = "-" if name.startswith("torch") else f"{tracemalloc.get_traced_memory()[1] / 2**20:.0f}"
        tracemalloc.stop()
        medians = statistics.median(times["half"]), statistics.median(times["single"])
        print(f"{name:34}{medians[0]:12.0f}{medians[1]:12.0f}{peak:>10}{values[0]:18.8f}{values[1]:12.8f}")


def stream(scores: np.ndarray, target: np.ndarray, pixels: int) -> None:
    metric = Calibration(CLASSES)
    metric.update(scores, target)
    before, start, seen = peak_memory(), time.process_time(), target.size
    while seen < pixels:
        metric.update(scores, target)
        seen += target.size
    seconds = time.process_time() - start
    found = metric.histograms.compute()
    print(
        f"\n{seen:.3g} pixels x {CLASSES} classes streamed in {seconds:.0f} s: peak memory {before:.0f} MiB after one image, "
        f"{peak_memory():.0f} MiB at the end; macro AUROC {found.macro_auroc:.8f} +- {found.macro_auroc_bound:.1g}"
    )


def peak_memory() -> float:
    """MiB of this process, the image included (ru_maxrss is KiB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
