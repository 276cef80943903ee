import math

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from pixelwise.data.erasing import Erasing
from pixelwise.types import IGNORE_INDEX


def areas(erasing: Erasing, size: tuple[int, int], count: int) -> np.ndarray:
    """Shares of the crop that the boxes of many draws take."""
    rng = np.random.default_rng(0)
    found = [box for _ in range(count) for box in erasing.draw(size, rng)]
    return np.array([(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in found]) / math.prod(size)


def test_areas_are_uniform_where_every_box_fits():
    found = areas(Erasing(1, area=(0.02, 0.3), ratio=(0.5, 2), law="log"), (400, 400), 4000)
    assert len(found) == 4000
    assert kstest(found, "uniform", (0.02, 0.28)).pvalue > 0.01


def test_areas_of_the_papers_law_are_those_of_its_density():
    """A box of height h and width w (shares) fits at a share (1 - h)(1 - w) of the corners, so the density of areas is the
    mean of that over the ratios, integrated here on a grid."""
    low, high, ratio = 0.02, 0.4, (0.3, 1 / 0.3)
    found = areas(Erasing(1, area=(low, high), ratio=ratio, law="uniform"), (400, 400), 4000)
    grid, ratios = np.linspace(low, high, 400), np.linspace(*ratio, 2000)
    heights, widths = np.sqrt(np.outer(grid, ratios)), np.sqrt(np.outer(grid, 1 / ratios))
    density = ((1 - heights).clip(0) * (1 - widths).clip(0)).mean(axis=1)
    cumulative = np.cumsum(density) / density.sum()
    assert kstest(found, lambda area: np.interp(area, grid, cumulative)).pvalue > 0.01
    assert kstest(found, "uniform", (low, high - low)).pvalue < 1e-6  # the law is not what the range says


def eraser_of_the_article(rng: np.random.Generator, height: int, width: int) -> tuple[float, float]:
    """Share and ratio of one box, as get_random_eraser draws them: all anew until the box fits."""
    while True:
        area = rng.uniform(0.02, 0.4) * height * width
        ratio = rng.uniform(0.3, 1 / 0.3)
        w, h = int(np.sqrt(area / ratio)), int(np.sqrt(area * ratio))
        left, top = rng.integers(0, width), rng.integers(0, height)
        if left + w <= width and top + h <= height:
            return h * w / (height * width), h / w


@pytest.mark.parametrize("size", [(64, 64), (60, 120)])
def test_boxes_follow_the_rule_of_the_article(size):
    rng = np.random.default_rng(1)
    theirs = np.array([eraser_of_the_article(rng, *size) for _ in range(3000)])
    erasing = Erasing(1, ratio=(0.3, 1 / 0.3), law="uniform")
    boxes = [erasing.draw(size, rng)[0] for _ in range(3000)]
    sides = np.array([(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in boxes])
    assert ks_2samp(sides.prod(axis=1) / math.prod(size), theirs[:, 0]).pvalue > 0.01
    assert ks_2samp(sides[:, 0] / sides[:, 1], theirs[:, 1]).pvalue > 0.01


def test_ratios_of_torchvisions_law_are_uniform_in_their_logarithm():
    rng = np.random.default_rng(2)
    erasing = Erasing(1, area=(0.05, 0.1), ratio=(0.25, 4), law="log")
    boxes = [erasing.draw((600, 600), rng)[0] for _ in range(3000)]
    ratios = [(rows.stop - rows.start) / (columns.stop - columns.start) for rows, columns in boxes]
    assert kstest(np.log(ratios), "uniform", (-math.log(4), 2 * math.log(4))).pvalue > 0.01
    places = np.array([rows.start / (600 - rows.stop + rows.start) for rows, _ in boxes])
    assert kstest(places, "uniform").pvalue > 0.01


def test_boxes_come_with_their_probability_and_number():
    rng = np.random.default_rng(0)
    counts = [len(Erasing(0.4, count=3, area=(0.01, 0.02)).draw((64, 64), rng)) for _ in range(1000)]
    assert 0.35 < np.mean(np.array(counts) > 0) < 0.45
    assert np.bincount([count for count in counts if count]).tolist()[1:] == pytest.approx([133] * 3, abs=35)


@pytest.mark.parametrize("fill", ["random", "noise", "grey"])
def test_only_the_box_is_painted_and_its_labels_stay_or_are_ignored(fill):
    image, target = np.full((50, 60, 3), 9, np.uint8), np.ones((50, 60), np.uint8)
    for ignore in (False, True):
        erasing = Erasing(1, area=(0.1, 0.2), fill=fill, ignore=ignore)
        ((rows, columns),) = erasing.draw((50, 60), np.random.default_rng(3))
        erased, labels = erasing(image, target, np.random.default_rng(3), grey=127)
        outside = np.ones((50, 60), bool)
        outside[rows, columns] = False
        assert (erased[outside] == 9).all()
        box = erased[rows, columns]
        levels = len(np.unique(box))
        assert levels > 100 if fill == "noise" else levels == 1
        if fill == "grey":
            assert (box == 127).all()
        assert (labels[outside] == 1).all()
        assert (labels[rows, columns] == (IGNORE_INDEX if ignore else 1)).all()
    assert (image == 9).all()
    assert (target == 1).all()


def test_all_planes_of_a_multilabel_target_are_ignored():
    _, labels = Erasing(1, ignore=True)(
        np.zeros((40, 40, 3), np.uint8), np.zeros((4, 40, 40), np.uint8), np.random.default_rng(0)
    )
    assert (labels == IGNORE_INDEX).any(axis=(1, 2)).all()
    assert ((labels == IGNORE_INDEX).all(axis=0) == (labels == IGNORE_INDEX).any(axis=0)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2), (16, 2000)])
@pytest.mark.parametrize("law", ["log", "uniform"])
def test_crops_of_any_shape_end(size, law):
    erasing = Erasing(1, count=3, area=(0.3, 0.4), law=law)
    for seed in range(10):
        for rows, columns in erasing.draw(size, np.random.default_rng(seed)):
            assert 0 <= rows.start <= rows.stop <= size[0]
            assert 0 <= columns.start <= columns.stop <= size[1]
