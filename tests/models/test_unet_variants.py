"""Every option of the U-Net changes it, trains, and refuses what it does not know."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import ConfigError
from pixelwise.models.create import create
from pixelwise.models.segmenter import Segmenter
from pixelwise.models.unet_blocks import BlockStyle, ConvBlock, UnetBlock
from tests.models.make import outputs, randomize_norms, segmenter

WIDTHS = (64, 48, 32, 32, 16)
VARIANTS = {
    "default": {},
    "add": {"skip": "add"},
    "gated": {"skip": "gated"},
    "no skip": {"skip": "none"},
    "residual": {"block": "residual"},
    "separable": {"block": "separable"},
    "se": {"attention": "se"},
    "scse": {"attention": "scse"},
    "one convolution": {"convs_per_block": 1},
    "three convolutions": {"convs_per_block": 3},
    "group norm": {"norm": "group"},
    "instance norm": {"norm": "instance"},
    "no norm": {"norm": "none"},
    "lateral neck": {"neck": "lateral"},
    "lateral neck at stride 4": {"neck": "lateral", "widths": [64, 48, 32]},
    "ppm": {"context": "ppm"},
    "spp": {"context": "spp"},
    "aspp": {"context": "aspp"},
    "deep supervision": {"deep_supervision": True},
    "all at once": {
        "skip": "gated",
        "block": "residual",
        "attention": "scse",
        "convs_per_block": 3,
        "norm": "group",
        "neck": "lateral",
        "context": "ppm",
        "deep_supervision": True,
    },
}
every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def variant(**options: object) -> Segmenter:
    return segmenter("unet", **{"widths": WIDTHS, **options})


def _description(model: nn.Module) -> str:
    return f"{model}, {[(key, tuple(tensor.shape)) for key, tensor in model.state_dict().items()]}"


def test_no_two_variants_are_the_same_network() -> None:
    assert len({_description(variant(**options)) for options in VARIANTS.values()}) == len(VARIANTS)


@every_variant
def test_logits_have_the_size_of_the_image(options: dict) -> None:
    model = variant(**options)
    with torch.inference_mode():
        for size in [(64, 64), (1, 1), (33, 47), (7, 3)]:
            assert model(torch.randn(1, 3, *size)).shape == (1, 5, *size)


@every_variant
def test_every_parameter_that_the_variant_has_gets_a_gradient(options: dict) -> None:
    model = variant(**options).train()
    prediction = model(torch.randn(2, 3, 64, 64), auxiliary=True)
    sum(logits.square().mean() for logits in outputs(prediction)).backward()
    decoder = [(key, p) for key, p in model.named_parameters() if not key.startswith("encoder.")]
    assert [key for key, p in decoder if p.grad is None or not p.grad.abs().sum() > 0] == []
    read = [key for key, p in model.encoder.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(read) == len(list(model.encoder.parameters()))


@every_variant
def test_one_image_trains_even_of_one_pixel(options: dict) -> None:
    model = variant(**options).train()
    model(torch.randn(1, 3, 1, 1)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_an_exported_variant_gives_the_same_logits() -> None:
    model, images = variant(**{**VARIANTS["all at once"], "widths": WIDTHS[:2]}), torch.randn(2, 3, 40, 40)
    exported = torch.export.export(model, (images,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(images), model(images), rtol=1e-4, atol=1e-4)


@every_variant
def test_channels_last_is_kept(options: dict) -> None:
    model = variant(**options).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        got = model(torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last))
    assert got.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["add", "residual", "separable", "scse", "no norm", "all at once"])
def test_a_variant_learns_one_batch(name: str) -> None:
    torch.manual_seed(0)
    model = create("unet", "test_resnet", None, 3, 3, {"widths": [32, 32, 16], **VARIANTS[name]}).train()
    target = torch.zeros(2, 32, 32, dtype=torch.long)
    target[0, 6:25, 12:30], target[1, 18:30, 3:20] = 1, 2
    images = F.one_hot(target, 3).permute(0, 3, 1, 2) + 0.1 * torch.randn(2, 3, 32, 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        prediction = model(images, auxiliary=True)
        loss = sum(F.cross_entropy(F.interpolate(logits, (32, 32)), target) for logits in outputs(prediction))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


def test_adding_nothing_is_the_identity() -> None:
    """y = x + f(x, W) with W = 0, for the skip and for the block."""
    torch.manual_seed(0)
    block = UnetBlock(8, 6, 8, BlockStyle(skip="add", block="residual")).eval()
    nn.init.zeros_(block.match.weight)
    nn.init.zeros_(block.match.bias)
    nn.init.zeros_(block.conv2[1].weight)
    coarse, finer = torch.randn(2, 8, 5, 7), torch.randn(2, 6, 10, 14)
    with torch.inference_mode():
        assert torch.equal(block(coarse, finer, (10, 14)), F.interpolate(coarse, (10, 14)))
        nn.init.ones_(block.match.weight)
        expected = F.interpolate(coarse, (10, 14)) + finer.sum(1, keepdim=True)
        torch.testing.assert_close(block(coarse, finer, (10, 14)), expected)


@pytest.mark.parametrize("widths", [(8, 8), (8, 6)], ids=["same width", "another width"])
def test_a_residual_block_is_the_shortcut_plus_the_main_path(widths: tuple[int, int]) -> None:
    block = randomize_norms(ConvBlock(*widths, BlockStyle(block="residual"))).eval()
    features = torch.randn(2, widths[0], 9, 7)
    with torch.inference_mode():
        main = block.conv2(block.conv1(features))
        torch.testing.assert_close(block(features), block.shortcut(features) + main)
        if widths[0] == widths[1]:
            assert torch.equal(block.shortcut(features), features)
    assert main.min() < 0, "a ReLU ends the main path"


@pytest.mark.parametrize("skip", ["concat", "add", "gated"])
@pytest.mark.parametrize("name", ["test_resnet", "test_convnext"])
def test_the_decoder_reads_every_level_whatever_the_skip(skip: str, name: str) -> None:
    model = segmenter("unet", name, skip=skip)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        before = model.decoder(pyramid, (64, 64))
        for level in range(len(pyramid)):
            changed = [feature + (1.0 if index == level else 0.0) for index, feature in enumerate(pyramid)]
            assert not torch.allclose(model.decoder(changed, (64, 64)), before), f"level {level} is not read"


def test_a_closed_gate_stops_the_skip() -> None:
    model = variant(skip="gated")
    for block in model.decoder.blocks:
        if block.skip == "gated":
            nn.init.zeros_(block.gate.psi.weight)
            nn.init.constant_(block.gate.psi.bias, -1e4)
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        changed = [feature + 1 for feature in pyramid[:-1]] + pyramid[-1:]
        assert torch.equal(model.decoder(changed, (64, 64)), model.decoder(pyramid, (64, 64)))


def test_five_blocks_of_one_convolution_are_the_article_s_five_layers() -> None:
    model = create("unet", "test_resnet", None, 3, 5, {"convs_per_block": 1})
    kinds = [type(layer).__name__ for layer in model.decoder.modules() if not list(layer.children())]
    assert [kind for kind in kinds if kind != "Identity"] == ["Conv2d", "BatchNorm2d", "ReLU"] * 5


def test_four_widths_give_logits_at_stride_2() -> None:
    model = segmenter("unet", widths=(64, 48, 32, 16))
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        small = model.head(model.decoder(model.encoder(images), (50, 70)))
        assert small.shape == (1, 5, 25, 35)
        expected = F.interpolate(small, (50, 70), mode="bilinear", align_corners=False)
        torch.testing.assert_close(model(images), expected)


def test_each_map_but_the_last_has_a_head_and_the_last_is_the_main_one() -> None:
    model = variant(deep_supervision=True, neck="lateral")
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        maps = model.decoder.maps(model.encoder(images), (50, 70))
        prediction = model(images, auxiliary=True)
        assert [tuple(m.shape[2:]) for m in maps] == [(4, 5), (7, 9), (13, 18), (25, 35), (50, 70)]
        torch.testing.assert_close(prediction.logits, model.head(maps[-1]))
        assert [tuple(logits.shape) for logits in prediction.auxiliary] == [(1, 5, 50, 70)] * 4
        expected = F.interpolate(model.deep[1](maps[1]), (50, 70), mode="bilinear", align_corners=False)
        torch.testing.assert_close(prediction.auxiliary[1], expected)
        torch.testing.assert_close(model(images), prediction.logits)


@pytest.mark.parametrize("widths", [WIDTHS, WIDTHS[:3]], ids=["all", "to stride 4"])
def test_the_neck_adds_every_level_that_is_as_coarse_as_the_last_map(widths: tuple[int, ...]) -> None:
    model = variant(neck="lateral", widths=widths)
    other = variant(widths=widths)
    other.load_state_dict({key: tensor for key, tensor in model.state_dict().items() if ".neck." not in key})
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 50, 70))
        plain = other.decoder(pyramid, (50, 70))
        levels = pyramid if len(widths) == 5 else pyramid[1:]
        added: Tensor = sum(
            lateral(F.interpolate(level, plain.shape[2:], mode="bilinear", align_corners=False))
            for lateral, level in zip(model.decoder.neck.laterals, levels, strict=True)
        )
        torch.testing.assert_close(model.decoder(pyramid, (50, 70)), plain + added, rtol=1e-4, atol=1e-4)
    assert added.std() > 1e-3


@pytest.mark.parametrize("context", ["ppm", "spp", "aspp"])
def test_the_context_stands_before_the_first_block(context: str) -> None:
    model = variant(context=context)
    other = variant()
    other.load_state_dict({key: tensor for key, tensor in model.state_dict().items() if ".context." not in key})
    with torch.inference_mode():
        pyramid = model.encoder(torch.randn(1, 3, 64, 64))
        seen = model.decoder.context(pyramid[-1])
        assert seen.shape == pyramid[-1].shape
        torch.testing.assert_close(model.decoder(pyramid, (64, 64)), other.decoder([*pyramid[:-1], seen], (64, 64)))
        assert not torch.allclose(seen, pyramid[-1])


@pytest.mark.parametrize(
    "name, expected",
    [
        ("test_resnet", [256, 128, 64, 32, 16]),
        ("test_convnext", [256, 128, 64, 32, 16]),
        ("plain", [256, 128, 64, 32]),
    ],
)
def test_the_default_widths_go_by_the_encoder(name: str, expected: list[int]) -> None:
    model = create("unet", name)
    assert [block.conv2[0].out_channels for block in model.decoder.blocks] == expected
    assert model.decoder.steps[-1][0] == 1


def test_the_default_widths_mirror_those_of_the_plain_encoder() -> None:
    model = create("unet", "plain", options={"encoder_widths": [6, 10, 20]})
    assert [block.conv2[0].out_channels for block in model.decoder.blocks] == [10, 6]


@pytest.mark.parametrize(
    "options, says",
    [
        ({"block": "dense"}, "block must be 'plain', 'residual' or 'separable', got 'dense'"),
        ({"attention": "cbam"}, "attention must be 'none', 'se' or 'scse', got 'cbam'"),
        ({"attention": ["se"]}, "attention must be 'none', 'se' or 'scse'"),
        ({"convs_per_block": 0}, "convs_per_block must be a whole number from 1, got 0"),
        ({"convs_per_block": 1.5}, "convs_per_block must be a whole number from 1, got 1.5"),
        ({"block": "residual", "convs_per_block": 1}, "block='residual' needs convs_per_block of 2 or more"),
        ({"norm": "layer"}, "norm must be 'batch', 'group', 'instance' or 'none', got 'layer'"),
        ({"context": "ocr"}, "context must be 'none', 'ppm', 'spp' or 'aspp', got 'ocr'"),
        ({"neck": "fpn"}, "neck must be 'none' or 'lateral', got 'fpn'"),
        ({"deep_supervision": "yes"}, "deep_supervision must be true or false, got 'yes'"),
        ({"deep_supervision": True, "widths": [8]}, "deep_supervision needs 2 widths or more, got .8."),
    ],
)
def test_options_that_are_not_allowed_are_refused(options: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        create("unet", "test_resnet", options=options)
