"""Draws the pictures of docs/explanation/resnet.md with the toolkit: ``.venv/bin/python docs/make_figures.py``.

Nothing is trained and nothing is loaded: all of it holds for networks as they are initialised.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from pixelwise.models.anatomy import anatomy, blueprint
from pixelwise.models.create import create
from pixelwise.models.receptive import receptive_fields
from pixelwise.report.diagram import diagram

FOLDER = Path(__file__).resolve().parent / "explanation" / "images"
INK, BLUE, ORANGE = "#717783", "#3b82f6", "#e8833a"
STYLE = {
    "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5, "axes.linewidth": 0.7,
}  # fmt: skip


class Stack(nn.Module):
    """``depth`` blocks of two 3x3 convolutions with ReLU, plain or with the shortcut ``x + f(x)``, as torch initialises them."""

    def __init__(self, depth: int, is_residual: bool, channels: int = 16) -> None:
        super().__init__()
        self.is_residual = is_residual
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()
            )
            for _ in range(depth)
        )

    def forward(self, features: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> the maps before the first block and behind each."""
        maps = [features]
        for block in self.blocks:
            change = block(maps[-1])
            maps.append(maps[-1] + change if self.is_residual else change)
        return maps


def gradient_norms(depth: int, is_residual: bool) -> list[float]:
    """The norm of the gradient at the input of each block, as a fraction of that at the end of the stack."""
    torch.manual_seed(0)
    stack = Stack(depth, is_residual).double()
    maps = stack(torch.randn(2, 16, 16, 16, dtype=torch.float64).requires_grad_())
    gradients = torch.autograd.grad((maps[-1] * torch.randn_like(maps[-1])).sum(), maps)
    norms = [float(gradient.norm()) for gradient in gradients]
    return [norm / norms[-1] for norm in norms[:-1]]


def effective_field(name: str, level: int, side: int = 256, images: int = 6) -> np.ndarray:
    """How strongly each pixel moves the centre of a map (Luo et al. 2016): (side, side), its largest value 1."""
    total = torch.zeros(side, side)
    for seed in range(images):
        torch.manual_seed(seed)
        network = create("unet", name).encoder.train()  # BatchNorm with the statistics of the batch, as at the start of training
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.ones_(layer.weight)  # else every block is the identity, and the stem alone is seen
        image = torch.randn(2, 3, side, side, requires_grad=True)
        features = network(image)[level - 1]
        height, width = (length // 2 for length in features.shape[2:])
        (gradient,) = torch.autograd.grad((features[0, :, height, width] * torch.randn(features.shape[1])).sum(), image)
        total += gradient[0].square().sum(0)
    amplitude = total.sqrt().numpy()
    return np.asarray(amplitude / amplitude.max())


def stage_fields(name: str) -> list[int]:
    """Theoretical receptive field after each stage of an encoder, in pixels."""
    found = receptive_fields(blueprint("unet", name), 3, [])
    return [int(found[f"level {level}"][0] or 0) for level in range(1, 6)]


def gradient_flow() -> Figure:
    """Gradient norm by block, plain and residual, 20 and 50 blocks."""
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    for axes, depth in zip(figure.subplots(1, 2, sharey=True), (20, 50), strict=True):
        for is_residual, color, word in ((True, BLUE, "residual: x + f(x)"), (False, ORANGE, "plain: f(x)")):
            axes.semilogy(range(1, depth + 1), gradient_norms(depth, is_residual), color=color, lw=1.8, label=word)
        axes.set(title=f"{depth} blocks", xlabel="block")
        axes.grid(True, axis="y", color=INK, alpha=0.2, lw=0.6)
    figure.axes[0].set_ylabel("gradient at its input / at the end")
    figure.axes[0].legend(frameon=False, fontsize=8.5, loc="center right")
    return figure


def field_growth(names: Sequence[str] = ("resnet18", "resnet50", "resnet101")) -> Figure:
    """Theoretical receptive field after each stage."""
    figure = Figure(figsize=(5.4, 2.9), layout="constrained")
    axes = figure.subplots()
    for name, color, mark in zip(names, (BLUE, ORANGE, "#2fa36b"), "osD", strict=True):
        fields = stage_fields(name)
        axes.plot(range(1, 6), fields, color=color, marker=mark, ms=4, lw=1.8, label=f"{name}: {fields[-1]:,} px")
    axes.set(xlabel="level of the pyramid", ylabel="pixels along a side", xticks=range(1, 6), ylim=(0, None))
    axes.grid(True, axis="y", color=INK, alpha=0.2, lw=0.6)
    axes.legend(frameon=False, fontsize=8.5)
    return figure


def field_maps(name: str = "resnet18", side: int = 256) -> Figure:
    """Where the centre of each map looks, with the square that it could look at."""
    figure = Figure(figsize=(7.2, 2.3), layout="constrained")
    fields = stage_fields(name)
    for axes, level in zip(figure.subplots(1, 4), (2, 3, 4, 5), strict=True):
        axes.imshow(effective_field(name, level, side), cmap="Blues", vmin=0, vmax=1)
        field = fields[level - 1]
        if field < side:
            axes.add_patch(Rectangle(((side - field) / 2, (side - field) / 2), field, field, fill=False, ec=ORANGE, lw=1.4))
        axes.set(title=f"level {level}: {field} px", xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(True)
    return figure


def dilated() -> Figure:
    """The picture of a PSPNet on a ResNet-50 of stride 8."""
    return diagram(anatomy(blueprint("pspnet", "resnet50", num_classes=21), (256, 256)).to_json(), "pspnet on resnet50")


FIGURES = {
    "gradient-flow.png": gradient_flow, "field-growth.png": field_growth, "field-maps.png": field_maps,
    "dilated-resnet.png": dilated,
}  # fmt: skip


def main() -> None:
    """Draws all of them anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in FIGURES.items():
        with mpl.rc_context(STYLE):
            make().savefig(FOLDER / name, dpi=100, facecolor="white")
        print(f"wrote {FOLDER / name}")


if __name__ == "__main__":
    main()
