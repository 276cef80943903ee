"""The section ``augment`` of a run: every random transform of training images, and named policies to start from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

__all__ = ["PRESETS", "AugmentConfig"]

_NO_COLOR: dict[str, Any] = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}

PRESETS: dict[str, dict[str, Any]] = {
    "recommended": {},
    # The policy of the Keras listings: ImageDataGenerator(rotation_range=10, width_shift_range=0.1, height_shift_range=0.1,
    # shear_range=0.1 (degrees: next to nothing), zoom_range=0.1, horizontal_flip=True) and get_random_eraser().
    "keras": {
        **_NO_COLOR,
        "scale": (1.0, 1.0), "rotation": 10.0, "zoom": 0.1, "shear": 0.1, "shift": 0.1, "border": "edge",
        "max_class_fraction": None, "erase": 0.5, "erase_law": "uniform", "erase_ratio": (0.3, 1 / 0.3),
    },
    # nnU-Net v2 (2.8.1), 2D. Its strengths count in standard deviations of the image, here taken as a quarter of the range.
    "nnunet": {
        "scale": (1 / 1.4, 1 / 0.7), "scale_probability": 0.2, "rotation": 180.0, "rotation_probability": 0.2,
        "flip": 0.5, "flip_vertical": 0.5, "max_class_fraction": None, "foreground": 0.33,
        **_NO_COLOR, "brightness": 0.25, "contrast": 0.25, "jitter_probability": 0.15,
        "noise": 0.025, "noise_probability": 0.1, "blur_probability": 0.2, "low_resolution_probability": 0.25,
        "gamma_probability": 0.3, "gamma_inverted_probability": 0.1, "per_channel": 1.0,
    },
    "none": {**_NO_COLOR, "scale": (1.0, 1.0), "rotation": 0.0, "flip": 0.0},
}  # fmt: skip
"""What each policy sets; all else has its default, and what a person sets wins."""

_LIMITS = {
    "scale": (0.05, 20), "gamma": (0.1, 10), "blur": (0.1, 10), "low_resolution": (0.05, 1), "erase_area": (0.001, 0.9),
    "erase_ratio": (0.05, 20),
}  # fmt: skip


class AugmentConfig(BaseModel):
    """Joint random transforms of training images; geometry is drawn first and applied in one warp."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    enabled: bool = Field(True, description="false: nothing but a random crop")
    preset: Literal["recommended", "keras", "nnunet", "none"] = Field(
        "recommended", description="policy that sets all that is not set here; on the command line: pixelwise augment shows it"
    )
    crop: tuple[int, int] | None = Field(None, description="(height, width) of training crops; null: chosen from the data")
    foreground: float = Field(
        0.0, ge=0, le=1, description="probability that a crop shows a class drawn among all but the image's commonest"
    )
    max_class_fraction: float | None = Field(
        0.75, gt=0, le=1, description="crops of which one class has more are drawn anew, up to three times; null: never"
    )

    scale: tuple[float, float] = Field((0.67, 1.5), description="zoom, drawn log-uniformly")
    scale_probability: float = Field(1.0, ge=0, le=1)
    rotation: float = Field(5.0, ge=0, le=180, description="largest angle in degrees")
    rotation_probability: float = Field(1.0, ge=0, le=1)
    flip: float = Field(0.5, ge=0, le=1, description="probability of a left-right flip")
    flip_vertical: float = Field(0.0, ge=0, le=1, description="probability of an up-down flip")
    zoom: float = Field(0.0, ge=0, le=0.9, description="each axis on its own shows 1 ± this as much, drawn uniformly")
    shear: float = Field(0.0, ge=0, le=60, description="largest angle in degrees")
    shift: float = Field(0.0, ge=0, le=0.5, description="largest move beyond the crop's place along each axis, as a share of it")
    perspective: float = Field(
        0.0, ge=0, le=0.3, description="tilt about each axis: how much larger things get at a border at most, as a share"
    )
    elastic: float = Field(0.0, ge=0, le=200, description="standard deviation in pixels of smooth displacements; U-Net paper: 10")
    elastic_cells: int = Field(3, ge=1, le=32, description="cells of their grid along the shorter side; U-Net paper: 3")
    grid: float = Field(0.0, ge=0, le=0.9, description="columns and rows of a grid get 1 ± this as wide, the border stays")
    grid_cells: int = Field(5, ge=2, le=32, description="columns and rows of that grid")
    distortion_probability: float = Field(1.0, ge=0, le=1, description="of elastic and grid together")
    border: Literal["fill", "edge"] = Field(
        "fill", description="outside of the image: grey, or its edge goes on; its labels are ignored either way"
    )

    brightness: float = Field(0.3, ge=0, le=1, description="factor from 1 ± this")
    contrast: float = Field(0.3, ge=0, le=1, description="factor from 1 ± this about the mean")
    saturation: float = Field(0.3, ge=0, le=1, description="factor from 1 ± this")
    hue: float = Field(0.03, ge=0, le=0.5, description="fraction of the colour circle")
    jitter_probability: float = Field(1.0, ge=0, le=1, description="of each of brightness, contrast, saturation and hue")
    gamma: tuple[float, float] = Field((0.7, 1.5), description="exponent, mean and contrast are kept; as often below 1 as above")
    gamma_probability: float = Field(0.0, ge=0, le=1)
    gamma_inverted_probability: float = Field(0.0, ge=0, le=1, description="of a gamma of the negative")
    noise: float = Field(0.05, ge=0, le=1, description="largest standard deviation, as a fraction of the grey range")
    noise_probability: float = Field(0.0, ge=0, le=1)
    blur: tuple[float, float] = Field((0.5, 1.0), description="sigma in pixels")
    blur_probability: float = Field(0.0, ge=0, le=1)
    low_resolution: tuple[float, float] = Field((0.5, 1.0), description="factor of the resolution, enlarged again after that")
    low_resolution_probability: float = Field(0.0, ge=0, le=1)
    per_channel: float = Field(
        0.0, ge=0, le=1, description="probability that gamma, noise, blur, low resolution are drawn for each channel on its own"
    )

    erase: float = Field(0.0, ge=0, le=1, description="probability that boxes of the image are painted over")
    erase_count: int = Field(1, ge=1, le=64, description="largest number of boxes")
    erase_area: tuple[float, float] = Field((0.02, 0.4), description="share of the crop that one box takes")
    erase_ratio: tuple[float, float] = Field((0.3, 1 / 0.3), description="height by width of a box")
    erase_law: Literal["log", "uniform"] = Field(
        "log", description="log: ratio log-uniform, as torchvision; uniform: the paper's, where large boxes are less likely"
    )
    erase_fill: Literal["random", "noise", "grey"] = Field(
        "random", description="one level per box, every pixel its own, or grey"
    )
    erase_ignore: bool = Field(False, description="labels of erased areas are ignored; false: the network has to guess them")

    cutmix: float = Field(0.0, ge=0, le=1, description="probability that a box of another image is put over a crop")
    mosaic: float = Field(0.0, ge=0, le=1, description="probability that a crop is made of four images")
    copy_paste: float = Field(0.0, ge=0, le=1, description="probability that objects of another image are pasted")
    copy_paste_objects: int = Field(5, ge=1, le=1000, description="largest number of them")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("preset"), str):
            return {**PRESETS.get(given["preset"], {}), **given}
        return given

    @field_validator(*_LIMITS)
    @classmethod
    def _range_is_a_range(cls, value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        low, high = _LIMITS[str(info.field_name)]
        if not low <= value[0] <= value[1] <= high:
            raise ValueError(f"{info.field_name} must be (low, high) with {low} <= low <= high <= {high}, got {value}")
        return value

    @field_validator("crop")
    @classmethod
    def _crop_is_positive(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and min(value) < 16:
            raise ValueError(f"crop must be (height, width) of at least 16 each, got {value}")
        return value

    @model_validator(mode="after")
    def _mixing_is_one_choice(self) -> AugmentConfig:
        total = self.cutmix + self.mosaic + self.copy_paste
        if total > 1 + 1e-9:
            raise ValueError(
                f"cutmix, mosaic and copy_paste are probabilities of one choice; their sum must be at most 1, got {total:g}: "
                "lower one of them"
            )
        return self
