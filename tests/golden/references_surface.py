"""What packages say about masks: surface distances (SciPy by hand, MONAI, surface-distance), boundaries (boundary-iou-api,
SciPy), partitions (scikit-image, scikit-learn), skeletons (scikit-image) and clDice on these by its authors' formula."""

import importlib
from functools import partial
from typing import Any

import numpy as np

PACKAGES = ("scipy", "monai", "surface-distance", "opencv-python-headless", "numpy", "scikit-image", "scikit-learn")


def to_labels(rows: list[str]) -> np.ndarray:
    return np.array([[255 if letter == "." else int(letter) for letter in row] for row in rows])


def to_masks(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Class 1 of prediction and target, without the ignored pixels."""
    target = to_labels(case["target"])
    return (to_labels(case["prediction"]) == 1) & (target != 255), target == 1


def surface_by_scipy(case: dict[str, Any]) -> dict[str, float]:
    """The border of a mask is what an erosion by the cross takes away; all distances between two borders, one by one."""
    ndimage, distance = (importlib.import_module(f"scipy.{name}") for name in ("ndimage", "spatial.distance"))
    names = ("hausdorff", "hausdorff_95", "assd", "masd", "surface_dice")
    masks = to_masks(case)
    if not masks[0].any() or not masks[1].any():
        is_both = not masks[0].any() and not masks[1].any()
        values = [np.nan] * 5 if is_both else [np.inf] * 4 + [0.0]
        return dict(zip(names, values, strict=True))
    points = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * np.array(case["spacing"], float) for mask in masks]
    table = distance.cdist(*points)
    sides = table.min(1), table.min(0)
    return {
        "hausdorff": max(side.max() for side in sides),
        "hausdorff_95": max(float(np.percentile(side, 95)) for side in sides),
        "assd": np.concatenate(sides).mean(),
        "masd": (sides[0].mean() + sides[1].mean()) / 2,
        "surface_dice": (np.concatenate(sides) <= case["tolerance"]).mean(),
    }


def surface_by_monai(case: dict[str, Any]) -> dict[str, float]:
    import torch

    names = {"hausdorff_distance": "compute_hausdorff_distance", "surface_distance": "compute_average_surface_distance"}
    names |= {"surface_dice": "compute_surface_dice"}
    hausdorff, average, dice = (getattr(importlib.import_module(f"monai.metrics.{k}"), v) for k, v in names.items())
    pair = [torch.from_numpy(mask)[None, None] for mask in to_masks(case)]
    options = {"include_background": True, "spacing": case["spacing"]}
    return {
        "hausdorff": float(hausdorff(*pair, **options)),
        "hausdorff_95": float(hausdorff(*pair, percentile=95, **options)),
        "assd": float(average(*pair, symmetric=True, **options)),
        "surface_dice": float(dice(*pair, [case["tolerance"]], **options)),
        "surface_dice_surfels": float(dice(*pair, [case["tolerance"]], use_subvoxels=True, **options)),
    }


def surface_by_deepmind(case: dict[str, Any]) -> dict[str, float]:
    package = _surface_distance()
    prediction, target = to_masks(case)
    found = package.compute_surface_distances(target, prediction, case["spacing"])
    directed = package.compute_average_surface_distance(found)
    sizes = found["surfel_areas_gt"].sum(), found["surfel_areas_pred"].sum()
    both = sum(sizes)
    return {
        "hausdorff": float(package.compute_robust_hausdorff(found, 100)),
        "hausdorff_95": float(package.compute_robust_hausdorff(found, 95)),
        "assd": _pooled(found, both),
        "masd": float(np.mean(directed)),
        "surface_dice": float(package.compute_surface_dice_at_tolerance(found, case["tolerance"])),
    }


def _pooled(found: dict[str, np.ndarray], both: float) -> float:
    """It gives the two directed means; ASSD pools its distances and areas."""
    sides = (("distances_gt_to_pred", "surfel_areas_gt"), ("distances_pred_to_gt", "surfel_areas_pred"))
    total = sum(float((found[distances] * found[areas]).sum()) for distances, areas in sides)
    return total / both if both else float("nan")


def _surface_distance() -> Any:
    """surface-distance 0.1 uses names that NumPy 2 and SciPy 1.15 no longer have."""
    ndimage = importlib.import_module("scipy.ndimage")
    for module, name, value in (
        (np, "Inf", np.inf),
        (np, "NaN", np.nan),
        (ndimage, "filters", ndimage),
        (ndimage, "morphology", ndimage),
    ):
        if name not in vars(module):
            setattr(module, name, value)
    return importlib.import_module("surface_distance")


def boundary_by_its_authors(case: dict[str, Any]) -> dict[str, list[int]]:
    """``mask_to_boundary`` at distances of 1 and 2 pixels, which it takes as a share of the diagonal."""
    to_boundary = importlib.import_module("boundary_iou.utils.boundary_utils").mask_to_boundary
    masks = [mask.astype(np.uint8) for mask in to_masks(case)]
    diagonal = float(np.hypot(*masks[0].shape))
    return {str(d): _overlap(*(to_boundary(mask, d / diagonal) > 0 for mask in masks)) for d in (1, 2)}


def boundary_by_scipy(case: dict[str, Any]) -> dict[str, list[int]]:
    erode = importlib.import_module("scipy.ndimage").binary_erosion
    square = np.ones((3, 3))
    return {str(d): _overlap(*(mask & ~erode(mask, square, iterations=d) for mask in to_masks(case))) for d in (1, 2)}


def _overlap(first: np.ndarray, second: np.ndarray) -> list[int]:
    return [int((first & second).sum()), int((first | second).sum())]


def partitions_by_scikit_image(case: dict[str, Any]) -> dict[str, float]:
    metrics = importlib.import_module("skimage.metrics")
    target, prediction = to_labels(case["target"]), to_labels(case["prediction"])
    split, merge = metrics.variation_of_information(target, prediction, ignore_labels=[0])
    error, _, _ = metrics.adapted_rand_error(target, prediction, ignore_labels=[0])
    return {"adapted_rand_error": float(error), "vi_split": float(split), "vi_merge": float(merge)}


def partitions_by_scikit_learn(case: dict[str, Any]) -> dict[str, float]:
    """Information from entropies, pairs of pixels from its table of pairs. V-Rand counts pairs of a pixel with itself too, and
    takes each border pixel of the prediction for a segment of its own, as V-Info does."""
    metrics = importlib.import_module("sklearn.metrics")
    pairs = importlib.import_module("sklearn.metrics.cluster").pair_confusion_matrix
    target, prediction = to_labels(case["target"]).ravel(), to_labels(case["prediction"]).ravel()
    truth, guess = target[target > 0], prediction[target > 0]
    alone = np.where(guess == 0, -1 - np.arange(guess.size), guess)

    def bits(first: np.ndarray, second: np.ndarray) -> float:
        return float(metrics.mutual_info_score(first, second)) / np.log(2)

    both = bits(truth, guess)
    shared, of_both = bits(truth, alone), bits(truth, truth) + bits(alone, alone)
    (_, _), (_, together) = pairs(truth, guess)
    in_truth, in_guess = (int(pairs(side, side)[1, 1]) for side in (truth, guess))
    (_, _), (_, alike) = pairs(truth, alone)
    itself = truth.size
    own = int(pairs(alone, alone)[1, 1])
    return {
        "adjusted_rand_index": float(metrics.adjusted_rand_score(truth, guess)),
        "adapted_rand_error": 1 - 2 * int(together) / (in_truth + in_guess),
        "vi_split": max(0.0, bits(guess, guess) - both),
        "vi_merge": max(0.0, bits(truth, truth) - both),
        "v_rand": 2 * (int(alike) + itself) / (in_truth + own + 2 * itself),
        "v_info": 2 * shared / of_both if of_both else 1.0,
    }


def skeletons_by_scikit_image(case: dict[str, Any]) -> dict[str, list[str]]:
    morphology = importlib.import_module("skimage.morphology")
    mask = to_labels(case["mask"]) == 1
    found = {name: getattr(morphology, name)(mask).astype(int) for name in ("thin", "skeletonize")}
    return {name: ["".join(map(str, row)) for row in skeleton.tolist()] for name, skeleton in found.items()}


def cldice_by_formula(case: dict[str, Any], skeleton: str = "thin") -> dict[str, float]:
    """As the authors' code has it, 0 / 0 included, on a skeleton of scikit-image."""
    to_skeleton = getattr(importlib.import_module("skimage.morphology"), skeleton)
    prediction, target = to_masks(case)
    with np.errstate(invalid="ignore"):
        precision = np.sum(to_skeleton(prediction) & target) / np.sum(to_skeleton(prediction))
        sensitivity = np.sum(to_skeleton(target) & prediction) / np.sum(to_skeleton(target))
        return {"cldice": float(2 * precision * sensitivity / (precision + sensitivity))}


REFERENCES = {
    "cases": {
        "references": {"scipy": surface_by_scipy, "monai": surface_by_monai, "surface-distance": surface_by_deepmind},
        "boundary": {"boundary-iou-api": boundary_by_its_authors, "scipy": boundary_by_scipy},
    },
    "partitions": {"references": {"scikit-image": partitions_by_scikit_image, "scikit-learn": partitions_by_scikit_learn}},
    "skeletons": {"references": {"scikit-image": skeletons_by_scikit_image}},
    "cldice": {
        "references": {"scikit-image": cldice_by_formula},
        "on_skeletonize": {"scikit-image": partial(cldice_by_formula, skeleton="skeletonize")},
    },
}
