"""Medical volumes (NIfTI, MetaImage, NRRD, DICOM; BraTS, MSD, nnU-Net): recognised and said what they are, but not read yet."""

from __future__ import annotations

import gzip
import struct
import zlib
from itertools import islice
from pathlib import Path

from pixelwise.data.importing.annotated import Annotations, Format
from pixelwise.errors import DataError

__all__ = ["FORMAT", "first_volume", "is_volume_name", "refuse_volumes"]

_KINDS = {
    ".nii": "NIfTI", ".nii.gz": "NIfTI", ".mha": "MetaImage", ".mhd": "MetaImage", ".nrrd": "NRRD", ".dcm": "DICOM",
}  # fmt: skip
_DEEPEST = 3  # folders and the file, such as HGG/PATIENT/FLAIR.nii.gz
_LOOKED_AT = 2000  # files and folders
_HEADER = 352  # bytes of a NIfTI-1 header


def is_volume_name(name: str) -> bool:
    """Whether a file of this name, or of this ending, is a volume."""
    return name.lower().endswith(tuple(_KINDS))


def first_volume(root: Path) -> Path | None:
    """The first volume near the top of the folder."""
    if root.is_file():
        return root if is_volume_name(root.name) else None
    near = (path for path in islice(root.rglob("*"), _LOOKED_AT) if len(path.relative_to(root).parts) <= _DEEPEST)
    return next((path for path in near if is_volume_name(path.name) and path.is_file()), None)


def refuse_volumes(root: Path, volume: Path) -> Annotations:
    """Raises :class:`DataError` that says what ``volume`` is and what to do with it now."""
    kind = next(name for end, name in _KINDS.items() if volume.name.lower().endswith(end))
    shape = _nifti_shape(volume) if kind == "NIfTI" else ()
    size = f" of {' x '.join(map(str, shape))} voxels" if shape else ""
    raise DataError(
        f"{root} holds volumes: {volume.name} is {kind}{size}; volumes cannot be read yet: save their slices as 2-D images "
        "(PNG or 16-bit TIFF) in images/ and the slices of the labels, by the same names, in masks/, and write the patient of "
        "each slice into splits.csv, so that slices of one patient stay in one split"
    )


def _matches(root: Path) -> str | None:
    volume = first_volume(root)
    return f"the volume {volume.name}" if volume else None


def _read(root: Path) -> Annotations:
    volume = first_volume(root)
    if volume is None:
        raise DataError(f"{root} holds no volume ({', '.join(_KINDS)})")
    return refuse_volumes(root, volume)


def _nifti_shape(path: Path) -> tuple[int, ...]:
    """Voxels along each axis by the header alone; nothing where it cannot be read."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            header = stream.read(_HEADER)
    except (OSError, EOFError, zlib.error):
        return ()
    for order in "<>":
        if len(header) == _HEADER and struct.unpack_from(f"{order}i", header)[0] == 348:
            count, *sides = struct.unpack_from(f"{order}8h", header, 40)
            return tuple(sides[:count]) if 1 <= count <= 7 and min(sides[:count]) > 0 else ()
    return ()


FORMAT = Format("volumes", "medical volumes (not read yet)", _matches, _read)
