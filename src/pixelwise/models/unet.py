"""U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) on any encoder, for signals, images and volumes.

The decoder is the one that is used with pretrained encoders today and agrees with segmentation-models-pytorch's: nearest
upsampling to the size of the skip, concatenation, two 3x3 convolutions with BatchNorm and ReLU, and a 3x3 head. It
differs from the paper's network in same-size convolutions, BatchNorm, and the encoder's first stride: the last block, at
the size of the image, has no skip. Its variants are options of :func:`unet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pixelwise.errors import ConfigError
from pixelwise.models.attention import initialize_attention
from pixelwise.models.blocks import Norm, conv_norm_act, initialize
from pixelwise.models.context import Context, context_part
from pixelwise.models.heads import classifier
from pixelwise.models.lateral import LateralNeck, Neck
from pixelwise.models.options import check_choice, check_strides, check_switch
from pixelwise.models.plain import PlainEncoder
from pixelwise.models.pyramid import Encoder
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.spatial import size_of
from pixelwise.models.unet_blocks import Attention, Block, BlockStyle, Skip, UnetBlock

__all__ = ["UnetDecoder", "default_widths", "unet"]

_WIDTHS = (256, 128, 64, 32, 16)


def unet(
    encoder: Encoder,
    num_classes: int,
    widths: Sequence[int] | None = None,
    skip: Skip = "concat",
    block: Block = "plain",
    attention: Attention = "none",
    convs_per_block: int = 2,
    norm: Norm = "batch",
    context: Context = "none",
    neck: Neck = "none",
    deep_supervision: bool = False,
) -> Segmenter:
    """U-Net: images (B, C, *size) -> logits (B, ``num_classes``, *size), of as many dimensions as the encoder.

    Args:
        encoder: any pyramid with at least two different strides.
        num_classes: channels of the logits.
        widths: channels of the decoder's blocks, coarse to fine, each block doubling the size. With all of them (five for
            most encoders) the last block works at the size of the image, and is the dearest one; with fewer the decoder
            stops at a coarser map, does not read the finer levels, and the logits are enlarged linearly. The default
            is 256, 128, 64, 32, 16, and for the encoder ``plain`` its own widths, mirrored.
        skip: how a level of the pyramid joins: ``concat``; ``add`` (through a 1x1 convolution); ``gated`` (weighted by an
            attention gate, Oktay et al. 2018, arXiv:1804.03999, then as ``concat``); or ``none`` (not at all).
        block: ``plain``, ``residual`` (``y = x + f(x, W)``) or ``separable`` convolutions; see
            :class:`pixelwise.models.unet_blocks.ConvBlock`.
        attention: in each block, after a skip has joined and at the end: ``none``, ``se`` (channels; Hu et al. 2018,
            arXiv:1709.01507) or ``scse`` (channels and places; Roy et al. 2018, arXiv:1803.02579).
        convs_per_block: convolutions of a block.
        norm: after each convolution of the decoder: ``batch``, ``group``, ``instance`` or ``none``.
        context: on the coarsest map, brought back to its width by a 1x1 convolution: ``none``, ``ppm``, ``spp`` or ``aspp``;
            see :func:`pixelwise.models.context.context_part`.
        neck: ``lateral`` adds to the decoder's last map every level of the pyramid that is as coarse or coarser, through a
            1x1 convolution and linear enlargement (:class:`pixelwise.models.lateral.LateralNeck`).
        deep_supervision: every map of the decoder but the last has a 1x1 head of its own, used in training only (Lee et al.
            2015, arXiv:1409.5185).

    Raises:
        ConfigError: an option that is not allowed, or an encoder with a single stride.
    """
    style = BlockStyle(skip, block, attention, convs_per_block, norm, encoder.dims)
    check_choice("context", context, Context)
    check_choice("neck", neck, Neck)
    check_switch("deep_supervision", deep_supervision)
    checked = _checked_widths(encoder, widths)
    if deep_supervision and len(checked) < 2:
        raise ConfigError(f"deep_supervision needs 2 widths or more, got {widths!r}; the last map has the main head")
    decoder = UnetDecoder(encoder.channels, encoder.strides, checked, style, context=context, neck=neck)
    head = classifier(checked[-1], num_classes, kernel_size=3, dims=encoder.dims)
    if not deep_supervision:
        return Segmenter(encoder, decoder, head)
    deep = nn.ModuleList(classifier(width, num_classes, dims=encoder.dims) for width in checked[:-1])
    return Segmenter(encoder, decoder, head, deep=deep)


def default_widths(encoder: Encoder, most: int) -> Sequence[int]:
    """Channels of up to ``most`` decoder blocks, coarse to fine: 256, 128, 64, 32, 16, and for ``plain`` its own, mirrored."""
    return encoder.channels[-2::-1] if isinstance(encoder, PlainEncoder) else _WIDTHS[:most]


class UnetDecoder(nn.Module):
    """Pyramid -> one map with ``widths[-1]`` channels. ``steps[i]`` is the stride and the level (``None``: no skip) that
    block ``i`` goes to."""

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        widths: Sequence[int],
        style: BlockStyle,
        *,
        context: Context = "none",
        neck: Neck = "none",
    ) -> None:
        super().__init__()
        self.steps = _steps(strides)[: len(widths)]
        inputs = [channels[-1], *widths[:-1]]
        self.blocks = nn.ModuleList(
            UnetBlock(coarse, channels[level] if level is not None else 0, width, style)
            for coarse, width, (_, level) in zip(inputs, widths, self.steps, strict=True)
        )
        self.context = nn.Identity() if context == "none" else _context(context, channels[-1], strides[-1], style)
        initialize(self)
        initialize_attention(self)
        stop = self.steps[-1][0]
        self.levels = [level for level, stride in enumerate(strides) if stride >= stop] if neck == "lateral" else []
        entering = [channels[level] for level in self.levels]
        self.neck = LateralNeck(entering, widths[-1], style.dims) if neck == "lateral" else nn.Identity()

    def forward(self, pyramid: list[Tensor], size: Sequence[int]) -> Tensor:
        """Maps finest first, and the size of the image -> (B, widths[-1], *ceil(size / s)), s the last step's stride."""
        return self.maps(pyramid, size)[-1]

    def maps(self, pyramid: list[Tensor], size: Sequence[int]) -> list[Tensor]:
        """What every block gives, coarse to fine; the last one is that of ``forward``."""
        features = self.context(pyramid[-1])
        maps = []
        for block, (stride, level) in zip(self.blocks, self.steps, strict=True):
            finer = pyramid[level] if level is not None else None
            target = size_of(finer) if finer is not None else tuple(-(-length // stride) for length in size)
            features = block(features, finer, target)
            maps.append(features)
        if self.levels:
            maps[-1] = features + self.neck([pyramid[level] for level in self.levels], size_of(features))
        return maps


def _checked_widths(encoder: Encoder, widths: Sequence[int] | None) -> Sequence[int]:
    """The widths, or what stands for ``None``; refuses what the encoder's strides do not allow."""
    check_strides(encoder, "unet")
    most = len(_steps(encoder.strides))
    if widths is None:
        return default_widths(encoder, most)
    if (
        not isinstance(widths, (list, tuple))
        or not 1 <= len(widths) <= most
        or not all(isinstance(w, int) and w > 0 for w in widths)
    ):
        raise ConfigError(f"widths must be 1 to {most} positive whole numbers for encoder {encoder.name!r}, got {widths!r}")
    return widths


def _context(name: Context, channels: int, stride: int, style: BlockStyle) -> nn.Module:
    """A context module that gives as many channels as it takes."""
    part: Any = context_part(name, channels, stride, style.dims)
    return nn.Sequential(part, conv_norm_act(part.out_channels, channels, 1, norm=style.norm, dims=style.dims))


def _steps(strides: Sequence[int]) -> list[tuple[int, int | None]]:
    """Where the blocks go, coarse to fine: every finer level of the pyramid, then halved strides down to 1 without a skip."""
    steps: list[tuple[int, int | None]] = [(strides[level], level) for level in range(len(strides) - 2, -1, -1)]
    stride = strides[0]
    while stride > 1:
        stride = stride // 2
        steps.append((stride, None))
    return steps
