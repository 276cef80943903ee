"""Sets of masks and of classified images, damaged at random: only errors of ours come out, and quickly.

``PIXELWISE_FUZZ_SECONDS`` makes it go on for that long per set; the seed of a failure is in its message.
"""

import json
import os
import pickle
import random
import time
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.importing import (
    ade20k,
    ade20k_challenge,
    camvid,
    cityscapes,
    hugging_face,
    kitti,
    mapillary,
    mots,
    nnunet,
    synthia,
    volumes,
)
from pixelwise.data.importing.classified import read_classified
from pixelwise.errors import DataError
from pixelwise.formats.cifar import encode_cifar
from tests.data.importing import (
    test_ade20k,
    test_ade20k_challenge,
    test_camvid,
    test_cityscapes,
    test_classified,
    test_hugging_face,
    test_kitti,
    test_mapillary,
    test_mots,
    test_nnunet,
    test_synthia,
    test_volumes,
)
from tests.data.importing.mask_sets import photo, save

ROUNDS = 12
SECONDS = float(os.environ.get("PIXELWISE_FUZZ_SECONDS", 0))
NASTY = [None, True, -1, 0, 1 << 70, 1e308, float("nan"), "", "x" * 3000, "../../x", "\0", "\ud800", [], {}, [[]], [1, "2"]]
PIECES = [b"", b"\0", b"\xff" * 9, b"-1", b"9" * 21, b"../x", b"nan", b"\n", b'"', b",,,,", b"\xef\xbb\xbf", b"\r", b"1e9"]
PHOTOS = ("leftImg8bit", "image_2", "RGB")


def make_synthia(root):
    photo(root / "RGB/0.png")
    save(root / "GT/0.png", test_synthia.colored(test_synthia.ROAD, test_synthia.CAR))
    (root / "label_colors.txt").write_text("128 64 128 road\n64 0 128 car\n")


def make_synthia_labels(root):
    photo(root / "RGB/0.png")
    test_synthia.save_labels(root / "GT/LABELS/0.png", [3, 8, 8, 22], [0, 300, 7, 0])


def make_camvid(root):
    test_camvid.make(root)
    (root / "train.txt").write_text('"/data/train/a b.png" "/data/trainannot/a b.png"\n')
    (root / "class_dict.csv").write_text("name,r,g,b\nroad,128,64,128\nsky,128,128,128\nvoid,0,0,0\n")


def make_challenge(root):
    test_ade20k_challenge.make(root)
    (root / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.1\t10\t2\t1\twall, brick\n")
    (root / "sceneCategories.txt").write_text("ADE_train_00000001 street\n")


def make_nnunet(root):
    test_nnunet.make(root, labels={"background": 0, "whole": [1, 2], "core": 2})
    test_nnunet.add_channels(root, 3)


def make_volumes(root):
    (root / "a.nii").write_bytes(test_volumes.nifti((3, 4, 5)))


def make_hub(root):
    pytest.importorskip("pyarrow")
    test_hugging_face.write_hub(root, {"train": test_hugging_face.pairs(2)})
    (root / "id2label.json").write_text('{"0": "sky", "1": "road", "2": "car"}')


def make_disk(root):
    pytest.importorskip("pyarrow")
    test_hugging_face.write_disk(root, {"train": test_hugging_face.pairs(2)})


MASK_SETS = {
    "cityscapes": (cityscapes, lambda root: test_cityscapes.make(root, ("instanceIds", "labelIds"))),
    "camvid": (camvid, make_camvid),
    "kitti": (kitti, test_kitti.make),
    "mots": (mots, lambda root: test_mots.make(root, (0, 1001, 3002), ["a", "b", "c"])),
    "mapillary": (mapillary, test_mapillary.make),
    "synthia": (synthia, make_synthia),
    "synthia labels": (synthia, make_synthia_labels),
    "ade20k text": (ade20k, test_ade20k.make_text),
    "ade20k json": (ade20k, test_ade20k.make_json),
    "ade20k challenge": (ade20k_challenge, make_challenge),
    "nnunet": (nnunet, make_nnunet),
    "volumes": (volumes, make_volumes),
    "parquet": (hugging_face, make_hub),
    "arrow": (hugging_face, make_disk),
}


def make_mnist(root):
    test_classified.write_mnist(root, test_classified.pixels(3), np.array([1, 2, 1], np.uint8), "emnist-x-")
    (root / "emnist-x-mapping.txt").write_text("1 65\n2 66\n")


def make_plain_mnist(root):
    test_classified.write_mnist(root, test_classified.pixels(3), np.array([1, 2, 1], np.uint8), pack=False)


def make_cifar(root):
    for name in ("train.bin", "test.bin"):
        (root / name).write_bytes(encode_cifar(np.array([[1, 99], [2, 0]], np.uint8), test_classified.pixels(2, (32, 32, 3))))
    (root / "fine_label_names.txt").write_text("\n".join(map(str, range(100))))


def make_rows(root):
    (root / "mnist_train.csv").write_text("\n".join(",".join(["5", *["7"] * 64]) for _ in range(3)))


def make_lists(root):
    photo(root / "images/a.jpg")
    (root / "train.txt").write_text("a.jpg 0\n")
    (root / "synsets.txt").write_text("cat\ndog\n")


def make_columns(root):
    photo(root / "train/a.jpg")
    (root / "train/_classes.csv").write_text("filename, cat, dog\na.jpg, 0, 1\n")


def make_tiny_imagenet(root):
    for name in ("train/n01/images/a.JPEG", "train/n02/images/b.JPEG", "val/images/c.JPEG"):
        photo(root / name)
    (root / "val/val_annotations.txt").write_text("c.JPEG\tn02\t0\t0\t3\t3\n")


CLASSIFIED_SETS = (make_mnist, make_plain_mnist, make_cifar, make_rows, make_lists, make_columns, make_tiny_imagenet)


def damaged(data: bytes, name: str, rng: random.Random) -> bytes:
    if name.endswith(".json") and rng.random() < 0.7:
        value = json.loads(data)
        return json.dumps(damaged_value(value, rng)).encode("utf-8", "surrogatepass")
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at, length = rng.randrange(len(changed) + 1), rng.choice([1, 1, 4, 30])
        kind = rng.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + length] = rng.choice(PIECES)
        elif kind == 2:
            changed[at:] = b"" if rng.random() < 0.5 else rng.randbytes(length)
        elif kind == 3:
            changed[at:at] = rng.choice(PIECES) * rng.choice([1, 1, 500])
        else:
            changed[at : at + length] = rng.randbytes(min(length, len(changed) - at))
    return bytes(changed)


