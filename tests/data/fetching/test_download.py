"""Downloads go on where they broke off, and nothing with a wrong checksum is ever taken."""

import hashlib
import shutil

import numpy as np
import pytest

from pixelwise.data.fetching.catalog import DATASETS, Download, public_dataset
from pixelwise.data.fetching.download import download
from pixelwise.errors import ConfigError, DataError, StorageError

BODY = np.random.default_rng(0).bytes(300_000)


def file_of(server, *paths, body=BODY):
    for path in paths:
        server.files.setdefault(path, body)
    return Download(tuple(server.url + path for path in paths), hashlib.md5(BODY).hexdigest(), len(BODY))


def test_a_file_is_fetched_once_and_progress_is_told(server, tmp_path):
    file, told = file_of(server, "/a.tgz"), []
    path = download(file, tmp_path, lambda *numbers: told.append(numbers))
    assert path == tmp_path / "a.tgz"
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert download(file, tmp_path) == path
    assert len(server.asked) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_or_begins_again_where_the_server_cannot(server, tmp_path, ranges):
    server.ranges = ranges
    server.faults["/a.tgz"] = ["break off", "break off"]
    assert download(file_of(server, "/a.tgz"), tmp_path, pause=0).read_bytes() == BODY
    assert [wanted for _, wanted in server.asked][:2] == [None, f"bytes={len(BODY) // 2}-"]


def test_an_interruption_leaves_a_part_with_which_the_next_call_goes_on(server, tmp_path):
    (tmp_path / "a.tgz.part").write_bytes(BODY[:100_000])
    assert download(file_of(server, "/a.tgz"), tmp_path).read_bytes() == BODY
    assert server.asked == [("/a.tgz", "bytes=100000-")]
    assert not (tmp_path / "a.tgz.part").exists()


@pytest.mark.parametrize("part", [b"something else" * 1000, BODY + b"more"])
def test_a_part_of_another_file_is_thrown_away(server, tmp_path, part):
    (tmp_path / "a.tgz.part").write_bytes(part)
    assert download(file_of(server, "/a.tgz"), tmp_path, pause=0).read_bytes() == BODY


def test_a_file_with_another_checksum_is_not_taken(server, tmp_path):
    with pytest.raises(DataError, match=r"a\.tgz could not be fetched.*MD5 sum.*put the file into"):
        download(file_of(server, "/a.tgz", body=BODY[::-1]), tmp_path, pause=0)
    assert list(tmp_path.iterdir()) == []


def test_what_arrives_damaged_once_is_fetched_again(server, tmp_path):
    server.faults["/a.tgz"] = ["garbage", 503]
    assert download(file_of(server, "/a.tgz"), tmp_path, pause=0).read_bytes() == BODY


def test_the_next_mirror_is_tried(server, tmp_path):
    file = file_of(server, "/a.tgz", "/b/a.tgz")
    del server.files["/a.tgz"]
    assert download(file, tmp_path, pause=0).read_bytes() == BODY
    assert [path for path, _ in server.asked] == ["/a.tgz", "/b/a.tgz"]


def test_no_network_is_a_sentence_with_a_way_out(tmp_path):
    with pytest.raises(DataError, match="check the network and any proxy"):
        download(Download(("http://127.0.0.1:9/a.tgz",), "0" * 32), tmp_path, pause=0)


@pytest.mark.parametrize("url", ["file:" + "///etc/passwd", "ftp://example.org/a"])
def test_other_addresses_than_those_of_the_web_are_refused(tmp_path, url):
    with pytest.raises(DataError, match="not an address of the web"):
        download(Download((url,), "0" * 32), tmp_path, pause=0)


def test_a_full_disk_is_noticed_before_it_is_full(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(StorageError, match=r"300,000 bytes.*10 free"):
        download(file_of(server, "/a.tgz"), tmp_path)


def test_the_catalog_is_complete():
    for name, row in DATASETS.items():
        assert public_dataset(name) is row
        assert row.licence
        assert row.page.startswith("http")
        for file in row.downloads:
            assert len(file.md5) == 32
            assert all(url.startswith("http") and url.endswith(file.name) for url in file.mirrors)
    with pytest.raises(ConfigError, match="camvid"):
        public_dataset("camvit")
