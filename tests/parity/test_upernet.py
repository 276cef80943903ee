"""UPerNet's decoder, and the pyramid pooling of PSPNet, against transformers' and against one written from the paper (Xiao et
al. 2018, section 3), with the same weights."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from pixelwise.models.context import PyramidPooling
from pixelwise.models.segmenter import Segmenter
from tests.models.make import randomize_norms, segmenter

Weights = dict[str, torch.Tensor]
SIZES = [(64, 96), (57, 89), (65, 49)]

# Their key -> ours, and within a block their conv and batch_norm are our 0 and 1.
OF_TRANSFORMERS = [
    (r"^psp_modules\.(\d)\.1\.", r"decoder.context.branches.\1."),
    (r"^bottleneck\.", "decoder.bottleneck."),
    (r"^lateral_convs\.(\d)\.", r"decoder.laterals.\1."),
    (r"^fpn_convs\.(\d)\.", r"decoder.outputs.\1."),
    (r"^fpn_bottleneck\.", "decoder.fuse."),
    (r"^classifier\.", "head."),
]


def _ours(key: str) -> str:
    for theirs, ours in OF_TRANSFORMERS:
        key = re.sub(theirs, ours, key)
    return key.replace(".conv.", ".0.").replace(".batch_norm.", ".1.")


def _model() -> Segmenter:
    model: Segmenter = segmenter("upernet", num_classes=7).double()
    torch.nn.init.normal_(model.head.bias)
    return model


def _transformers() -> Any:
    return pytest.importorskip(
        "transformers.models.upernet.modeling_upernet",
        reason="transformers is not installed; test_upernet_is_the_network_of_the_paper stands in for it",
        exc_type=ImportError,
    )


def test_the_decoder_of_upernet_is_that_of_transformers() -> None:
    model, size = _model(), (57, 89)
    config = SimpleNamespace(pool_scales=(1, 2, 3, 6), hidden_size=32, num_labels=7)
    theirs = _transformers().UperNetHead(config, model.encoder.channels[1:]).double().eval()
    state = model.state_dict()
    theirs.load_state_dict({key: state[_ours(key)] for key in theirs.state_dict()}, strict=True)
    of_decoder = {key for key in state if key.startswith(("decoder.", "head."))}
    assert {_ours(key) for key in theirs.state_dict()} == of_decoder
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        pyramid = model.encoder(images)
        expected = theirs(pyramid[1:])
        full = F.interpolate(expected, size, mode="bilinear", align_corners=False)
        torch.testing.assert_close(model.head(model.decoder(pyramid, size)), expected, rtol=0, atol=1e-9)
        torch.testing.assert_close(model(images), full, rtol=0, atol=1e-9)
    assert expected.std() > 1e-3


def test_the_pooling_of_pspnet_is_that_of_transformers() -> None:
    ours = randomize_norms(PyramidPooling(16)).double().eval()
    theirs = _transformers().UperNetPyramidPoolingModule((1, 2, 3, 6), 16, 4, align_corners=True).double().eval()
    state = {key.replace("branches.", ""): tensor for key, tensor in ours.state_dict().items()}
    theirs.load_state_dict(
        {
            key: state[re.sub(r"^(\d)\.1\.", r"\1.", key).replace(".conv.", ".0.").replace(".batch_norm.", ".1.")]
            for key in theirs.state_dict()
        },
        strict=True,
    )
    features = torch.randn(2, 16, 11, 14, dtype=torch.float64)
    with torch.inference_mode():
        expected = torch.cat([features, *theirs(features)], 1)
        torch.testing.assert_close(ours(features), expected, rtol=0, atol=1e-10)
    assert expected[:, 16:].std() > 1e-3


def _conv_norm_relu(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    kernel = w[f"{name}.0.weight"]
    x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
    mean, var = w[f"{name}.1.running_mean"], w[f"{name}.1.running_var"]
    return F.relu(F.batch_norm(x, mean, var, w[f"{name}.1.weight"], w[f"{name}.1.bias"], eps=1e-5))


def _enlarged(x: torch.Tensor, size: torch.Size) -> torch.Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _upernet(levels: list[torch.Tensor], w: Weights) -> torch.Tensor:
    parts = [levels[3]]
    for i, bins in enumerate((1, 2, 3, 6)):
        pooled = _conv_norm_relu(F.adaptive_avg_pool2d(levels[3], bins), w, f"decoder.context.branches.{i}")
        parts.append(_enlarged(pooled, levels[3].shape[2:]))
    top = _conv_norm_relu(torch.cat(parts, 1), w, "decoder.bottleneck")
    maps = [top]
    for i in (2, 1, 0):
        lateral = _conv_norm_relu(levels[i], w, f"decoder.laterals.{i}")
        top = lateral + _enlarged(top, lateral.shape[2:])
        maps.insert(0, _conv_norm_relu(top, w, f"decoder.outputs.{i}"))
    maps = [_enlarged(one, maps[0].shape[2:]) for one in maps]
    return F.conv2d(_conv_norm_relu(torch.cat(maps, 1), w, "decoder.fuse"), w["head.weight"], w["head.bias"])


def test_upernet_is_the_network_of_the_paper() -> None:
    model = _model()
    weights = model.state_dict()
    for size in SIZES:
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.inference_mode():
            pyramid = model.encoder(images)
            expected = _upernet(pyramid[1:], weights)
            torch.testing.assert_close(model.head(model.decoder(pyramid, size)), expected, rtol=0, atol=1e-9)
            got = model(images, auxiliary=True)
            torch.testing.assert_close(got.logits, _enlarged(expected, torch.Size(size)), rtol=0, atol=1e-9)
            second = _conv_norm_relu(pyramid[-2], weights, "auxiliary.reduce")
            second = F.conv2d(second, weights["auxiliary.classifier.weight"], weights["auxiliary.classifier.bias"])
            torch.testing.assert_close(got.auxiliary[0], _enlarged(second, torch.Size(size)), rtol=0, atol=1e-9)
        assert expected.std() > 1e-3
