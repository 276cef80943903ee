"""What is saved of a run: tensors in safetensors, numbers in JSON, never a pickle. Every file is replaced atomically, so
that a crash, a full disk or ``kill -9`` leaves the previous one whole.

``model.safetensors`` and ``model.json`` are what other programs load; ``last/checkpoint.safetensors`` is one file with
weights, averaged weights, optimiser state and, in its header, the counters that a resume needs.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelwise.errors import CheckpointError
from pixelwise.formats.atomic import atomic_write
from pixelwise.models.saving import FORMAT

__all__ = ["load_model_into", "read_spec", "read_state", "resume_into", "save_for_resume", "save_model", "write_spec"]

_LAST = Path("last") / "checkpoint.safetensors"
_ANEW = "there is nothing to resume; start the training anew with another --out"


def save_model(run: Path, model: nn.Module, facts: dict[str, Any]) -> None:
    """Writes ``model.safetensors``; ``facts`` (step, score) go into its header."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(run / "model.safetensors") as path:
        save_file(tensors, path, {"pixelwise": json.dumps(facts)})


def write_spec(run: Path, spec: dict[str, Any]) -> None:
    """Writes ``model.json``: all that is needed to build the network again and to read its output."""
    with atomic_write(run / "model.json") as path:
        path.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")


def read_spec(run: Path) -> dict[str, Any]:
    """Reads ``model.json`` of a run folder."""
    path = run / "model.json"
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{run} holds no model.json, so it is no run folder; give the one that training printed") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}; train again or restore the file") from None
    found = spec.get("format") if isinstance(spec, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} is not a model description that this version reads: its format is {found!r}, not {FORMAT!r}; "
            f"use the version that wrote it, or train again"
        )
    return spec


def load_model_into(run: Path, model: nn.Module) -> dict[str, Any]:
    """Loads ``model.safetensors`` into a model built from the spec; returns the facts in its header."""
    tensors, facts = _read(run / "model.safetensors", "finish or resume its training first")
    _fill(model, tensors, run / "model.safetensors")
    return facts


def save_for_resume(
    run: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Writes ``last/checkpoint.safetensors``."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for parameter, slots in optimizer.state.items():
        tensors |= {f"optimizer.{slot}.{names[id(parameter)]}": value for slot, value in slots.items() if value is not None}
    # A clone where two names share memory (decay 0 may do that); safetensors refuses shared tensors.
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    (run / _LAST).parent.mkdir(exist_ok=True)
    with atomic_write(run / _LAST) as path:
        save_file(whole, path, {"pixelwise": json.dumps(state)})


def read_state(run: Path) -> dict[str, Any]:
    """The counters saved in ``last/``, without its tensors."""
    return _read(run / _LAST, _ANEW, tensors=False)[1]


def resume_into(run: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Loads ``last/checkpoint.safetensors`` into all three; returns the state that was saved with it."""
    path = run / _LAST
    tensors, state = _read(path, _ANEW)
    _fill(model, {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}, path)
    _fill(average, {k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")}, path)
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, slot, parameter_name = name.split(".", 2)
            parameter = parameters[parameter_name]
            # The slot takes its parameter's memory format, which save_file's contiguous copy has lost.
            like = torch.empty_like(parameter).copy_(tensor) if tensor.shape == parameter.shape else tensor.to(parameter.device)
            optimizer.state[parameter][slot] = like if slot != "step" else tensor.to(parameter.device)
    return state


def _read(path: Path, cure: str, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; {cure}")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("pixelwise", "{}"))
            return {name: file.get_tensor(name) for name in (file.keys() if tensors else ())}, facts
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); {cure}") from None


def _fill(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} does not fit the network that model.json describes: {reason}") from None
