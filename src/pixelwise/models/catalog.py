"""The one visible table of architectures. Adding one: its file, its row here, its parity test.

This module loads neither torch nor timm, so that the command line can list and check names at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pixelwise.errors import ConfigError, nearest

__all__ = ["ARCHITECTURES", "Architecture", "Published", "architecture", "builder", "encoder_builder"]


@dataclass(frozen=True)
class Published:
    """What a paper or a reference implementation says of the network's size; a test builds the network and compares.

    ``multiply_adds`` are those of one image of ``size`` (height, width), 0 where the source gives none."""

    parameters: int
    source: str
    encoder: str
    classes: int
    size: tuple[int, int] = (0, 0)
    multiply_adds: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """One row.

    ``builder`` is ``module:function``, called as ``builder(encoder, num_classes, **options)``; ``public`` is the name in the
    habit of the field. ``encoder_builder`` is called as ``(name, weights, in_channels, **encoder_options)``; ``encoder`` is
    the name that ``auto`` stands for, and ``encoder_options`` are what the encoder gets unless the user says otherwise.
    ``dims`` are the kinds of data it takes: 1 signals, 2 images, 3 volumes.
    """

    builder: str
    public: str
    task: str
    paper: str
    summary: str
    encoder: str = "tf_efficientnet_lite0"
    encoder_builder: str = "pixelwise.models.encoder:encoder"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    dims: tuple[int, ...] = (2,)
    published: Published | None = None


ARCHITECTURES: dict[str, Architecture] = {
    "unet": Architecture(
        builder="pixelwise.models.unet:unet",
        public="Unet",
        task="semantic",
        paper="Ronneberger et al. 2015, arXiv:1505.04597",
        summary="encoder-decoder with skips at every level; fine detail, few images",
        dims=(1, 2, 3),
    ),
    "unet_original": Architecture(
        builder="pixelwise.models.unet_original:unet_original",
        public="UnetOriginal",
        task="semantic",
        paper="Ronneberger et al. 2015, arXiv:1505.04597",
        summary="the U-Net exactly as published, valid convolutions and mirrored borders; for comparison with the paper",
        dims=(1, 2, 3),
        encoder="unet_original",
        encoder_builder="pixelwise.models.unet_original:unet_original_encoder",
        published=Published(
            parameters=31_031_810,
            source="sum over the layers of the paper's figure 1 with 3 input channels (31,030,658 with its 1); it gives no count",
            encoder="unet_original",
            classes=2,
        ),
    ),
    "unetplusplus": Architecture(
        builder="pixelwise.models.unet_nested:unetplusplus",
        public="UnetPlusPlus",
        task="semantic",
        paper="Zhou et al. 2019, arXiv:1912.05074",
        summary="U-Net with nested nodes in place of each skip; objects of varying size, at a higher cost",
        dims=(1, 2, 3),
        published=Published(
            parameters=26_081_509,
            source="segmentation-models-pytorch 0.6.0, UnetPlusPlus('tu-resnet34', classes=21); the paper has another encoder",
            encoder="resnet34",
            classes=21,
        ),
    ),
    "unet3plus": Architecture(
        builder="pixelwise.models.unet_full_scale:unet3plus",
        public="Unet3Plus",
        task="semantic",
        paper="Huang et al. 2020, arXiv:2004.08790",
        summary="U-Net whose every level reads all scales, supervised at all of them; few weights, many operations",
        dims=(1, 2, 3),
    ),
    "pspnet": Architecture(
        builder="pixelwise.models.pspnet:pspnet",
        public="PSPNet",
        task="semantic",
        paper="Zhao et al. 2017, arXiv:1612.01105",
        summary="dilated encoder with pyramid pooling; scenes where context decides",
        encoder_options={"output_stride": 8},
    ),
    "upernet": Architecture(
        builder="pixelwise.models.upernet:upernet",
        public="UPerNet",
        task="semantic",
        paper="Xiao et al. 2018, arXiv:1807.10221",
        summary="pyramid pooling on top of a feature pyramid with additive skips; context and detail, at a price",
        published=Published(
            parameters=64_098_518,
            source="transformers 5.23, UperNetForSemanticSegmentation with ResNetConfig(), without auxiliary head",
            encoder="resnet50",
            classes=150,
            options={"auxiliary": False},
        ),
    ),
    "semantic_fpn": Architecture(
        builder="pixelwise.models.semantic_fpn:semantic_fpn",
        public="SemanticFPN",
        task="semantic",
        paper="Kirillov et al. 2019, arXiv:1901.02446",
        summary="feature pyramid with a light branch from every level; the semantic half of Panoptic FPN",
    ),
    "deeplabv3": Architecture(
        builder="pixelwise.models.deeplab:deeplabv3",
        public="DeepLabV3",
        task="semantic",
        paper="Chen et al. 2017, arXiv:1706.05587",
        summary="dilated encoder seen at several rates at once; objects of very different sizes",
        encoder_options={"output_stride": 16},
        published=Published(
            parameters=42_004_074,
            source="torchvision 0.29, DeepLabV3_ResNet50_Weights (with auxiliary head)",
            encoder="resnet50",
            classes=21,
            size=(520, 520),
            multiply_adds=178_722_000_000,
            options={
                "bottleneck": True,
                "dropout": 0.5,
                "auxiliary": True,
                "align_corners": False,
                "encoder_output_stride": 8,
            },
        ),
    ),
    "deeplabv3plus": Architecture(
        builder="pixelwise.models.deeplab:deeplabv3plus",
        public="DeepLabV3Plus",
        task="semantic",
        paper="Chen et al. 2018, arXiv:1802.02611",
        summary="DeepLabv3 with a decoder at stride 4; sharp borders at little cost",
        encoder_options={"output_stride": 16},
    ),
    "fcn": Architecture(
        builder="pixelwise.models.fcn_dilated:fcn",
        public="FCN",
        task="semantic",
        paper="Shelhamer et al. 2017, arXiv:1605.06211",
        summary="dilated encoder with a small convolutional head, as torchvision's fcn_resnet50; a plain baseline on any encoder",
        encoder_options={"output_stride": 8},
        published=Published(
            parameters=35_322_218,
            source="torchvision, FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1 (num_params, _ops), second head included",
            encoder="resnet50",
            classes=21,
            size=(520, 520),
            multiply_adds=152_717_000_000,
        ),
    ),
    "fcn8s": Architecture(
        builder="pixelwise.models.fcn:fcn8s",
        public="FCN8s",
        task="semantic",
        paper="Shelhamer et al. 2017, arXiv:1605.06211",
        summary="FCN-32s with the scores of two finer maps added; the reference that later papers compare with",
        encoder="vgg16",
        encoder_builder="pixelwise.models.vgg:vgg",
        published=Published(
            parameters=134_362_751, source="sum over the layers of the authors' voc-fcn8s/net.py", encoder="vgg16", classes=21
        ),
    ),
    "fcn16s": Architecture(
        builder="pixelwise.models.fcn:fcn16s",
        public="FCN16s",
        task="semantic",
        paper="Shelhamer et al. 2017, arXiv:1605.06211",
        summary="FCN-32s with the scores of one finer map added",
        encoder="vgg16",
        encoder_builder="pixelwise.models.vgg:vgg",
        published=Published(
            parameters=134_357_354, source="sum over the layers of the authors' voc-fcn16s/net.py", encoder="vgg16", classes=21
        ),
    ),
    "fcn32s": Architecture(
        builder="pixelwise.models.fcn:fcn32s",
        public="FCN32s",
        task="semantic",
        paper="Shelhamer et al. 2017, arXiv:1605.06211",
        summary="VGG made fully convolutional, scores enlarged 32 times; the coarsest of the first such networks",
        encoder="vgg16",
        encoder_builder="pixelwise.models.vgg:vgg",
        published=Published(
            parameters=134_346_581,
            source="sum over the layers of the authors' voc-fcn32s/net.py (table 1 of the paper: 134 million for its VGG16)",
            encoder="vgg16",
            classes=21,
        ),
    ),
    "segnet": Architecture(
        builder="pixelwise.models.segnet:segnet",
        public="SegNet",
        task="semantic",
        paper="Badrinarayanan et al. 2017, arXiv:1511.00561",
        summary="mirrored VGG that unpools by the indices of its max poolings; sharp borders, few features to keep",
        encoder="vgg16_bn",
        encoder_builder="pixelwise.models.segnet:segnet_encoder",
        published=Published(
            parameters=29_449_355,
            source="sum over the layers of the authors' segnet_train.prototxt (SegNet-Tutorial)",
            encoder="vgg16_bn",
            classes=11,
        ),
    ),
    "segnet_basic": Architecture(
        builder="pixelwise.models.segnet_basic:segnet_basic",
        public="SegNetBasic",
        task="semantic",
        paper="Badrinarayanan et al. 2017, arXiv:1511.00561",
        summary="four stages of 7x7 convolutions with unpooling by indices; small, and trained from nothing",
        encoder="segnet_basic",
        encoder_builder="pixelwise.models.segnet_basic:segnet_basic_encoder",
        published=Published(
            parameters=1_416_587,
            source="sum over the layers of the authors' segnet_basic_train.prototxt (SegNet-Tutorial), which has all biases",
            encoder="segnet_basic",
            classes=11,
            options={"bias": True, "encoder_bias": True},
        ),
    ),
}


def architecture(name: str) -> Architecture:
    """The row of a name; :class:`ConfigError` with the nearest names otherwise."""
    row = ARCHITECTURES.get(name)
    if row is None:
        raise ConfigError(f"unknown model {name!r}; {nearest(str(name).lower(), ARCHITECTURES)}")
    return row


def builder(name: str) -> Callable[..., Any]:
    """The function that builds an architecture; its module is loaded now."""
    return _resolved(architecture(name).builder)


def encoder_builder(name: str) -> Callable[..., Any]:
    """The function that builds the encoder of an architecture; its module is loaded now."""
    return _resolved(architecture(name).encoder_builder)


def _resolved(text: str) -> Callable[..., Any]:
    module, _, function = text.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
