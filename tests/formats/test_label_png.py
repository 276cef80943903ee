"""Ids are read by what pixels mean."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from pixelwise.errors import DataError
from pixelwise.formats.label_png import read_ids, write_ids

_MAPS = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))
)
_IDS = np.random.default_rng(5).integers(0, 4, (10, 14), dtype=np.uint8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=_MAPS, how=st.sampled_from(["plain", "colors", "grey", "one colour"]))
def test_what_is_written_is_read_exactly(tmp_path, ids, how):
    colors = {
        "plain": None,
        "colors": np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8),
        "grey": np.repeat(np.arange(255, -1, -1, dtype=np.uint8)[:, None], 3, axis=1),
        "one colour": np.zeros((256, 3), np.uint8),
    }[how]
    write_ids(tmp_path / "a.png", ids, colors if ids.dtype == np.uint8 else None)
    found = read_ids(tmp_path / "a.png")
    assert found.dtype == ids.dtype
    np.testing.assert_array_equal(found, ids)


def test_a_written_palette_shows_its_colours(tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    write_ids(tmp_path / "a.png", _IDS, colors)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png").convert("RGB")), colors[_IDS])


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_palette_files_give_indices_not_colours(tmp_path, bits):
    image = Image.fromarray(_IDS)
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(tmp_path / "a.png", bits=bits)
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), _IDS)


def test_a_grey_palette_gives_its_levels(tmp_path):
    levels = np.array([0, 7, 11, 200], np.uint8)
    image = Image.fromarray(_IDS)
    image.putpalette(np.repeat(levels, 3).tolist())
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), levels[_IDS])


@pytest.mark.parametrize("palette", [[0, 0, 0, 255, 255, 255], [255, 255, 255, 0, 0, 0]])
def test_a_black_and_white_palette_reads_like_one_bit(tmp_path, palette):
    image = Image.fromarray(_IDS % 2)
    image.putpalette(palette)
    image.save(tmp_path / "a.png", bits=1)
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), np.asarray(Image.open(tmp_path / "a.png").convert("L")) > 0)


def test_a_palette_of_one_grey_only_gives_indices(tmp_path):
    image = Image.fromarray(_IDS)
    image.putpalette([0] * 768)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), _IDS)


def test_one_bit_gives_zero_and_one(tmp_path):
    for suffix in ("png", "bmp", "tif"):
        Image.fromarray(_IDS > 1).save(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(read_ids(tmp_path / f"a.{suffix}"), (_IDS > 1).astype(np.uint8))


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_two_and_four_bits_is_not_stretched(tmp_path, bits):
    import struct
    import zlib

    ids = _IDS[:, :8]
    per_byte = 8 // bits
    weights = 1 << (bits * np.arange(per_byte - 1, -1, -1))
    packed = (ids.reshape(10, -1, per_byte) * weights).sum(axis=2).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 8, 10, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), ids)


def test_sixteen_bits_are_kept(tmp_path):
    ids = _IDS.astype(np.uint16) * 1000
    for suffix in ("png", "tif"):
        Image.fromarray(ids).save(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(read_ids(tmp_path / f"a.{suffix}"), ids)


def test_whole_numbers_in_wider_tiffs_are_ids(tmp_path):
    for dtype in (np.int32, np.float32):
        Image.fromarray(_IDS.astype(dtype)).save(tmp_path / "a.tif")
        np.testing.assert_array_equal(read_ids(tmp_path / "a.tif"), _IDS)
    for values in (_IDS + np.float32(0.5), _IDS.astype(np.int32) - 1):
        Image.fromarray(values).save(tmp_path / "a.tif")
        with pytest.raises(DataError, match="which are no class ids; ids are whole numbers from 0 to 65535"):
            read_ids(tmp_path / "a.tif")


def test_grey_stored_as_colour_counts_and_alpha_never_does(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, _IDS.shape, dtype=np.uint8)
    for array in (np.dstack([_IDS] * 3), np.dstack([_IDS, _IDS, _IDS, noise]), np.dstack([_IDS, noise])):
        Image.fromarray(array).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), _IDS)
        np.testing.assert_array_equal(read_ids(tmp_path / "a.png", {(255, 0, 0): 1}), _IDS)


def test_colours_are_looked_up(tmp_path):
    palette = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [9, 8, 7]], np.uint8)
    Image.fromarray(palette[_IDS]).save(tmp_path / "a.png")
    table = {tuple(color): 10 * index for index, color in enumerate(palette.tolist())}
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png", table), 10 * _IDS)
    big = {color: 1000 + class_id for color, class_id in table.items()}
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png", big), 1000 + 10 * _IDS.astype(np.uint16))
    del table[9, 8, 7]
    count = int((_IDS == 3).sum())
    with pytest.raises(DataError, match=rf"holds 1 colour not in classes\.json: \(9, 8, 7\) {count} px"):
        read_ids(tmp_path / "a.png", table)
    with pytest.raises(DataError, match=r"is a colour mask \(4 colours: .*\) without a colour table; list id, name and color"):
        read_ids(tmp_path / "a.png")


def test_jpeg_masks_are_refused_whatever_their_name(tmp_path):
    Image.fromarray(_IDS).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(DataError, match=r"is a JPEG mask: JPEG changes values at every edge.*again as PNG"):
        read_ids(tmp_path / "a.png")


def test_damaged_palette_masks_are_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    image = Image.fromarray(noise)
    image.putpalette(noise.reshape(-1)[:768].tolist())
    image.save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.png is damaged: it stops before its end"):
        read_ids(tmp_path / "a.png")


def test_write_refuses_what_it_cannot_keep(tmp_path):
    with pytest.raises(DataError, match=r"must be \(H, W\) uint8 or uint16, got \(10, 14\) int64"):
        write_ids(tmp_path / "a.png", _IDS.astype(np.int64))
    with pytest.raises(DataError, match=r"ids are written as \.png"):
        write_ids(tmp_path / "a.jpg", _IDS)
    with pytest.raises(DataError, match=r"colors must be \(256, 3\) uint8 beside uint8 ids"):
        write_ids(tmp_path / "a.png", _IDS, np.zeros((4, 3), np.uint8))
