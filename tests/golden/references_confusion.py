"""What six packages say about label maps: scikit-learn, torchmetrics, mmsegmentation, cityscapesScripts, MONAI, and
segmentation-models-pytorch. Each is asked in its own way and with its defaults; ignored pixels are taken out by the package
itself where it knows such, else before."""

import importlib
from typing import Any

import numpy as np
from references_alone import load_alone

PACKAGES = ("scikit-learn", "torchmetrics", "mmsegmentation", "cityscapesScripts", "monai", "segmentation-models-pytorch")
CITYSCAPES_IDS = (7, 8, 11, 12)  # of four classes that count; 0 is one that does not


def to_map(rows: list[str]) -> np.ndarray:
    return np.array([[255 if letter == "." else int(letter) for letter in row] for row in rows], np.uint8)


def to_pair(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
    return to_map(case["target"]), to_map(case["prediction"]), len(case["matrix"])


def counted(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
    target, prediction, classes = to_pair(case)
    return target[target != 255], prediction[target != 255], classes


def scikit_learn(case: dict[str, Any]) -> dict[str, Any] | None:
    metrics = importlib.import_module("sklearn.metrics")
    target, prediction, classes = counted(case)
    if not target.size:
        return None
    labels = range(classes)
    precision, recall, dice, _ = metrics.precision_recall_fscore_support(target, prediction, labels=labels)
    means = {
        "mean_iou": metrics.jaccard_score(target, prediction, labels=labels, average="macro"),
        "accuracy": metrics.accuracy_score(target, prediction),
        "balanced_accuracy": metrics.balanced_accuracy_score(target, prediction),
        "mean_dice": metrics.f1_score(target, prediction, labels=labels, average="macro"),
        "fwiou": metrics.jaccard_score(target, prediction, labels=labels, average="weighted"),
        "cohen_kappa": metrics.cohen_kappa_score(target, prediction),
        "mcc": metrics.matthews_corrcoef(target, prediction),
    }
    iou = metrics.jaccard_score(target, prediction, labels=labels, average=None)
    specificity = [metrics.recall_score(target == index, prediction == index, pos_label=False) for index in labels]
    return means | {"iou": iou, "dice": dice, "precision": precision, "recall": recall, "specificity": specificity}


def torchmetrics(case: dict[str, Any]) -> dict[str, Any]:
    import torch

    kinds = importlib.import_module("torchmetrics.classification")
    target, prediction, classes = to_pair(case)
    pair = torch.from_numpy(prediction).long(), torch.from_numpy(target).long()

    def ask(name: str, **options: Any) -> Any:
        return getattr(kinds, f"Multiclass{name}")(classes, ignore_index=255, **options)(*pair).double().numpy()

    return {
        "mean_iou": ask("JaccardIndex"),
        "accuracy": ask("Accuracy", average="micro"),
        "balanced_accuracy": ask("Accuracy", average="macro"),
        "mean_dice": ask("F1Score", average="macro"),
        "fwiou": ask("JaccardIndex", average="weighted"),
        "cohen_kappa": ask("CohenKappa"),
        "mcc": ask("MatthewsCorrCoef"),
        "iou": ask("JaccardIndex", average="none"),
        "dice": ask("F1Score", average="none"),
        "precision": ask("Precision", average="none"),
        "recall": ask("Recall", average="none"),
        "specificity": ask("Specificity", average="none"),
    }


def mmsegmentation(case: dict[str, Any]) -> dict[str, Any]:
    """The two static methods of its ``IoUMetric``, from the file alone: the package does not import without mmcv."""
    import torch

    metric = load_alone("mmseg", "evaluation/metrics/iou_metric.py").IoUMetric
    target, prediction, classes = (torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in to_pair(case))
    areas = metric.intersect_and_union(prediction, target, classes, 255)
    found = metric.total_area_to_metrics(*areas, metrics=["mIoU", "mDice", "mFscore"])
    names = {"iou": "IoU", "dice": "Dice", "precision": "Precision", "recall": "Recall"}
    per_class = {ours: found[theirs].astype(float) for ours, theirs in names.items()}
    means = {"mean_iou": "IoU", "mean_dice": "Dice", "accuracy": "aAcc", "balanced_accuracy": "Acc"}
    return {ours: float(np.nanmean(found[theirs])) for ours, theirs in means.items()} | per_class


def cityscapes(case: dict[str, Any]) -> dict[str, Any] | None:
    """Its functions on its kind of matrix: all ids, void among them, rows are targets."""
    script = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    target, prediction, classes = to_pair(case)
    ids = np.array([*CITYSCAPES_IDS[:classes], *[0] * (256 - classes)])
    matrix = script.generateMatrix(script.args)
    np.add.at(matrix, (ids[target], ids[prediction]), 1)
    by_class = {index: script.getIouScoreForLabel(index, matrix, script.args) for index in CITYSCAPES_IDS[:classes]}
    return {"iou": list(by_class.values()), "mean_iou": script.getScoreAverage(by_class, script.args)}


def monai(case: dict[str, Any]) -> dict[str, Any]:
    """Its metrics know no ignored pixels of one-hot maps, so these leave both maps before. ``ignore_empty`` is its default."""
    import torch

    dice, iou, confusion = (
        importlib.import_module(f"monai.metrics.{name}") for name in ("meandice", "meaniou", "confusion_matrix")
    )
    target, prediction, classes = to_pair(case)
    masks = ([(labels == k) & (target != 255) for k in range(classes)] for labels in (prediction, target))
    planes = [torch.from_numpy(np.stack(part))[None] for part in masks]
    counts = confusion.get_confusion_matrix(*(part.float() for part in planes))
    found = {"iou": iou.compute_iou(*planes)[0], "dice": dice.compute_dice(*planes)[0]}
    if (target != 255).all():  # its true negatives would count ignored pixels
        names = {"precision": "precision", "recall": "sensitivity", "specificity": "specificity"}
        found |= {ours: confusion.compute_confusion_matrix_metric(theirs, counts)[0] for ours, theirs in names.items()}
    return {key: value.double().numpy() for key, value in found.items()}


def segmentation_models(case: dict[str, Any]) -> dict[str, Any]:
    import torch

    functions = importlib.import_module("segmentation_models_pytorch.metrics")
    target, prediction, classes = to_pair(case)
    pair = (torch.from_numpy(part.astype(np.int64))[None] for part in (prediction, target))
    counts = functions.get_stats(*pair, mode="multiclass", ignore_index=255, num_classes=classes)
    per_class = {"iou": "iou_score", "dice": "f1_score"} | {name: name for name in ("precision", "recall", "specificity")}
    found = {ours: getattr(functions, theirs)(*counts)[0].double().numpy() for ours, theirs in per_class.items()}
    macro = {"mean_iou": "iou_score", "mean_dice": "f1_score"}
    return found | {ours: float(getattr(functions, theirs)(*counts, reduction="macro")) for ours, theirs in macro.items()}


def scikit_learn_planes(case: dict[str, Any]) -> dict[str, Any]:
    """Overlapping classes: each is a question of its own."""
    found: dict[str, list[float]] = {}
    for target, prediction in zip(case["target"], case["prediction"], strict=True):
        one = scikit_learn({"target": target, "prediction": prediction, "matrix": [0, 0]})
        assert one is not None
        for key in ("iou", "dice", "precision", "recall", "specificity"):
            found.setdefault(key, []).append(one[key][1])
    return dict(found)


def torchmetrics_planes(case: dict[str, Any]) -> dict[str, Any]:
    import torch

    kinds = importlib.import_module("torchmetrics.classification")
    pair = [torch.from_numpy(np.stack([to_map(rows) for rows in case[key]])).long()[None] for key in ("prediction", "target")]
    names = {"iou": "JaccardIndex", "dice": "F1Score", "precision": "Precision", "recall": "Recall", "specificity": "Specificity"}
    classes = len(case["target"])
    found = {}
    for ours, theirs in names.items():
        metric = getattr(kinds, f"Multilabel{theirs}")(classes, ignore_index=255, average="none")
        found[ours] = metric(*pair).double().numpy()
    return found


REFERENCES = {
    "cases": {
        "references": {
            "scikit-learn": scikit_learn,
            "torchmetrics": torchmetrics,
            "mmsegmentation": mmsegmentation,
            "cityscapesScripts": cityscapes,
            "monai": monai,
            "segmentation-models-pytorch": segmentation_models,
        }
    },
    "planes": {"references": {"scikit-learn": scikit_learn_planes, "torchmetrics": torchmetrics_planes}},
}
