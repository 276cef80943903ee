"""Signals and volumes: the same U-Net in 1, 2 and 3 dimensions."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from pixelwise.models.create import create
from pixelwise.models.segmenter import Segmenter
from tests.models.make import outputs, randomize_norms

ALL = {
    "attention": "scse",
    "block": "residual",
    "context": "aspp",
    "deep_supervision": True,
    "neck": "lateral",
    "skip": "gated",
}
OPTIONS = {
    "default": {},
    "averages, added": {"encoder_pool": "average", "skip": "add", "attention": "se"},
    "strides, separable": {"encoder_pool": "stride", "encoder_block": "separable", "block": "separable"},
    "blur, all at once": {"encoder_pool": "blur", "encoder_block": "residual", **ALL},
    "pyramid of means": {"context": "ppm"},
    "pyramid of maxima": {"context": "spp"},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
signals_and_volumes = pytest.mark.parametrize("dims", [1, 3], ids=["signals", "volumes"])
SIZES = [(16, 16, 16), (13, 9, 7), (1, 1, 1), (33, 2, 5)]


def network(dims: int, **options: object) -> Segmenter:
    torch.manual_seed(0)
    made = create("unet", "plain", None, 2, 3, {"dims": dims, "encoder_widths": [16, 24, 32], **options})
    return randomize_norms(made).eval()  # type: ignore[return-value]


@signals_and_volumes
@every_option
def test_logits_have_the_size_of_the_input(dims: int, options: dict) -> None:
    model = network(dims, **options)
    with torch.inference_mode():
        for size in SIZES:
            assert model(torch.randn(2, 2, *size[:dims])).shape == (2, 3, *size[:dims])


@signals_and_volumes
@every_option
def test_every_parameter_gets_a_gradient(dims: int, options: dict) -> None:
    model = network(dims, **options).train()
    prediction = model(torch.randn(2, 2, *[16] * dims), auxiliary=True)
    sum(logits.square().mean() for logits in outputs(prediction)).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@signals_and_volumes
@every_option
def test_one_element_trains(dims: int, options: dict) -> None:
    model = network(dims, **options).train()
    model(torch.randn(1, 2, *[1] * dims)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@signals_and_volumes
def test_what_is_saved_and_loaded_gives_the_same_logits(dims: int, tmp_path: Path) -> None:
    model, images = network(dims, **ALL), torch.randn(1, 2, *(13, 9, 7)[:dims])
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    other = create("unet", "plain", None, 2, 3, {"dims": dims, "encoder_widths": [16, 24, 32], **ALL}).eval()
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.inference_mode():
        assert torch.equal(other(images), model(images))


@signals_and_volumes
def test_it_learns_one_batch(dims: int) -> None:
    model = network(dims).train()
    target = torch.zeros(2, *[16] * dims, dtype=torch.long)
    target[0, 3:9], target[1, 6:12] = 1, 2
    images = F.one_hot(target, 3).movedim(-1, 1)[:, 1:] + 0.1 * torch.randn(2, 2, *[16] * dims)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = F.cross_entropy(model(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


@signals_and_volumes
def test_an_exported_network_gives_the_same_logits(dims: int) -> None:
    model, images = network(dims), torch.randn(1, 2, *[8] * dims)
    exported = torch.export.export(model, (images,)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(images), model(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dims", [1, 2], ids=["a signal is a row", "an image is a slice"])
@every_option
def test_what_is_the_same_along_one_more_axis_has_the_same_logits_along_it(dims: int, options: dict) -> None:
    """Kernels whose taps beside the middle of the new axis are zero compute, at every place of that axis, what the network of
    fewer dimensions does."""
    flat, deep = network(dims, **options).double(), network(dims + 1, **options).double()
    deep.load_state_dict({key: _inflated(flat, key, tensor) for key, tensor in deep.state_dict().items()}, strict=True)
    size = (19, 26)[:dims]
    images = torch.randn(2, 2, *size, dtype=torch.float64)
    with torch.inference_mode():
        expected = flat(images, auxiliary=True)
        got = deep(images.unsqueeze(2).expand(2, 2, 11, *size), auxiliary=True)
    for wanted, given in zip(outputs(expected), outputs(got), strict=True):
        assert wanted.std() > 1e-2
        assert (given - wanted.unsqueeze(2)).abs().max() < 1e-9 * wanted.abs().max()


def _inflated(flat: nn.Module, key: str, place: torch.Tensor) -> torch.Tensor:
    """The weight of the same name, in the middle of one more axis before its own."""
    own = flat.state_dict()[key]
    if own.ndim == place.ndim:
        return own
    made = torch.zeros_like(place)
    made[:, :, made.shape[2] // 2] = own
    return made
