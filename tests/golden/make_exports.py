"""Asks the annotation tools' own packages to write and read small annotations, and keeps all of it in ``exports.json``.

    python tests/golden/make_exports.py

Needs label-studio-sdk, datumaro and labelme from the package index, best in an environment of their own; the tests need none
of them. Datumaro writes whole exports (VOC, LabelMe XML, CVAT) of masks that this script makes; Label Studio's SDK packs and
unpacks brush masks, and turns rectangles; labelme draws shapes. Arrays are kept as rows of letters, or compressed in base64.
"""

import base64
import importlib.metadata
import importlib.util
import json
import sys
import tempfile
import types
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SIZE = (12, 16)
NAMES = ("background", "cell", "debris")


def main() -> None:
    packages = {name: importlib.metadata.version(name) for name in ("label-studio-sdk", "datumaro", "labelme")}
    kept = {"packages": packages, "brush": brushes(), "rectangles": rectangles(), "labelme": shapes(), "datumaro": exports()}
    (HERE / "exports.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def letters(array: np.ndarray) -> list[str]:
    return ["".join(str(int(value)) for value in row) for row in array]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def packed_text(array: np.ndarray) -> str:
    return text(zlib.compress(array.tobytes(), 9))


def brushes() -> list[dict]:
    """Masks as Label Studio packs them, and what its SDK reads from that. Soft edges, noise, long runs, three run sizes."""
    from label_studio_sdk.converter import brush

    rng = np.random.default_rng(5)
    y, x = np.mgrid[:40, :31]
    soft = np.clip(300 - 20 * np.hypot(y - 18, x - 14), 0, 255).astype(np.uint8)
    noise = rng.integers(0, 256, (9, 11)).astype(np.uint8)
    masks = {"soft disc": soft, "noise": noise, "empty": np.zeros((5, 7), np.uint8), "full": np.full((130, 140), 255, np.uint8)}
    masks["one pixel"] = np.full((1, 1), 255, np.uint8)
    found = []
    for name, mask in masks.items():
        packed = brush.mask2rle(mask)
        alpha = brush.decode_rle(packed).reshape(*mask.shape, 4)[..., 3]
        found.append({"name": name, "size": list(mask.shape), "rle": text(bytes(packed)), "alpha": packed_text(alpha)})
    colors = rng.integers(0, 256, (6, 5, 4)).astype(np.uint8)  # four channels that differ: values that are not repeated
    packed = brush.encode_rle(colors.reshape(-1))
    alpha = brush.decode_rle(packed).reshape(colors.shape)[..., 3]
    found.append({"name": "four channels", "size": [6, 5], "rle": text(bytes(packed)), "alpha": packed_text(alpha)})
    return found


def rectangles() -> list[dict]:
    """Corners of turned rectangles in pixels, clockwise from the one that was the upper left."""
    from label_studio_sdk.converter.utils import convert_annotation_to_yolo_obb

    found = []
    for value in ((20, 30, 40, 10, 0), (50, 20, 25, 30, 35), (60, 60, 20, 20, 300.5), (10, 10, 30, 5, 90)):
        fields = dict(zip(("x", "y", "width", "height", "rotation"), value, strict=True))
        label = fields | {"original_width": 80, "original_height": 50}
        corners = convert_annotation_to_yolo_obb(label, normalize=False)
        found.append({"value": fields, "size": [50, 80], "corners": [list(map(float, corner)) for corner in corners]})
    return found


def shapes() -> list[dict]:
    """What labelme draws for each type of shape, over each other, in the order of the list."""
    spec = importlib.util.find_spec("labelme")
    path = Path(next(iter(spec.submodule_search_locations))) / "utils" / "shape.py"
    # the package itself starts its models when it is imported; its file that draws needs only the name of a type
    sys.modules["labelme"] = types.ModuleType("labelme")
    sys.modules["labelme._label_file"] = types.ModuleType("labelme._label_file")
    sys.modules["labelme._label_file"].ShapeDict = dict
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("shape", path))
    module.__spec__.loader.exec_module(module)
    crop = np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 0, 0]], np.uint8)
    drawn = [
        ("polygon", [[3.2, 4.1], [30.7, 6.3], [25.1, 28.9], [8.4, 22.2]], None),
        ("rectangle", [[40.5, 5.5], [55.0, 20.2]], None),
        ("circle", [[45.3, 40.8], [45.3, 52.1]], None),
        ("line", [[5.0, 45.0], [25.0, 60.0]], None),
        ("linestrip", [[10.0, 70.0], [30.0, 72.0], [35.0, 64.0]], None),
        ("mask", [[60, 30], [63, 32]], crop),
        ("oriented_rectangle", [[60.0, 50.0], [72.0, 56.0], [68.0, 64.0], [56.0, 58.0]], None),
    ]
    found = []
    for kind, points, mask in drawn:
        shape = {"label": "x", "points": points, "shape_type": kind, "mask": mask}
        classes, _ = module.shapes_to_label((80, 80), [shape], {"x": 1})
        kept = {"shape_type": kind, "points": points} | ({} if mask is None else {"mask": mask.tolist()})
        found.append({"shape": kept, "size": [80, 80], "pixels": packed_text(np.packbits(classes.astype(bool)))})
    return found


def exports() -> dict:
    """Two images with masks of objects, a hole and a part inside it, written by Datumaro in three formats."""
    import datumaro
    from datumaro.components.annotation import Mask
    from datumaro.components.media import Image

    first, second = np.zeros(SIZE, int), np.zeros(SIZE, int)
    first[2:9, 3:9] = 1
    first[4:6, 5:7] = 0
    first[4, 5] = 2
    first[8:11, 10:15] = 3
    second[0, :] = 1
    second[5:, 14:] = 2
    classes = (0, 1, 2, 1)
    items = []
    for name, split, numbers in (("a b", "train", first), ("c", "val", second)):
        masks = [Mask(numbers == at, label=classes[at], id=at, group=at, z_order=0) for at in range(1, int(numbers.max()) + 1)]
        picture = Image.from_numpy(np.full((*SIZE, 3), 90, np.uint8))
        items.append(datumaro.DatasetItem(name, subset=split, media=picture, annotations=masks))
    dataset = datumaro.Dataset.from_iterable(items, categories=list(NAMES))
    found = {}
    for ours, theirs in (("voc", "voc_segmentation"), ("labelme-xml", "label_me"), ("cvat", "cvat")):
        with tempfile.TemporaryDirectory() as folder:
            dataset.export(folder, theirs, save_media=True)
            paths = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
            found[ours] = {path.relative_to(folder).as_posix(): text(path.read_bytes()) for path in paths}
    expected = {
        name: {"split": split, "instances": letters(numbers), "ids": letters(np.array(classes)[numbers])}
        for name, split, numbers in (("a b", "train", first), ("c", "val", second))
    }
    return {"files": found, "expected": expected, "names": list(NAMES)}


if __name__ == "__main__":
    main()
