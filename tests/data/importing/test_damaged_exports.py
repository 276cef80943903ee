"""Exports with flipped, cut, doubled and foreign bytes and values: only our own errors come out, and soon."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.importing import colored, cvat, label_studio, labelme, labelme_xml, voc
from pixelwise.errors import DataError
from tests.data.importing.exports import WRITERS, make_scenes, write

FORMATS = {module.FORMAT.name: module.FORMAT for module in (colored, cvat, label_studio, labelme, labelme_xml, voc)}
ODD = [None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**30, "", "x", "\ud800", "../../a", [], {}, [[]], [1, 2], {"a": 1}]
TEXTS = [b"-1", b"nan", b"1e999", b"99999999999999999999", b"", b"\xff", b"\x00", b"&x;", b"<", b">", b'"', b"..", b"/", b"0"]


def damaged_bytes(data, rng):
    """A few changes: a bit, a cut, a part doubled or lost, a number or a sign replaced."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, max(len(data), 1)))
        kind = int(rng.integers(0, 5))
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 40))]
        elif kind == 2:
            data[at:at] = data[at : at + int(rng.integers(1, 60))]
        elif kind == 3:
            numbers = [found.span() for found in re.finditer(rb"-?\d+(\.\d+)?", bytes(data))]
            if numbers:
                begin, end = numbers[int(rng.integers(len(numbers)))]
                data[begin:end] = TEXTS[int(rng.integers(len(TEXTS)))]
        elif rng.random() < 0.2:
            del data[at:]
    return bytes(data)


def damaged_json(data, rng):
    """One value somewhere in the tree replaced, doubled or lost."""
    content = json.loads(data)
    places = []

    def collect(value):
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            places.append((value, key))
            collect(inner)

    collect(content)
    holder, key = places[int(rng.integers(len(places)))]
    if rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = ODD[int(rng.integers(len(ODD)))]
    return json.dumps(content).encode()


def damage_one(root, rng):
    """Changes one file of the export; returns what it was."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    # texts more often than images, for these have been tried elsewhere
    texts = [path for path in files if path.suffix != ".png"]
    path = (
        (texts or files)[int(rng.integers(len(texts or files)))] if rng.random() < 0.8 else files[int(rng.integers(len(files)))]
    )
    before = path.read_bytes()
    is_tree = path.suffix == ".json" and rng.random() < 0.6
    path.write_bytes(damaged_json(before, rng) if is_tree else damaged_bytes(before, rng))
    return path, before


def read_all(found, root):
    """Reads and paints everything; what is refused, is refused by us."""
    outcome = {"read": 0, "refused": 0}
    try:
        found.matches(root)
        annotations = found.read(root)
    except DataError:
        return {"read": 0, "refused": 1}
    for item in annotations.items:
        try:
            painted = item.paint()
            pixels = None if isinstance(item.image, Path) else item.image()
        except DataError:
            outcome["refused"] += 1
            continue
        assert painted.ids.ndim == 2
        assert painted.ids.dtype in (np.uint8, np.uint16)
        assert pixels is None or pixels.size
        outcome["read"] += 1
    for text in (*annotations.decisions, *annotations.faults, *(str(row["name"]) for row in annotations.classes)):
        assert text.encode()
    return outcome


@pytest.mark.parametrize("writer", WRITERS)
def test_damage_gives_our_errors_only(writer, tmp_path):
    rng = np.random.default_rng(sum(map(ord, writer)))
    root = write(writer, tmp_path / "export", make_scenes(1, seed=1))
    found = FORMATS[WRITERS[writer][0]]
    total = {"read": 0, "refused": 0}
    for _ in range(12):
        path, before = damage_one(root, rng)
        for kind, count in read_all(found, root).items():
            total[kind] += count
        path.write_bytes(before)
    assert min(total.values()) > 0, total  # damage that is never seen, or always, would try nothing
