"""``pixelwise list`` and ``pixelwise show``: what they say, draw and refuse."""

import importlib.util
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from pixelwise.models.catalog import ARCHITECTURES
from pixelwise.verbs.showing import shown, write_picture
from tests.cli.sets import pixelwise
from tests.cli.test_refusals import refused
from tests.plan.test_lazy_imports import HEAVY, loaded_by
from tests.plan.tree import ROOT

SMALL = ("--encoder", "test_resnet", "--size", "64x96")


def test_the_list_names_every_architecture_and_its_size():
    said = pixelwise("list", "--json")
    assert said.status == 0, said.err
    rows = {row["name"]: row for row in said.json["architectures"]}
    assert list(rows) == list(ARCHITECTURES)
    for name, row in ARCHITECTURES.items():
        assert (rows[name]["public"], rows[name]["paper"]) == (row.public, row.paper)
        assert name in said.err
    assert said.next == ["show", next(iter(ARCHITECTURES))]


def test_the_list_waits_for_nothing_heavy():
    program = "import sys; from pixelwise.cli import main; main(['list'])"
    assert loaded_by(program) & HEAVY == set()


def test_parameters_in_the_list_are_those_of_the_networks():
    path = ROOT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert json.loads(module.SIZES.read_text()) == json.loads(module.sizes()), "older than the code; cure: make docs"


def test_encoders_are_listed_by_pattern():
    said = pixelwise("list", "--encoders", "resnet1*", "--json")
    assert "resnet18" in said.json["encoders"]
    assert all(name.startswith("resnet1") for name in said.json["encoders"])
    assert "\nresnet18\n" in said.err
    assert said.next[:3] == ["show", "unet", "--encoder"]
    assert "no encoder is named 'resnet43'; did you mean 'resnet34'" in refused("list", "--encoders", "resnet43")


def test_a_network_is_shown_with_totals():
    said = pixelwise("show", "unet", *SMALL, "--classes", "5")
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert any("level 1" in line and "7" in line for line in lines)
    total = next(line for line in lines if "whole network" in line)
    assert "2,299,237" in total
    assert "5 × 64 × 96" in total
    assert "stride 1; each sees" in said.out
    assert said.next == ["train", "DATA", "--model", "unet", "--encoder", "test_resnet"]


def test_what_programs_read_has_every_part():
    said = pixelwise("show", "pspnet", *SMALL, "--json", "--set", "model.options.width=64")
    data = said.json
    assert data["logits"] == [2, 64, 96]
    assert sum(part["parameters"] for part in data["parts"]) == data["parameters"]
    bottleneck = next(part for part in data["parts"] if part["name"] == "decoder.bottleneck")
    assert bottleneck["shape"] == [64, 8, 12]
    assert bottleneck["receptive_field"] == [None, None]
    assert "serve training alone" in said.err


def test_parts_of_parts_are_shown_on_request():
    plain, deep = (pixelwise("show", "unet", *SMALL, "--json", "--depth", depth).json["parts"] for depth in ("1", "2"))
    assert {part["depth"] for part in plain} == {1}
    assert {part["depth"] for part in deep} == {1, 2}


@pytest.mark.parametrize("name", ["unet", "pspnet"])
def test_a_diagram_is_drawn(name, tmp_path):
    said = pixelwise("show", name, *SMALL, "--out", tmp_path / "drawn.png")
    assert said.status == 0, said.err
    assert str(tmp_path / "drawn.png") in said.out
    taken_apart = shown(name, (64, 96), "test_resnet", fields=False)
    for kind in ("svg", "html"):
        write_picture(tmp_path / f"drawn.{kind}", taken_apart, name, "pixelwise show")
    pixels = np.asarray(Image.open(tmp_path / "drawn.png").convert("L"))
    assert min(pixels.shape) > 300
    assert 0.02 < (pixels < 200).mean() < 0.6
    texts = [node.text for node in ElementTree.parse(tmp_path / "drawn.svg").iter() if node.tag.endswith("text")]
    assert {"image", "level 5", "logits"} <= set(texts)
    page = (tmp_path / "drawn.html").read_text(encoding="utf-8")
    assert "whole network" in page
    assert "currentColor" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    "words, says",
    [
        (["unett"], "unknown model 'unett'; did you mean 'unet'"),
        (["unet", "--size", "256"], "size must be 2 positive whole numbers"),
        (["unet", "--size", "0x64"], "size must be HEIGHTxWIDTH in pixels, such as 256x320, got '0x64'"),
        (["unet", "--size", "big"], "size must be HEIGHTxWIDTH"),
        (["unet", "--encoder", "resnet43"], "unknown encoder 'resnet43'; did you mean"),
        (["unet", "--set", "model.options.widht=3"], "unet has no option 'widht'; did you mean 'width"),
        (["unet", "--set", "optim.lr=3"], "show takes settings of the model"),
        (["unet", "--set", "width"], "show takes settings of the model"),
        (["unet", "--out", "picture.pdf"], r"--out must end in .png, .svg, .html, got 'picture.pdf'"),
    ],
)
def test_mistakes_end_in_one_sentence(words, says):
    given = words if "--size" in words else [*words, "--size", "64x64"]
    given = given if "--encoder" in given else [*given, "--encoder", "test_resnet"]
    assert says in refused("show", *given)


def test_no_classes_are_refused_as_wrong_usage():
    assert pixelwise("show", "unet", "--classes", "0").status == 2
