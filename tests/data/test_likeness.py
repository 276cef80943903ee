"""What looks alike is found, whatever was done to it; what does not is not; and the quick search misses nothing."""

import cv2
import numpy as np
import pytest
from scipy import fft

from pixelwise.data import likeness
from pixelwise.data.likeness import Alike, find_alike, groups_of_alike, thumbnail


def scene(seed, size=(120, 160)):
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        centre = tuple(int(value) for value in rng.integers(0, 120, 2))
        cv2.circle(image, centre, int(rng.integers(4, 30)), [int(value) for value in rng.integers(0, 256, 3)], -1)
    return image


def as_jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


CHANGES = {
    "jpeg": lambda image: as_jpeg(image, 30),
    "half": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "double": lambda image: cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "blur": lambda image: cv2.GaussianBlur(image, (0, 0), 1.5),
    "gamma": lambda image: (255 * (image / 255.0) ** 1.4).astype(np.uint8),
    "noise": lambda image: np.clip(image + np.random.default_rng(1).normal(0, 8, image.shape), 0, 255).astype(np.uint8),
    "crop": lambda image: image[1:-1, 1:-1],
    "16 bits": lambda image: image.astype(np.uint16) * 256,
    "with alpha": lambda image: np.dstack([image, np.full(image.shape[:2], 9, np.uint8)]),
}
TURNS = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "half a turn": lambda image: image[::-1, ::-1],
    "left": lambda image: np.rot90(image, 1),
    "right": lambda image: np.rot90(image, -1),
    "transposed": lambda image: image.swapaxes(0, 1),
    "across": lambda image: np.rot90(image, 2).swapaxes(0, 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_no_other(change):
    images = [scene(seed) for seed in range(30)]
    copies = [CHANGES[change](image) for image in images[:10]]
    found = find_alike([thumbnail(np.ascontiguousarray(image)) for image in images + copies])
    assert found == [Alike(number, 30 + number, False) for number in range(10)]


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_copy_is_found_and_said_to_be_turned(turn):
    images = [scene(seed) for seed in range(20)]
    copies = [as_jpeg(np.ascontiguousarray(TURNS[turn](image)), 80) for image in images[5:10]]
    found = find_alike([thumbnail(image) for image in images + copies])
    assert found == [Alike(5 + number, 20 + number, True) for number in range(5)]


def test_the_hash_is_the_signs_of_the_cosine_transform():
    pictures = np.stack([np.frombuffer(thumbnail(scene(seed)), np.uint8).reshape(16, 16) for seed in range(6)]).astype(np.float32)
    coefficients = likeness._BASIS @ pictures @ likeness._BASIS.T
    for orientation in likeness._ORIENTATIONS:
        turned = np.ascontiguousarray(likeness._turned(pictures, orientation))
        hashes = likeness._hashes(likeness._turned_coefficients(coefficients, orientation))
        bits = np.unpackbits(hashes.view(np.uint8)).reshape(6, 64)
        assert np.array_equal(bits[:, 1:], (fft.dctn(turned, axes=(1, 2))[:, :8, :8].reshape(6, 64) > 0)[:, 1:])


def near_pairs(queries, hashes):
    found = set()
    for first, second in likeness._near(queries, hashes):
        found |= set(zip(first.tolist(), second.tolist(), strict=True))
    return found


def test_the_quick_search_finds_all_pairs_that_the_plain_one_does(monkeypatch):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 3000, dtype=np.uint64)
    for number in range(0, 2000, 2):  # neighbours 0 to 12 bits apart
        flips = rng.choice(64, number % 13, replace=False)
        hashes[number + 1] = hashes[number] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = {(a, b) for a, b in zip(*(part.tolist() for part in np.nonzero(distance <= 8)), strict=True) if a < b}
    assert len(expected) > 600
    plain = []
    monkeypatch.setattr(likeness, "_compared", lambda *given: plain.append(given) or iter(()))
    assert near_pairs(hashes, hashes) == expected
    monkeypatch.setattr(likeness, "_CHUNK", 1000)
    assert near_pairs(hashes, hashes) == expected
    assert plain == []


def test_where_all_are_alike_plain_comparison_is_taken():
    hashes = np.random.default_rng(0).integers(0, 8, 400, dtype=np.uint64)
    assert len(near_pairs(hashes, hashes)) == 400 * 399 // 2


def test_there_is_an_end_to_pairs(monkeypatch):
    monkeypatch.setattr(likeness, "MOST_PAIRS", 50)
    same = [thumbnail(scene(0))] * 40
    assert len(find_alike(same)) == 50


def test_images_of_one_brightness_have_no_thumbnail_and_are_like_none():
    flat = np.full((50, 60, 3), 77, np.uint8)
    assert thumbnail(flat) == b""
    flat[0, 0] = 80
    assert thumbnail(flat) == b""
    assert thumbnail(np.full((5, 5), np.nan, np.float32)) == b""
    assert find_alike([b"", b"", thumbnail(scene(1))]) == []
    assert find_alike([]) == []


@pytest.mark.parametrize(
    "shape, dtype", [((9, 9), np.uint8), ((9, 9, 2), np.uint16), ((40, 30, 7), np.uint8), ((40, 30), np.int32)]
)
def test_any_image_has_a_thumbnail(shape, dtype):
    pixels = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    small = np.frombuffer(thumbnail(pixels if dtype != np.uint16 else pixels * 300), np.uint8)
    assert len(small) == 256
    assert (small.min(), small.max()) == (0, 255)


def test_groups_join_what_is_alike_through_others():
    pairs = [Alike(0, 4, False), Alike(4, 7, True), Alike(2, 3, False), Alike(7, 9, False)]
    assert groups_of_alike(pairs) == [[0, 4, 7, 9], [2, 3]]
    assert groups_of_alike([]) == []
