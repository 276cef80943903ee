import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import pixelwise as pw
from pixelwise.errors import ConfigError, WeightsError
from pixelwise.models.encoder import encoder
from pixelwise.models.pretrained import from_pretrained
from pixelwise.models.segmenter import Segmenter
from tests.models.make import segmenter


@pytest.fixture
def saved(tmp_path: Path) -> tuple[nn.Module, Path]:
    model = segmenter("unet", in_channels=2, widths=[16, 8], skip="add")
    model.save_pretrained(tmp_path / "net")
    return model, tmp_path / "net"


def test_what_was_saved_comes_back_the_same(saved: tuple[nn.Module, Path]) -> None:
    model, folder = saved
    again = pw.from_pretrained(folder)
    images = torch.randn(1, 2, 40, 56)
    with torch.inference_mode():
        assert torch.equal(again(images), model(images))
    assert not again.training
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]


def test_the_public_name_loads_its_own_architecture_alone(saved: tuple[nn.Module, Path]) -> None:
    assert len(pw.Unet.from_pretrained(saved[1]).state_dict()) == len(saved[0].state_dict())
    with pytest.raises(WeightsError, match=r"is a unet, not a pspnet; load it with pixelwise\.from_pretrained"):
        pw.PSPNet.from_pretrained(saved[1])


def test_a_name_on_the_hub_is_fetched_with_its_revision_and_nothing_but_the_two_files(
    saved: tuple[nn.Module, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def snapshot(name: str, **options: object) -> str:
        asked.update(name=name, **options)
        return str(saved[1])

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert from_pretrained("someone/cells", revision="v2").origin == saved[0].origin
    assert asked == {"name": "someone/cells", "revision": "v2", "allow_patterns": ["model.json", "model.safetensors"]}


def test_a_hub_that_is_silent_ends_in_a_sentence() -> None:
    with pytest.raises(WeightsError, match="someone/cells could not be had from the Hugging Face hub"):
        from_pretrained("someone/cells")


@pytest.mark.parametrize("name", ["cells", "a/b/c", "/nowhere/cells", "./cells"])
def test_what_is_neither_a_folder_nor_a_name_is_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="neither a folder nor a name on the hub"):
        from_pretrained(name)


@pytest.mark.parametrize(
    "text, says",
    [
        (None, "holds no model.json"),
        ("{", "model.json is damaged"),
        ('{"format": "other"}', "its format is 'other', not 'pixelwise-model-1'"),
        ('{"format": "pixelwise-model-1", "model": "unet"}', "describes no network that can be built here: lacks 'encoder'"),
    ],
)
def test_a_description_that_does_not_do_is_refused(saved: tuple[nn.Module, Path], text: str | None, says: str) -> None:
    path = saved[1] / "model.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(WeightsError, match=says):
        from_pretrained(saved[1])


@pytest.mark.parametrize("change", [{"options": {}}, {"encoder": "resnet3"}, {"options": {"skip": "sum"}}, {"channels": 0}])
def test_a_description_of_another_network_is_refused(saved: tuple[nn.Module, Path], change: dict) -> None:
    path = saved[1] / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(WeightsError, match=r"does not hold the network of model.json|describes no network that can be built"):
        from_pretrained(saved[1])


def test_weights_that_are_missing_or_damaged_are_refused(saved: tuple[nn.Module, Path]) -> None:
    weights = saved[1] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="does not hold the network"):
        from_pretrained(saved[1])
    weights.unlink()
    with pytest.raises(WeightsError, match="does not hold the network"):
        from_pretrained(saved[1])
    save_file({"other": torch.zeros(1)}, weights)
    with pytest.raises(WeightsError, match="does not hold the network"):
        from_pretrained(saved[1])


def test_a_network_put_together_by_hand_says_that_it_cannot_be_described(tmp_path: Path) -> None:
    bare = Segmenter(encoder("test_resnet"), nn.Identity(), nn.Identity())
    with pytest.raises(ConfigError, match="put together by hand"):
        bare.save_pretrained(tmp_path)
    assert list(tmp_path.iterdir()) == []
