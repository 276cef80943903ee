"""Images in the columns of Parquet and Arrow files, against what was written and what ``datasets`` writes."""

import io
import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.importing.hugging_face import FORMAT
from pixelwise.errors import DataError
from pixelwise.types import ClassTable
from tests.data.importing.mask_sets import said

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def pairs(count, seed=0, values=3):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 12, (count, 2)).tolist()
    return [(rng.integers(0, 256, (*size, 3), np.uint8), rng.integers(0, values, size).astype(np.uint8)) for size in sizes]


def table_of(rows, names=("image", "label"), described=True):
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    columns = {name: arrow.array([{"bytes": png(row[at]), "path": None} for row in rows], kind) for at, name in enumerate(names)}
    table = arrow.table(columns | {"caption": arrow.array(["a dog"] * len(rows))})
    features = {name: {"_type": "Image"} for name in names} | {"caption": {"dtype": "string", "_type": "Value"}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}) if described else table


def write_hub(root, splits, **more):
    """As the hub keeps a set: ``data/SPLIT-00000-of-00001.parquet``."""
    (root / "data").mkdir(parents=True)
    for split, rows in splits.items():
        parquet.write_table(table_of(rows, **more), root / f"data/{split}-00000-of-00001.parquet", row_group_size=2)
    return root


