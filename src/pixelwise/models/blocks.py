"""Convolution, normalisation, activation: the brick of every decoder."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["PooledBatchNorm2d", "conv_norm_act", "initialize"]


class PooledBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm for maps that were pooled to a few pixels.

    In training with batch 1 a map of 1x1 holds one value per channel, whose variance is zero: torch refuses it, and the
    normalised value would carry nothing. In that one case the running statistics normalise, as in evaluation, and stay
    as they are. In all others it is ``nn.BatchNorm2d``, with the same state dict.
    """

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(input)


def conv_norm_act(
    in_channels: int, out_channels: int, kernel_size: int = 3, norm: type[nn.Module] = nn.BatchNorm2d
) -> nn.Sequential:
    """Convolution (stride 1, same size, no bias), BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        norm(out_channels),
        nn.ReLU(inplace=True),
    )


def initialize(module: nn.Module) -> None:
    """He et al. 2015 for convolutions before a ReLU, one and zero for normalisation: for decoders, not for encoders."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
