"""U-Net++ (Zhou et al. 2018 and 2019, https://arxiv.org/abs/1912.05074) on any encoder.

Between a level of the encoder and the decoder stands a row of nodes instead of one skip. Node X[i][j], row i counted from the
finest and column j from the encoder, reads all nodes before it in its row and the enlarged node X[i + 1][j - 1] below; each
column but the last so ends in a U-Net of its own, less deep than the whole. Blocks are those of our U-Net (nearest
enlargement, two 3x3 convolutions with BatchNorm and ReLU) and the layout is that of segmentation-models-pytorch: nodes of
the last diagonal have the decoder's widths, those inside the channels of their level, and since encoders start at stride 2
or 4, blocks without a skip go from the finest row to the size of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.blocks import conv_norm_act, initialize
from pixelwise.models.heads import classifier
from pixelwise.models.options import check_choice, check_strides
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Prediction, Segmenter
from pixelwise.models.spatial import resize, size_of
from pixelwise.models.unet import default_widths

__all__ = ["BranchOutput", "MeanOfBranches", "NestedDecoder", "unetplusplus"]

BranchOutput = Literal["mean", "last"]


def unetplusplus(
    encoder: Encoder,
    num_classes: int,
    widths: Sequence[int] | None = None,
    deep_supervision: bool = False,
    output: BranchOutput = "mean",
) -> Segmenter:
    """U-Net++: images (B, C, *size) -> logits (B, ``num_classes``, *size).

    Args:
        encoder: any pyramid with at least two different strides.
        num_classes: channels of the logits.
        widths: channels of the last diagonal of nodes, coarse to fine, one for each level but the coarsest; then of the
            blocks up to the size of the image, of which some or all may be left out: logits are then enlarged linearly. The
            default is 256, 128, 64, 32, 16, and for the encoder ``plain`` its own widths, mirrored.
        deep_supervision: with a 1x1 head on each node X[0][j], and a loss for each (paper, section III-B).
        output: of a network with deep supervision: the ``mean`` of the logits of all branches (the paper's accurate mode),
            or the ``last`` branch alone.

    Raises:
        ConfigError: an option that is not allowed, or an encoder with a single stride.
    """
    check_strides(encoder, "unetplusplus")
    check_choice("output", output, BranchOutput)
    fewest = len(encoder.strides) - 1
    most = fewest + len(_finer_strides(encoder.strides[0]))
    if widths is None:
        widths = default_widths(encoder, most)
    if (
        not isinstance(widths, (list, tuple))
        or not fewest <= len(widths) <= most
        or not all(isinstance(w, int) and w > 0 for w in widths)
    ):
        how_many = f"{fewest} to {most}" if fewest < most else f"{most}"
        raise ConfigError(f"widths must be {how_many} positive whole numbers for encoder {encoder.name!r}, got {widths!r}")
    decoder = NestedDecoder(encoder.channels, encoder.strides, widths, encoder.dims)
    initialize(decoder)
    head = classifier(widths[-1], num_classes, kernel_size=3, dims=encoder.dims)
    if not deep_supervision:
        return Segmenter(encoder, decoder, head)
    inner = encoder.channels[0]
    deep = nn.ModuleList(classifier(inner, num_classes, dims=encoder.dims) for _ in range(fewest - 1))
    kind = MeanOfBranches if output == "mean" else Segmenter
    return kind(encoder, decoder, head, deep=deep)


class NestedDecoder(nn.Module):
    """Pyramid -> one map with ``widths[-1]`` channels. ``nodes["x_i_j"]`` is X[i][j] of the paper, j from 1."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int], widths: Sequence[int], dims: int = 2) -> None:
        super().__init__()
        self.last = len(channels) - 1  # column of X[0][last], row of the coarsest level
        self.finer = _finer_strides(strides[0])[: len(widths) - self.last]

        def width(row: int, column: int) -> int:
            return widths[self.last - 1 - row] if column and row + column == self.last else channels[row]

        self.nodes = nn.ModuleDict(
            {
                f"x_{row}_{column}": _TwoConvolutions(
                    width(row + 1, column - 1) + column * channels[row], width(row, column), dims
                )
                for column in range(1, self.last + 1)
                for row in range(self.last + 1 - column)
            }
        )
        beyond = widths[self.last - 1 :]
        self.blocks = nn.ModuleList(_TwoConvolutions(coarse, fine, dims) for coarse, fine in pairwise(beyond))

    def forward(self, pyramid: list[Tensor], size: tuple[int, ...]) -> Tensor:
        """Maps finest first, and the size of the image -> (B, widths[-1], *size / s), s the stride of the last block."""
        return self.maps(pyramid, size)[-1]

    def maps(self, pyramid: list[Tensor], size: tuple[int, ...]) -> list[Tensor]:
        """One map for each branch: X[0][1], X[0][2] and so on, the last one after the blocks behind it."""
        rows = [[level] for level in pyramid]
        for column in range(1, self.last + 1):
            for row in range(self.last + 1 - column):
                below = resize(rows[row + 1][column - 1], size_of(pyramid[row]), "nearest")
                rows[row].append(self.nodes[f"x_{row}_{column}"](torch.cat([below, *reversed(rows[row])], 1)))
        *inner, features = rows[0][1:]
        for block, stride in zip(self.blocks, self.finer, strict=True):
            features = block(resize(features, [-(-length // stride) for length in size], "nearest"))
        return [*inner, features]


class MeanOfBranches(Segmenter):
    """A network with deep supervision whose logits are the mean of those of all branches, in training and evaluation alike;
    ``auxiliary`` of its prediction holds the logits of every branch, the last one too."""

    def forward(self, images: Tensor, auxiliary: bool = False) -> Any:
        """Logits (B, K, *size); with ``auxiliary=True`` a :class:`~pixelwise.models.segmenter.Prediction`."""
        prediction = super().forward(images, auxiliary=True)
        branches = (*prediction.auxiliary, prediction.logits)
        mean = sum(branches[1:], branches[0]) / len(branches)
        return Prediction(mean, branches, prediction.image) if auxiliary else mean


class _TwoConvolutions(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, dims: int) -> None:
        super().__init__()
        self.conv1 = conv_norm_act(in_channels, out_channels, dims=dims)
        self.conv2 = conv_norm_act(out_channels, out_channels, dims=dims)

    def forward(self, features: Tensor) -> Tensor:
        features = self.conv2(self.conv1(features))
        return features


def _finer_strides(stride: int) -> list[int]:
    """The strides from that of the finest level down to 1, each half of the one before."""
    finer = []
    while stride > 1:
        stride //= 2
        finer.append(stride)
    return finer
