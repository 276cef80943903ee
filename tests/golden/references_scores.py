"""What packages say about scores: how they rank pixels (scikit-learn, torchmetrics, SciPy), and whether they mean what they say
(torchmetrics, scikit-learn, torch, and plain NumPy)."""

import importlib
from typing import Any

import numpy as np

RANKING_PACKAGES = ("scikit-learn", "torchmetrics", "scipy")
CALIBRATION_PACKAGES = ("scikit-learn", "torchmetrics", "torch", "numpy")


def to_arrays(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Scores (K, N) and target (N,) of the pixels that are not ignored; float64, exact."""
    letters = "".join(case["target"])
    scores = np.array(case["scores"], np.float64).reshape(len(case["scores"]), -1) / case["unit"]
    counted = [place for place, letter in enumerate(letters) if letter != "."]
    return scores[:, counted], np.array([int(letters[place]) for place in counted], int)


def to_questions(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and yes-or-no answers, (K, N) each: one question with one plane of scores, else one for each class."""
    scores, target = to_arrays(case)
    return scores, target[None] == 1 if len(scores) == 1 else target == np.arange(len(scores))[:, None]


def ranking_by_scikit_learn(case: dict[str, Any]) -> dict[str, Any]:
    metrics = importlib.import_module("sklearn.metrics")
    scores, truth = to_questions(case)
    pairs = list(zip(truth, scores, strict=True))
    found = {
        "auroc": [metrics.roc_auc_score(*pair) for pair in pairs],
        "average_precision": [metrics.average_precision_score(*pair) for pair in pairs],
    }
    if len(pairs) > 1:
        pooled = truth.ravel(), scores.ravel()
        found["micro_auroc"] = metrics.roc_auc_score(*pooled)
        found["micro_average_precision"] = metrics.average_precision_score(*pooled)
    return found


def ranking_by_torchmetrics(case: dict[str, Any]) -> dict[str, Any]:
    import torch

    kinds = importlib.import_module("torchmetrics.classification")
    scores, truth = to_questions(case)
    pairs = [(torch.from_numpy(s), torch.from_numpy(t).long()) for s, t in zip(scores, truth, strict=True)]
    names = {"auroc": "AUROC", "average_precision": "AveragePrecision"}
    found: dict[str, Any] = {
        ours: [float(getattr(kinds, f"Binary{theirs}")()(*pair)) for pair in pairs] for ours, theirs in names.items()
    }
    if len(pairs) > 1:
        given, target = torch.from_numpy(scores.T.copy()), torch.from_numpy(to_arrays(case)[1])
        planes = given, torch.from_numpy(truth.T.copy()).long()
        for ours, theirs in names.items():
            found[f"macro_{ours}"] = float(getattr(kinds, f"Multiclass{theirs}")(len(scores))(given, target))
            found[f"micro_{ours}"] = float(getattr(kinds, f"Multilabel{theirs}")(len(scores), average="micro")(*planes))
    return found


def ranking_by_scipy(case: dict[str, Any]) -> dict[str, Any]:
    """AUROC is the U statistic of Mann and Whitney over the number of pairs."""
    stats = importlib.import_module("scipy.stats")
    scores, truth = to_questions(case)
    found = []
    for plane, answers in zip(scores, truth, strict=True):
        pairs = int(answers.sum()) * int((~answers).sum())
        found.append(stats.mannwhitneyu(plane[answers], plane[~answers]).statistic / pairs if pairs else float("nan"))
    return {"auroc": found}


def calibration_by_torchmetrics(case: dict[str, Any]) -> dict[str, float]:
    import torch

    kinds = importlib.import_module("torchmetrics.classification")
    scores, target = to_arrays(case)
    pair = torch.from_numpy(scores.T.astype(np.float32)), torch.from_numpy(target)
    names = {"ece": "l1", "mce": "max"}
    return {
        ours: float(kinds.MulticlassCalibrationError(len(scores), n_bins=case["bins"], norm=theirs)(*pair))
        for ours, theirs in names.items()
    }


def calibration_by_numpy(case: dict[str, Any]) -> dict[str, Any]:
    """One pixel at a time into bins (low, high], the first with 0; the first of equal scores is the answer."""
    scores, target = to_arrays(case)

    def gaps(confidence: np.ndarray, is_right: np.ndarray) -> list[tuple[int, float]]:
        place = np.digitize(confidence, np.arange(1, case["bins"]) / case["bins"], right=True)
        here = [place == index for index in range(case["bins"])]
        return [(int(h.sum()), abs(float(is_right[h].mean() - confidence[h].mean()))) for h in here if h.any()]

    top = gaps(scores.max(0), scores.argmax(0) == target)
    by_class = [gaps(plane, target == index) for index, plane in enumerate(scores)]
    return {
        "ece": sum(count * gap for count, gap in top) / target.size,
        "mce": max(gap for _, gap in top),
        "per_class_ece": [sum(count * gap for count, gap in found) / target.size for found in by_class],
    }


def calibration_by_scikit_learn(case: dict[str, Any]) -> dict[str, Any]:
    metrics = importlib.import_module("sklearn.metrics")
    scores, target = to_arrays(case)
    options = {"labels": [False, True], "pos_label": True}
    per_class = [metrics.brier_score_loss(target == index, plane, **options) for index, plane in enumerate(scores)]
    return {
        "nll": metrics.log_loss(target, scores.T, labels=range(len(scores))),
        "per_class_brier": per_class,
        "brier": sum(per_class),
    }


def calibration_by_torch(case: dict[str, Any]) -> dict[str, float]:
    import torch
    from torch.nn import functional

    scores, target = (torch.from_numpy(part) for part in to_arrays(case))
    wanted = functional.one_hot(target, len(scores)).T.double()
    return {
        "nll": float(functional.nll_loss(scores.T.log(), target)),
        "brier": float(functional.mse_loss(scores, wanted, reduction="sum")) / target.numel(),
    }


RANKING = {
    "cases": {
        "references": {
            "scikit-learn": ranking_by_scikit_learn,
            "torchmetrics": ranking_by_torchmetrics,
            "scipy": ranking_by_scipy,
        }
    }
}
CALIBRATION = {
    "cases": {
        "references": {
            "torchmetrics": calibration_by_torchmetrics,
            "numpy": calibration_by_numpy,
            "scikit-learn": calibration_by_scikit_learn,
            "torch": calibration_by_torch,
        }
    }
}
