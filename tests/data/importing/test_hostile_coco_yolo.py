"""Damaged and hostile COCO and YOLO files: whatever is in them, only our errors come out, and soon.

Some hundred mutations run with every test; for more, run this file with PIXELWISE_FUZZ_SECONDS set, per format.
"""

import copy
import json
import os
import time

import numpy as np
import pytest
import yaml

from pixelwise.data.importing import coco, yolo
from pixelwise.errors import DataError
from pixelwise.formats import rle
from pixelwise.formats.image import write_image
from pixelwise.formats.panoptic_png import write_segments

SIZE = (9, 14)
SECONDS = float(os.environ.get("PIXELWISE_FUZZ_SECONDS", 0))
SEED = time.time_ns() % 1_000_000 if SECONDS else 0
ROUNDS = 60
SLOWEST = 5.0  # seconds for one case, on a busy machine
ODD = [
    *(None, True, False, -1, 0, 1, 255, 65536, 2**31, 2**63, 2**70, -(2**70), 0.5, -1e9, 1e308, float("nan"), float("inf")),
    *("", "a", "../../b.png", "/etc/passwd", "C:\\b.png", "a\0b", "\ud800", "x" * 3000, "0", "ooooooooooooooooooo0", "P" * 50),
    *([], {}, [[]], [None], [[1, 2]], [[1, 2, 3, 4, 5, 6]] * 40, [1e7, -1e7] * 50, {"size": [9, 14], "counts": "~"}),
    *({"size": [9, 14], "counts": [2**40, -(2**40), 126]}, {"size": [1 << 15, 1 << 15], "counts": [0, 1 << 30]}, [{}] * 3),
    *({"size": [2**70, 1], "counts": [1]}, {"size": [9, 14], "counts": [True, 125]}, {"size": None, "counts": ""}, [[[[[[]]]]]]),
]


def mutate_value(value, rng):
    """The same with one part replaced, removed, doubled or swapped with another."""
    parts = []

    def walk(node, way):
        keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            parts.append((node, key))
            walk(node[key], (*way, key))

    value = copy.deepcopy(value)
    walk(value, ())
    for _ in range(int(rng.integers(1, 4))):
        node, key = parts[rng.integers(len(parts))]
        other, other_key = parts[rng.integers(len(parts))]
        with_luck = rng.integers(4)
        try:
            if with_luck == 0:
                del node[key]
            elif with_luck == 1:
                node[key] = copy.deepcopy(other[other_key])
            elif with_luck == 2 and isinstance(node, list):
                node += node[-3:]
            else:
                node[key] = copy.deepcopy(ODD[rng.integers(len(ODD))])
        except (KeyError, IndexError):
            continue  # changed away by the step before
    return value


