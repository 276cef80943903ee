"""What packages say about instances: panoptic quality (panopticapi, torchmetrics), COCO's average precision (pycocotools,
faster-coco-eval), and matching of objects (StarDist, Cellpose)."""

import contextlib
import importlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from references_alone import load_alone

PACKAGES = ("panopticapi", "torchmetrics", "pycocotools", "faster-coco-eval", "stardist", "cellpose")
THINGS, STUFF = (2, 3), (0, 1)
THRESHOLDS = (0.3, 0.5, 0.75, 0.9)


def to_ids(rows: list[str]) -> np.ndarray:
    return np.array([[0 if letter == "." else int(letter) for letter in row] for row in rows])


def panoptic_by_its_authors(case: dict[str, Any]) -> list[Any]:
    """``pq_compute_single_core`` on PNG files; [PQ, SQ, RQ] per class, nothing for a class without TP, FP and FN."""
    evaluation = importlib.import_module("panopticapi.evaluation")
    categories = {index: {"id": index, "isthing": int(index in THINGS)} for index in (*STUFF, *THINGS)}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        pairs = []
        for number, image in enumerate(case["images"]):
            sides = (("target", image["crowd"]), ("prediction", []))
            pairs.append([_annotation(Path(folder), number, image, side, crowd) for side, crowd in sides])
        found = evaluation.pq_compute_single_core(0, pairs, folder, folder, categories)
        _, per_class = found.pq_average(categories, None)
    rows = {index: found.pq_per_cat[index] for index in categories}
    is_there = {index: row.tp + row.fp + row.fn > 0 for index, row in rows.items()}
    return [[per_class[i][key] for key in ("pq", "sq", "rq")] if is_there[i] else None for i in categories]


def _annotation(folder: Path, number: int, image: dict[str, Any], side: str, crowd: list[str]) -> dict[str, Any]:
    picture = importlib.import_module("PIL.Image")
    ids = to_ids(image[side])
    name = f"{side}_{number}.png"
    picture.fromarray(np.stack([ids, 0 * ids, 0 * ids], -1).astype(np.uint8)).save(folder / name)
    segments = [
        {"id": int(key), "category_id": label, "iscrowd": int(key in crowd), "area": int((ids == int(key)).sum())}
        for key, label in image[f"{side}_labels"].items()
    ]
    return {"image_id": number, "file_name": name, "segments_info": segments}


def panoptic_by_torchmetrics(case: dict[str, Any]) -> list[Any] | None:
    """It knows no crowds. Void is a category that it was not told of."""
    import torch

    if any(image["crowd"] for image in case["images"]):
        return None
    quality = importlib.import_module("torchmetrics.detection").PanopticQuality
    options = {"allow_unknown_preds_category": True, "return_sq_and_rq": True, "return_per_class": True}
    metric = quality(things=set(THINGS), stuffs=set(STUFF), **options)
    for image in case["images"]:
        metric.update(*(torch.from_numpy(_two_channels(image, side))[None] for side in ("prediction", "target")))
    counted = metric.true_positives + metric.false_positives + metric.false_negatives
    order = [metric.cat_id_to_continuous_id[index] for index in (*STUFF, *THINGS)]
    values = metric.compute().reshape(-1, 3)
    return [values[i].tolist() if counted[i] else None for i in order]


def _two_channels(image: dict[str, Any], side: str) -> np.ndarray:
    ids = to_ids(image[side])
    labels = np.full(10, 99)
    labels[[int(key) for key in image[f"{side}_labels"]]] = list(image[f"{side}_labels"].values())
    return np.stack([labels[ids], np.where(np.isin(labels[ids], THINGS), ids, 0)], -1)


def average_precision_by_pycocotools(case: dict[str, Any]) -> dict[str, Any]:
    return _both_regions(case, "pycocotools.coco", "pycocotools.cocoeval", "COCOeval")


def average_precision_by_faster_coco_eval(case: dict[str, Any]) -> dict[str, Any]:
    return _both_regions(case, "faster_coco_eval", "faster_coco_eval", "COCOeval_faster")


