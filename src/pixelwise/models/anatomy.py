"""What a network is made of: its parts with the shapes, parameters, multiply-adds and receptive fields of their maps.

Shapes and multiply-adds come from one pass over a copy on torch's ``meta`` device, which computes no value and takes no
memory. A multiply-add counts as one; counted are convolutions, transposed convolutions, linear layers and the matrix products
of attention. Normalisation, activation, resizing and sums are not, as is the habit of the field.

Which part reads which is followed through the graph that torch records, so that it holds for every architecture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from pixelwise.errors import ConfigError
from pixelwise.models.create import create
from pixelwise.models.receptive import receptive_fields
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.trace import Call, Trace, walk

__all__ = ["Anatomy", "Part", "anatomy", "blueprint"]

_TRAINING_ONLY = ("auxiliary", "deep", "image_head")


@dataclass(frozen=True)
class Part:
    """One row of the table.

    Attributes:
        name: ``level 1`` to ``level N`` for the stages of the encoder, finest first; else the dotted name of the module.
        role: ``encoder``, ``decoder``, ``head``, ``auxiliary``, ``deep`` or ``image_head``.
        depth: 1 for the main parts, 2 and more for the parts of these.
        shape: (channels, *size) of the map that it gives; () where it gives none.
        parameters, multiply_adds: of this part, what is below it included.
        receptive_field: pixels along each side of the image; ``None`` in a side: the whole image; () where there is none.
        reads: names of the main parts that it takes its input from, ``image`` among them.
    """

    name: str
    role: str
    depth: int
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[int | None, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anatomy:
    """The table of a network for images of one size. ``parts`` are in the order in which they run, each followed by its own
    parts; totals are over the whole network, and ``training_*`` of that is left out when it predicts."""

    size: tuple[int, ...]
    in_channels: int
    parts: tuple[Part, ...]
    parameters: int
    multiply_adds: int
    training_parameters: int
    training_multiply_adds: int
    logits: tuple[int, ...]
    logits_stride: tuple[int, ...]
    receptive_field: tuple[int | None, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data; a receptive field of ``null`` is the whole image."""
        return asdict(self)


def anatomy(
    model: Segmenter, size: Sequence[int], in_channels: int | None = None, depth: int = 1, fields: bool = True
) -> Anatomy:
    """Takes a network apart without changing it.

    Args:
        model: on any device, ``meta`` too.
        size: of the image, one number per dimension.
        in_channels: of the image; by default what the first weights of the encoder take.
        depth: 1 for the main parts, 2 for their parts as well, and so on.
        fields: whether receptive fields are measured, which takes longer than all else.

    Raises:
        ConfigError: a size that has another number of dimensions than the network, or is not positive.
    """
    dims = model.encoder.dims
    if len(size) != dims or min(size) < 1:
        raise ConfigError(f"size must be {dims} positive whole number{'s' * (dims > 1)}, got {tuple(size)}")
    channels = len(model.encoder.mean) if in_channels is None else in_channels
    trace = Trace(model, (1, channels, *size))
    rows = [row for row in _rows(trace, depth) if row.parameters or row.multiply_adds or row.role == "head"]
    measured = receptive_fields(model, channels, [row.path for row in rows if row.path]) if fields else {}
    main = [row for row in rows if row.depth == 1]
    parts = tuple(_part(row, trace, main, measured) for row in rows)
    extra = [part for part in parts if part.depth == 1 and part.role in _TRAINING_ONLY]
    stride = _stride(model, (1, channels, *size))
    return Anatomy(
        tuple(size), channels, parts,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        multiply_adds=sum(call.multiply_adds for call in trace.calls),
        training_parameters=sum(part.parameters for part in extra),
        training_multiply_adds=sum(part.multiply_adds for part in extra),
        logits=trace.logits, logits_stride=stride, receptive_field=measured.get("logits", ()),
    )  # fmt: skip