def mutate_bytes(data, rng):
    """The same with bytes flipped, cut out, repeated or put in."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(data) + 1))
        length = int(rng.integers(1, 9))
        kind = rng.integers(4)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + 4 * length] * int(rng.integers(1, 4))
        else:
            data[at:at] = bytes(rng.integers(0, 256, length).tolist())
    return bytes(data)


def coco_content():
    mask = np.random.default_rng(0).random((2, *SIZE)) < 0.4
    plain, packed = rle.encode(mask)
    shapes = [[[1, 1, 6, 1, 6, 5, 1, 5], [7.5, 2, 12, 2, 9, 8]], {"size": list(SIZE), "counts": plain.counts.tolist()}]
    shapes += [rle.to_coco(packed), []]
    rows = [
        {"id": at, "image_id": 5, "category_id": at % 2, "segmentation": shape, "bbox": [1, 2, 3, 4], "iscrowd": int(at == 2)}
        for at, shape in enumerate(shapes)
    ]
    return {
        "images": [{"id": 5, "file_name": "a.png", "height": SIZE[0], "width": SIZE[1]}, {"id": 6, "file_name": "b.png"}],
        "annotations": rows,
        "categories": [{"id": 0, "name": "cat", "supercategory": "none"}, {"id": 1, "name": "dog", "supercategory": "cat"}],
    }


def panoptic_content():
    info = [{"id": 1, "category_id": 3, "iscrowd": 0}, {"id": 300, "category_id": 4, "iscrowd": 0}]
    return {
        "images": [{"id": 5, "file_name": "a.png", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [{"image_id": 5, "file_name": "a.png", "segments_info": info}],
        "categories": [{"id": 3, "name": "sky", "isthing": 0, "color": [1, 2, 3]}, {"id": 4, "name": "cat", "isthing": 1}],
    }


def read_all(module, root):
    """Reads and paints everything; what comes out must be consistent, or our error."""
    began = time.perf_counter()
    try:
        module.matches(root)
        found = module.read(root)
        ids = {row["id"] for row in found.classes}
        "".join([*found.decisions, *found.faults, *(item.key for item in found.items)]).encode("utf-8")
        for item in found.items:
            try:
                painted = item.paint()
            except DataError as error:
                str(error).encode("utf-8")  # every sentence can be printed
                continue
            assert painted.ids.shape == SIZE
            assert set(np.unique(painted.ids).tolist()) <= ids
    except DataError as error:
        str(error).encode("utf-8")
    assert time.perf_counter() - began < SLOWEST


def rounds():
    """As many as asked for, or for as long as asked for."""
    if not SECONDS:
        yield from range(ROUNDS)
        return
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        yield number
        number += 1
    print(f"{number:,} mutations, seed {SEED}")


@pytest.fixture
def root(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / "images").mkdir(exist_ok=True)
        write_image(tmp_path / "images" / name, np.zeros((*SIZE, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("kind", ["instances", "panoptic"])
@pytest.mark.parametrize("by", ["values", "bytes"])
def test_coco(root, kind, by):
    content = coco_content() if kind == "instances" else panoptic_content()
    path = root / "annotations" / f"{kind}_val.json"
    folder = path.with_suffix("")
    (folder if kind == "panoptic" else path.parent).mkdir(parents=True)
    if kind == "panoptic":
        numbers = np.zeros(SIZE, np.uint32)
        numbers[:4], numbers[4:6] = 1, 300
        write_segments(folder / "a.png", numbers)
    png = (folder / "a.png").read_bytes() if kind == "panoptic" else b""
    whole = json.dumps(content).encode()
    path.write_bytes(whole)
    assert len(coco.read(root).items) == (2 if kind == "instances" else 1)
    rng = np.random.default_rng(SEED)
    for _ in rounds():
        if by == "values":
            path.write_text(json.dumps(mutate_value(content, rng)))
        elif png and rng.random() < 0.5:
            path.write_bytes(whole)
            (folder / "a.png").write_bytes(mutate_bytes(png, rng))
        else:
            path.write_bytes(mutate_bytes(whole, rng))
        read_all(coco, root)


@pytest.mark.parametrize("by", ["values", "bytes"])
def test_yolo(root, by):
    content = {"path": ".", "train": "images", "val": ["images/b.png"], "names": {0: "cat", 1: "dog"}, "nc": 2}
    label = b"0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n1 0.5 0.5 0.2 0.3\n1 0 0 1 0 0.5 1\n"
    (root / "labels").mkdir()
    (root / "data.yaml").write_text(yaml.safe_dump(content))
    (root / "labels" / "a.txt").write_bytes(label)
    assert len(yolo.read(root).items) == 2
    whole = (root / "data.yaml").read_bytes()
    rng = np.random.default_rng(SEED)
    for _ in rounds():
        if by == "values":
            (root / "data.yaml").write_text(yaml.safe_dump(mutate_value(content, rng)))
        else:
            (root / "data.yaml").write_bytes(mutate_bytes(whole, rng) if rng.random() < 0.5 else whole)
        (root / "labels" / "a.txt").write_bytes(mutate_bytes(label, rng))
        read_all(yolo, root)
