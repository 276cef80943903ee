"""Images come upright, in RGB, whole, or not at all."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from pixelwise.errors import DataError
from pixelwise.formats.image import image_size, is_image_name, is_sixteen_bit, read_image, read_raw, write_image

_RNG = np.random.default_rng(3)
_COLOR = _RNG.integers(0, 256, (24, 40, 3), dtype=np.uint8)
_SMOOTH = np.dstack(
    [np.tile(np.linspace(0, 255, 48), (32, 1)), np.tile(np.linspace(255, 0, 32)[:, None], (1, 48)), np.full((32, 48), 90.0)]
)
_SMOOTH = _SMOOTH.astype(np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".TIFF", ".ppm"])
def test_lossless_formats_come_back_exactly(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", _COLOR)
    np.testing.assert_array_equal(read_image(path), _COLOR)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read_again(tmp_path, suffix, channels):
    array = _SMOOTH[..., :channels]
    write_image(tmp_path / f"a{suffix}", array)
    found = read_image(tmp_path / f"a{suffix}", channels)
    tolerance = 8 if suffix == ".webp" else 0
    assert np.abs(found.astype(int) - array).max() <= tolerance


def test_jpeg_agrees_with_pillow(tmp_path):
    path = save(tmp_path / "a.jpg", _SMOOTH, quality=95)
    np.testing.assert_allclose(read_image(path).astype(int), np.asarray(Image.open(path)).astype(int), atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation_is_applied_once_to_pixels_and_size(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a{suffix}", _SMOOTH, exif=exif)
    with Image.open(path) as opened:
        opened.load()
        expected = np.asarray(ImageOps.exif_transpose(opened))
    found = read_image(path)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=3)
    assert image_size(path) == found.shape[:2]


def test_sixteen_bit_orientation_is_applied_once(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = _RNG.integers(0, 65536, (20, 30), dtype=np.uint16)
    for suffix in (".png", ".tif"):
        path = save(tmp_path / f"a{suffix}", deep, exif=exif)
        np.testing.assert_array_equal(read_raw(path), np.rot90(deep, -1))
        assert image_size(path) == (30, 20)


def test_grey_is_repeated_and_colour_becomes_luminance(tmp_path):
    grey = save(tmp_path / "grey.png", _COLOR[..., 0])
    assert (read_image(grey) == _COLOR[..., :1]).all()
    color = save(tmp_path / "color.png", _COLOR)
    expected = _COLOR @ np.array([0.299, 0.587, 0.114])
    assert read_image(color, 1).shape == (24, 40, 1)
    np.testing.assert_allclose(read_image(color, 1)[..., 0], expected, atol=1)


def test_alpha_is_dropped_for_three_channels_and_kept_for_four(tmp_path):
    alpha = _RNG.integers(0, 256, (24, 40, 1), dtype=np.uint8)
    path = save(tmp_path / "a.png", np.dstack([_COLOR, alpha]))
    np.testing.assert_array_equal(read_image(path), _COLOR)
    np.testing.assert_array_equal(read_image(path, 4), np.dstack([_COLOR, alpha]))
    opaque = save(tmp_path / "b.png", _COLOR)
    assert (read_image(opaque, 4)[..., 3] == 255).all()
    grey_alpha = save(tmp_path / "c.png", np.dstack([_COLOR[..., 0], alpha[..., 0]]))
    np.testing.assert_array_equal(read_image(grey_alpha, 4), np.dstack([_COLOR[..., [0, 0, 0]], alpha]))


def test_palette_one_bit_and_cmyk_become_rgb(tmp_path):
    palette = Image.fromarray(_COLOR).quantize(16)
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), np.asarray(palette.convert("RGB")))
    Image.fromarray(_COLOR[..., 0] > 99).save(tmp_path / "one.png")
    np.testing.assert_array_equal(read_image(tmp_path / "one.png", 1)[..., 0], np.where(_COLOR[..., 0] > 99, 255, 0))
    Image.fromarray(_SMOOTH).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "c.jpg").astype(int) - _SMOOTH).max() < 16


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_map_through_the_window(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", np.array([[0, 1000, 1500, 2000, 65535]], np.uint16))
    assert is_sixteen_bit(path)
    assert read_image(path, 1, window=(1000, 2000))[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert read_image(path, 1)[0, :, 0].tolist() == [0, 4, 6, 8, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_colour_keeps_its_depth_and_order(tmp_path, suffix):
    deep = _RNG.integers(0, 65536, (8, 9, 3), dtype=np.uint16)
    (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(suffix, deep[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(read_raw(tmp_path / f"a{suffix}"), deep)
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), np.rint(deep / 257).astype(np.uint8))


def test_float_tiff_needs_a_window(tmp_path):
    path = save(tmp_path / "a.tif", np.array([[-1.0, 0.0, 0.5, 1.0, np.nan]], np.float32))
    assert is_sixteen_bit(path)
    assert read_image(path, 1, window=(0, 1))[0, :, 0].tolist() == [0, 0, 128, 255, 0]
    with pytest.raises(DataError, match=r"float32 pixels, which have no range of their own; set data\.window"):
        read_image(path)
    with pytest.raises(DataError, match="low < high"):
        read_image(path, window=(1, 1))


def test_eight_bits_ignore_the_window(tmp_path):
    path = save(tmp_path / "a.png", _COLOR)
    assert not is_sixteen_bit(path)
    np.testing.assert_array_equal(read_image(path, window=(0, 10)), _COLOR)


def test_other_numbers_of_channels_must_be_there(tmp_path):
    path = save(tmp_path / "a.png", _COLOR)
    with pytest.raises(DataError, match=r"has 3 channels, but 5 were asked for; set model\.in_channels"):
        read_image(path, 5)


def truncated(content, share=0.5):
    return content[: int(len(content) * share)]


def encoded(format, array=_COLOR, **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format, **options)
    return stream.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_a_truncated_file_is_refused(tmp_path, format, share):
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(truncated(encoded(format), share))
    with pytest.raises(DataError, match=rf"{path} is damaged.*copy it again"):
        read_image(path)


def test_a_truncated_jpeg_is_refused_though_its_thumbnail_is_whole(tmp_path):
    whole = encoded("JPEG", np.tile(_COLOR, (8, 8, 1)))
    thumbnail = encoded("JPEG", _COLOR[:8, :8])
    segment = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Thumb\0" + thumbnail
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert read_image(path).shape == (192, 320, 3)
    path.write_bytes(truncated(whole[:2] + segment + whole[2:], 0.7))
    with pytest.raises(DataError, match="it stops before its end"):
        read_image(path)


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG") + bytes(5000))
    assert read_image(path).shape == _COLOR.shape


def test_damage_inside_a_png_is_refused(tmp_path):
    content = bytearray(encoded("PNG"))
    content[len(content) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"hello, not an image", b"\x00\x01\x02\xff binary"])
def test_a_file_that_is_no_image_says_what_it_holds(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    seen = "text that starts with 'hello" if content[0] else "its first bytes are 00 01 02 ff"
    with pytest.raises(DataError, match=rf"a\.png is not an image: .*{seen}"):
        read_image(tmp_path / "a.png")


def test_missing_empty_and_folder_paths_are_named(tmp_path):
    save(tmp_path / "frame_01.png", _COLOR)
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"frame_02\.png does not exist; did you mean 'frame_01\.png'"):
        read_image(tmp_path / "frame_02.png")
    with pytest.raises(DataError, match="its folder does not exist"):
        read_image(tmp_path / "no" / "a.png")
    with pytest.raises(DataError, match=r"is empty \(0 bytes\)"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"is empty \(0 bytes\)"):
        image_size(tmp_path / "empty.png")
    with pytest.raises(DataError, match="is a folder, not an image"):
        read_image(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        is_sixteen_bit(tmp_path / "none.png")


def test_a_declared_size_over_the_limit_is_refused_before_decoding(tmp_path):
    whole = bytearray(encoded("PNG"))
    whole[16:24] = (30_000).to_bytes(4, "big") * 2  # width and height in the header; the pixels are not there
    import zlib

    whole[29:33] = zlib.crc32(bytes(whole[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(whole)
    with pytest.raises(DataError, match=r"declares 30000 x 30000 = 900,000,000 pixels, more than the limit of 179,000,000"):
        read_image(tmp_path / "bomb.png")
    assert image_size(tmp_path / "bomb.png") == (30_000, 30_000)
    save(tmp_path / "a.png", _COLOR)
    with pytest.raises(DataError, match=r"raise data\.max_pixels"):
        read_image(tmp_path / "a.png", max_pixels=24 * 40 - 1)


def test_pillows_global_limit_is_neither_used_nor_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = save(tmp_path / "a.png", _COLOR)
    np.testing.assert_array_equal(read_image(path), _COLOR)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_write_refuses_what_it_cannot_keep(tmp_path):
    with pytest.raises(DataError, match=r"unknown suffix '\.xyz'"):
        write_image(tmp_path / "a.xyz", _COLOR)
    with pytest.raises(DataError, match=r"got \(24, 40, 3\) float64"):
        write_image(tmp_path / "a.png", _COLOR / 255)
    with pytest.raises(DataError, match="holds no alpha"):
        write_image(tmp_path / "a.jpg", np.zeros((4, 4, 4), np.uint8))


def test_names_of_images_are_known_in_any_case():
    assert [is_image_name(name) for name in ("a.JPG", "b.png", "c.txt", ".hidden.png", "noend")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_jpeg_of_several_pictures_gives_the_first(tmp_path):
    Image.fromarray(_SMOOTH).save(
        tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[Image.fromarray(_COLOR)], quality=95
    )
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - _SMOOTH).max() < 16
