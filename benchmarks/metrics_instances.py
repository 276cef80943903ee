"""Scores of instances side by side with the packages they agree with: processor time, and the largest difference.

    python benchmarks/metrics_instances.py [COCO_FOLDER] [--rounds 5]

Panoptic quality on one 1024x2048 image of 19 classes against torchmetrics; average precision against pycocotools and
faster-coco-eval, on images made up here and, with a COCO_FOLDER, on the official detections for 100 images of val2014 (the
files instances_val2014_100.json and instances_val2014_fake*100_results.json). Theirs are timed from ``evaluate`` to
``accumulate``, after loading, and ours from arrays and run lengths in memory; "from rows" everything is timed from COCO's
parsed JSON on: theirs with ``createIndex`` and ``loadRes``, ours with the compressed strings. A package that is missing is
left out. Processor time of one thread counts, rounds are interleaved, and the median is shown.
"""

import argparse
import contextlib
import importlib
import io
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pixelwise.formats import rle
from pixelwise.metrics.average_precision import AveragePrecision
from pixelwise.metrics.instances import Instances
from pixelwise.metrics.panoptic import PanopticMap, PanopticQuality
from pixelwise.types import ClassInfo, ClassTable

STUFF, CLASSES = 11, 19

Rival = tuple[Callable[[], Any], Callable[[Any], float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="official COCO detections; default: images made up here alone")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    show("panoptic quality, 1024x2048, 80 segments", panoptic(), arguments.rounds)
    for region in ("mask", "box"):
        sets = {"200 images made up": make_set(region)}
        if arguments.folder:
            sets["official detections"] = official_set(arguments.folder, region)
        for name, (truth, results) in sets.items():
            show(f"{region} average precision, {name}", detection(truth, results, region), arguments.rounds)


def show(title: str, rivals: dict[str, Rival], rounds: int) -> None:
    """Each rival prepares, which is not timed, and then works out its score; the first is ours, and the first round warms up."""
    spent: dict[str, list[float]] = {name: [] for name in rivals}
    scores: dict[str, float] = {}
    for _ in range(rounds + 1):
        for name, (prepare, run) in rivals.items():
            ready = prepare()
            start = time.process_time()
            scores[name] = run(ready)
            spent[name].append(time.process_time() - start)
    names = list(rivals)
    median = {name: statistics.median(times[1:]) for name, times in spent.items()}
    print(f"\n{title}\n{'':34}{'ms':>10}{'pixelwise is':>14}{'difference':>14}")
    for name in names:
        same = names[1] if name.endswith("from rows") else names[0]  # ours that begins with the same
        ratio = median[name] / median[same]
        print(f"{name:34}{1000 * median[name]:10.1f}{ratio:13.1f}x{abs(scores[name] - scores[names[0]]):14.1e}")


def panoptic() -> dict[str, Rival]:
    classes = ClassTable(tuple(ClassInfo(index, f"class_{index}", (0, 0, 0), index >= STUFF) for index in range(CLASSES)))
    target = draw_panoptic(0)
    ids = np.roll(target.ids, 2, 1)
    prediction = PanopticMap(ids, {index: target.labels[index] for index in np.unique(ids).tolist()})

    def ours(_: Any) -> float:
        metric = PanopticQuality(classes)
        metric.update(prediction, target)
        return metric.compute().pq

    rivals: dict[str, Rival] = {"pixelwise": (nothing, ours)}
    with contextlib.suppress(ImportError):
        quality = importlib.import_module("torchmetrics.detection").PanopticQuality
        pair = [torch.from_numpy(to_channels(side))[None] for side in (prediction, target)]

        def theirs(_: Any) -> float:
            metric = quality(things=set(range(STUFF, CLASSES)), stuffs=set(range(STUFF)))
            metric.update(*pair)
            return float(metric.compute())

        rivals["torchmetrics PanopticQuality"] = (nothing, theirs)
    return rivals


def draw_panoptic(seed: int) -> PanopticMap:
    """Ellipses of all sizes over a ground of class 0."""
    rng = np.random.default_rng(seed)
    ids, labels = np.ones((1024, 2048), np.int32), {1: 0}
    for index in range(80):
        label = int(rng.integers(CLASSES))
        segment = label + 1 if label < STUFF else 1000 + 7 * index
        center, axes = (int(rng.integers(2048)), int(rng.integers(1024))), (int(rng.integers(8, 300)), int(rng.integers(8, 200)))
        cv2.ellipse(ids, center, axes, int(rng.integers(180)), 0, 360, segment, -1)
        labels[segment] = label
    return PanopticMap(ids, {index: labels[index] for index in np.unique(ids).tolist()})


def to_channels(side: PanopticMap) -> np.ndarray:
    table = np.zeros(int(side.ids.max()) + 1, np.int64)
    table[list(side.labels)] = list(side.labels.values())
    labels = table[side.ids]
    return np.stack((labels, np.where(labels >= STUFF, side.ids, 0)), axis=-1)


def make_set(region: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """200 images of 480x640 with up to 12 ellipses of 20 classes, and twice as many detections near them."""
    rng = np.random.default_rng(1)
    truth: dict[str, Any] = {
        "info": {},
        "images": [],
        "annotations": [],
        "categories": [{"id": k, "name": str(k)} for k in range(1, 21)],
    }
    results = []
    for image in range(1, 201):
        truth["images"].append({"id": image, "height": 480, "width": 640})
        for number in range(int(rng.integers(1, 13))):
            category, place = int(rng.integers(1, 21)), rng.integers(10, 470, 2)
            axes = rng.integers(4, 120, 2)
            row = to_row(image, category, place, axes)
            truth["annotations"].append(row | {"id": len(truth["annotations"]) + 1, "iscrowd": int(number == 11)})
            for _ in range(2):
                near = to_row(image, category, place + rng.integers(-8, 9, 2), np.maximum(axes + rng.integers(-9, 10, 2), 2))
                near.pop("bbox" if region == "mask" else "segmentation")
                results.append({**near, "score": float(rng.random())})
    return truth, results


def to_row(image: int, category: int, place: np.ndarray, axes: np.ndarray) -> dict[str, Any]:
    canvas = np.zeros((480, 640), np.uint8)
    cv2.ellipse(canvas, (int(place[0]), int(place[1])), (int(axes[0]), int(axes[1])), 20, 0, 360, 1, -1)
    (runs,) = rle.encode(canvas[None])
    x1, y1, x2, y2 = rle.boxes_around([runs])[0].tolist()
    box = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": image, "category_id": category, "segmentation": rle.to_coco(runs), "bbox": box, "area": runs.area}


def official_set(folder: Path, region: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Polygons are drawn by pycocotools."""
    truth = json.loads((folder / "instances_val2014_100.json").read_text(encoding="utf-8"))
    kind = {"mask": "segm", "box": "bbox"}[region]
    results = json.loads((folder / f"instances_val2014_fake{kind}100_results.json").read_text(encoding="utf-8"))
    draw = importlib.import_module("pycocotools.mask")
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    for row in truth["annotations"]:
        drawn = draw.frPyObjects(row["segmentation"], *sizes[row["image_id"]])
        row["segmentation"] = draw.merge(drawn) if isinstance(drawn, list) else drawn
        row["segmentation"]["counts"] = row["segmentation"]["counts"].decode()
    return truth, results


def detection(truth: dict[str, Any], results: list[dict[str, Any]], region: str) -> dict[str, Rival]:
    index_of = {row["id"]: index for index, row in enumerate(truth["categories"])}

    def read() -> dict[int, list[Instances]]:
        groups: dict[int, tuple[list[Any], list[Any]]] = {image["id"]: ([], []) for image in truth["images"]}
        rows = [*results, *truth["annotations"]]
        masks = rle.from_coco_rows([row["segmentation"] for row in rows]) if region == "mask" else [None] * len(rows)
        for number, (row, mask) in enumerate(zip(rows, masks, strict=True)):
            groups[row["image_id"]][number >= len(results)].append((row, mask))
        return {key: [to_instances(side, index_of, region) for side in pair] for key, pair in groups.items()}

    def ours(ready: dict[int, list[Instances]]) -> float:
        metric = AveragePrecision(len(index_of), "mask" if region == "mask" else "box")
        for key, (prediction, target) in ready.items():
            metric.update(prediction, target, key)
        return metric.compute().ap

    rivals: dict[str, Rival] = {"pixelwise": (read, ours), "pixelwise, from rows": (nothing, lambda _: ours(read()))}
    for home, judge in (("faster_coco_eval", "COCOeval_faster"), ("pycocotools.coco", "pycocotools.cocoeval.COCOeval")):
        with contextlib.suppress(ImportError):
            coco = importlib.import_module(home).COCO
            module, _, kind = judge.rpartition(".")
            evaluator = getattr(importlib.import_module(module or home), kind)
            load, copy = their_load(coco, evaluator, truth, region), their_copy(results)
            name = home.removesuffix(".coco")
            rivals[name] = (lambda load=load, copy=copy: load(copy()), their_run)
            rivals[f"{name}, from rows"] = (copy, lambda rows, load=load: their_run(load(rows)))
    return rivals


def nothing() -> None:
    """What needs no preparation."""


def their_load(coco: Any, evaluator: Any, truth: Any, region: str) -> Callable[[Any], Any]:
    def load(results: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            known = coco()
            known.dataset = truth
            known.createIndex()
            return evaluator(known, known.loadRes(results), "segm" if region == "mask" else "bbox")

    return load


def their_copy(results: Any) -> Callable[[], Any]:
    """Loading writes into the rows: each round has rows of its own."""
    text = json.dumps(results)
    return lambda: json.loads(text)


def their_run(judge: Any) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][..., 0, -1]
    return float(precision[precision > -1].mean())


def to_instances(side: list[Any], index_of: dict[int, int], region: str) -> Instances:
    rows = [row for row, _ in side]
    boxes = np.array([row.get("bbox", [0, 0, 0, 0]) for row in rows], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return Instances(
        labels=np.array([index_of[row["category_id"]] for row in rows], int),
        scores=np.array([row.get("score", 0) for row in rows], float),
        boxes=boxes,
        masks=[mask for _, mask in side] if region == "mask" else None,
        crowd=np.array([row.get("iscrowd", 0) for row in rows], bool),
        areas=np.array([row["area"] for row in rows], float) if rows and "iscrowd" in rows[0] else None,
    )


if __name__ == "__main__":
    main()
