"""The table of a network: counts agree with torch's own counter, receptive fields with the closed form."""

import functools
import time

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from pixelwise.errors import ConfigError
from pixelwise.models.anatomy import Anatomy, anatomy, blueprint
from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.models.pyramid import Encoder
from pixelwise.models.receptive import receptive_fields
from pixelwise.models.segmenter import Segmenter
from tests.models.make import created, small

NAMES = sorted(ARCHITECTURES)
every_architecture = pytest.mark.parametrize("name", NAMES)


@functools.cache
def plain(name: str, depth: int = 1) -> Anatomy:
    encoder, options = small(name)
    return anatomy(blueprint(name, encoder, 3, 5, options), (72, 96), depth=depth, fields=False)


@every_architecture
def test_multiply_adds_agree_with_the_counter_of_torch(name: str) -> None:
    encoder, options = small(name)
    model = blueprint(name, encoder, 3, 5, options).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, 3, 72, 96, device="meta"), auxiliary=True)
    assert plain(name).multiply_adds == counter.get_total_flops() / 2 > 0


@every_architecture
def test_the_main_parts_add_up_to_the_whole(name: str) -> None:
    found = plain(name)
    main = [part for part in found.parts if part.depth == 1]
    assert sum(part.multiply_adds for part in main) == found.multiply_adds
    assert sum(part.parameters for part in main) == found.parameters
    assert found.parameters == sum(parameter.numel() for parameter in created(name).parameters())
    assert found.logits == (5, 72, 96)


@every_architecture
def test_inner_parts_do_not_exceed_the_part_they_are_in(name: str) -> None:
    found = plain(name, 2)
    assert [part for part in found.parts if part.depth == 1] == list(plain(name).parts)
    outer, rest = None, 0
    for part in found.parts:
        if part.depth == 1:
            outer, rest = part, part.parameters
        elif outer is not None:
            rest -= part.parameters
            assert rest >= 0, (outer, part)
    assert any(part.depth == 2 for part in found.parts)


@every_architecture
def test_every_part_reads_something_and_all_but_the_ends_are_read(name: str) -> None:
    main = [part for part in plain(name).parts if part.depth == 1 and part.shape]
    assert all(part.reads for part in main)
    read = {source for part in main for source in part.reads}
    ends = {"head", "auxiliary", "deep", "image_head"}
    assert [part.name for part in main if part.name not in read and part.role not in (*ends, "encoder")] == []


def test_a_u_net_reads_each_level_where_it_has_its_size() -> None:
    reads = {part.name: part.reads for part in plain("unet").parts}
    assert reads["level 1"] == ("image",)
    assert reads["level 4"] == ("level 3",)
    assert reads["decoder.blocks.0"] == ("level 4", "level 5")
    assert reads["decoder.blocks.2"] == ("level 2", "decoder.blocks.1")
    assert reads["head"] == ("decoder.blocks.4",)


def test_levels_of_an_encoder_that_keeps_channels_last_read_one_another() -> None:
    found = anatomy(blueprint("unet", "swin_tiny_patch4_window7_224"), (64, 64), fields=False)
    assert [part.reads for part in found.parts[:4]] == [("image",), ("level 1",), ("level 2",), ("level 3",)]


def test_the_second_head_of_a_pspnet_serves_training_alone() -> None:
    found = plain("pspnet")
    auxiliary = next(part for part in found.parts if part.role == "auxiliary")
    assert auxiliary.reads == ("level 4",)
    assert (found.training_parameters, found.training_multiply_adds) == (auxiliary.parameters, auxiliary.multiply_adds)
    assert found.logits_stride == (8, 8)


def test_a_network_of_130_million_weights_takes_no_memory_and_little_time() -> None:
    if "fcn8s" not in ARCHITECTURES:
        pytest.skip("no such row")
    start = time.process_time()
    model = blueprint("fcn8s", num_classes=21)
    found = anatomy(model, (256, 256), fields=False)
    assert found.parameters > 130e6
    assert all(parameter.is_meta for parameter in model.parameters())
    assert time.process_time() - start < 10


def test_a_network_with_values_is_left_as_it_is() -> None:
    model = created("unet").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    anatomy(model, (64, 64))
    assert model.training
    assert "frame" not in vars(model)
    assert not any(module._forward_hooks for name, module in model.named_modules() if not name.startswith("encoder"))
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("size", [(64,), (64, 64, 64), (0, 64)])
def test_a_size_that_is_none_is_refused(size: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="size must be 2 positive whole numbers"):
        anatomy(created("unet"), size)


# Receptive fields. Araujo et al. 2019, equation 2: 1 + sum over layers of (kernel - 1) * dilation * product of earlier strides.


class Chain(Encoder):
    """Layers one after another, a map after each."""

    def __init__(self, *layers: nn.Module, dims: int = 2) -> None:
        super().__init__("chain", [4] * len(layers), [1] * len(layers), [0.0] * 3, [1.0] * 3, dims=dims)
        self.layers = nn.ModuleList(layers)

    def forward(self, images):
        maps = []
        for layer in self.layers:
            maps.append(layer(maps[-1] if maps else images))
        return maps


class Last(nn.Module):
    def forward(self, pyramid, size):
        return pyramid[-1]