def _both_regions(case: dict[str, Any], home: str, judge_home: str, judge: str) -> dict[str, Any]:
    coco, evaluator = importlib.import_module(home).COCO, getattr(importlib.import_module(judge_home), judge)
    return {ours: _twelve_figures(case, coco, evaluator, theirs) for ours, theirs in (("mask", "segm"), ("box", "bbox"))}


def _twelve_figures(case: dict[str, Any], coco: Any, evaluator: Any, kind: str) -> list[float]:
    """COCO's twelve figures, nan where it prints -1."""
    images = [{"id": index + 1, "height": case["size"][0], "width": case["size"][1]} for index in range(len(case["images"]))]
    truth: dict[str, Any] = {"info": {}, "images": images, "annotations": [], "categories": [{"id": k} for k in (1, 2, 3)]}
    results = []
    for index, image in enumerate(case["images"]):
        for row in image["targets"]:
            given = _coco_row(row, index, case["size"])
            more = {"id": len(truth["annotations"]) + 1, "iscrowd": row["crowd"], "area": row.get("area", given["area"])}
            truth["annotations"].append(given | more)
        for row in image["predictions"]:
            given = _coco_row(row, index, case["size"]) | {"score": row["score"]}
            given.pop("bbox" if kind == "segm" else "segmentation")
            results.append(given)
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco()
        known.dataset = truth
        known.createIndex()
        found = evaluator(known, known.loadRes(results), kind)
        found.evaluate()
        found.accumulate()
        found.summarize()
    return [float("nan") if value == -1 else float(value) for value in found.stats[:12]]


def _coco_row(row: dict[str, Any], index: int, size: list[int]) -> dict[str, Any]:
    encode = importlib.import_module("pycocotools.mask").encode
    x1, y1, x2, y2 = row["box"]
    mask = np.zeros(size, np.uint8, order="F")
    mask[y1:y2, x1:x2] = 1
    runs = encode(mask)
    runs["counts"] = runs["counts"].decode()
    box = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": index + 1, "category_id": row["label"] + 1, "segmentation": runs, "bbox": box, "area": box[2] * box[3]}


def objects_by_stardist(case: dict[str, Any]) -> dict[str, Any]:
    """Its file matching.py alone."""
    matching = load_alone("stardist", "matching.py").matching
    target, prediction = (_in_a_row(case[key]) for key in ("target", "prediction"))
    names = ("tp", "fp", "fn", "precision", "recall", "accuracy", "f1", "mean_matched_score", "panoptic_quality")
    found = {threshold: matching(target, prediction, thresh=threshold) for threshold in THRESHOLDS}
    return {str(threshold): {name: _number(getattr(scores, name)) for name in names} for threshold, scores in found.items()}


def objects_by_cellpose(case: dict[str, Any]) -> dict[str, Any]:
    """Its file metrics.py alone."""
    average_precision = load_alone("cellpose", "metrics.py").average_precision
    with np.errstate(invalid="ignore"):
        found = average_precision(*(_in_a_row(case[key]) for key in ("target", "prediction")), threshold=list(THRESHOLDS))
    rows = zip(THRESHOLDS, *(part.tolist() for part in found), strict=True)
    return {str(t): {"tp": int(tp), "fp": int(fp), "fn": int(fn), "accuracy": ap} for t, ap, tp, fp, fn in rows}


def _in_a_row(rows: list[str]) -> np.ndarray:
    """Ids 1, 2, ... without gaps, as both packages want them."""
    ids = to_ids(rows)
    return np.searchsorted(np.unique(np.append(ids, 0)), ids)


def _number(value: Any) -> int | float:
    return int(value) if isinstance(value, int | np.integer) else float(value)


REFERENCES = {
    "panoptic": {"references": {"panopticapi": panoptic_by_its_authors, "torchmetrics": panoptic_by_torchmetrics}},
    "average_precision": {
        "references": {
            "pycocotools": average_precision_by_pycocotools,
            "faster-coco-eval": average_precision_by_faster_coco_eval,
        }
    },
    "objects": {"references": {"stardist": objects_by_stardist, "cellpose": objects_by_cellpose}},
}
