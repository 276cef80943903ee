"""Receptive fields, measured: which pixels of the image a place of a map can depend on.

A network is run with every weight replaced by a positive constant, max pooling by average pooling, and normalisation and
activation by the identity (up to a scale), so that no path cancels another; the pixels with a gradient other than zero at
the centre of a map are then its receptive field. For plain chains that is the closed form of Araujo et al. 2019
(https://distill.pub/2019/computing-receptive-fields), and it holds for branches, dilation, resizing and pooling to bins too.
As all weights of a convolution are equal, it is computed on the mean over its input channels: a VGG costs no more than a
blur. (In a grouped convolution too, so that a channel is taken to see what any channel of its map sees.)
Squeeze-and-excitation, pooling to one bin and the like see the whole image.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import size_of

__all__ = ["LONGEST", "receptive_fields"]

LONGEST = 2048
"""Pixels of the longest strip that is measured on; what reaches across it from its very edge is said to see everything."""

_SHORT = 512

_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_AVERAGE: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE: dict[int, Any] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def receptive_fields(model: Segmenter, in_channels: int, paths: Collection[str]) -> dict[str, tuple[int | None, ...]]:
    """Pixels along each side of the image that the centre of a map can see, holes included; ``None`` for all of them.

    Args:
        model: on any device, ``meta`` too: only the shapes of its weights are read, and it is left as it is.
        in_channels: channels of the images.
        paths: dotted names of modules whose (last) output is meant. Besides these the answer has ``level 1``, ``level 2``, ...
            for the maps of the encoder, finest first, and ``logits``, which have the size of the image.

    Modules that do not run, and outputs that are no map (B, C, *size), are left out.
    """
    bare = _bare(model)
    sides: list[dict[str, int | None]] = []
    for side in range(model.encoder.dims):
        found, is_isotropic = _along(bare, in_channels, paths, side)
        sides.append(found)
        if is_isotropic:
            sides *= model.encoder.dims
            break
    return {key: tuple(found[key] for found in sides) for key in sides[0]}


def _along(model: Segmenter, in_channels: int, paths: Collection[str], side: int) -> tuple[dict[str, int | None], bool]:
    """The fields along one side, on strips as thin as the network allows, and whether all sides were treated alike."""
    fields: dict[str, int | None] = {}
    for length in (_SHORT, LONGEST):
        size = [1] * model.encoder.dims
        size[side] = length
        leaf, outputs, is_isotropic = _run(model, torch.Size([1, in_channels, *size]), paths)
        for key, (output, leap) in outputs.items():
            if key in fields:
                continue
            first, last = _support(leaf, output, side, 0.5)
            # Where a dilated kernel can leap over the edge, something beyond it may be missing.
            margin = min(first, leaf.shape[2 + side] - 1 - last)
            if margin > (leap if length < LONGEST else 0):
                fields[key] = last - first + 1
            elif length == LONGEST:  # from its edge a strip shows fields of twice its length
                last = _support(leaf, output, side, 0.0)[1]
                fields[key] = None if last == leaf.shape[2 + side] - 1 else 2 * last + 1
        if fields.keys() == outputs.keys():
            break
    return fields, is_isotropic


def _run(model: Segmenter, shape: torch.Size, paths: Collection[str]) -> tuple[Tensor, dict[str, tuple[Tensor, float]], bool]:
    """One forward pass: the framed image, the maps by name, each with the longest leap so far of a kernel in pixels of the
    image, and whether all sides were treated alike."""
    leaves: list[Tensor] = []
    maps: dict[str, tuple[Tensor, float]] = {}
    mode = _EqualWeights()
    frame = type(model).frame

    def framed(images: Tensor) -> Tensor:
        leaves.append(frame(model, images).detach().requires_grad_())
        mode.length = max(size_of(leaves[0]))
        return leaves[0]

    def keep(key: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == len(shape):
                maps[key] = output, mode.leap

        return hook

    def keep_levels(module: nn.Module, inputs: Any, output: Any) -> None:
        for index, level in enumerate(output, start=1):
            maps[f"level {index}"] = level, mode.leap

    modules = dict(model.named_modules())
    handles = [modules[path].register_forward_hook(keep(path)) for path in paths if path in modules]
    handles.append(model.encoder.register_forward_hook(keep_levels))
    images = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    model.__dict__["frame"] = framed
    try:
        with torch.enable_grad(), mode:
            logits = model(images, auxiliary=True).logits
            maps["logits"] = logits, mode.leap
    finally:
        del model.__dict__["frame"]
        for handle in handles:
            handle.remove()
    return leaves[0], {key: value for key, value in maps.items() if value[0].requires_grad}, mode.is_isotropic


def _support(leaf: Tensor, output: Tensor, side: int, where: float) -> tuple[int, int]:
    """First and last place of the image along one side on which a place of the map depends: its first (0.0) or middle (0.5)."""
    place: list[Any] = [length // 2 for length in size_of(output)]
    place[side] = int(output.shape[2 + side] * where)
    index: tuple[Any, ...] = (0, slice(None), *place)
    value = output[index].sum()
    (gradient,) = torch.autograd.grad(value, leaf, retain_graph=True, allow_unused=True)
    if gradient is None:
        return 0, 0
    others = [dimension for dimension in range(leaf.ndim) if dimension != 2 + side]
    seen = gradient.abs().sum(others).nonzero()
    return (int(seen[0]), int(seen[-1])) if len(seen) else (0, 0)


def _bare(model: Segmenter) -> Segmenter:
    """A copy in evaluation mode whose parameters are ones that take no memory."""
    memo: dict[int, Any] = {}
    for parameter in model.parameters():
        ones = torch.ones((), dtype=torch.float64).expand(parameter.shape)
        memo[id(parameter)] = nn.Parameter(ones, requires_grad=False)
    for buffer in model.buffers():
        kind = torch.float64 if buffer.is_floating_point() else buffer.dtype
        memo[id(buffer)] = torch.zeros((), dtype=kind).expand(buffer.shape) if buffer.is_meta else buffer.detach().cpu().to(kind)
    return copy.deepcopy(model, memo).eval()


class _EqualWeights(TorchFunctionMode):
    """While it lasts, layers behave as if all their weights were one positive number."""

    def __init__(self) -> None:
        super().__init__()
        self.is_isotropic = True
        self.length = 1  # of the strip
        self.leap = 0.0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in _WINDOWS:
            result, numbers = _WINDOWS[name](*args, **kwargs)
            if name.startswith("conv") and "transpose" not in name:
                self._leap(args[0], *numbers)
            self.is_isotropic &= all(len(set(each)) == 1 for each in numbers if isinstance(each, (tuple, list)) and each)
            return result
        if name in _NORMALIZATIONS:
            return _bounded(args[0] if args else kwargs["input"])
        if name in _ACTIVATIONS:
            return args[0] if args else kwargs["input"]
        return function(*args, **kwargs)

    def _leap(self, input: Tensor, kernel: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> None:
        rates = [dilation] if isinstance(dilation, int) else dilation
        ahead = max(kernel) // 2 * max(rates) * self.length / max(size_of(input))
        self.leap = max(self.leap, ahead)


def _bounded(features: Tensor) -> Tensor:
    """Scaled to a maximum of 1: nothing overflows, and no gate saturates, however many layers follow."""
    return features / features.detach().abs().amax().clamp_min(1e-200)


def _convolution(
    input: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> tuple[Tensor, Iterable[Any]]:
    mean = input.mean(1, keepdim=True)
    box = mean.new_ones(1, 1, *weight.shape[2:])
    output = _CONV[weight.ndim - 2](mean, box, None, stride, padding, dilation)
    return _spread(output, weight.shape[0]), (tuple(weight.shape[2:]), stride, padding, dilation)


def _transposed_convolution(
    input: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> tuple[Tensor, Iterable[Any]]:
    mean = input.mean(1, keepdim=True)
    box = mean.new_ones(1, 1, *weight.shape[2:])
    output = _TRANSPOSED[weight.ndim - 2](mean, box, None, stride, padding, output_padding, 1, dilation)
    return _spread(output, weight.shape[1] * groups), (tuple(weight.shape[2:]), stride, padding, dilation)


def _spread(output: Tensor, channels: int) -> Tensor:
    """One channel as many, which takes no memory."""
    return _bounded(output).expand(-1, channels, *size_of(output))


def _linear(input: Tensor, weight: Tensor, bias: Any = None) -> tuple[Tensor, Iterable[Any]]:
    mean = _bounded(input.mean(-1, keepdim=True))
    return mean.expand(*input.shape[:-1], weight.shape[0]), ()


def _max_pooling(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Any, Iterable[Any]]:
    numbers = (kernel_size, stride, padding, dilation)
    dims = input.ndim - 2
    mean = input.mean(1, keepdim=True)
    if dilation in (1, (1,) * dims, [1] * dims):
        output = _AVERAGE[dims](mean, kernel_size, stride or kernel_size, padding, ceil_mode)
    else:
        kernel = [kernel_size] * dims if isinstance(kernel_size, int) else kernel_size
        output = _CONV[dims](mean, mean.new_ones(1, 1, *kernel), None, stride or kernel_size, padding, dilation)
    output = _spread(output, input.shape[1])
    # Places are taken by :func:`_max_unpooling` only, which does not read them.
    return (output, output.detach().long()) if return_indices else output, numbers


def _max_pooling_with_places(*args: Any, **kwargs: Any) -> tuple[Any, Iterable[Any]]:
    return _max_pooling(*args, **{**kwargs, "return_indices": True})


def _max_unpooling(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> tuple[Tensor, Iterable[Any]]:
    """A value may have come from any place of its window, and is put into all."""
    dims = input.ndim - 2
    step = stride or kernel_size
    steps = [step] * dims if isinstance(step, int) else list(step)
    size = [length * each for length, each in zip(size_of(input), steps, strict=True)]
    output = input
    for dimension, (each, length) in enumerate(zip(steps, (output_size or size)[-dims:], strict=True), start=2):
        repeated = output.repeat_interleave(each, dimension)
        output = repeated.narrow(dimension, 0, min(length, repeated.shape[dimension]))
    return output, (step, kernel_size)


def _adaptive_max_pooling(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Any, Iterable[Any]]:
    output = _ADAPTIVE[input.ndim - 2](input, output_size)
    return (output, output.detach().long()) if return_indices else output, (output_size,)


_WINDOWS: dict[str, Callable[..., tuple[Any, Iterable[Any]]]] = {"linear": _linear}
for _d in (1, 2, 3):
    _WINDOWS[f"conv{_d}d"] = _convolution
    _WINDOWS[f"conv_transpose{_d}d"] = _transposed_convolution
    _WINDOWS[f"max_pool{_d}d"] = _WINDOWS[f"_max_pool{_d}d"] = _max_pooling
    _WINDOWS[f"max_pool{_d}d_with_indices"] = _max_pooling_with_places
    _WINDOWS[f"max_unpool{_d}d"] = _max_unpooling
    _WINDOWS[f"adaptive_max_pool{_d}d"] = _adaptive_max_pooling
_NORMALIZATIONS = {"batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm", "local_response_norm"}
_ACTIVATIONS = {
    "relu", "relu_", "relu6", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "elu", "elu_", "selu", "celu", "prelu",
    "silu", "gelu", "hardswish", "mish", "softplus", "threshold",
}  # fmt: skip
