"""A second check says the same as the first without reading a file again; whatever happens to memory or file, it is read."""

import json
import os
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from pixelwise.data import check_memory
from pixelwise.data.check import examine
from pixelwise.data.check_memory import CheckMemory
from pixelwise.data.levels import scan
from pixelwise.data.sources import find
from pixelwise.errors import DataError
from tests.data.sets import make_folders, make_image, make_mask, write_classes

OLD = time.time() - 3600


def aged(root):
    """Files as they are an hour later: what has just been written is not remembered."""
    for path in root.rglob("*"):
        os.utime(path, (OLD, OLD))
    return root


def examined(root, cache):
    memory = CheckMemory(cache, root)
    found = examine(find(root, scan=memory.scan), memory=memory)
    return found, memory


@pytest.fixture
def data(tmp_path):
    root = make_folders(tmp_path / "data", 6, values=(0, 1, 2, 255))
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 65536, (40, 48), dtype=np.uint16)).save(root / "images" / "06.png")
    make_mask(root / "masks" / "06.png", (0, 1), size=(20, 20))
    (root / "images" / "05.jpg").write_text("no image")
    (root / "masks" / "04.png").unlink()
    Image.open(root / "masks" / "03.png").save(root / "masks" / "03.png", format="JPEG")
    return aged(root)


def test_the_second_time_nothing_is_read_and_all_is_the_same(data, tmp_path, monkeypatch):
    first, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 0
    monkeypatch.setattr(check_memory, "histogram_or_error", _unreadable)
    monkeypatch.setattr("pixelwise.data.check.inspect_record", lambda record, *_, **__: pytest.fail(f"{record} was read"))
    second, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 7
    assert second.report == first.report
    assert second.inspections == first.inspections
    assert second.alike == first.alike


def _unreadable(path):
    """That a mask cannot be read is remembered by its inspection, not by the scan for its values."""
    return DataError("a JPEG") if path.name == "03.png" else pytest.fail(f"{path} was read")


def test_a_changed_file_is_read_again_and_others_are_not(data, tmp_path):
    examined(data, tmp_path / "cache")
    make_mask(data / "masks" / "00.png", (0, 2))
    os.utime(data / "masks" / "00.png", (OLD + 5, OLD + 5))
    second, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 6
    assert second.inspections[0].pixels == {0: 960, 2: 960}
    third, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 7
    assert third.report == second.report


def test_another_reading_of_the_masks_forgets_all(data, tmp_path):
    examined(data, tmp_path / "cache")
    write_classes(data, [0, 1, 2])
    assert examined(data, tmp_path / "cache")[1].recalled == 0
    assert examined(data, tmp_path / "cache")[1].recalled == 7


def test_a_missing_file_is_never_remembered(data, tmp_path):
    examined(data, tmp_path / "cache")
    (data / "images" / "00.jpg").unlink()
    second, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 6
    assert len(second.inspections) == 6


def test_what_has_just_been_written_is_not_remembered(tmp_path):
    root = make_folders(tmp_path / "data", 4)
    examined(root, tmp_path / "cache")
    assert examined(root, tmp_path / "cache")[1].recalled == 0


def _memory_file(cache):
    (path,) = cache.glob("*.check")
    return path


def _rewritten(path, change, head=None):
    """The file with another content, and a checksum that fits, or ``head``."""
    told = json.loads(zlib.decompress(path.read_bytes().split(b"\n", 1)[1]))
    packed = zlib.compress(json.dumps(change(told)).encode())
    path.write_bytes((head or check_memory._head(packed)) + packed)


