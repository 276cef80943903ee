"""The border weights of the U-Net paper: against hand-made maps, and against all objects taken one by one."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from pixelwise.losses.border import border_weights


def two_squares(gap: int) -> torch.Tensor:
    """Two squares of 4 x 4 pixels in a row, ``gap`` background pixels between them."""
    targets = torch.zeros(1, 8, 8 + gap + 4, dtype=torch.uint8)
    targets[0, 2:6, 2:6] = 1
    targets[0, 2:6, 6 + gap : 10 + gap] = 1
    return targets


def all_objects(labels: np.ndarray, w0: float, sigma: float) -> np.ndarray:
    """The formula with a distance to every object from every pixel."""
    distances = []
    for one_class in set(labels.ravel().tolist()) - {0, 255}:
        pieces, count = ndimage.label(labels == one_class, structure=[[1] * 3] * 3)
        for index in range(1, count + 1):
            rows, columns = np.nonzero(pieces == index)
            grid = np.indices(labels.shape)
            squares = (grid[0][..., None] - rows) ** 2 + (grid[1][..., None] - columns) ** 2
            distances.append(np.sqrt(squares.min(-1)))
    if len(distances) < 2:
        return np.where(labels == 255, 0.0, 1.0)
    first, second = np.sort(np.stack(distances), 0)[:2]
    return np.where(labels == 255, 0.0, 1 + w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2)))


def test_the_gap_between_two_squares_weighs_what_the_formula_says():
    weights = border_weights(two_squares(gap=3))[0]
    # A gap of 3 pixels: on the straight line between the squares d1 + d2 is 4 in every one of them.
    torch.testing.assert_close(weights[3, 6:9], torch.full((3,), 1 + 10 * np.exp(-16 / 50)).float())
    # The last pixel of the left square: 0 to its own, 4 to the other.
    assert float(weights[3, 5]) == pytest.approx(1 + 10 * np.exp(-16 / 50))
    assert float(weights[3, 2]) == pytest.approx(1 + 10 * np.exp(-49 / 50))
    # One pixel above the gap's middle: sqrt(2^2 + 1) to either.
    assert float(weights[1, 7]) == pytest.approx(1 + 10 * np.exp(-20 / 50))
    assert weights.dtype == torch.float32


@pytest.mark.parametrize("w0, sigma", [(10.0, 5.0), (3.0, 1.0), (0.5, 2.5)])
def test_weights_are_those_of_all_objects_taken_one_by_one(w0: float, sigma: float):
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for size, share in [((23, 31), 0.02), ((40, 17), 0.1), ((30, 30), 0.4), ((64, 5), 0.01)]:
        labels = torch.randint(1, 4, size, generator=generator) * (torch.rand(size, generator=generator) < share)
        labels[torch.rand(size, generator=generator) < 0.03] = 255
        labels = labels.to(torch.uint8)
        expected = all_objects(labels.numpy(), w0, sigma)
        got = border_weights(labels[None], w0, sigma)[0].numpy()
        assert np.abs(got - expected).max() <= 1e-4 + 1e-6 * w0
        largest = max(largest, expected.max())
    assert largest > 1 + w0 / 2


def test_far_objects_are_left_out_by_less_than_the_error_that_is_promised():
    weights = border_weights(two_squares(gap=60))
    assert 0 <= float(weights.max()) - 1 <= 1e-4


@pytest.mark.parametrize("objects", [0, 1])
def test_with_one_object_or_none_all_pixels_weigh_the_same(objects: int):
    targets = torch.zeros(2, 9, 9, dtype=torch.long)
    targets[:, 2:5, 3:6] = objects
    torch.testing.assert_close(border_weights(targets), torch.ones(2, 9, 9), rtol=0, atol=0)


def test_ignored_pixels_are_no_object_and_weigh_nothing():
    targets = two_squares(gap=3)
    targets[targets == 1] = 255
    targets[0, 3, 3] = 1
    weights = border_weights(targets)
    torch.testing.assert_close(weights, (targets != 255).float(), rtol=0, atol=0)


def test_objects_of_different_classes_are_different_though_they_touch():
    targets = torch.ones(1, 6, 8, dtype=torch.uint8)
    targets[..., 4:] = 2
    weights = border_weights(targets, w0=10, sigma=5)
    torch.testing.assert_close(weights[0, 0, :4], 1 + 10 * torch.exp(-torch.tensor([16.0, 9.0, 4.0, 1.0]) / 50))


def test_pixels_that_touch_at_a_corner_are_one_object():
    targets = torch.eye(12, dtype=torch.uint8)[None]
    torch.testing.assert_close(border_weights(targets), torch.ones(1, 12, 12), rtol=0, atol=0)


def test_images_and_channels_are_judged_one_by_one():
    one = two_squares(gap=2)
    left, right = one.clone(), one.clone()
    left[..., 7:], right[..., :7] = 0, 0
    torch.testing.assert_close(border_weights(torch.stack([left, right], 1)), torch.ones(1, 2, *one.shape[1:]))
    both = border_weights(torch.cat([one, left]))
    torch.testing.assert_close(both[:1], border_weights(one))
    torch.testing.assert_close(both[1:], torch.ones_like(both[1:]))


def test_balanced_classes_weigh_the_same_in_sum_and_one_in_the_mean():
    targets = torch.zeros(1, 10, 10, dtype=torch.uint8)
    targets[0, 0, :5], targets[0, 4, :3], targets[0, 9] = 1, 2, 255
    weights = border_weights(targets, w0=0, balance=True)
    sums = [float(weights[targets == index].sum()) for index in (0, 1, 2)]
    assert sums == pytest.approx([30.0, 30.0, 30.0])
    assert float(weights[targets == 255].sum()) == 0


def test_a_map_of_ignored_pixels_alone_is_fine():
    targets = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    for balance in (False, True):
        torch.testing.assert_close(border_weights(targets, balance=balance), torch.zeros(1, 4, 4), rtol=0, atol=0)
