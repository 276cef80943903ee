"""pixelwise fetch: whole or not there, and ready to train on."""

import hashlib

import pytest

from pixelwise.data.fetching.catalog import Download, PublicDataset
from pixelwise.errors import ConfigError, DataError
from pixelwise.verbs.fetching import fetch_data, fetched
from tests.data.fetching.conftest import Server
from tests.data.fetching.test_archive import FILES, tar_of


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server()
    yield made
    made.close()


@pytest.fixture
def dataset(server, tmp_path):
    body = tar_of(tmp_path / "toy.tgz", FILES).read_bytes()
    server.files |= {"/toy.tgz": body, "/labels.gz": b"labels"}
    files = [
        Download((f"{server.url}{path}",), hashlib.md5(server.files[path]).hexdigest()) for path in ("/toy.tgz", "/labels.gz")
    ]
    return PublicDataset("toy", "Toy", "3 files", "CC0", "https://example.org", tuple(files), "images")


@pytest.mark.parametrize("keep", [False, True])
def test_archives_are_unpacked_other_files_copied_and_the_licence_said(dataset, tmp_path, keep):
    said = []
    folder = fetched(dataset, tmp_path / "out", keep, said.append, None)
    assert folder == tmp_path / "out" / "images"
    assert (folder / "a.png").read_bytes() == b"one"
    assert (tmp_path / "out" / "labels.gz").read_bytes() == b"labels"
    assert (tmp_path / "out" / "downloads" / "toy.tgz").exists() == keep
    assert "licence: CC0" in said[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "toy.tgz"]


def test_a_failure_leaves_no_half_data_set_and_the_next_call_goes_on(dataset, server, tmp_path):
    server.faults["/labels.gz"] = [404]
    with pytest.raises(DataError, match="HTTP 404"):
        fetched(dataset, tmp_path / "out", False, print, None)
    assert not (tmp_path / "out").exists()
    fetched(dataset, tmp_path / "out", False, print, None)
    assert [path for path, _ in server.asked].count("/toy.tgz") == 1


def test_a_folder_with_something_in_it_is_refused(dataset, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        fetched(dataset, tmp_path / "out", False, print, None)
    with pytest.raises(ConfigError, match="no data set is called"):
        fetch_data("imaginary", tmp_path / "new")
