"""Boundary IoU and surface distances side by side with the packages that define them, on one thread.

    python benchmarks/metrics_surface.py

Each row is one job done by pixelwise and by a reference at the same definition; the last column says how far their values
differ. The rivals are optional: what is not installed is named and left out (``pip install monai surface-distance``). The
boundary rule of boundary-iou-api (one erosion by OpenCV for each class) is written out here, since that package needs more
than the rule. Processor time counts, rounds are interleaved and the median is shown, so that a busy machine slows all alike.
"""

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from scipy import ndimage

from pixelwise.metrics.boundary import BoundaryIoU, boundary_distance, boundary_iou
from pixelwise.metrics.surface import surface_distances


@dataclass(frozen=True)
class Job:
    """What both compute, and under which name the reference stands in the table."""

    name: str
    rival: str
    ours: Callable[[], float]
    theirs: Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    rivals, missing = load_rivals()
    print(f"{'job':48}{'rival':20}{'ours ms':>9}{'theirs ms':>11}{'ratio':>8}{'difference':>12}")
    for job in [*boundary_jobs(), *surface_jobs(rivals)]:
        ours, theirs = timed(job, rounds)
        difference = abs(job.ours() - job.theirs())
        print(f"{job.name:48}{job.rival:20}{ours:9.1f}{theirs:11.1f}{theirs / ours:7.1f}x{difference:12.1e}")
    for name in missing:
        print(f"not installed, rows left out: {name}")


def timed(job: Job, rounds: int) -> tuple[float, float]:
    """Median processor milliseconds of both; the first round warms up."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for action, times in zip((job.ours, job.theirs), spent, strict=True):
            start = time.process_time()
            action()
            times.append(1000 * (time.process_time() - start))
    return statistics.median(spent[0][1:]), statistics.median(spent[1][1:])


def load_rivals() -> tuple[dict[str, Any], list[str]]:
    """The packages that are there, and the names of those that are not."""
    rivals: dict[str, Any] = {}
    try:
        from monai.metrics.hausdorff_distance import compute_hausdorff_distance
        from monai.metrics.surface_dice import compute_surface_dice

        rivals["monai"] = (compute_hausdorff_distance, compute_surface_dice)
    except ImportError:
        pass
    # surface-distance 0.1 uses names that NumPy 2 and SciPy 1.15 no longer have.
    for module, name, value in (
        (np, "Inf", np.inf),
        (np, "NaN", np.nan),
        (ndimage, "filters", ndimage),
        (ndimage, "morphology", ndimage),
    ):
        if name not in vars(module):
            setattr(module, name, value)
    try:
        import surface_distance

        rivals["surface-distance"] = surface_distance
    except ImportError:
        pass
    return rivals, [name for name in ("monai", "surface-distance") if name not in rivals]


def boundary_jobs() -> Iterator[Job]:
    coarse = np.random.default_rng(0).integers(0, 19, (16, 32), dtype=np.uint8)
    target = cv2.resize(coarse, (2048, 1024), interpolation=cv2.INTER_NEAREST)
    prediction = np.roll(target, (5, 7), (0, 1))
    for classes in (19, 2):
        pair = [(labels % classes).astype(np.uint8) for labels in (prediction, target)]

        def ours(pair: list[np.ndarray] = pair, classes: int = classes) -> float:
            return float(np.nanmean(boundary_iou(BoundaryIoU(classes).update(*pair))))

        def theirs(pair: list[np.ndarray] = pair, classes: int = classes) -> float:
            return statistics.fmean(boundary_by_erosion(*pair, index) for index in range(classes))

        yield Job(f"boundary IoU, {classes} classes, 1024x2048", "erosion per class", ours, theirs)


def boundary_by_erosion(prediction: np.ndarray, target: np.ndarray, index: int) -> float:
    """The rule of boundary-iou-api for one class."""
    height, width = target.shape
    distance, kernel = boundary_distance(height, width), np.ones((3, 3), np.uint8)
    bands = []
    for labels in (prediction, target):
        mask = (labels == index).astype(np.uint8)
        padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        bands.append(mask - cv2.erode(padded, kernel, iterations=distance)[1:-1, 1:-1])
    return float((bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum())


def surface_jobs(rivals: dict[str, Any]) -> Iterator[Job]:
    for size, kind in [((512, 512), "close"), ((1024, 1024), "close"), ((1024, 1024), "unrelated"), ((96, 96, 96), "close")]:
        prediction, target = draw_pair(size, kind)
        name = f"{'x'.join(map(str, size))}, {kind} masks"
        if "monai" in rivals:
            yield from monai_jobs(*rivals["monai"], prediction, target, name)
        if "surface-distance" in rivals:
            yield deepmind_job(rivals["surface-distance"], prediction, target, name)


def monai_jobs(
    hausdorff: Callable[..., Any], dice: Callable[..., Any], prediction: np.ndarray, target: np.ndarray, name: str
) -> Iterator[Job]:
    pair = [torch.from_numpy(mask)[None, None] for mask in (prediction, target)]
    yield Job(
        f"HD95 by pixels, {name}",
        "MONAI",
        lambda: surface_distances(prediction, target, weighting="pixels").hausdorff(95),
        lambda: float(hausdorff(*pair, include_background=True, percentile=95)),
    )
    yield Job(
        f"NSD by pixels, {name}",
        "MONAI",
        lambda: surface_distances(prediction, target, weighting="pixels").surface_dice(2),
        lambda: float(dice(*pair, [2.0], include_background=True)),
    )
    yield Job(
        f"NSD by surfels, {name}",
        "MONAI",
        lambda: surface_distances(prediction, target).surface_dice(2),
        lambda: float(dice(*pair, [2.0], include_background=True, use_subvoxels=True)),
    )


def deepmind_job(package: Any, prediction: np.ndarray, target: np.ndarray, name: str) -> Job:
    def theirs() -> float:
        distances = package.compute_surface_distances(target, prediction, (1,) * target.ndim)
        return float(package.compute_robust_hausdorff(distances, 95))

    return Job(
        f"HD95 by surfels, {name}", "surface-distance", lambda: surface_distances(prediction, target).hausdorff(95), theirs
    )


def draw_pair(size: tuple[int, ...], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of smooth regions: ``close`` is a target and a useful prediction of it, ``unrelated`` is chance."""
    rng = np.random.default_rng(0)
    scale = min(size) / 30 if len(size) == 2 else min(size) / 12
    field, other = (ndimage.gaussian_filter(rng.normal(size=size), scale) for _ in range(2))
    share = 0.1 if kind == "close" else math.inf
    return (other > 0 if math.isinf(share) else field + share * other > 0), field > 0


if __name__ == "__main__":
    main()
