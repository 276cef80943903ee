import pytest
import torch
from torch import nn

from pixelwise.models.attention import AttentionGate, ConcurrentSqueezeExcite, SqueezeExcite, initialize_attention
from pixelwise.models.blocks import initialize

every_dims = pytest.mark.parametrize("dims", [1, 2, 3])


@every_dims
def test_squeeze_and_excite_weights_whole_channels(dims: int) -> None:
    features = torch.rand(2, 32, *(7, 5, 6)[:dims]) + 0.1
    weights = SqueezeExcite(32, 8, dims)(features) / features
    first = weights.flatten(2)[..., :1].expand_as(weights.flatten(2))
    torch.testing.assert_close(weights.flatten(2), first)
    assert 0 < float(weights.detach().min()) < float(weights.detach().max()) < 1
    assert weights.std() > 1e-2


def test_a_channel_s_weight_depends_on_means_alone() -> None:
    layer = SqueezeExcite(32)
    features = torch.rand(1, 32, 6, 6)
    mixed = features.flatten(2)[..., torch.randperm(36)].view_as(features)
    torch.testing.assert_close(layer(mixed) / mixed, layer(features) / features)


def test_few_channels_are_squeezed_to_one() -> None:
    assert SqueezeExcite(8).squeeze.out_channels == 1


@every_dims
def test_scse_is_the_sum_of_channels_and_places(dims: int) -> None:
    layer = ConcurrentSqueezeExcite(32, dims=dims)
    features = torch.randn(2, 32, *(7, 5, 6)[:dims])
    by_place = (layer(features) - layer.channel(features)) / features
    torch.testing.assert_close(by_place, by_place[:, :1].expand_as(by_place), rtol=1e-3, atol=1e-4)
    assert by_place.std() > 1e-3


@every_dims
@pytest.mark.parametrize("coarse", [(4, 3, 5), (3, 2, 2)])
def test_a_gate_weights_places_of_any_size_between_nothing_and_all(dims: int, coarse: tuple[int, ...]) -> None:
    gate, skip = AttentionGate(6, 10, dims), torch.randn(2, 6, *(7, 5, 9)[:dims])
    signal = torch.randn(2, 10, *coarse[:dims])
    weights = gate.weights(skip, signal)
    assert weights.shape == (2, 1, *skip.shape[2:])
    assert 0 <= float(weights.detach().min()) < float(weights.detach().max()) <= 1
    assert weights.std() > 1e-4
    assert torch.equal(gate(skip, signal), skip * weights)


def test_a_gate_begins_nearly_open() -> None:
    torch.manual_seed(0)
    gate = AttentionGate(32, 64)
    assert gate.weights(torch.randn(1, 32, 16, 16), torch.randn(1, 64, 8, 8)).mean() > 0.6


def test_attention_begins_anew_after_the_weights_of_its_network() -> None:
    network = nn.ModuleList([AttentionGate(64, 64), ConcurrentSqueezeExcite(64), nn.Conv2d(64, 64, 1)])
    initialize(network)
    wide, others = float(network[1].place.weight.detach().std()), network[2].weight.clone()
    initialize_attention(network)
    assert network[0].psi.bias.item() == 2
    assert network[1].place.weight.std().item() < wide / 3
    assert torch.equal(network[2].weight, others)


def test_no_hidden_channel_begins_dead() -> None:
    """A ReLU that is zero for every image stays so, and with it the weight of every channel."""
    for seed in range(20):
        torch.manual_seed(seed)
        layer = SqueezeExcite(16)
        layer(torch.randn(2, 16, 8, 8)).square().sum().backward()
        assert layer.squeeze.weight.grad.abs().min() > 0
