"""Surface distances: golden values of three references, a naive double loop, and the laws that hold for all masks."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from pixelwise.errors import ConfigError, DataError
from pixelwise.metrics import surface as surface_module
from pixelwise.metrics.surface import surface_distances
from pixelwise.metrics.surfels import surfel_sizes

CASES = json.loads((Path(__file__).parents[1] / "golden" / "surface.json").read_text(encoding="utf-8"))["cases"]
NAMES = [case["name"] for case in CASES]


def to_masks(case):
    target, prediction = (
        np.array([[255 if letter == "." else int(letter) for letter in row] for row in case[key]])
        for key in ("target", "prediction")
    )
    return (prediction == 1) & (target != 255), target == 1


def to_number(value):
    return math.nan if value is None else float(value)


def measure(prediction, target, spacing, tolerance, weighting):
    found = surface_distances(prediction, target, spacing, weighting)
    return {
        "hausdorff": found.hausdorff(),
        "hausdorff_95": found.hausdorff(95),
        "assd": found.assd(),
        "masd": found.masd(),
        "surface_dice": found.surface_dice(tolerance),
    }


def draw_masks(seed, dims=2, size=24):
    rng = np.random.default_rng(seed)
    first = ndimage.gaussian_filter(rng.normal(size=(size,) * dims), 2)
    second = first + 0.5 * ndimage.gaussian_filter(rng.normal(size=(size,) * dims), 2)
    return second > second.mean(), first > first.mean()


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_pixels_equal_scipy_by_hand(case):
    found = measure(*to_masks(case), case["spacing"], case["tolerance"], "pixels")
    for key, expected in case["references"]["scipy"].items():
        np.testing.assert_allclose(found[key], to_number(expected), rtol=1e-12, err_msg=key)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_pixels_equal_monai_where_it_gives_a_number(case):
    masks, settings = to_masks(case), (case["spacing"], case["tolerance"])
    found = measure(*masks, *settings, "pixels")
    found["surface_dice_surfels"] = measure(*masks, *settings, "surfels")["surface_dice"]
    for key, expected in case["references"]["monai"].items():
        if key == "hausdorff_95" and masks[0].any() != masks[1].any():
            assert expected is None  # MONAI: the maximum is inf, its 95th percentile nan; ours is inf
            assert found[key] == math.inf
        else:
            np.testing.assert_allclose(found[key], to_number(expected), rtol=1e-6, err_msg=key)  # MONAI rounds to float32


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_surfels_equal_surface_distance(case):
    masks = to_masks(case)
    found = measure(*masks, case["spacing"], case["tolerance"], "surfels")
    for key, expected in case["references"]["surface-distance"].items():
        if key in ("hausdorff", "hausdorff_95") and not (masks[0].any() or masks[1].any()):
            assert (expected, math.isnan(found[key])) == ("inf", True)  # theirs: inf for two empty masks; ours: undefined
        elif key == "masd" and masks[0].any() != masks[1].any():
            assert (expected, found[key]) == (None, math.inf)  # theirs: one directed mean is 0 / 0
        else:
            np.testing.assert_allclose(found[key], to_number(expected), rtol=1e-12, err_msg=key)


def naive_distances(starts, goals, spacing):
    points = [np.argwhere(surface) * np.array(spacing) for surface in (starts, goals)]
    return np.array([min(math.dist(a, b) for b in points[1]) for a in points[0]])


@pytest.mark.parametrize("spacing", [(1, 1), (0.7, 2.3), (1, 1, 1), (2.5, 1, 0.4)], ids=str)
@pytest.mark.parametrize("lines", [1, 4, 256])
def test_distances_equal_a_double_loop(spacing, lines, monkeypatch):
    monkeypatch.setattr(surface_module, "_LINES", lines)
    surface_module._lines.cache_clear()
    prediction, target = draw_masks(0, len(spacing), 16 if len(spacing) == 2 else 8)
    surfaces = []
    for mask in (prediction, target):
        structure = ndimage.generate_binary_structure(mask.ndim, 1)
        surfaces.append(mask & ~ndimage.binary_erosion(mask, structure))
    found = surface_distances(prediction, target, spacing, "pixels")
    np.testing.assert_allclose(found.from_prediction, naive_distances(*surfaces, spacing), rtol=1e-12)
    np.testing.assert_allclose(found.from_target, naive_distances(*surfaces[::-1], spacing), rtol=1e-12)
    surface_module._lines.cache_clear()


def draw_far_apart(dims):
    """Two balls with empty lines between them and around, and a part of one that lies near the other."""
    size, centers = ((420, 60), ((30, 30), (380, 25))) if dims == 2 else ((60, 50, 20), ((10, 10, 9), (48, 40, 8)))
    first, second = (((np.indices(size).T - center) ** 2).sum(-1).T < 64 for center in centers)
    first[size[0] - 30 : size[0] - 15, 12] = True
    return first, second


@pytest.mark.parametrize("spacing", [(1, 1), (0.7, 2.3), (1, 1, 1), (2.5, 1, 0.4)], ids=str)
def test_distances_of_masks_far_apart_equal_those_of_scipy_to_every_digit(spacing):
    prediction, target = draw_far_apart(len(spacing))
    found = surface_distances(prediction, target, spacing, "pixels")
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, target)]
    for distances, starts, goals in ((found.from_prediction, *edges), (found.from_target, *edges[::-1])):
        nearest = ndimage.distance_transform_edt(~goals, sampling=spacing, return_distances=False, return_indices=True)
        steps = (np.indices(goals.shape) - nearest)[:, starts].T * spacing
        np.testing.assert_allclose(distances, np.sqrt((steps**2).sum(1)), rtol=1e-15)


@pytest.mark.parametrize("weighting", ["surfels", "pixels"])
def test_a_percentile_is_what_a_sorted_list_says(weighting):
    found = surface_distances(*draw_masks(5), (0.7, 1.3), weighting)
    for percentile in (0.1, 20, 50, 95, 99.9):
        expected = []
        for distances, sizes in found._sides:
            order = np.argsort(distances, kind="stable")
            position = np.searchsorted(np.cumsum(sizes[order]), sizes.sum() * percentile / 100 * (1 - 1e-9))
            by_surfels = distances[order][position]
            expected.append(np.percentile(distances, percentile) if weighting == "pixels" else by_surfels)
        assert found.hausdorff(percentile) == max(expected)


@pytest.mark.parametrize("spacing", [(1, 1), (3, 0.5), (1, 1, 1), (2.5, 1, 0.4)], ids=str)
def test_distances_equal_a_distance_transform_of_the_whole_image(spacing):
    prediction, target = draw_masks(1, len(spacing))
    found = surface_distances(prediction, target, spacing, "pixels")
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, target)]
    whole = ndimage.distance_transform_edt(~edges[1], sampling=spacing)
    np.testing.assert_allclose(found.from_prediction, whole[edges[0]], rtol=1e-12)


@pytest.mark.parametrize("weighting", ["surfels", "pixels"])
@pytest.mark.parametrize("dims", [2, 3])
def test_swapping_the_masks_changes_nothing(dims, weighting):
    prediction, target = draw_masks(2, dims, 14)
    spacing = (2.0, 1.0, 0.5)[:dims]
    one, other = (measure(*pair, spacing, 1.0, weighting) for pair in ((prediction, target), (target, prediction)))
    assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("weighting", ["surfels", "pixels"])
def test_moving_both_masks_or_widening_the_image_changes_nothing(weighting):
    prediction, target = (np.pad(mask, 3) for mask in draw_masks(3))
    moved = [np.pad(mask, ((5, 0), (0, 9))) for mask in (prediction, target)]
    assert measure(*moved, None, 1.0, weighting) == measure(prediction, target, None, 1.0, weighting)


@pytest.mark.parametrize("weighting", ["surfels", "pixels"])
def test_distances_scale_with_the_spacing(weighting):
    pair = draw_masks(4)
    one, ten = measure(*pair, (1, 2), 1.5, weighting), measure(*pair, (10, 20), 15, weighting)
    assert ten == pytest.approx({key: value * (1 if key == "surface_dice" else 10) for key, value in one.items()}, rel=1e-12)


def test_a_distance_equal_to_the_tolerance_counts_whatever_the_spacing():
    target, prediction = np.zeros((4, 12), bool), np.zeros((4, 12), bool)
    target[1, 1:4], prediction[1, 1:7] = True, True
    for step in (0.1, 0.3, 1 / 3, 0.7, 1.1):  # 3 * 0.1 is more than 0.3 in floats
        found = surface_distances(prediction, target, (step, step), "pixels")
        assert found.surface_dice(round(3 * step, 12)) == 1.0


def test_the_percentile_is_exact_where_the_covered_length_meets_it():
    target, prediction = np.zeros((3, 30), bool), np.zeros((3, 30), bool)
    target[1, 2:12], prediction[1, 2:22] = True, True
    found = surface_distances(prediction, target)
    order = np.argsort(found.from_prediction)
    covered = np.cumsum(found.prediction_sizes[order]) / found.prediction_sizes.sum()
    for position in (3, 17, 30):
        smallest = found.from_prediction[order][position]
        percentile = 100 * covered[np.flatnonzero(found.from_prediction[order] == smallest)[-1]]
        assert found._directed_percentile(found.from_prediction, found.prediction_sizes, percentile) == smallest


def test_lengths_of_contours_are_those_of_marching_squares():
    sizes = surfel_sizes((3.0, 4.0))  # half a diagonal is 2.5
    expected = {0b0001: 2.5, 0b0111: 2.5, 0b0011: 4.0, 0b0101: 3.0, 0b0110: 5.0, 0b1001: 5.0, 0: 0.0, 0b1111: 0.0}
    assert {code: sizes[code] for code in expected} == pytest.approx(expected)


def test_areas_of_cells_are_those_of_marching_cubes():
    sizes, root = surfel_sizes((1.0, 1.0, 1.0)), math.sqrt
    corner, edge = root(3) / 8, root(2) / 2
    expected = {0b1: corner, 0b11: edge, 0b1111: 1.0, 0b10000001: 2 * corner, 0b111: 0.5 + 3 * corner, 0b10111: 6 * corner}
    assert {code: sizes[code] for code in expected} == pytest.approx(expected)


def test_inside_and_outside_have_the_same_area_in_every_cell():
    for spacing in [(1.0, 1.0), (0.7, 2.3), (1.0, 1.0, 1.0), (0.7, 2.3, 1.1)]:
        sizes = surfel_sizes(spacing)
        np.testing.assert_allclose(sizes, sizes[::-1], rtol=1e-12)


def test_turning_a_cell_turns_its_area():
    spacing = (0.7, 2.3, 1.1)
    corners = list(itertools.product((0, 1), repeat=3))
    for axes in itertools.permutations(range(3)):
        turned = surfel_sizes(tuple(spacing[axis] for axis in axes))
        place = [corners.index(tuple(corner[axis] for axis in axes)) for corner in corners]
        for code in range(256):
            bits = [code >> (7 - k) & 1 for k in range(8)]
            other = sum(bit << (7 - place[k]) for k, bit in enumerate(bits))
            assert turned[other] == pytest.approx(surfel_sizes(spacing)[code])


def test_the_surface_of_a_ball_comes_near_its_area():
    grid = np.indices((31, 31, 31)) - 15
    ball = (grid**2).sum(0) <= 12**2
    area = surface_distances(ball, ball).prediction_sizes.sum()
    assert area == pytest.approx(4 * math.pi * 12**2, rel=0.1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prediction": np.zeros((4, 4), np.uint8)}, DataError, "masks must be boolean, got uint8 and bool; pick one class"),
        ({"prediction": np.zeros((4, 5), bool)}, DataError, r"of one shape, got \(4, 5\) and \(4, 4\)"),
        ({"spacing": (1, 1, 1)}, ConfigError, r"spacing must be 2 sizes above 0, .* got \[1.0, 1.0, 1.0\]"),
        ({"spacing": (1, 0)}, ConfigError, "spacing must be 2 sizes above 0"),
        ({"spacing": (1, math.nan)}, ConfigError, "spacing must be 2 sizes above 0"),
        ({"weighting": "voxels"}, ConfigError, "weighting must be 'surfels' or 'pixels', got 'voxels'"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, error, message):
    given = {"prediction": np.zeros((4, 4), bool), "target": np.zeros((4, 4), bool), **change}
    with pytest.raises(error, match=message):
        surface_distances(**given)


def test_percentiles_and_tolerances_out_of_range_are_refused():
    found = surface_distances(*draw_masks(0))
    with pytest.raises(ConfigError, match="percentile must be above 0 and at most 100, got 0"):
        found.hausdorff(0)
    with pytest.raises(ConfigError, match="tolerance must be 0 or more, in the unit of the spacing, got -1"):
        found.surface_dice(-1)
