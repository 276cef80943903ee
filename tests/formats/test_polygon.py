"""Polygons: the pixels that COCO's own tools fill, whatever the ring does, and what is refused."""

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats import polygon, rle


def fill(ring, size=(12, 20)):
    return rle.decode(polygon.to_runs([polygon.as_ring(ring)], size))


def letters(mask):
    return ["".join("#" if value else "." for value in row) for row in mask]


# Written down once from pycocotools 2.0.11, for images of 12 x 20; where it is installed, thousands more are compared below.
GOLDEN = {
    "at random": ([18.86, 6.14, 19.52, 0.97, 12.15, 4.52, 16.04, 2.09, 17.43, 6.53, 18.04, 5.73], "f51;1O2M10L3"),
    "on halves of pixels": (
        [8.5, 9.5, 19.5, 4.5, 19.5, 11, 3.5, 7.5, 14, 11.5, 13.5, 1.5, 10, 6],
        "`21;0;2A2OOKN33MM230L52010001N100K",
    ),
    "crosses itself": ([2, 2, 15.3, 10, 15.3, 2, 2, 10], "j085N1O2O1N10<OE1N2O0O2N1j1"),
    "reaches out of the image": ([-7.3, -4.1, 26, 3.3, 11, 19.5], "0661O1O2N1Oe20[M000000001N1OO"),
    "touches itself": ([3, 3, 9, 3, 9, 9, 3, 9, 3, 3, 12, 1, 12, 11], "W167ONLM33MN22NO11O0006O2O0o2"),
    "thinner than a pixel": ([1, 1, 18, 1.2, 18, 1.25, 1, 1.1], "`7"),
    "a line": ([1, 1, 18, 11, 1, 1], "`7"),
    "a point": ([4, 4, 4, 4, 4, 4], "`7"),
    "a little left of the image": ([-0.3, -0.3, 5.7, -0.1, 5.5, 5.5, -0.1, 5.7], "066000000000X5"),
}


@pytest.mark.parametrize("ring, text", GOLDEN.values(), ids=GOLDEN.keys())
def test_run_lengths_are_those_that_pycocotools_wrote(ring, text):
    assert rle.to_string(polygon.to_runs([polygon.as_ring(ring)], (12, 20))) == text


def test_a_rectangle_along_the_edges_of_pixels_holds_just_these():
    expected = np.zeros((12, 20), bool)
    expected[3:7, 2:9] = True
    for ring in ([2, 3, 9, 3, 9, 7, 2, 7], [9, 7, 9, 3, 2, 3, 2, 7], [2, 3, 9, 3, 9, 7, 2, 7, 2, 3]):
        np.testing.assert_array_equal(fill(ring), expected)


def test_a_triangle_holds_the_pixels_worked_out_by_hand():
    # The middles (x + 0.5, y + 0.5) that lie under the line from (0, 0) to (4, 4), the line itself included.
    assert letters(fill([0, 0, 4, 4, 0, 4], (4, 5))) == ["#....", "##...", "###..", "####."]


def draw_ring(rng, size):
    """One of the kinds of rings that break rasterisers."""
    height, width = size
    count = int(rng.integers(3, 30))
    ring = rng.random((count, 2)) * [width, height]
    kinds = [
        lambda: ring,
        lambda: np.round(ring),
        lambda: np.round(ring * 2) / 2,
        lambda: np.round(ring * 10) / 10,
        lambda: (ring - 0.5 * np.array([width, height])) * 3,
        lambda: ring[rng.integers(0, count, 2 * count)],
        lambda: np.cumsum(rng.integers(-1, 2, (3 * count, 2)), axis=0) / rng.choice([1, 2, 5, 10]),
    ]
    return kinds[rng.integers(len(kinds))]()


@pytest.mark.parametrize("seed", range(8))
def test_every_ring_and_every_union_equals_that_of_pycocotools(seed):
    reference = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    rng = np.random.default_rng(seed)
    for _ in range(40):
        size = tuple(rng.integers(1, 50, 2).tolist())
        rings = [draw_ring(rng, size).ravel().tolist() for _ in range(rng.integers(1, 4))]
        theirs = reference.frPyObjects(rings, *size)
        ours = [rle.to_string(polygon.to_runs([polygon.as_ring(ring)], size)) for ring in rings]
        assert ours == [one["counts"].decode() for one in theirs]
        union = polygon.to_runs([polygon.as_ring(ring) for ring in rings], size)
        assert rle.to_string(union) == reference.merge(theirs)["counts"].decode()


