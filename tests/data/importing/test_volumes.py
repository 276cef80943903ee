"""Volumes are recognised, their size told, and refused with what to do."""

import gzip
import struct

import pytest

from pixelwise.data.importing.volumes import FORMAT
from pixelwise.errors import DataError
from tests.data.importing.mask_sets import TOOLS, needs_exports


def nifti(shape, order="<"):
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    return bytes(header)


@pytest.mark.parametrize("name, content", [
    ("a.nii", nifti((24, 30, 5))), ("a.nii", nifti((24, 30, 5), ">")), ("a.NII.GZ", gzip.compress(nifti((24, 30, 5)))),
], ids=["plain", "other byte order", "packed"])  # fmt: skip
def test_the_size_of_a_volume_is_told(name, content, tmp_path):
    path = tmp_path / "patient" / name
    path.parent.mkdir()
    path.write_bytes(content)
    assert FORMAT.matches(tmp_path) == f"the volume {name}"
    with pytest.raises(DataError, match=r"is NIfTI of 24 x 30 x 5 voxels; volumes cannot be read yet.*splits.csv"):
        FORMAT.read(tmp_path)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mha", "a.dcm", "a.nii"])
@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00broken", bytes(352)], ids=["empty", "broken", "zeros"])
def test_a_damaged_volume_is_refused_in_the_same_words(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="volumes cannot be read yet"):
        FORMAT.read(tmp_path)


def test_folders_without_volumes_do_not_match(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    assert FORMAT.matches(tmp_path) is None
    with pytest.raises(DataError, match="holds no volume"):
        FORMAT.read(tmp_path)


@needs_exports
def test_the_real_export_is_refused_with_its_size():
    with pytest.raises(DataError, match=r"BRATS_001.nii.gz is NIfTI of 1 x 5 x 2 x 4 voxels"):
        FORMAT.read(TOOLS / "brats_dataset")
