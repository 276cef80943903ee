"""What a map should attend to, learnt: channels, places, or both (for signals, images and volumes)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelwise.models.spatial import CONVOLUTIONS, adaptive_average_pool, resize, size_of

__all__ = ["AttentionGate", "ConcurrentSqueezeExcite", "SqueezeExcite", "initialize_attention"]

_OPEN = 2.0  # sigmoid(2) = 0.88


class SqueezeExcite(nn.Module):
    """Each channel times a weight of 0..1 that the means of all channels decide (Hu et al. 2018, arXiv:1709.01507).

    Args:
        channels: of the map.
        reduction: the two 1x1 convolutions meet at ``channels // reduction`` channels, one at least.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(self, channels: int, reduction: int = 16, dims: int = 2) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.squeeze = CONVOLUTIONS[dims](channels, width, 1)
        self.excite = CONVOLUTIONS[dims](width, channels, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _xavier(self.squeeze, self.excite)
        # Each hidden channel begins as 1 and a mean of means: below zero it would be dead for good, and there are few of them.
        nn.init.uniform_(self.squeeze.weight, 0.0, 2.0 / self.squeeze.in_channels)
        nn.init.ones_(self.squeeze.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels, *size) -> the same shape."""
        hidden = torch.relu(self.squeeze(adaptive_average_pool(features, 1)))
        return features * torch.sigmoid(self.excite(hidden))


class ConcurrentSqueezeExcite(nn.Module):
    """scSE: the map weighted by channel plus the map weighted by place (Roy et al. 2018, arXiv:1803.02579).

    The sum of both, as in the paper's earlier form and in segmentation-models-pytorch. The weight of a place comes from a
    1x1 convolution over its channels.
    """

    def __init__(self, channels: int, reduction: int = 16, dims: int = 2) -> None:
        super().__init__()
        self.channel = SqueezeExcite(channels, reduction, dims)
        self.place = CONVOLUTIONS[dims](channels, 1, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _xavier(self.place)

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels, *size) -> the same shape."""
        weighted: Tensor = self.channel(features) + features * torch.sigmoid(self.place(features))
        return weighted


class AttentionGate(nn.Module):
    """The additive gate on a skip (Oktay et al. 2018, arXiv:1804.03999, equations 1 and 2).

    ``x * sigmoid(psi(relu(W_x x + W_g g + b_g)) + b_psi)``: the coarser map ``g`` says which places of the finer map ``x``
    pass. All three are 1x1 convolutions. The weights are computed at the size of ``g`` and enlarged linearly, as in the
    paper; there ``x`` comes to that size through a strided convolution, here linearly, so that any two sizes do. The bias
    of ``psi`` begins at 2, so that most of the skip passes at first.

    Args:
        channels: of the finer map.
        gate_channels: of the coarser map.
        dims: 1 signals, 2 images, 3 volumes.
    """

    def __init__(self, channels: int, gate_channels: int, dims: int = 2) -> None:
        super().__init__()
        width = max(channels // 2, 1)
        self.of_skip = CONVOLUTIONS[dims](channels, width, 1, bias=False)
        self.of_gate = CONVOLUTIONS[dims](gate_channels, width, 1)
        self.psi = CONVOLUTIONS[dims](width, 1, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _xavier(self.of_skip, self.of_gate, self.psi)
        nn.init.constant_(self.psi.bias, _OPEN)

    def weights(self, skip: Tensor, gate: Tensor) -> Tensor:
        """(B, channels, *fine) and (B, gate_channels, *coarse) -> (B, 1, *fine), each of 0..1: how much of a place passes."""
        hidden = torch.relu(self.of_skip(resize(skip, size_of(gate))) + self.of_gate(gate))
        return resize(torch.sigmoid(self.psi(hidden)), size_of(skip))

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        """The finer map, weighted: (B, channels, *fine)."""
        return skip * self.weights(skip, gate)


def initialize_attention(module: nn.Module) -> None:
    """First weights of all attention inside a module, for after :func:`pixelwise.models.blocks.initialize`: weights by the
    width that leaves, as before a ReLU, would drive the sigmoid of a single channel to 0 or 1."""
    for layer in module.modules():
        if isinstance(layer, (SqueezeExcite, ConcurrentSqueezeExcite, AttentionGate)):
            layer.reset_parameters()


def _xavier(*convolutions: nn.Conv2d) -> None:
    for convolution in convolutions:
        nn.init.xavier_uniform_(convolution.weight)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
