"""Archives unpack to their files, and to nothing else anywhere."""

import io
import tarfile
import zipfile

import pytest

from pixelwise.data.fetching.archive import is_archive, unpack
from pixelwise.errors import DataError

FILES = {"images/a.png": b"one", "masks/deep/b.png": b"two", "empty.txt": b""}


def tar_of(path, files, links=()):
    mode = "w:gz" if path.name.endswith("gz") else "w"
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, kind, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return path


def zip_of(path, files, mode=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode:
                info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.zip"])
def test_files_come_out_as_they_went_in(tmp_path, name):
    path = (zip_of if name.endswith("zip") else tar_of)(tmp_path / name, FILES)
    assert is_archive(path)
    assert unpack(path, tmp_path / "out") == 3
    assert {file.relative_to(tmp_path / "out").as_posix(): file.read_bytes() for file in (tmp_path / "out").rglob("*.*")} == FILES


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_no_name_leads_out(tmp_path, make, name):
    path = make(tmp_path / ("a.zip" if make is zip_of else "a.tar"), {name: b"evil"})
    with pytest.raises(DataError, match="leads out"):
        unpack(path, tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    path = tar_of(tmp_path / "a.tar", {}, [("images", kind, "/etc")])
    with pytest.raises(DataError, match="link or a device"):
        unpack(path, tmp_path / "out")


def test_links_in_zips_are_refused(tmp_path):
    with pytest.raises(DataError, match="link or a device"):
        unpack(zip_of(tmp_path / "a.zip", {"images": b"/etc"}, 0o120777), tmp_path / "out")


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_bombs_are_stopped_while_they_unpack(tmp_path, make):
    path = make(tmp_path / ("a.zip" if make is zip_of else "a.tgz"), {"zeros": bytes(3_000_000)})
    with pytest.raises(DataError, match="more than 1,000,000 bytes"):
        unpack(path, tmp_path / "out", most_bytes=1_000_000)
    assert (tmp_path / "out" / "zeros").stat().st_size <= 1_000_000


def test_too_many_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="more than 2 files"):
        unpack(tar_of(tmp_path / "a.tar", FILES), tmp_path / "out", most_files=2)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 50, b"\x1f\x8b\x08" + b"\0" * 50])
def test_what_is_no_archive_is_said_to_be_none(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="no archive, or a damaged one"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_truncated_archive_is_an_error(tmp_path):
    path = tar_of(tmp_path / "a.tgz", {"a": bytes(range(256)) * 1000})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="damaged"):
        unpack(path, tmp_path / "out")