def write_disk(root, splits, **more):
    """As ``save_to_disk`` keeps a set: a folder per split, Arrow's stream format."""
    for split, rows in splits.items():
        (root / split).mkdir(parents=True)
        table = table_of(rows, **more)
        with arrow.ipc.new_stream(str(root / split / "data-00000-of-00001.arrow"), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        for name in ("dataset_info.json", "state.json"):
            (root / split / name).write_text("{}")
    return root


def check_same(annotations, splits):
    expected = [(split, pair) for split, rows in splits.items() for pair in rows]
    found = sorted(annotations.items, key=lambda item: ["train", "val", "test"].index(item.split))
    assert len(found) == len(expected)
    for item, (split, (image, mask)) in zip(found, expected, strict=True):
        item = pickle.loads(pickle.dumps(item))
        assert item.split == {"validation": "val"}.get(split, split)
        assert np.array_equal(item.image(), image)
        assert np.array_equal(item.paint().ids, mask)


@pytest.mark.parametrize("write", [write_hub, write_disk])
@pytest.mark.parametrize("described", [True, False], ids=["with a description", "without one"])
def test_what_was_written_comes_back_pixel_for_pixel(write, described, tmp_path):
    splits = {"train": pairs(5, 1), "validation": pairs(2, 2), "test": pairs(1, 3)}
    root = write(tmp_path / "set", splits, described=described)
    assert "columns of images" in FORMAT.matches(root)
    annotations = FORMAT.read(root)
    check_same(annotations, splits)
    assert annotations.faults == ()
    assert ClassTable.from_json(annotations.classes).ids == [0, 1, 2]


def test_what_the_datasets_package_writes_comes_back(tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets, which writes the files of this test, is not installed")
    splits = {"train": pairs(5, 4), "validation": pairs(3, 5)}
    features = datasets.Features({"pixel_values": datasets.Image(), "label": datasets.Image()})
    made = {
        split: datasets.Dataset.from_dict(
            {name: [Image.fromarray(row[at]) for row in rows] for at, name in enumerate(features)}, features=features
        )
        for split, rows in splits.items()
    }
    datasets.DatasetDict(made).save_to_disk(str(tmp_path / "disk"))
    (tmp_path / "hub/data").mkdir(parents=True)
    for split, one in made.items():
        one.to_parquet(str(tmp_path / f"hub/data/{split}-00000-of-00001.parquet"), batch_size=2)
    for name in ("disk", "hub"):
        check_same(FORMAT.read(tmp_path / name), splits)


def test_names_of_classes_come_from_the_file_beside_the_columns(tmp_path):
    root = write_hub(tmp_path / "set", {"train": pairs(2)})
    (root / "id2label.json").write_text(json.dumps({"0": "sky", "1": "road", "2": "car"}))
    annotations = FORMAT.read(root)
    assert [(row["id"], row["name"]) for row in annotations.classes] == [(0, "sky"), (1, "road"), (2, "car")]
    (root / "id2label.json").write_text('{"x": "sky"}')
    with pytest.raises(DataError, match="class names by id"):
        FORMAT.read(root)


def test_masks_of_0_and_255_are_two_classes(tmp_path):
    rows = [(image, mask // 2 * 255) for image, mask in pairs(3)]
    annotations = FORMAT.read(write_hub(tmp_path / "set", {"train": rows}))
    assert ClassTable.from_json(annotations.classes).ids == [0, 255]
    assert "binary" in said(annotations)


@pytest.mark.parametrize(
    "names, reason",
    [(("image",), "needs two columns of images"), (("first", "second"), "which holds pictures, which masks"),
     (("mask", "label"), "which holds pictures"), ((), "but has none")],
    ids=str,
)  # fmt: skip
def test_columns_that_do_not_say_what_they_are_are_refused(names, reason, tmp_path):
    root = write_hub(tmp_path / "set", {"train": pairs(2)}, names=names)
    with pytest.raises(DataError, match=reason):
        FORMAT.read(root)


@pytest.mark.parametrize(
    "names", [("pixel_values", "segmentation_mask"), ("photo", "gt"), ("x", "annotations"), ("image", "Masks")]
)
def test_the_roles_of_columns_follow_from_their_names(names, tmp_path):
    splits = {"train": pairs(2)}
    check_same(FORMAT.read(write_hub(tmp_path / "set", splits, names=names)), splits)


def test_images_may_lie_beside_the_table_but_not_outside(tmp_path):
    root = write_hub(tmp_path / "set", {"train": pairs(2)})
    path = root / "data/train-00000-of-00001.parquet"
    mask = pairs(1)[0][1]
    (root / "data/m.png").write_bytes(png(mask))
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    outside = ["m.png", "../../secret.png", "/etc/hostname", "C:\\secret.png", None]
    cells = arrow.array([{"bytes": None, "path": name} for name in outside], kind)
    images = arrow.array([{"bytes": png(pairs(1)[0][0]), "path": None}] * len(outside), kind)
    parquet.write_table(arrow.table({"image": images, "mask": cells}), path)
    items = FORMAT.read(root).items
    assert np.array_equal(items[0].paint().ids, mask)
    for item in items[1:4]:
        with pytest.raises(DataError, match="outside of the data set"):
            item.paint()
    with pytest.raises(DataError, match="is empty"):
        items[4].paint()


def test_a_damaged_file_leaves_out_itself_alone(tmp_path):
    root = write_hub(tmp_path / "set", {"train": pairs(3), "test": pairs(2)})
    path = root / "data/train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    annotations = FORMAT.read(root)
    assert [item.split for item in annotations.items] == ["test", "test"]
    assert "train-00000-of-00001.parquet cannot be read" in annotations.faults[0]


def test_one_damaged_mask_leaves_out_its_image_alone(tmp_path):
    root = write_hub(tmp_path / "set", {"train": pairs(4)})
    path = root / "data/train-00000-of-00001.parquet"
    table = parquet.read_table(path)
    cells = table.column("label").to_pylist()
    cells[1]["bytes"] = cells[1]["bytes"][:30]
    parquet.write_table(table.set_column(1, "label", arrow.array(cells, table.schema.field("label").type)), path)
    items = FORMAT.read(root).items
    assert [item.paint().ids.ndim for item in (items[0], items[2], items[3])] == [2, 2, 2]
    with pytest.raises(DataError, match="row 1, column label"):
        items[1].paint()


def test_tables_without_images_do_not_match(tmp_path):
    parquet.write_table(arrow.table({"a": [1, 2]}), tmp_path / "a.parquet")
    (tmp_path / "b.arrow").write_bytes(b"x")
    assert FORMAT.matches(tmp_path) is None


def test_telling_the_format_needs_no_pyarrow_and_reading_names_the_cure(tmp_path, monkeypatch):
    root = write_hub(tmp_path / "set", {"train": pairs(2)})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert FORMAT.matches(root)
    with pytest.raises(DataError, match=r"pip install 'pixelwise\[parquet\]'"):
        FORMAT.read(root)
