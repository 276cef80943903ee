"""The original U-Net against a functional network written from figure 1 of the paper (Ronneberger et al. 2015)."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pixelwise.models.create import create

Weights = dict[str, torch.Tensor]


def _twice(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    for layer in (0, 2):
        x = F.relu(F.conv2d(x, w[f"{name}.{layer}.weight"], w[f"{name}.{layer}.bias"]))
    return x


def _up_and_concatenate(x: torch.Tensor, copied: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    x = F.conv_transpose2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=2)
    top, left = ((copied.shape[d] - x.shape[d]) // 2 for d in (2, 3))
    cropped = copied[:, :, top : top + x.shape[2], left : left + x.shape[3]]
    return torch.cat([cropped, x], dim=1)


def _figure_1(tile: torch.Tensor, w: Weights) -> torch.Tensor:
    copies = []
    x = tile
    for level in range(4):
        x = _twice(x, w, f"encoder.levels.{level}")
        copies.append(x)
        x = F.max_pool2d(x, 2)
    x = _twice(x, w, "encoder.levels.4")
    for step in range(4):
        x = _up_and_concatenate(x, copies.pop(), w, f"decoder.ups.{step}")
        x = _twice(x, w, f"decoder.blocks.{step}")
    return F.conv2d(x, w["head.weight"], w["head.bias"])


def test_logits_of_unet_original_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    model = create("unet_original", num_classes=3, options={"encoder_width": 4}).double().eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:  # biases start at 0
            nn.init.normal_(parameter, std=0.1)
    weights = {key: value.detach() for key, value in model.state_dict().items()}
    # Height and width of the image, and of the tile that it is mirrored to: 16 n + 4 + 2 * 92 pixels, no fewer than needed.
    for (height, width), (tall, wide) in [((57, 89), (252, 284)), ((68, 3), (252, 188))]:
        images = torch.randn(1, 3, height, width, dtype=torch.float64)
        borders = [(0, 0), (0, 0), (92, tall - height - 92), (92, wide - width - 92)]
        tile = torch.from_numpy(np.pad(images.numpy(), borders, mode="reflect"))
        with torch.inference_mode():
            expected = _figure_1(tile, weights)
            got = model.head(model.decoder(model.encoder(tile), (tall, wide)))
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-10)
            torch.testing.assert_close(model(images), expected[..., :height, :width], rtol=0, atol=1e-10)
        assert expected.std() > 1e-3
