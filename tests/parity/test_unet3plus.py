"""UNet 3+ against a functional decoder written from section 2 of the paper (Huang et al. 2020)."""

import torch
from torch.nn import functional as F

from tests.models.make import segmenter

Weights = dict[str, torch.Tensor]


def _conv_norm_relu(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    x = F.conv2d(x, w[f"{name}.0.weight"], padding=1)
    mean, var = w[f"{name}.1.running_mean"], w[f"{name}.1.running_var"]
    return F.relu(F.batch_norm(x, mean, var, w[f"{name}.1.weight"], w[f"{name}.1.bias"], eps=1e-5))


def _pooled(x: torch.Tensor, times: int) -> torch.Tensor:
    """Non-overlapping maxima; the windows at the far ends hold what is left."""
    right, below = (-x.shape[d] % times for d in (3, 2))
    x = F.pad(x, (0, right, 0, below), value=-torch.inf)
    return x.unflatten(3, (-1, times)).amax(4).unflatten(2, (-1, times)).amax(3)


def _maps(encoded: list[torch.Tensor], w: Weights) -> dict[int, torch.Tensor]:
    """Equation 1: levels i = 5 (coarsest) to 1, each from scales k < i pooled, k = i, and k > i enlarged."""
    decoded = {5: encoded[4]}
    for i in (4, 3, 2, 1):
        size = encoded[i - 1].shape[2:]
        parts = []
        for k in range(1, 6):
            if k <= i:
                brought = _pooled(encoded[k - 1], 2 ** (i - k))
            else:
                brought = F.interpolate(decoded[k], size, mode="bilinear", align_corners=False)
            parts.append(_conv_norm_relu(brought, w, f"decoder.branches.{i - 1}.{k - 1}"))
        decoded[i] = _conv_norm_relu(torch.cat(parts, 1), w, f"decoder.fuse.{i - 1}")
    return decoded


def test_all_outputs_of_unet3plus_are_those_of_the_paper() -> None:
    model = segmenter("unet3plus", num_classes=4).double()
    w = model.state_dict()
    for size in [(64, 96), (57, 89), (65, 49)]:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            encoded = model.encoder(images)
            decoded = _maps(encoded, w)
            got = model.decoder.maps(encoded, size)
            torch.testing.assert_close(got, [decoded[i] for i in (5, 4, 3, 2, 1)], rtol=0, atol=1e-8)
            heads = ["deep.0", "deep.1", "deep.2", "deep.3", "head"]
            small = [
                F.conv2d(decoded[i], w[f"{head}.weight"], w[f"{head}.bias"], padding=1)
                for i, head in zip((5, 4, 3, 2, 1), heads, strict=True)
            ]
            expected = [F.interpolate(logits, size, mode="bilinear", align_corners=False) for logits in small]
            outputs = model(images, auxiliary=True)
        torch.testing.assert_close([*outputs.auxiliary, outputs.logits], expected, rtol=0, atol=1e-8)
        assert min(float(logits.std()) for logits in expected) > 1e-3
