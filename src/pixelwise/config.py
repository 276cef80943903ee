"""One run, whole and flat in one file: data, model, augmentation, losses, optimisation, training.

``RunConfig`` is frozen and knows no model: names are looked up in ``build.py``. Unknown keys are refused with the nearest
one. ``dump(load(text)) == text`` for every file that ``dump`` wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pixelwise.augment_config import AugmentConfig
from pixelwise.errors import ConfigError, nearest

__all__ = [
    "DataConfig",
    "LossConfig",
    "ModelConfig",
    "OptimConfig",
    "RunConfig",
    "TrainConfig",
    "dump",
    "load",
    "parse_duration",
    "with_overrides",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class DataConfig(_Part):
    """Where images and masks are, and how they are read."""

    path: str = Field("", description="folder of the data set")
    source: str = Field("auto", description="layout: auto, folders, camvid, or a format that pixelwise import knows")
    task: Literal["auto", "binary", "multiclass", "multilabel"] = Field("auto", description="auto: from the masks")
    window: tuple[float, float] | None = Field(
        None, description="grey range of 16-bit images mapped to 0..255; null: 8-bit images, or measured on the training images"
    )
    max_pixels: int = Field(179_000_000, ge=1, description="an image that declares more pixels is refused before it is decoded")
    fold: int | None = Field(None, ge=0, description="fold of splits.csv that validates, all others train; null: as split there")
    group: str | None = Field(
        None, description="column with what must not be in two splits; null: patient, scene and the like if there; none: nothing"
    )

    @field_validator("window")
    @classmethod
    def _window_is_a_range(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError(f"window must be (low, high) with low < high, got {value}")
        return value


class ModelConfig(_Part):
    """Which network."""

    name: str = Field("unet", description="architecture, one of the catalog")
    encoder: str = Field("auto", description="any timm model that gives features, or plain; auto: the architecture's own")
    encoder_weights: str = Field(
        "auto", description="imagenet, none, or a file (.safetensors, .pth); auto: imagenet where there are any"
    )
    in_channels: int = Field(3, ge=1, le=64, description="3 colour, 1 grey, 4 with alpha kept")
    options: dict[str, Any] = Field(default_factory=dict, description="arguments of the architecture's builder, such as widths")


class LossConfig(_Part):
    """Weights of the named losses; 0 leaves one out."""

    cross_entropy: float = Field(1.0, ge=0)
    dice: float = Field(1.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    auxiliary: float = Field(
        0.4, ge=0, description="weight of auxiliary heads and deep supervision, their mean cross-entropy (PSPNet paper: 0.4)"
    )
    image: float = Field(0.2, ge=0, description="weight of the image-level head, where the network has one (EncNet paper: 0.2)")
    border: float = Field(0.0, ge=0, description="extra weight of pixels in narrow gaps between objects (U-Net paper: w0 = 10)")
    border_sigma: float = Field(5.0, gt=0, description="width of those gaps in pixels (U-Net paper: 5)")

    @model_validator(mode="after")
    def _something_is_minimised(self) -> LossConfig:
        if not self.cross_entropy and not self.dice:
            raise ValueError("cross_entropy and dice are both 0, so nothing would be learned; give one a weight above 0")
        return self


class OptimConfig(_Part):
    """Optimiser and learning-rate schedule; the schedule counts optimiser steps."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    encoder_lr: float = Field(0.5, gt=0, description="learning rate of the encoder as a fraction of lr, when pretrained")
    weight_decay: float = Field(0.01, ge=0, description="not applied to biases and normalisation layers")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["poly", "cosine", "step", "exponential", "constant"] = "poly"
    power: float = Field(0.9, gt=0, description="of poly")
    gamma: float = Field(0.1, gt=0, le=1, description="step: factor at each milestone; exponential: factor over the whole run")
    milestones: tuple[float, ...] = Field((0.6, 0.85), description="step: where, as fractions of the run")
    warmup: float = Field(0.03, ge=0, lt=1, description="fraction of the run with a linear warm-up")
    clip_norm: float | None = Field(1.0, gt=0, description="largest gradient norm; null: no clipping")


