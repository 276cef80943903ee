"""One pass through a network on torch's ``meta`` device: what runs when, what it counts, and what it reads."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pixelwise.models.segmenter import Segmenter

__all__ = ["Call", "Trace", "walk"]

_aten = torch.ops.aten


@dataclass
class Call:
    """One run of one module: the graph nodes of what came out, and what was counted in it, not in its parts."""

    path: str
    gives: list[Any] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    multiply_adds: int = 0


class Trace:
    """One pass over a copy on the meta device, with a record of every run of every module."""

    def __init__(self, model: Segmenter, shape: tuple[int, ...]) -> None:
        memo: dict[int, Any] = {id(p): nn.Parameter(p.to("meta"), requires_grad=False) for p in model.parameters()}
        memo |= {id(b): b.to("meta") for b in model.buffers()}
        self.model = copy.deepcopy(model, memo).eval()
        self.calls: list[Call] = [Call("")]
        self.levels: list[list[Any]] = []  # graph nodes of each map of the encoder
        self.level_shapes: list[tuple[int, ...]] = []
        self.framed: tuple[int, ...] = ()
        self.head_size: tuple[int, ...] = ()
        self._stack = [self.calls[0]]
        for path, module in self.model.named_modules():
            if path:
                module.register_forward_pre_hook(self._begins(path))
                module.register_forward_hook(self._ends(path))
        images = torch.empty(shape, device="meta", requires_grad=True) * 1
        self.image = images.grad_fn
        with torch.enable_grad(), _Counter(self._stack):
            self.logits = tuple(self.model(images, auxiliary=True).logits.shape[1:])
        self.level_of = _first_reached(self.levels)

    def by_path(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            found.setdefault(call.path, []).append(call)
        return found

    def _begins(self, path: str) -> Any:
        def hook(module: nn.Module, inputs: Any) -> None:
            call = Call(path)
            self.calls.append(call)
            self._stack.append(call)
            if path == "encoder":
                self.framed = tuple(inputs[0].shape[2:])

        return hook

    def _ends(self, path: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            call = self._stack.pop()
            call.gives = [*_nodes(output)]
            first = next(_tensors(output), None)
            call.shape = () if first is None else tuple(first.shape[1:])
            if path == "encoder":
                self.levels = [[inner for node in _nodes(level) for inner in _unturned(node)] for level in output]
                self.level_shapes = [tuple(next(_tensors(level)).shape[1:]) for level in output]
            if path == "head":
                self.head_size = call.shape[1:]

        return hook


def walk(starts: Iterable[Any], ends: Mapping[Any, Any]) -> Iterator[Any]:
    """All nodes before ``starts`` and themselves, each once; not those behind one of ``ends``, which is given too."""
    seen: set[Any] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        if node not in ends:
            waiting += [before for before, _ in node.next_functions]


class _Counter(TorchDispatchMode):
    """Adds the multiply-adds of every operation to the module that is running, the last of ``stack``."""

    def __init__(self, stack: list[Call]) -> None:
        super().__init__()
        self.stack = stack

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        packet = function._overloadpacket
        if packet in (_aten.convolution, _aten._convolution):
            weight, is_transposed = args[1], args[6]
            # Each value of the larger grid meets the weights of one of the other grid's channels.
            self.stack[-1].multiply_adds += (args[0] if is_transposed else result).numel() * weight[0].numel()
        elif packet in (_aten.mm, _aten.bmm):
            self.stack[-1].multiply_adds += result.numel() * args[0].shape[-1]
        elif packet in (_aten.addmm, _aten.baddbmm):
            self.stack[-1].multiply_adds += result.numel() * args[1].shape[-1]
        elif packet.__name__.startswith("_scaled_dot_product"):
            query, key, value = args[:3]
            pairs = query.shape[:-1].numel() * key.shape[-2]
            self.stack[-1].multiply_adds += pairs * (query.shape[-1] + value.shape[-1])
        return result


def _first_reached(levels: list[list[Any]]) -> dict[Any, int]:
    """The finest level that each node of the graph is needed for."""
    found: dict[Any, int] = {}
    for index, nodes in enumerate(levels):
        for node in walk(nodes, dict(found)):
            found.setdefault(node, index)
    return found


def _unturned(node: Any) -> Iterator[Any]:
    """A node, and what it only turns round: maps that are kept channels-last are read by the next stage before the turn."""
    yield node
    while node.name().startswith(("Permute", "Transpose")):
        node = node.next_functions[0][0]
        yield node


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _tensors(inner)


def _nodes(value: Any) -> Iterator[Any]:
    return (tensor.grad_fn for tensor in _tensors(value) if tensor.grad_fn is not None)
