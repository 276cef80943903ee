"""Max pooling that remembers where each maximum stood, and unpooling that puts a value back there (Badrinarayanan et al.
2017, https://arxiv.org/abs/1511.00561, section 3).

Poolings round up, as Caffe's do: 360x480 -> 180x240 -> 90x120 -> 45x60 -> 23x30 -> 12x15. So no column of any image is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.pyramid import Encoder
from pixelwise.models.spatial import resize, size_of

__all__ = ["PooledPyramid", "PoolingEncoder", "UnpoolingDecoder", "Upsampling", "check_upsampling", "max_pool", "upsample"]

Upsampling = Literal["indices", "linear"]


class PooledPyramid(list[Tensor]):
    """The maps after each pooling, finest first, and what undoes the poolings.

    ``indices[i]`` (int64, of the shape of map i) says where each value stood in the map before pooling, in reading order;
    ``sizes[i]`` is the size of that map.
    """

    def __init__(self, maps: Iterable[Tensor], indices: Sequence[Tensor], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__(maps)
        self.indices, self.sizes = indices, sizes


class PoolingEncoder(Encoder):
    """Stages of convolutions with a pooling behind each; ``stages[i]`` gives ``channels[i]`` maps."""

    def __init__(
        self, name: str, stages: Iterable[nn.Module], channels: Sequence[int], mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__(name, channels, [2 ** (index + 1) for index in range(len(channels))], mean, std)
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> PooledPyramid:
        """(B, C, H, W) -> maps (B, channels[i], ceil(H / strides[i]), ceil(W / strides[i])) with their indices."""
        features, maps, indices, sizes = images, [], [], []
        for stage in self.stages:
            features = stage(features)
            sizes.append(size_of(features))
            features, where = max_pool(features)
            maps.append(features)
            indices.append(where)
        return PooledPyramid(maps, indices, sizes)


class UnpoolingDecoder(nn.Module):
    """Upsampling to the size before a pooling, then a stage, once per pooling; ``stages`` are coarse to fine."""

    def __init__(self, stages: Iterable[nn.Module], upsampling: Upsampling) -> None:
        super().__init__()
        self.upsampling: Upsampling = upsampling
        self.stages = nn.ModuleList(stages)

    def forward(self, pyramid: PooledPyramid, size: Sequence[int]) -> Tensor:
        """The encoder's pyramid -> (B, D, H, W) at the size of the image, which the pyramid knows already."""
        features = pyramid[-1]
        for stage, indices, finer in zip(self.stages, pyramid.indices[::-1], pyramid.sizes[::-1], strict=True):
            features = stage(upsample(features, indices, finer, self.upsampling))
        return features


def max_pool(features: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) -> the maxima of 2x2 windows (B, C, ceil(H / 2), ceil(W / 2)), and where in the map they stood."""
    pooled, indices = F.max_pool2d(features, 2, 2, ceil_mode=True, return_indices=True)
    return pooled, indices


def upsample(features: Tensor, indices: Tensor, size: Sequence[int], upsampling: Upsampling) -> Tensor:
    """(B, C, h, w) -> (B, C, *size): each value where the maximum stood that ``indices`` (B, C, h, w) tells of, and zero
    elsewhere; or, ``linear``, between the values."""
    if upsampling == "linear":
        return resize(features, size)
    unpooled: Tensor = F.max_unpool2d(features, indices, [2, 2], [2, 2], output_size=list(size))
    return unpooled


def check_upsampling(upsampling: str) -> None:
    """:class:`ConfigError` for what is no way of upsampling."""
    if upsampling not in get_args(Upsampling):
        raise ConfigError(f"upsampling must be 'indices' (the paper's) or 'linear', got {upsampling!r}")
