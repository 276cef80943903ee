"""The table of a network's parts, and its picture, from plain data."""

import io

import pytest
from rich.console import Console

from pixelwise.report.anatomy_table import anatomy_table, catalog_table, short, sight
from pixelwise.report.diagram import diagram, standalone_svg


def part(name, role, shape, reads, field=(7, 7)):
    return {
        "name": name, "role": role, "depth": 1, "shape": shape, "parameters": 12_345, "multiply_adds": 6_789_000,
        "receptive_field": field, "reads": reads,
    }  # fmt: skip


def anatomy(*parts):
    return {
        "size": (64, 64), "in_channels": 3, "parts": parts, "parameters": 24_690, "multiply_adds": 13_578_000,
        "logits": (2, 64, 64), "receptive_field": (None, None),
    }  # fmt: skip


SOME = anatomy(
    part("level 1", "encoder", (8, 32, 32), ("image",)),
    part("level 2", "encoder", (16, 16, 16), ("level 1",)),
    part("decoder.<b>", "decoder", (8, 32, 32), ("level 1", "level 2")),
    part("image_head", "image_head", (2,), ("level 2",), ()),
    part("decoder.weights", "decoder", (), ()),
    part("head", "head", (2, 32, 32), ("decoder.<b>",)),
)


def printed(table, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, _environ={})
    console.print(table)
    return console.file.getvalue()


def test_a_narrow_terminal_loses_columns_and_no_number():
    assert "level 1, level 2" in printed(anatomy_table(SOME), 140)
    narrow = printed(anatomy_table(SOME), 70)
    assert "reads" not in narrow
    assert "24,690" in narrow
    assert "…" not in narrow


@pytest.mark.parametrize(
    "number, text", [(7, "7"), (999, "999"), (1234, "1.23 k"), (28_400_000, "28.4 M"), (152_717 * 10**6, "153 G")]
)
def test_numbers_are_short(number, text):
    assert short(number) == text


def test_fields_in_words():
    assert [sight(field) for field in ((), (7, 7), (3, 5), (None, None), (None, 1234))] == [
        "", "7", "3 × 5", "whole image", "all × 1,234",
    ]  # fmt: skip


def test_an_architecture_that_was_not_counted_has_no_number():
    row = {"name": "new", "public": "New", "task": "semantic", "parameters": None, "paper": "2026"}
    assert " - " in printed(catalog_table([row]), 100)


def test_names_are_text_and_parts_without_a_map_are_left_out():
    svg = standalone_svg(diagram(SOME, "a & b"), "a & b")
    assert "&lt;b&gt;" in svg
    assert "<b>" not in svg
    assert "weights" not in svg
    assert "2 numbers" in svg
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_boxes_are_as_wide_as_channels_and_as_high_as_maps():
    patches = [patch for patch in diagram(SOME).axes[0].patches if hasattr(patch, "get_boxstyle")]
    boxes = [(round(patch.get_width(), 4), round(patch.get_height(), 4)) for patch in patches]
    image, first, second, decoder = boxes[:4]
    assert image[1] > first[1] > second[1]
    assert first == decoder
    assert second[0] > first[0] > image[0]
