"""Our U-Net++ against segmentation-models-pytorch's with the same weights, and its deep supervision against the paper's."""

import pytest
import torch
from torch.nn import functional as F

from tests.models.make import segmenter

smp = pytest.importorskip("segmentation_models_pytorch")

Weights = dict[str, torch.Tensor]


def _in_their_words(key: str, levels: int, blocks: int) -> str:
    """``decoder.nodes.x_i_j`` -> ``decoder.blocks.x_d_l``: they count levels from the coarsest, and d is where a row of
    enlargements starts; the block without a skip is the last of the first row."""
    if key.startswith("head."):
        return key.replace("head.", "segmentation_head.0.")
    if key.startswith("decoder.nodes."):
        node, _, rest = key.removeprefix("decoder.nodes.").partition(".")
        row, column = (int(number) for number in node.split("_")[1:])
        layer = levels - 2 - row
        return f"decoder.blocks.x_{layer + 1 - column}_{layer}.{rest}"
    if key.startswith("decoder.blocks.0."):
        assert blocks == 1
        return key.replace("decoder.blocks.0.", f"decoder.blocks.x_0_{levels - 1}.")
    return key


@pytest.mark.parametrize("encoder", ["test_resnet", "test_efficientnet"])
def test_logits_of_unetplusplus_are_those_of_smp(encoder: str) -> None:
    ours = segmenter("unetplusplus", encoder, num_classes=4, widths=(64, 48, 32, 24, 16)).double()
    theirs = smp.UnetPlusPlus(f"tu-{encoder}", encoder_weights=None, classes=4, decoder_channels=(64, 48, 32, 24, 16))
    theirs = theirs.double().eval()
    state = {_in_their_words(key, 5, len(ours.decoder.blocks)): tensor for key, tensor in ours.state_dict().items()}
    theirs.load_state_dict(state, strict=True)
    # smp refuses sides that are no multiple of 32; odd ones are compared with the paper below.
    images = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    with torch.inference_mode():
        features = theirs.encoder(images)
        expected = theirs.decoder(features)
        torch.testing.assert_close(ours.decoder(features[1:], (64, 96)), expected, rtol=0, atol=1e-8)
        torch.testing.assert_close(ours(images), theirs(images), rtol=0, atol=1e-8)
    assert expected.std() > 1e-3


def _block(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    for conv in ("conv1", "conv2"):
        x = F.conv2d(x, w[f"{name}.{conv}.0.weight"], padding=1)
        mean, var = w[f"{name}.{conv}.1.running_mean"], w[f"{name}.{conv}.1.running_var"]
        x = F.relu(F.batch_norm(x, mean, var, w[f"{name}.{conv}.1.weight"], w[f"{name}.{conv}.1.bias"], eps=1e-5))
    return x


def _enlarged(x: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """The nearest place, by hand: pixel i of n is pixel floor(i m / n) of m."""
    for dimension, length in zip((2, 3), size, strict=True):
        x = x.index_select(dimension, torch.arange(length) * x.shape[dimension] // length)
    return x


def test_all_branches_of_unetplusplus_are_those_of_equation_1() -> None:
    """X[i][j] = H([X[i][0], ..., X[i][j - 1], U(X[i + 1][j - 1])]), the newest nodes first, at sizes that are not even."""
    model = segmenter("unetplusplus", num_classes=4, deep_supervision=True).double()
    w = model.state_dict()
    for size in [(57, 89), (65, 49)]:
        images = torch.randn(1, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            got = model(images, auxiliary=True)
            x = {(row, 0): level for row, level in enumerate(model.encoder(images))}
            for column in range(1, 5):
                for row in range(5 - column):
                    below = _enlarged(x[row + 1, column - 1], x[row, 0].shape[2:])
                    read = [below, *(x[row, before] for before in reversed(range(column)))]
                    x[row, column] = _block(torch.cat(read, 1), w, f"decoder.nodes.x_{row}_{column}")
            small = [F.conv2d(x[0, j + 1], w[f"deep.{j}.weight"], w[f"deep.{j}.bias"]) for j in range(3)]
            last = _block(_enlarged(x[0, 4], size), w, "decoder.blocks.0")
            expected = [F.interpolate(logits, size, mode="bilinear", align_corners=False) for logits in small]
            expected.append(F.conv2d(last, w["head.weight"], w["head.bias"], padding=1))
        torch.testing.assert_close(list(got.auxiliary), expected, rtol=0, atol=1e-8)
        torch.testing.assert_close(got.logits, sum(expected) / 4, rtol=0, atol=1e-8)
        assert min(float(logits.std()) for logits in expected) > 1e-3