def _each_with(**values):
    return lambda told: {**told, "records": {key: {**row, **values} for key, row in told["records"].items()}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"something else altogether"),
        lambda path: path.write_bytes(path.read_bytes()[:-5]),
        lambda path: path.write_bytes(path.read_bytes()[:200] + b"x" + path.read_bytes()[201:]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"check 1 ", b"check 0 ", 1)),
        lambda path: _rewritten(path, _each_with(kind="invented"), path.read_bytes().split(b"\n", 1)[0] + b"\n"),
        lambda path: _rewritten(path, lambda told: []),
        lambda path: _rewritten(path, lambda told: {**told, "records": []}),
        lambda path: _rewritten(path, lambda told: {**told, "records": dict.fromkeys(told["records"], 7)}),
        lambda path: _rewritten(path, _each_with(flags=[1])),
        lambda path: _rewritten(path, _each_with(digest="?")),
        lambda path: _rewritten(path, _each_with(mask_sizes=[[9, 1, 1]])),
        lambda path: _rewritten(path, _each_with(pixels=[[3, 100]])),
        lambda path: _rewritten(path, _each_with(objects=[[1, [[10**12, 1]], [0] * 4, [0] * 4]])),
        lambda path: _rewritten(path, _each_with(objects=[[1, [[10, 1]], [10**30] * 4, [0] * 4]])),
        lambda path: _rewritten(path, _each_with(channels=[[float("nan")] * 5])),
        lambda path: _rewritten(path, lambda told: {**told, "levels": {key: [1, 2] for key in told["levels"]}}),
    ],
    ids=[
        "empty",
        "other",
        "cut",
        "flipped",
        "form",
        "sum",
        "list",
        "records",
        "rows",
        "flags",
        "digest",
        "masks",
        "classes",
        "bins",
        "counts",
        "numbers",
        "levels",
    ],
)
def test_a_damaged_memory_changes_nothing(data, tmp_path, damage):
    first, _ = examined(data, tmp_path / "cache")
    damage(_memory_file(tmp_path / "cache"))
    assert examined(data, tmp_path / "cache")[0].report == first.report
    second, memory = examined(data, tmp_path / "cache")
    assert memory.recalled == 7  # it was written anew
    assert second.report == first.report


def test_a_memory_that_cannot_be_written_is_none(data, tmp_path):
    (tmp_path / "cache").write_text("a file in the way")
    first, _ = examined(data, tmp_path / "cache")
    assert examined(data, None)[0].report == first.report
    assert not list(tmp_path.glob("cache/*"))


def test_the_oldest_memories_make_room(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr(check_memory, "_MOST_BYTES", 6000)
    sizes = []
    for number in range(5):
        examined(aged(make_folders(tmp_path / f"set{number}", 6, start=10 * number)), cache)
        newest = max(cache.glob("*.check"), key=lambda path: path.stat().st_mtime_ns)
        sizes.append(newest.stat().st_size)
        os.utime(newest, (OLD + number, OLD + number))
    kept = sum(size for size in sizes)
    assert kept > 6000
    assert sum(path.stat().st_size for path in cache.glob("*.check")) <= 6000
    assert examined(tmp_path / "set4", cache)[1].recalled == 6
    assert examined(tmp_path / "set0", cache)[1].recalled == 0
    monkeypatch.setattr(check_memory, "_MOST_BYTES", 10)
    for path in cache.glob("*.check"):
        path.unlink()
    examined(tmp_path / "set1", cache)
    assert not list(cache.glob("*.check"))


def test_an_interrupted_check_goes_on_where_it_was(data, tmp_path):
    def stop(done, total):
        if done == 4:
            raise KeyboardInterrupt

    memory = CheckMemory(tmp_path / "cache", data)
    with pytest.raises(KeyboardInterrupt):
        examine(find(data, scan=memory.scan), stop, memory=memory)
    assert examined(data, tmp_path / "cache")[1].recalled >= 4


def test_scanning_is_as_without_memory(data, tmp_path):
    masks = [path for record in find(data).records for path in record.masks]
    seen = []
    for _ in range(2):
        memory = CheckMemory(tmp_path / "cache", data)
        levels = memory.scan(masks, lambda done, total: seen.append((done, total)))
        expected = scan(masks)
        assert np.array_equal(levels.counts, expected.counts)
        assert np.array_equal(levels.files, expected.files)
        memory.save()
    assert sorted(seen) == sorted([(number, 6) for number in range(1, 7)] * 2)


def test_nothing_of_the_images_is_kept_but_thumbnails(tmp_path):
    root = tmp_path / "data"
    for number in range(8):
        make_image(root / "images" / f"{number}.png", number, size=(400, 400))
        make_mask(root / "masks" / f"{number}.png", (0, 1), size=(400, 400))
    examined(aged(root), tmp_path / "cache")
    assert _memory_file(tmp_path / "cache").stat().st_size < 8 * 1500
