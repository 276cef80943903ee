"""Whole networks by name or folder: ``from_pretrained("org/name")``, ``from_pretrained("runs/cells")``.

A folder is one that ``save_pretrained`` wrote, or the run folder of a training. Anything else of the form ``owner/name`` is a
repository of the Hugging Face hub with the same two files in it; where the hub cannot be reached, its cache is used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from pixelwise.errors import PixelwiseError, WeightsError, first_line
from pixelwise.models.create import create
from pixelwise.models.saving import FORMAT, MODEL_FILES
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.weights import hub_that_answers_soon

__all__ = ["from_pretrained"]


def from_pretrained(source: str | Path, *, revision: str | None = None, architecture: str | None = None) -> Segmenter:
    """A network with its weights, in evaluation mode.

    Args:
        source: a folder, or ``owner/name`` on the hub.
        revision: branch, tag or commit on the hub; pin one for results that stay.
        architecture: the catalog's name that it must have; any by default.

    Raises:
        WeightsError: nothing there, files that do not fit, or another architecture.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = _from_hub(str(source), revision)
    description = _description(folder / "model.json")
    if architecture is not None and description["model"] != architecture:
        raise WeightsError(f"{source} is a {description['model']}, not a {architecture}; load it with pixelwise.from_pretrained")
    model = _built(description, folder / "model.json")
    weights = folder / "model.safetensors"
    try:
        model.load_state_dict(load_file(weights), strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{weights} does not hold the network of model.json beside it ({reason}); copy both again") from None
    return model.eval()


def _from_hub(name: str, revision: str | None) -> Path:
    if name.count("/") != 1 or name.startswith((".", "/")) or name.endswith("/"):
        raise WeightsError(f"{name!r} is neither a folder nor a name on the hub; give a folder with model.json, or owner/name")
    from huggingface_hub import snapshot_download

    try:
        with hub_that_answers_soon():
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(MODEL_FILES)))
    except Exception as error:
        raise WeightsError(
            f"{name} could not be had from the Hugging Face hub (no folder of that name here, no network, no such repository, or "
            f"not in the cache: {first_line(error)}); copy its {' and '.join(MODEL_FILES)} into a folder and give that"
        ) from error


def _description(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise WeightsError(f"{path.parent} holds no model.json; give a folder that save_pretrained or a training wrote") from None
    except ValueError as error:
        raise WeightsError(f"{path} is damaged ({error}); copy it again") from None
    found = description.get("format") if isinstance(description, dict) else None
    if found != FORMAT:
        raise WeightsError(f"{path} is not a model description that this version reads: its format is {found!r}, not {FORMAT!r}")
    return dict(description)


def _built(spec: dict[str, Any], path: Path) -> Segmenter:
    try:
        return create(spec["model"], spec["encoder"], None, spec["in_channels"], spec["channels"], spec["options"])
    except (PixelwiseError, KeyError, TypeError, AttributeError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise WeightsError(f"{path} describes no network that can be built here: {reason}") from None