def fields_of(*layers: nn.Module, dims: int = 2) -> list[tuple[int | None, ...]]:
    """The receptive field after each layer."""
    head = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims](4, 2, 1)
    found = receptive_fields(Segmenter(Chain(*layers, dims=dims), Last(), head), 3, ["head"])
    assert found["head"] == found[f"level {len(layers)}"]
    return [found[f"level {index}"] for index in range(1, len(layers) + 1)]


def closed_form(layers: list[tuple[int, int, int]]) -> list[int]:
    """(kernel, stride, dilation) of each layer -> receptive field after it."""
    field, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * jump
        jump *= stride
        found.append(field)
    return found


@pytest.mark.parametrize(
    "layers",
    [
        [(3, 1, 1), (3, 1, 1), (3, 1, 1)],
        [(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1)],
        [(3, 1, 1), (3, 1, 2), (3, 1, 4), (3, 1, 8)],
        [(5, 2, 1), (1, 1, 1), (3, 2, 2), (2, 2, 1)],
    ],
)
def test_a_chain_sees_what_the_closed_form_says(layers: list) -> None:
    chain = [nn.Conv2d(4 if i else 3, 4, k, s, padding=d * (k // 2), dilation=d) for i, (k, s, d) in enumerate(layers)]
    assert fields_of(*chain) == [(size, size) for size in closed_form(layers)]


def test_sides_are_measured_on_their_own() -> None:
    assert fields_of(nn.Conv2d(3, 4, (1, 5), padding=(0, 2)), nn.Conv2d(4, 4, (3, 1), padding=(1, 0))) == [(1, 5), (3, 5)]


@pytest.mark.parametrize("dims", [1, 3])
def test_signals_and_volumes_have_fields_too(dims: int) -> None:
    conv = {1: nn.Conv1d, 3: nn.Conv3d}[dims]
    assert fields_of(conv(3, 4, 3, padding=1), conv(4, 4, 5, padding=2), dims=dims) == [(3,) * dims, (7,) * dims]


def test_max_pooling_normalisation_and_activation_hide_no_path() -> None:
    layers = [
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        nn.MaxPool2d(3, 2, 1),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.GroupNorm(2, 4), nn.SiLU()),
    ]
    assert fields_of(*layers) == [(size, size) for size in closed_form([(3, 1, 1), (3, 2, 1), (3, 1, 1)])]


class Gate(nn.Module):
    def forward(self, features):
        return features * torch.sigmoid(features.mean((2, 3), keepdim=True))


class Unpool(nn.Module):
    def forward(self, features):
        pooled, places = F.max_pool2d(features, 2, return_indices=True)
        return F.max_unpool2d(pooled, places, 2, output_size=features.shape[2:])


def test_what_pools_the_whole_map_sees_the_whole_image() -> None:
    assert fields_of(nn.Conv2d(3, 4, 3, padding=1), Gate(), nn.Conv2d(4, 4, 3, padding=1)) == [(3, 3), (None, None), (None, None)]


def test_unpooling_brings_back_the_window() -> None:
    assert fields_of(nn.Conv2d(3, 4, 1), Unpool()) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("dilation, field", [(300, 601), (900, 1801)])
def test_fields_larger_than_the_first_strip_are_measured_on_a_longer_one(dilation: int, field: int) -> None:
    assert fields_of(nn.Conv2d(3, 4, 3, padding=dilation, dilation=dilation)) == [(field, field)]


@pytest.mark.parametrize("stride", [32, 8])
def test_the_stages_of_a_resnet_50_see_what_was_computed_by_hand(stride: int) -> None:
    """With the stride in the 3x3 convolutions, as torchvision's; dilation in place of stride changes none of it."""
    # (kernel, stride) of the layers with a kernel above 1, in the longest path.
    stages = [[(7, 2)], [(3, 2), *[(3, 1)] * 3], [(3, 2), *[(3, 1)] * 3], [(3, 2), *[(3, 1)] * 5], [(3, 2), *[(3, 1)] * 2]]
    every = closed_form([(kernel, stride, 1) for stage in stages for kernel, stride in stage])
    ends = [sum(map(len, stages[: index + 1])) - 1 for index in range(5)]
    expected = [(every[end], every[end]) for end in ends]
    assert expected == [(7, 7), (35, 35), (91, 91), (267, 267), (427, 427)]
    found = receptive_fields(blueprint("unet", "resnet50", options={"encoder_output_stride": stride}), 3, [])
    assert [found[f"level {index}"] for index in range(1, 6)] == expected


@every_architecture
def test_receptive_fields_of_the_encoder_grow(name: str) -> None:
    encoder, options = small(name)
    found = receptive_fields(blueprint(name, encoder, 3, 5, options), 3, ["head"])
    sides = [field[0] or 10**9 for key, field in sorted(found.items()) if key.startswith("level")]
    assert sides == sorted(sides)
    assert sides[0] > 1
    assert (found["logits"][0] or 10**9) >= sides[0]


@pytest.mark.parametrize(
    "name, stride", [("unet", 1), ("pspnet", 8), ("fcn8s", 8), ("fcn32s", 32), ("unet_original", 1), ("segnet", 1)]
)
def test_the_stride_of_the_logits_is_that_at_which_they_are_computed(name: str, stride: int) -> None:
    """Also where only a fixed enlargement follows, and where unpadded convolutions eat the border."""
    assert anatomy(created(name), (96, 160), fields=False).logits_stride == (stride, stride)
