"""Depthwise convolutions whose backward pass does not stall bf16 training on a CPU.

PyTorch's CPU backward of a depthwise convolution is 5 to 30 times slower in bf16 than in fp32 (strided ones are worst: it
falls back to a reference loop), so that mobile encoders spend half of a training step there. Inside
:class:`FastDepthwise` the forward pass stays as autocast has it, and the backward pass of depthwise convolutions runs in
fp32, channels-last. ``benchmarks/training_step.py`` measures what it is worth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["FastDepthwise"]


class FastDepthwise(TorchFunctionMode):
    """While active, ``torch.conv2d`` calls that are depthwise and on a CPU under bf16 autocast take the fast backward.

    Any model gains, without being changed: ``with FastDepthwise(), torch.autocast("cpu", torch.bfloat16): ...``
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.conv2d and torch.is_autocast_enabled("cpu"):
            call = _Call.parse(*args, **(kwargs or {}))
            if call.is_depthwise and call.images.device.type == "cpu" and torch.is_grad_enabled():
                return _Depthwise.apply(call.images, call.weight, call.bias, call.stride, call.padding, call.dilation)
        return func(*args, **(kwargs or {}))


class _Call:
    """The arguments of one ``torch.conv2d`` call."""

    def __init__(self, images: Tensor, weight: Tensor, bias: Tensor | None, numbers: tuple[Any, Any, Any], groups: int) -> None:
        self.images, self.weight, self.bias, self.groups = images, weight, bias, groups
        self.stride, self.padding, self.dilation = numbers

    @classmethod
    def parse(
        cls, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> "_Call":  # fmt: skip
        return cls(input, weight, bias, (stride, padding, dilation), groups)

    @property
    def is_depthwise(self) -> bool:
        return self.groups > 1 and self.weight.shape[:2] == (self.groups, 1) and not isinstance(self.padding, str)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any
    ) -> Tensor:
        low = images.to(torch.bfloat16)
        ctx.save_for_backward(low, weight)
        ctx.numbers = [list(pair) if isinstance(pair, (tuple, list)) else [pair, pair] for pair in (stride, padding, dilation)]
        ctx.has_bias, ctx.input_dtype = bias is not None, images.dtype
        low_bias = None if bias is None else bias.to(torch.bfloat16)
        return torch.conv2d(low, weight.to(torch.bfloat16), low_bias, stride, padding, dilation, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.numbers
        gradient = gradients[0].to(torch.float32, memory_format=torch.channels_last)
        by_images, by_weight, by_bias = torch.ops.aten.convolution_backward(
            gradient, images.to(torch.float32, memory_format=torch.channels_last), weight.float(),
            [weight.shape[0]] if ctx.has_bias else None, stride, padding, dilation, False, [0, 0], weight.shape[0],
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.has_bias],
        )  # fmt: skip
        return None if by_images is None else by_images.to(ctx.input_dtype), by_weight, by_bias, None, None, None
