"""What is saved comes back, bit for bit; what is damaged or foreign is refused; a failed write loses nothing."""

import errno

import pytest
import torch

from pixelwise.config import OptimConfig
from pixelwise.engine import checkpoint
from pixelwise.engine.checkpoint import (
    load_model_into,
    read_spec,
    read_state,
    resume_into,
    save_for_resume,
    save_model,
    write_spec,
)
from pixelwise.engine.ema import Average
from pixelwise.engine.optim import optimizer
from pixelwise.errors import CheckpointError, StorageError
from tests.engine.make import TinyNet, make_batch, make_task


def make_state(name="adamw", channels_last=True, steps=2):
    """A model, its average and its optimiser after some steps."""
    torch.manual_seed(steps)
    model = TinyNet().to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    average, made = Average(model, 0.9), optimizer(model, OptimConfig(name=name), 0.5)
    for step in range(steps):
        sum(make_task().loss(model, make_batch(step)).values()).backward()
        made.step()
        made.zero_grad()
        average.update(model, step)
    return model, average.model, made


def assert_same(one, two):
    for ours, theirs in zip(one[:2], two[:2], strict=True):
        for (name, a), (_, b) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
            assert torch.equal(a, b), name
    for a, b in zip(one[0].parameters(), two[0].parameters(), strict=True):
        left, right = one[2].state[a], two[2].state[b]
        assert left.keys() == right.keys()
        for slot in left:
            assert torch.equal(left[slot], right[slot]), slot
            assert left[slot].stride() == right[slot].stride(), slot


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_model_average_and_optimiser_come_back_as_they_were(tmp_path, name, channels_last):
    saved, other = make_state(name, channels_last), make_state(name, channels_last, steps=0)
    save_for_resume(tmp_path, *saved, {"step": 2, "best": float("-inf")})
    assert resume_into(tmp_path, *other) == {"step": 2, "best": float("-inf")}
    assert_same(saved, other)
    assert read_state(tmp_path)["step"] == 2


def test_a_checkpoint_of_a_first_step_has_no_optimiser_state(tmp_path):
    saved, other = make_state(steps=0), make_state(steps=0)
    save_for_resume(tmp_path, *saved, {})
    resume_into(tmp_path, *other)
    assert_same(saved, other)


def test_tensors_that_share_memory_can_be_saved(tmp_path):
    model, _, made = make_state()
    save_for_resume(tmp_path, model, model, made, {})
    assert read_state(tmp_path) == {}


def test_the_model_file_comes_back_with_its_facts(tmp_path):
    model, other = make_state()[0], TinyNet()
    save_model(tmp_path, model, {"step": 7})
    assert load_model_into(tmp_path, other) == {"step": 7}
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_the_description_comes_back(tmp_path):
    spec = {"format": "pixelwise-model-1", "mean": [0.1, 0.2], "classes": [{"name": "straße"}]}
    write_spec(tmp_path, spec)
    assert read_spec(tmp_path) == spec


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    save_model(tmp_path, TinyNet(), {})
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(
        {"cut": content[: len(content) // 2], "flipped": content[:8] + b"\xff" * 9 + content[17:], "empty": b""}[damage]
    )
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged .*; finish or resume its training first"):
        load_model_into(tmp_path, TinyNet())


def test_another_network_is_refused_with_the_reason(tmp_path):
    save_model(tmp_path, TinyNet(channels=3), {})
    with pytest.raises(CheckpointError, match=r"does not fit the network that model\.json describes: .*head\.weight"):
        load_model_into(tmp_path, TinyNet(channels=5))


def test_a_run_without_files_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.safetensors does not exist; finish or resume its training first"):
        load_model_into(tmp_path, TinyNet())
    with pytest.raises(CheckpointError, match="does not exist; there is nothing to resume; start the training anew"):
        read_state(tmp_path)
    with pytest.raises(
        CheckpointError, match=r"holds no model\.json, so it is no run folder; give the one that training printed"
    ):
        read_spec(tmp_path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "cannot read .*model.json"),
        ('{"format": "other-9"}', "its format is 'other-9', not 'pixelwise-model-1'; use the version that wrote it"),
        ("[]", "is not a model description"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_spec(tmp_path)


def test_a_full_disk_leaves_the_old_files_whole(tmp_path, monkeypatch):
    old = make_state(steps=1)
    save_model(tmp_path, old[0], {"step": 1})
    save_for_resume(tmp_path, *old, {"step": 1})
    real = checkpoint.save_file

    def full(tensors, path, metadata):
        real(tensors, path, metadata)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(StorageError, match=r"disk full while writing .*free space and run again"):
        save_model(tmp_path, make_state()[0], {"step": 2})
    with pytest.raises(StorageError, match="disk full"):
        save_for_resume(tmp_path, *make_state(), {"step": 2})
    other = make_state(steps=0)
    assert resume_into(tmp_path, *other) == {"step": 1}
    assert_same(old, other)
    assert load_model_into(tmp_path, TinyNet()) == {"step": 1}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["checkpoint.safetensors", "last", "model.safetensors"]
