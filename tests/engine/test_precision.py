"""Precision: what each means, and how one is chosen."""

import pytest
import torch
from torch import nn

from pixelwise.engine import precision
from pixelwise.engine.precision import autocast, choose, for_inference, prepared
from tests.engine.make import CPU, TinyNet, make_batch, make_task


@pytest.mark.parametrize("name, dtype", [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_the_forward_pass_computes_in_the_precision(name, dtype):
    with autocast(CPU, name):
        assert nn.Conv2d(3, 4, 1)(torch.randn(1, 3, 4, 4)).dtype == dtype
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("seconds, chosen", [((1.0, 0.5), "bf16"), ((1.0, 0.95), "fp32"), ((1.0, 3.0), "fp32")])
def test_on_a_cpu_bf16_must_be_a_tenth_faster(monkeypatch, seconds, chosen):
    times = dict(zip(("fp32", "bf16"), seconds, strict=True))
    monkeypatch.setattr(precision, "_step_seconds", lambda model, task, batch, device, name: times[name])
    found, why = choose(TinyNet(), make_task(), make_batch(), CPU)
    assert found == chosen
    assert f"{seconds[0] / seconds[1]:.1f}x" in why


def test_choosing_leaves_the_model_as_it_was():
    model = TinyNet()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found, _ = choose(model, make_task(), make_batch(), CPU)
    assert found in {"fp32", "bf16"}
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_other_devices_train_in_fp32():
    assert choose(TinyNet(), make_task(), make_batch(), torch.device("mps"))[0] == "fp32"
    assert for_inference(torch.device("mps")) == "fp32"


@pytest.mark.parametrize("has_bf16, chosen, infer", [(True, "bf16", "bf16"), (False, "fp16", "fp16")])
def test_a_gpu_without_bf16_takes_fp16(monkeypatch, has_bf16, chosen, infer):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_bf16)
    assert choose(TinyNet(), make_task(), make_batch(), torch.device("cuda"))[0] == chosen
    assert for_inference(torch.device("cuda")) == infer


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_memory_format_is_as_asked_for_and_changes_no_result(channels_last):
    model, images = TinyNet().eval(), torch.randn(1, 3, 8, 8)
    expected = model(images)
    ready = prepared(model, CPU, channels_last)
    assert ready.encoder[0].weight.is_contiguous(memory_format=torch.channels_last) is channels_last
    torch.testing.assert_close(ready(images), expected)