def _stride(model: Segmenter, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Pixels of the image from one logit to the next, where they are computed."""
    framed, places = _scored(model, shape)
    ratios = [whole / own for whole, own in zip(framed, places, strict=True)]
    if all(abs(ratio - round(ratio)) < 0.1 for ratio in ratios):
        return tuple(map(round, ratios))
    # Unpadded convolutions eat the border: how much the map grows with the image tells the stride.
    larger, more = _scored(model, (*shape[:2], *(length + 128 for length in shape[2:])))
    grown = zip(larger, framed, more, places, strict=True)
    return tuple(round((new - old) / (new_places - old_places)) for new, old, new_places, old_places in grown)


def _scored(model: Segmenter, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes of the framed image and of the finest map of logits; where the head only enlarges, that is what it reads."""
    trace = Trace(model, shape)
    main = [row for row in _rows(trace, 1) if row.parameters or row.role == "head"]
    head = next(row for row in main if row.role == "head")
    if head.parameters:
        return trace.framed, trace.head_size
    sizes = {row.name: row.shape[1:] for row in main}
    return trace.framed, max((sizes[name] for name in _reads(head, trace, main) if name in sizes), default=trace.head_size)


def blueprint(
    name: str, encoder: str = "auto", in_channels: int = 3, num_classes: int = 2, options: Mapping[str, Any] | None = None
) -> Segmenter:
    """A network of the catalog without the memory of its weights, on the ``meta`` device; arguments are those of
    :func:`pixelwise.models.create.create`."""
    try:
        with torch.device("meta"):
            return create(name, encoder, None, in_channels, num_classes, options)
    except (RuntimeError, NotImplementedError):  # a part that computes with values while it is built
        return create(name, encoder, None, in_channels, num_classes, options)


@dataclass
class _Row:
    name: str
    role: str
    depth: int
    path: str = ""  # of the module; empty for a level
    shape: tuple[int, ...] = ()
    parameters: int = 0
    multiply_adds: int = 0
    nodes: list[Any] = field(default_factory=list)  # of the graph, that are this part's output


def _rows(trace: Trace, depth: int) -> list[_Row]:
    """Parts in the order in which they run, with parameters and multiply-adds filled in."""
    calls = trace.by_path()
    rows = _encoder_rows(trace, calls, depth)
    others: list[_Row] = []
    for role, module in trace.model.named_children():
        if role != "encoder":
            others += _module_rows(module, role, role, 1 if role in ("decoder", "deep") else 0, depth)
    order = {path: index for index, path in enumerate(calls)}
    last = len(order)
    # A stable sort: the main parts by when they ran first, each with its own parts behind it.
    blocks: list[list[_Row]] = []
    for row in others:
        blocks[-1].append(row) if row.depth > 1 else blocks.append([row])
    blocks.sort(key=lambda block: order.get(block[0].path, last))
    for block in blocks:
        rows += block
    for row in rows:
        if row.path:
            below = [call for path, own in calls.items() if _is_in(path, row.path) for call in own]
            own_calls = calls.get(row.path, [])
            row.shape = own_calls[-1].shape if own_calls else ()
            row.multiply_adds = sum(call.multiply_adds for call in below)
            row.parameters = sum(p.numel() for path, p in trace.model.named_parameters() if _is_in(path, row.path))
            row.nodes = [node for call in own_calls for node in call.gives]
    return rows + _left_over(trace, rows)


def _left_over(trace: Trace, rows: list[_Row]) -> list[_Row]:
    """What belongs to no row because a decoder computes it between its parts, by role."""
    found: dict[str, _Row] = {}
    paths = [row.path for row in rows if row.depth == 1 and row.path]
    counted: list[tuple[str, int, int]] = [(call.path, 0, call.multiply_adds) for call in trace.calls]
    counted += [(path, parameter.numel(), 0) for path, parameter in trace.model.named_parameters()]
    for path, parameters, multiply_adds in counted:
        role = path.split(".")[0] or "decoder"
        if role == "encoder" or any(_is_in(path, own) for own in paths):
            continue
        row = found.setdefault(role, _Row(f"{role} (between)", role, 1))
        row.parameters += parameters
        row.multiply_adds += multiply_adds
    return list(found.values())


def _encoder_rows(trace: Trace, calls: dict[str, list[Call]], depth: int) -> list[_Row]:
    """One row per map of the encoder: all that runs for it and not for a finer one."""
    rows = [
        _Row(f"level {index}", "encoder", 1, shape=shape, nodes=nodes)
        for index, (shape, nodes) in enumerate(zip(trace.level_shapes, trace.levels, strict=True), start=1)
    ]
    level_of_path: dict[str, int] = {}
    for path, own in calls.items():
        if _is_in(path, "encoder"):
            found = [trace.level_of[node] for call in own for node in call.gives if node in trace.level_of]
            if found and path != "encoder":
                level_of_path[path] = min(found)
    for path, own in calls.items():
        if _is_in(path, "encoder"):
            rows[_nearest_level(path, level_of_path, len(rows) - 1)].multiply_adds += sum(call.multiply_adds for call in own)
    spans: dict[str, set[int]] = {}
    for path, parameter in trace.model.encoder.named_parameters(prefix="encoder"):
        level = _nearest_level(path, level_of_path, len(rows) - 1)
        rows[level].parameters += parameter.numel()
        parents = path.split(".")
        for end in range(1, len(parents)):
            spans.setdefault(".".join(parents[:end]), set()).add(level)
    if depth < 2:
        return rows
    inner = list(_level_rows(trace.model.encoder, "encoder", 2, depth, spans))
    arranged = []
    for index, row in enumerate(rows):
        arranged += [row, *(found for found in inner if index in spans[found.path])]
    return arranged


def _level_rows(module: nn.Module, path: str, level: int, depth: int, spans: dict[str, set[int]]) -> Iterator[_Row]:
    """Modules of the encoder that have weights and belong to one level, as large as possible, and their parts."""
    for name, child in module.named_children():
        own = f"{path}.{name}"
        if own not in spans:
            continue
        is_opened = len(spans[own]) > 1 or isinstance(child, (nn.ModuleList, nn.ModuleDict))
        if not is_opened:
            yield _Row(own, "encoder", level, own)
        if is_opened or level < depth:
            yield from _level_rows(child, own, level if is_opened else level + 1, depth, spans)


def _module_rows(module: nn.Module, path: str, role: str, opened: int, depth: int, level: int = 1) -> list[_Row]:
    """Rows of a module: itself, or its children where it only holds them together, and theirs down to ``depth``."""
    children = [(f"{path}.{name}", child) for name, child in module.named_children() if any(True for _ in child.parameters())]
    holds = isinstance(module, (nn.ModuleList, nn.ModuleDict)) or opened > 0
    if holds and children:
        return [row for name, child in children for row in _module_rows(child, name, role, 0, depth, level)]
    own = [_Row(path, role, level, path)]
    if level < depth:
        for name, child in children:
            own += _module_rows(child, name, role, 0, depth, level + 1)
    return own


def _part(row: _Row, trace: Trace, main: Sequence[_Row], measured: Mapping[str, tuple[int | None, ...]]) -> Part:
    is_channels_last = row.role == "encoder" and row.path and getattr(trace.model.encoder, "_is_nhwc", False)
    fields = () if is_channels_last else measured.get(row.path or row.name, ())
    return Part(row.name, row.role, row.depth, row.shape, row.parameters, row.multiply_adds, fields, _reads(row, trace, main))


def _reads(row: _Row, trace: Trace, main: Sequence[_Row]) -> tuple[str, ...]:
    """The main parts whose output this part takes, found by walking the graph from its input to the first of them."""
    if row.depth > 1:
        return ()
    targets: dict[Any, str] = {trace.image: "image"}
    for other in main:
        if other.name != row.name:
            targets.update(dict.fromkeys(other.nodes, other.name))
    found = {targets[node] for node in walk(row.nodes, targets) if node in targets}
    return tuple(name for name in ("image", *(other.name for other in main)) if name in found)


def _nearest_level(path: str, levels: Mapping[str, int], otherwise: int) -> int:
    while path:
        if path in levels:
            return levels[path]
        path = path.rpartition(".")[0]
    return otherwise


def _is_in(path: str, parent: str) -> bool:
    return path == parent or path.startswith(f"{parent}.")
