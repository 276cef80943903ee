"""IDX: what was written comes back, declared sizes are checked before memory is taken, torchvision reads the same."""

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from pixelwise.errors import DataError
from pixelwise.formats.idx import encode_idx, is_idx, read_idx

ARRAYS = {
    "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "labels": np.array([3, 1, 2], np.uint8),
    "signed": np.array([[-1, 2]], np.int8), "short": np.array([-300, 7], np.int16), "whole": np.array([1 << 30, -5], np.int32),
    "float": np.array([1.5, -2.25], np.float32), "double": np.array([np.pi], np.float64),
    "nothing": np.zeros((0, 28, 28), np.uint8),
}  # fmt: skip


def write(path, values, pack=False):
    path.write_bytes(gzip.compress(encode_idx(values)) if pack else encode_idx(values))
    return path


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("name", ARRAYS)
def test_values_come_back_as_they_were(name, pack, tmp_path):
    path = write(tmp_path / "file", ARRAYS[name], pack)
    found = read_idx(path)
    assert np.array_equal(found.values, ARRAYS[name])
    assert found.values.dtype == ARRAYS[name].dtype
    assert found.declared == len(ARRAYS[name])
    assert is_idx(path)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "nothing"])
def test_torchvision_reads_the_same(name, tmp_path):
    path = write(tmp_path / "file", ARRAYS[name])
    assert np.array_equal(read_sn3_pascalvincent_tensor(str(path), strict=False).numpy(), ARRAYS[name])


def test_a_file_that_was_cut_gives_whole_items_where_that_is_asked_for(tmp_path):
    path = tmp_path / "file"
    for data in (encode_idx(ARRAYS["images"])[:-1], gzip.compress(encode_idx(ARRAYS["images"])[:-1])):
        path.write_bytes(data)
        with pytest.raises(DataError, match="stops after 23 of 24 bytes"):
            read_idx(path)
        found = read_idx(path, short=True)
        assert (found.values.tolist(), found.declared) == (ARRAYS["images"][:1].tolist(), 2)


def test_a_packed_file_that_was_cut_gives_what_came_before_the_cut(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (200, 30, 30)).astype(np.uint8)
    packed = gzip.compress(encode_idx(values))
    (tmp_path / "file").write_bytes(packed[: len(packed) // 2])
    found = read_idx(tmp_path / "file", short=True)
    assert 0 < len(found.values) < 200
    assert np.array_equal(found.values, values[: len(found.values)])


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "no IDX file: it begins with nothing"),
        (b"\x89PNG1234", "no IDX file"),
        (b"\0\0\x08\0", "no IDX file"),
        (b"\0\0\x08\x09", "no IDX file"),
        (b"\0\0\x07\x01\0\0\0\0", "no IDX file"),
        (b"\0\0\x08\x03\0\0", "stops within its header"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 1 << 31, 1 << 31, 1 << 31), "at most"),
        (struct.pack(">4B2I", 0, 0, 14, 2, 1 << 20, 1 << 12), "at most"),
        (encode_idx(ARRAYS["labels"]) + b"x", "holds more than"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "cannot be unpacked"),
    ],
    ids=["empty", "another kind", "no axes", "many axes", "no type", "cut header", "huge", "4 GiB", "too long", "broken gzip"],
)
def test_what_is_no_sound_file_is_refused_by_name(data, reason, tmp_path):
    path = tmp_path / "file-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"file-idx3-ubyte.*{reason}"):
        read_idx(path)


def test_a_declared_size_takes_no_memory_before_it_is_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(struct.pack(">4B1I", 0, 0, 8, 1, 1 << 30) + bytes(1000))
    tracemalloc.start()
    with pytest.raises(DataError, match="stops after 1,000"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_bomb_is_refused_where_it_passes_what_it_declared(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(encode_idx(np.zeros(10, np.uint8)) + bytes(16 << 20)))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than the 10 values"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert not is_idx(tmp_path / "gone")
    with pytest.raises(DataError, match="gone"):
        read_idx(tmp_path / "gone")


def test_types_that_idx_has_not_are_refused():
    with pytest.raises(DataError, match="uint64"):
        encode_idx(np.zeros(3, np.uint64))


@pytest.mark.skipif("PIXELWISE_DATA" not in os.environ, reason="PIXELWISE_DATA does not point to a folder with mnist/")
def test_mnist_is_read():
    folder = Path(os.environ["PIXELWISE_DATA"]) / "mnist"
    images, labels = (read_idx(folder / f"t10k-{name}-ubyte.gz").values for name in ("images-idx3", "labels-idx1"))
    assert (images.shape, labels.shape) == ((10000, 28, 28), (10000,))
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # as published
