"""Whole or not at all."""

import errno
import os

import pytest

from pixelwise.errors import ConfigError, StorageError
from pixelwise.formats.atomic import atomic_write


def names(folder):
    return [path.name for path in folder.iterdir()]


def write_half(path, error):
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"half")
        raise error


def test_the_file_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new" / "out.json"
    with atomic_write(path) as temporary:
        temporary.write_text("{}")
        assert temporary.parent == path.parent
        assert temporary.suffix == ".json"
        assert not path.exists()
    assert path.read_text() == "{}"
    assert names(path.parent) == ["out.json"]


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_half(path, ZeroDivisionError())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.bin"]


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("I/O error: No space left on device (os error 28)")],
)
def test_a_full_disk_is_named_whoever_reports_it(tmp_path, error):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(
        StorageError, match=r"disk full while writing .*model\.safetensors; what was there before is unharmed; free"
    ):
        write_half(path, error)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["model.safetensors"]


def test_a_disk_that_fills_while_flushing_is_reported_too(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk full"), atomic_write(tmp_path / "a") as temporary:
        temporary.write_bytes(b"x")
    assert names(tmp_path) == []


def test_a_file_in_place_of_a_folder_is_a_storage_error(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match="a part of the path is a file, not a folder"), atomic_write(tmp_path / "runs" / "x"):
        pass


def test_a_folder_of_the_same_name_is_a_storage_error(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageError, match="a folder of that name is in the way"), atomic_write(tmp_path / "out") as temporary:
        temporary.write_bytes(b"x")


def test_errors_that_are_not_about_storage_pass_unchanged(tmp_path):
    with pytest.raises(ConfigError, match="mine"), atomic_write(tmp_path / "a"):
        raise ConfigError("mine")
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a"):
        (tmp_path / "no such file").read_bytes()


def test_a_new_file_has_the_permissions_of_any_new_file_whatever_the_writer_did(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_write(tmp_path / "written") as path:
        path.touch(mode=0o600)
    assert (tmp_path / "written").stat().st_mode == plain.stat().st_mode


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    old = tmp_path / "old"
    old.touch()
    old.chmod(0o640)
    with atomic_write(old) as path:
        path.write_text("new")
    assert (old.stat().st_mode & 0o777, old.read_text()) == (0o640, "new")
