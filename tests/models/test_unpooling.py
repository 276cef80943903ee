import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.segnet_basic import segnet_basic_encoder
from pixelwise.models.unpooling import PooledPyramid, max_pool, upsample

SIZES = [(8, 12), (7, 9), (1, 5), (1, 1), (23, 30)]


def _pool_and_unpool_by_hand(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of 2x2 windows, those at the border cut short, and a map of zeros that holds each where it stood."""
    batch, channels, height, width = features.shape
    pooled = np.zeros((batch, channels, -(-height // 2), -(-width // 2)), features.dtype)
    restored = np.zeros_like(features)
    for b, c, row, column in np.ndindex(*pooled.shape):
        window = features[b, c, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        y, x = np.unravel_index(window.argmax(), window.shape)
        pooled[b, c, row, column] = restored[b, c, 2 * row + y, 2 * column + x] = window[y, x]
    return pooled, restored


@pytest.mark.parametrize("size", SIZES)
def test_unpooling_puts_each_maximum_back_where_it_stood_and_zero_elsewhere(size: tuple[int, int]) -> None:
    features = torch.randn(2, 3, *size)
    pooled, indices = max_pool(features)
    restored = upsample(pooled, indices, size, "indices")
    by_hand = _pool_and_unpool_by_hand(features.numpy())
    assert np.array_equal(pooled.numpy(), by_hand[0])
    assert np.array_equal(restored.numpy(), by_hand[1])


@pytest.mark.parametrize("size", SIZES)
def test_pooling_undoes_unpooling(size: tuple[int, int]) -> None:
    _, indices = max_pool(torch.randn(2, 3, *size))
    values = torch.rand(indices.shape) + 0.1
    pooled, again = max_pool(upsample(values, indices, size, "indices"))
    assert torch.equal(pooled, values)
    assert torch.equal(again, indices)


def test_of_equal_values_the_first_in_reading_order_is_the_maximum() -> None:
    _, indices = max_pool(torch.zeros(1, 1, 4, 4))
    assert indices.flatten().tolist() == [0, 2, 8, 10]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_type_and_layout_gives_the_same_positions_and_keeps_them(dtype: torch.dtype, layout: torch.memory_format) -> None:
    features = torch.randn(3, 8, 13, 10).bfloat16().to(dtype)  # numbers that all of the types hold
    expected = _pool_and_unpool_by_hand(features.double().numpy())[1]
    pooled, indices = max_pool(features.contiguous(memory_format=layout))
    restored = upsample(pooled, indices, (13, 10), "indices")
    assert restored.dtype == dtype
    assert restored.is_contiguous(memory_format=layout)
    assert np.array_equal(restored.double().numpy(), expected)


def test_the_gradient_goes_to_the_maxima_alone() -> None:
    features = torch.randn(2, 3, 7, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    pooled, indices = max_pool(features)
    (upsample(pooled, indices, (7, 6), "indices") * weights).sum().backward()
    maxima = upsample(torch.ones_like(pooled), indices, (7, 6), "indices")
    assert features.grad is not None
    assert torch.equal(features.grad, maxima * weights)


def test_without_indices_it_is_bilinear() -> None:
    features, indices = max_pool(torch.randn(1, 2, 7, 9))
    expected = F.interpolate(features, (7, 9), mode="bilinear", align_corners=False)
    assert torch.equal(upsample(features, indices, (7, 9), "linear"), expected)


def test_a_pyramid_is_a_list_of_its_maps_with_indices_and_sizes() -> None:
    pyramid = segnet_basic_encoder()(torch.randn(2, 3, 21, 34))
    assert isinstance(pyramid, PooledPyramid)
    assert [tuple(level.shape) for level in pyramid] == [(2, 64, 11, 17), (2, 64, 6, 9), (2, 64, 3, 5), (2, 64, 2, 3)]
    assert [level.shape for level in pyramid.indices] == [level.shape for level in pyramid]
    assert pyramid.sizes == [(21, 34), (11, 17), (6, 9), (3, 5)]
