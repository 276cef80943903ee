"""Feature pyramid network (Lin et al. 2017, https://arxiv.org/abs/1612.03144): the neck that gives every level of a pyramid the
same channels and what the coarser levels know."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import Norm, conv_norm_act
from pixelwise.models.pyramid import Encoder
from pixelwise.models.spatial import CONVOLUTIONS, resize, size_of

__all__ = ["FeaturePyramid", "levels_from_stride_4"]


class FeaturePyramid(nn.Module):
    """Maps finest first, (B, channels[i], *size_i) -> maps (B, ``width``, *size_i), finest first.

    A 1x1 convolution on each level; from the coarsest down, each sum is enlarged (nearest) to the size of the next finer level
    and added to it; a 3x3 convolution on every sum. Without activation, as in the paper. Any sizes will do, also where one
    level is not twice the next.

    Args:
        channels: of the maps, finest first.
        width: of all maps that come out; 256 in the paper.
        norm: after each convolution; ``none`` in the paper.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(self, channels: Sequence[int], width: int = 256, norm: Norm = "none", dims: int = 2) -> None:
        super().__init__()
        self.width = width
        self.laterals = nn.ModuleList(
            conv_norm_act(given, width, 1, norm=norm, activation=False, dims=dims) for given in channels
        )
        self.outputs = nn.ModuleList(conv_norm_act(width, width, norm=norm, activation=False, dims=dims) for _ in channels)
        for layer in self.modules():
            if isinstance(layer, CONVOLUTIONS[dims]):
                nn.init.kaiming_uniform_(layer.weight, a=1)  # no ReLU follows
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        sums = [lateral(level) for lateral, level in zip(self.laterals, pyramid, strict=True)]
        for finer in range(len(sums) - 2, -1, -1):
            sums[finer] = sums[finer] + resize(sums[finer + 1], size_of(sums[finer]), "nearest")
        return [output(total) for output, total in zip(self.outputs, sums, strict=True)]


def levels_from_stride_4(encoder: Encoder, architecture: str) -> list[int]:
    """Positions of the levels of stride 4 and coarser, finest first: those that networks with a feature pyramid read.

    Raises:
        ConfigError: there is no level of stride 4, none beyond it, or a stride that is not twice, four times, ... that.
    """
    levels = [level for level, stride in enumerate(encoder.strides) if stride >= 4]
    strides = [encoder.strides[level] for level in levels]
    doubled = all(stride % 4 == 0 and (stride & (stride - 1)) == 0 for stride in strides)
    if not doubled or 4 not in strides or max(strides) == 4:
        raise ConfigError(
            f"encoder {encoder.name!r} has strides {', '.join(map(str, encoder.strides))}, but {architecture} needs maps of "
            "stride 4, 8, 16 and so on; use 'resnet34', 'tf_efficientnet_lite0', 'convnext_tiny' or "
            "'swin_tiny_patch4_window7_224'"
        )
    return levels
