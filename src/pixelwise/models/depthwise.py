"""Depthwise convolutions that are fast on a CPU.

oneDNN, which computes torch's convolutions on CPUs, has no fast kernel for three cases, and falls back to a plain loop:

1. *Dilated* depthwise convolutions, as in a dilated EfficientNet, forward and backward. A convolution of dilation d sees
   d x d interleaved grids that never mix; laid out as d x d smaller images, each is an undilated convolution (the
   "space to batch" of Chen et al. 2017). The sums are the same; 10 times faster here. Not so where the grids would be narrower
   than three pixels, as at the wide rates of an atrous pyramid: there torch's own is as fast or faster.
2. In bfloat16, the gradient of the input where the stride is 2, and
3. in bfloat16, the gradient of the weights where the kernel is larger than 3x3. These two are computed in float32, from
   the same bfloat16 inputs, which is 5 to 60 times faster (torch 2.15, AVX512-BF16 and AMX) and more exact. Without it half
   of a training step of a U-Net on an EfficientNet goes there.

All other cases, other devices, and exported or compiled models are torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["DepthwiseConv2d", "DepthwiseConv2dSame", "with_fast_depthwise"]


class DepthwiseConv2d(nn.Conv2d):
    """``nn.Conv2d`` with one group per channel."""

    def forward(self, input: Tensor) -> Tensor:
        rate = _interleaving(self, input)
        if rate > 1:
            size = input.shape[-2:]
            grids = _undilated(self, _space_to_batch(input, rate))
            return _batch_to_space(grids, rate)[..., : size[0], : size[1]]
        return _depthwise(self, input, self.padding) if _is_slow(self, input) else super().forward(input)


class DepthwiseConv2dSame(Conv2dSame):  # type: ignore[misc]
    """timm's ``Conv2dSame`` (TensorFlow's padding) with one group per channel."""

    def forward(self, x: Tensor) -> Tensor:
        if not _is_slow(self, x):
            same: Tensor = super().forward(x)
            return same
        return _depthwise(self, pad_same(x, list(self.kernel_size), list(self.stride), list(self.dilation)), (0, 0))


def with_fast_depthwise(model: nn.Module) -> nn.Module:
    """Turns the depthwise convolutions of ``model`` into those of this module; parameters and their names stay."""
    faster = {nn.Conv2d: DepthwiseConv2d, Conv2dSame: DepthwiseConv2dSame}
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d) or type(layer) not in faster or layer.padding_mode != "zeros":
            continue
        if layer.in_channels == layer.out_channels == layer.groups > 1:
            layer.__class__ = faster[type(layer)]
    return model


def _interleaving(layer: nn.Conv2d, images: Tensor) -> int:
    """The dilation of a layer that keeps the size of its input, on a CPU, with grids wide enough to gain by it; else 1."""
    rate, kernel = layer.dilation[0], layer.kernel_size[0]
    is_plain = layer.dilation == (rate, rate) and layer.kernel_size == (kernel, kernel) and layer.stride == (1, 1)
    keeps_size = kernel % 2 == 1 and layer.padding == (rate * (kernel // 2), rate * (kernel // 2))
    here = images.device.type == "cpu" and not torch.compiler.is_compiling()
    return rate if is_plain and keeps_size and here and min(images.shape[-2:]) > 2 * rate else 1


def _space_to_batch(images: Tensor, rate: int) -> Tensor:
    """(B, C, H, W) -> (B * rate * rate, C, h, w), zeros added to the right and below where H or W is no multiple."""
    height, width = images.shape[-2:]
    below, right = -height % rate, -width % rate
    if below or right:
        images = F.pad(images, (0, right, 0, below))
    batch, channels, height, width = images.shape
    # In the order (B, H, W, C), which is how channels-last images lie in memory, so that whole pixels are moved.
    grids = images.permute(0, 2, 3, 1).reshape(batch, height // rate, rate, width // rate, rate, channels)
    grids = grids.permute(0, 2, 4, 1, 3, 5).reshape(batch * rate * rate, height // rate, width // rate, channels)
    return grids.permute(0, 3, 1, 2)


def _batch_to_space(grids: Tensor, rate: int) -> Tensor:
    batch, channels, height, width = grids.shape
    images = grids.permute(0, 2, 3, 1).reshape(batch // rate**2, rate, rate, height, width, channels)
    images = images.permute(0, 3, 1, 4, 2, 5).reshape(batch // rate**2, height * rate, width * rate, channels)
    return images.permute(0, 3, 1, 2)


def _undilated(layer: nn.Conv2d, grids: Tensor) -> Tensor:
    padding = layer.kernel_size[0] // 2
    if _is_slow(layer, grids):
        return _Depthwise.apply(grids.bfloat16(), layer.weight, layer.bias, (1, 1), (padding, padding), (1, 1))  # type: ignore[no-any-return]
    return F.conv2d(grids, layer.weight, layer.bias, 1, padding, 1, layer.groups)


def _is_slow(layer: nn.Conv2d, images: Tensor) -> bool:
    """Whether torch's own backward pass would fall back to a plain loop."""
    if images.device.type != "cpu" or not torch.is_grad_enabled() or isinstance(layer.padding, str):
        return False
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else images.dtype
    return dtype == torch.bfloat16 and (max(layer.stride) > 1 or max(layer.kernel_size) > 3)


def _depthwise(layer: nn.Conv2d, images: Tensor, padding: Any) -> Tensor:
    result: Tensor = _Depthwise.apply(images.bfloat16(), layer.weight, layer.bias, layer.stride, padding, layer.dilation)
    return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any
    ) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.geometry = stride, padding, dilation
        ctx.bias_dtype = None if bias is None else bias.dtype
        bias = None if bias is None else bias.bfloat16()
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(images, weight.bfloat16(), bias, stride, padding, dilation, images.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        gradient: Tensor = gradients[0]
        images, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        to_images, to_weight, to_bias = ctx.needs_input_grad[:3]
        shape = (None, list(stride), list(padding), list(dilation), False, [0, 0], images.shape[1])
        for_images = for_weight = None
        if to_images:
            exact = gradient.float() if max(stride) > 1 else gradient
            shaped = torch.empty_like(images, dtype=exact.dtype)  # only its shape and layout are used
            for_images = _backward(exact, shaped, weight.to(exact.dtype), shape, 0).to(images.dtype)
        if to_weight:
            exact = gradient.float() if max(weight.shape[-2:]) > 3 else gradient
            for_weight = _backward(exact, images.to(exact.dtype), weight.to(exact.dtype), shape, 1).to(weight.dtype)
        for_bias = gradient.sum((0, 2, 3), dtype=torch.float32).to(ctx.bias_dtype) if to_bias and ctx.bias_dtype else None
        return for_images, for_weight, for_bias, None, None, None


def _backward(gradient: Tensor, images: Tensor, weight: Tensor, shape: tuple[Any, ...], which: int) -> Tensor:
    mask = [which == 0, which == 1, False]
    found: Tensor = torch.ops.aten.convolution_backward(gradient, images, weight, *shape, mask)[which]
    return found
