"""A foreign data set as a canonical folder: the same pixels, the user's ids, and everything that was lost is told."""

import json
from functools import partial

import numpy as np
import pytest

from pixelwise.data.importing import registry
from pixelwise.data.importing.annotated import Annotated, Annotations, Format, Painted
from pixelwise.data.importing.writer import MARK, refuse_taken, write_canonical
from pixelwise.data.sources import find
from pixelwise.errors import ConfigError, DataError
from pixelwise.formats.image import read_image, write_image
from pixelwise.formats.label_png import read_ids
from pixelwise.verbs.importing import import_data

CLASSES = ({"id": 0, "name": "background"}, {"id": 7, "name": "cell"}, {"id": 300, "name": "debris"})
SIZE = (24, 32)


def ids_of(number):
    rng = np.random.default_rng(number)
    return rng.choice(np.array([0, 7, 300], np.uint16), SIZE)


def painted(number):
    if number == 3:
        raise DataError("the polygon of object 5 has one point; remove it")
    ids = ids_of(number)
    return Painted(ids, (ids > 0).astype(np.uint16) * number, {"holes": number} if number else {})


def pixels_of(number):
    return np.random.default_rng(100 + number).integers(0, 255, (*SIZE, 3)).astype(np.uint8)


def source_of(root, numbers=range(6), inside_files=False):
    """Images a.png ... and a text file that says there are annotations."""
    root.mkdir(parents=True)
    (root / "toy.txt").write_text("toy")
    items = []
    for number in numbers:
        image = partial(pixels_of, number) if inside_files else root / f"{number}.png"
        if not inside_files:
            write_image(image, pixels_of(number))
        split = ("train", "val", "test")[number % 3]
        items.append(Annotated(f"{number}", image, partial(painted, number), split, {"scene": f"s{number % 2}"}))
    return Annotations(tuple(items), CLASSES, ("ids are as they were",), ("page 9 is torn; mend it",))


@pytest.mark.parametrize("inside_files", [False, True])
@pytest.mark.parametrize("link", [False, True])
def test_what_is_written_reads_as_what_was_read(tmp_path, link, inside_files):
    annotations = source_of(tmp_path / "src", inside_files=inside_files)
    written = write_canonical(tmp_path / "src", annotations, tmp_path / "out", link)
    assert written.images == 5
    assert list(written.failed) == ["3"]
    assert "one point" in written.failed["3"]
    assert written.losses == {"holes": (1 + 2 + 4 + 5, 4)}
    dataset = find(tmp_path / "out")
    assert dataset.source == "folders"
    assert [(info.id, info.name) for info in dataset.classes.classes] == [(row["id"], row["name"]) for row in CLASSES]
    assert {record.key: record.split for record in dataset.records} == {
        str(n): ("train", "val", "test")[n % 3] for n in range(6) if n != 3
    }
    for record in dataset.records:
        number = int(record.key)
        assert (read_image(record.image) == pixels_of(number)).all()
        assert record.image.is_symlink() == (link and not inside_files)
        assert (dataset.classes.to_ids(dataset.targets(record)) == ids_of(number)).all()
        assert record.columns == {"scene": f"s{number % 2}"}
        assert (read_ids(tmp_path / "out" / "instances" / f"{number}.png") == (ids_of(number) > 0) * number).all()


def test_keys_with_folders_read_back_also_where_a_folder_is_called_like_a_split(tmp_path):
    (tmp_path / "src").mkdir()
    keys = ["train/a", "val/a", "city/b"]
    splits = ["train", "val", "test"]
    items = [Annotated(key, partial(pixels_of, 1), partial(painted, 1), split) for key, split in zip(keys, splits, strict=True)]
    write_canonical(tmp_path / "src", Annotations(tuple(items), CLASSES), tmp_path / "out")
    found = {record.key: record.split for record in find(tmp_path / "out").records}
    assert found == {"train_a": "train", "val_a": "val", "city_b": "test"}


def test_items_that_would_be_called_the_same_do_not_overwrite_each_other(tmp_path):
    (tmp_path / "src").mkdir()
    items = [Annotated(key, partial(pixels_of, at), partial(painted, at)) for at, key in enumerate(["a/b", "a_b"])]
    written = write_canonical(tmp_path / "src", Annotations(tuple(items), CLASSES), tmp_path / "out")
    assert written.images == 1
    assert "both be called 'a_b'" in written.failed["a_b"]