class TrainConfig(_Part):
    """How long, how much at once, on what."""

    budget: str | None = Field("30m", description="wall-clock time for training and evaluation, as 90s, 30m or 2h")
    steps: int | None = Field(None, ge=1, description="optimiser steps; overrides the budget")
    epochs: float | None = Field(None, gt=0, description="passes over the training images; overrides the budget")
    batch_size: int = Field(4, ge=1, description="images per optimiser step, over all processes")
    accumulate: int = Field(1, ge=1, description="micro-batches per optimiser step")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="auto: the fastest here, measured")
    channels_last: bool = True
    ema: float = Field(0.995, ge=0, lt=1, description="decay of the averaged weights that are evaluated; 0: none")
    freeze_encoder: bool = False
    workers: int = Field(-1, ge=-1, description="loader processes; -1: chosen from the cores, 0: none")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    seed: int = Field(0, ge=0)
    validations: int = Field(10, ge=1, description="how many times at most the validation images are scored")
    early_stopping: int | None = Field(None, ge=1, description="validations without a better mIoU before training stops")
    reduce_on_plateau: int | None = Field(None, ge=1, description="validations without a better mIoU before lr is divided")
    plateau_factor: float = Field(0.3, gt=0, lt=1)
    checkpoint_minutes: float = Field(2.0, gt=0, description="time between checkpoints; also saved at each validation")

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_duration(cls, value: Any) -> str | None:
        if value is None:
            return None
        parse_duration(str(value))  # a bare number is refused with the same words as any other text
        return str(value)


class RunConfig(_Part):
    """A whole run. ``pixelwise train --config FILE`` reads it, ``runs/NAME/config.yaml`` holds it resolved."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()


def parse_duration(text: str) -> float:
    """Seconds of ``90s``, ``30m``, ``2h`` or ``1h30m``."""
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    seconds = sum(float(part) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True) if part) if found else 0.0
    if seconds <= 0:
        raise ConfigError(f"budget must be a time such as 90s, 30m, 2h or 1h30m, got {text!r}")
    return seconds


def load(source: str | Path) -> RunConfig:
    """Reads a run file (YAML)."""
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the run file {path}: {error.strerror}; check the path given to --config") from None
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold 'data:', 'model:', 'train:' and so on, got {type(tree).__name__}")
    return _validated(tree, str(path))


def dump(config: RunConfig) -> str:
    """The run as YAML, every key written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, default_flow_style=False, width=120)


def with_overrides(config: RunConfig, overrides: Iterable[str] | Mapping[str, Any]) -> RunConfig:
    """A new config with dotted keys replaced: ``["optim.lr=3e-4", "augment.crop=[256, 256]"]`` or a mapping. A new
    ``augment.preset`` puts its policy in place of all of ``augment`` but the crop; other keys given with it win over it."""
    tree = config.model_dump(mode="json")
    if isinstance(overrides, Mapping):
        pairs = list(overrides.items())
    else:
        pairs = [_split_override(text) for text in overrides]
    if any(key == "augment.preset" for key, _ in pairs):
        tree["augment"] = {"crop": tree["augment"]["crop"]}
    for key, value in pairs:
        _check_key(key)
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node[parent]
        node[last] = value
    return _validated(tree, "--set")


def _split_override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set takes key=value, got {text!r}; for example --set optim.lr=3e-4")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--set {key.strip()}: cannot read the value {value!r} as YAML") from None
    if isinstance(parsed, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", parsed):
        parsed = float(parsed)  # YAML 1.1 wants a dot in 3e-4; people do not
    return key.strip(), parsed


def _keys() -> list[str]:
    parts = RunConfig.model_fields
    return [f"{name}.{key}" for name, part in parts.items() for key in part.annotation.model_fields]  # type: ignore[union-attr]


def _check_key(key: str) -> None:
    known = _keys()
    if key in known or re.fullmatch(r"model\.options\.[^.]+", key):
        return
    by_last = [k for k in known if k.split(".")[-1] == key.split(".")[-1]]
    cure = f"did you mean {by_last[0]!r}?" if by_last else nearest(key, known)
    raise ConfigError(f"unknown key {key!r}; {cure}")


def _validated(tree: Mapping[str, Any], origin: str) -> RunConfig:
    for section, content in tree.items():
        if section not in RunConfig.model_fields:
            raise ConfigError(f"{origin}: unknown section {section!r}; {nearest(str(section), RunConfig.model_fields)}")
        for key in content if isinstance(content, Mapping) else ():
            _check_key(f"{section}.{key}")
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):
            raise cause from None
        where = ".".join(str(part) for part in first["loc"])
        message = str(cause) if cause else first["msg"]
        raise ConfigError(f"{origin}: {where}: {message}, got {first['input']!r}") from None