@pytest.mark.parametrize("seed", range(20))
def test_pixels_away_from_the_line_are_filled_where_they_are_inside_an_odd_number_of_times(seed):
    from matplotlib.path import Path  # an independent rule, with exact geometry

    rng = np.random.default_rng(seed)
    ring = rng.random((int(rng.integers(3, 9)), 2)) * [20, 12]
    y, x = np.mgrid[:12, :20] + 0.5
    middles = np.stack([x.ravel(), y.ravel()], axis=1)
    far = distance_to_line(middles, ring) > 0.3
    # matplotlib counts windings; an odd number of single triangles around any point is the same as being inside oddly often
    inside = np.zeros(len(middles), bool)
    for at in range(1, len(ring) - 1):
        inside ^= Path(ring[[0, at, at + 1]]).contains_points(middles)
    diagonals = np.concatenate([ring[[0, at]] for at in range(1, len(ring))])
    off_diagonals = np.min([segment_distance(middles, *pair) for pair in diagonals.reshape(-1, 2, 2)], axis=0) > 1e-9
    sure = far & off_diagonals
    np.testing.assert_array_equal(fill(ring).ravel()[sure], inside[sure])
    assert sure.sum() > 50


def distance_to_line(points, ring):
    return np.min([segment_distance(points, a, b) for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True)], axis=0)


def segment_distance(points, a, b):
    along = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
    return np.linalg.norm(points - a - along[:, None] * (b - a), axis=1)


def test_many_sides_are_drawn_in_parts_like_all_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    ring = rng.random((200, 2)) * [40, 30]
    at_once = fill(ring, (30, 40))
    monkeypatch.setattr(polygon, "_CHUNK", 50)
    np.testing.assert_array_equal(fill(ring, (30, 40)), at_once)
    assert 300 < at_once.sum() < 900


def test_what_is_drawn_is_no_larger_than_the_ring():
    mask, top, left = polygon.draw([polygon.as_ring([5000, 7000, 5003, 7000, 5003, 7002])], (10_000, 10_000))
    assert mask.shape <= (5, 6)
    assert 6998 <= top <= 7000
    assert 4998 <= left <= 5000
    assert letters(mask[7000 - top :, 5000 - left :])[:2] == [".##.", "..#."]


@pytest.mark.parametrize("rings", [[], [[1, 1]], [[1, 1, 5, 5]], [[50, 50, 60, 50, 60, 60]]], ids=["none", "1", "2", "outside"])
def test_rings_without_pixels_give_an_empty_mask(rings):
    rings = [polygon.as_ring(ring) for ring in rings]
    assert polygon.draw(rings, (12, 20)).mask.sum() == 0
    assert polygon.to_runs(rings, (12, 20)).counts.tolist() == [240]


@pytest.mark.parametrize(
    "numbers, message",
    [
        ([1, 2, 3], r"must be pairs x1, y1, x2, y2, \.\.\., got numbers of shape \(3,\)"),
        ([[1, 2, 3], [4, 5, 6]], r"got numbers of shape \(2, 3\)"),
        ([1, 2, "x", 4], r"must be a row of numbers"),
        ([1, 2, None, 4, 5, 6], r"coordinates from nan"),
        ([[1, 2], [3]], r"must be a row of numbers"),
        ({"x": 1}, r"must be a row of numbers"),
        ([1, 2, 10**400, 4], r"must be a row of numbers"),
        ([1, 2, float("nan"), 4], r"coordinates from nan to nan"),
        ([1, 2, float("inf"), 4], r"coordinates from 1 to inf"),
        ([1, 2, 3e7, 4], r"coordinates from 1 to 3e\+07; they must be pixels"),
    ],
)
def test_what_is_no_ring_is_refused(numbers, message):
    with pytest.raises(DataError, match=message):
        polygon.as_ring(numbers)


def test_rings_of_too_many_corners_are_refused(monkeypatch):
    monkeypatch.setattr(polygon, "MOST_CORNERS", 3)
    with pytest.raises(DataError, match="has 4 corners, more than the 3 allowed"):
        polygon.as_ring(range(8))


def test_a_ring_that_goes_to_and_fro_without_end_is_refused_before_it_costs_time():
    ring = np.tile([[0.0, 0.0], [5000.0, 3.0]], (2000, 1))
    with pytest.raises(DataError, match=r"4,000 corners crosses the 5,000 columns of its box 20,000,000 times"):
        polygon.draw([ring], (20, 5000))
