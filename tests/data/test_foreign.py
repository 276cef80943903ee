"""Foreign formats read where they are: painted once, again when something changes, and split like any other data."""

from functools import partial

import pytest

from pixelwise.data.importing import registry
from pixelwise.data.importing.annotated import Format
from pixelwise.data.sources import find, foreign
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import write_image
from pixelwise.formats.label_png import read_ids, write_ids
from tests.data.importing import test_writer


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Six images in a format of its own, of which the fourth is damaged; ``reads`` counts how often it was painted."""
    annotations, reads = test_writer.source_of(tmp_path / "src"), []
    painted = test_writer.painted

    def counted(number):
        reads.append(number)
        return painted(number)

    items = tuple(
        type(item)(item.key, item.image, partial(counted, int(item.key)), item.split, item.columns) for item in annotations.items
    )
    found = type(annotations)(items, annotations.classes, annotations.decisions, annotations.faults)
    kind = Format("toy", "Toy", lambda root: "toy.txt" if (root / "toy.txt").is_file() else None, lambda root: found)
    monkeypatch.setattr(registry, "formats", lambda: (kind,))
    monkeypatch.setattr(foreign, "formats", lambda: (kind,))
    monkeypatch.setenv("PIXELWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "src", reads


def test_masks_are_painted_into_the_cache_and_images_stay_where_they_are(toy):
    root, reads = toy
    before = sorted(path.name for path in root.rglob("*"))
    dataset = find(root)
    assert dataset.source == "toy"
    assert [record.key for record in dataset.records] == ["0", "1", "2", "4", "5"]
    for record in dataset.records:
        assert record.image.parent == root
        assert (read_ids(record.masks[0]) == test_writer.ids_of(int(record.key))).all()
    assert [row["id"] for row in test_writer.CLASSES] == dataset.classes.ids
    assert any("2 images or annotations could not be read" in line for line in dataset.decisions)
    assert sorted(path.name for path in root.rglob("*")) == before
    assert len(reads) == 6


def test_they_are_painted_again_only_when_a_file_changes(toy):
    root, reads = toy
    find(root)
    find(root)
    assert len(reads) == 6
    (root / "toy.txt").write_text("changed")
    find(root)
    assert len(reads) == 12


def test_splits_csv_beside_them_counts(toy):
    root, _ = toy
    (root / "splits.csv").write_text("id,split\n0,test\n1,test\n2,train\n4,train\n5,val\n")
    dataset = find(root)
    assert {record.key: record.split for record in dataset.records} == {
        "0": "test", "1": "test", "2": "train", "4": "train", "5": "val",
    }  # fmt: skip


def test_a_folder_with_images_and_masks_is_taken_as_it_is(toy):
    root, reads = toy
    for number in range(6):
        write_image(root / "images" / f"{number}.png", test_writer.pixels_of(number))
        write_ids(root / "masks" / f"{number}.png", test_writer.ids_of(number))
    assert find(root).source == "folders"
    assert reads == []
    assert find(root, source="toy").source == "toy"


def test_very_many_images_are_imported_on_purpose(toy, monkeypatch):
    root, reads = toy
    monkeypatch.setattr(foreign, "_MOST_IMAGES", 5)
    with pytest.raises(DataError, match=r"6 images; import them first.*pixelwise import"):
        find(root)
    assert reads == []


def test_an_unknown_source_is_refused_with_all_names(toy):
    with pytest.raises(ConfigError, match=r"unknown source 'tyo'.*toy"):
        find(toy[0], source="tyo")