def test_deep_pixels_inside_files_stay_deep(tmp_path):
    deep = np.arange(SIZE[0] * SIZE[1], dtype=np.uint16).reshape(SIZE) * 80
    (tmp_path / "src").mkdir()
    item = Annotated("deep", partial(np.copy, deep), partial(painted, 1))
    write_canonical(tmp_path / "src", Annotations((item,), CLASSES), tmp_path / "out")
    assert (read_image(tmp_path / "out" / "images" / "deep.png", 1, (0, 65535))[..., 0] == np.rint(deep / 257.0)).mean() > 0.99


def test_a_mask_of_another_size_than_its_image_fails_alone(tmp_path):
    annotations = source_of(tmp_path / "src", range(2))
    write_image(tmp_path / "src" / "0.png", np.zeros((9, 9, 3), np.uint8))
    written = write_canonical(tmp_path / "src", annotations, tmp_path / "out")
    assert written.images == 1
    assert "9 x 9" in written.failed["0"]
    assert "24 x 32" in written.failed["0"]


@pytest.mark.parametrize("key", ["../../evil", "/etc/passwd", "a/../../b", "C:\\x"])
def test_no_key_leads_out_of_the_folder(tmp_path, key):
    annotations = source_of(tmp_path / "src", range(1))
    bad = Annotated(key, tmp_path / "src" / "0.png", partial(painted, 0))
    written = write_canonical(tmp_path / "src", Annotations((*annotations.items, bad), CLASSES), tmp_path / "out")
    assert "leads out" in written.failed[key]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "src"]


def test_an_interrupted_import_goes_on_and_a_complete_one_is_not_overwritten(tmp_path):
    annotations = source_of(tmp_path / "src")
    with pytest.raises(KeyboardInterrupt):
        write_canonical(tmp_path / "src", annotations, tmp_path / "out", progress=interrupt_at(2))
    assert not json.loads((tmp_path / "out" / MARK).read_text())["complete"]
    assert write_canonical(tmp_path / "src", annotations, tmp_path / "out").images == 5
    mark = json.loads((tmp_path / "out" / MARK).read_text())
    assert mark["complete"]
    assert mark["faults"] == ["page 9 is torn; mend it"]
    with pytest.raises(ConfigError, match="complete import"):
        write_canonical(tmp_path / "src", annotations, tmp_path / "out")


def interrupt_at(number):
    def progress(done, total):
        if done == number:
            raise KeyboardInterrupt

    return progress


def test_a_folder_with_anything_else_in_it_is_refused(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty"):
        refuse_taken(tmp_path / "mine", tmp_path / "src")
    with pytest.raises(ConfigError, match="inside of"):
        refuse_taken(tmp_path / "src" / "new", tmp_path / "src")
    refuse_taken(tmp_path / "new", tmp_path / "src")


def test_nothing_to_import_says_why(tmp_path):
    annotations = source_of(tmp_path / "src", [3])
    with pytest.raises(DataError, match="first reason: the polygon of object 5"):
        write_canonical(tmp_path / "src", annotations, tmp_path / "out")


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A format of which every folder with toy.txt is."""
    annotations = source_of(tmp_path / "src")
    toy = Format("toy", "Toy", lambda root: "toy.txt" if (root / "toy.txt").is_file() else None, lambda root: annotations)
    monkeypatch.setattr(registry, "formats", lambda: (toy,))
    monkeypatch.setenv("PIXELWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "src"


def test_import_says_what_it_decided_and_what_it_lost(toy, tmp_path):
    said = []
    found = import_data(toy, tmp_path / "out", say=said.append)
    assert said == ["format Toy: toy.txt", "ids are as they were"]
    assert found.losses == ("not in the masks: holes: 12, in 4 of 5 images",)
    assert not found.ok
    assert json.dumps(found.to_json())


def test_an_unknown_format_and_a_folder_of_none_are_refused(toy, tmp_path):
    with pytest.raises(ConfigError, match="toy"):
        import_data(toy, tmp_path / "out", format="tyo")
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="no known format"):
        import_data(tmp_path / "other", tmp_path / "out")
    with pytest.raises(DataError, match="there is no"):
        import_data(tmp_path / "nowhere", tmp_path / "out")