def damaged_value(value, rng: random.Random):
    """The same JSON with one value, somewhere, replaced or taken away."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        changed = value.copy()
        if rng.random() < 0.1:
            del changed[key]
        else:
            changed[key] = damaged_value(changed[key], rng)
        return changed
    return rng.choice(NASTY)


def read_all(module, root: Path) -> None:
    """What an import does with a set: tells the format, reads it, and asks for every mask and every image."""
    module.FORMAT.matches(root)
    annotations = module.FORMAT.read(root)
    pickle.dumps(annotations.items)
    json.dumps(list(annotations.classes)).encode()
    for item in annotations.items:
        try:
            painted = item.paint()
            assert painted.ids.ndim == 2
            assert painted.instances is None or painted.instances.shape == painted.ids.shape
            if callable(item.image):
                assert item.image().ndim in (2, 3)
        except DataError:
            continue


def read_all_classified(root: Path) -> None:
    found = read_classified(root)
    for item in found.items:
        assert item.class_index is None or 0 <= item.class_index < len(found.class_names)
        if callable(item.image):
            try:
                assert item.image().dtype == np.uint8
            except DataError:
                continue


def damage_and_read(make, read, root: Path) -> int:
    """Damages one file after the other, and puts each back; gives how often."""
    root.mkdir()
    make(root)
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".jpg"]
    files = [path for path in files if not any(folder in path.parts for folder in PHOTOS)]
    whole = {path: path.read_bytes() for path in files}
    end, round_number = time.monotonic() + SECONDS, 0
    while round_number < ROUNDS or time.monotonic() < end:
        rng = random.Random(round_number)
        path = rng.choice(files)
        path.write_bytes(damaged(whole[path], path.name, rng))
        try:
            read(root)
        except DataError as error:
            assert str(error)  # noqa: PT017 - any of ours will do
        except Exception as error:
            raise AssertionError(f"round {round_number}, {path.relative_to(root)}: {type(error).__name__} {error}") from error
        path.write_bytes(whole[path])
        round_number += 1
    return round_number


@pytest.mark.parametrize("name", MASK_SETS)
def test_a_damaged_set_of_masks_gives_errors_of_ours_alone(name, tmp_path):
    module, make = MASK_SETS[name]
    rounds = damage_and_read(make, lambda root: read_all(module, root), tmp_path / "set")
    print(f"{name}: {rounds} rounds")


@pytest.mark.parametrize("make", CLASSIFIED_SETS, ids=lambda make: make.__name__)
def test_a_damaged_set_of_classified_images_gives_errors_of_ours_alone(make, tmp_path):
    rounds = damage_and_read(make, read_all_classified, tmp_path / "set")
    print(f"{make.__name__}: {rounds} rounds")
