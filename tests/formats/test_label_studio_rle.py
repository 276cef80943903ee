"""Label Studio's packed brush masks: the layout bit by bit, agreement with its SDK, what is refused before it costs memory."""

import base64
import json
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from pixelwise.errors import DataError
from pixelwise.formats.label_studio_rle import decode_brush, encode_brush

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "exports.json").read_text(encoding="utf-8"))["brush"]


def pack(values, word_bits=8, run_bits=(3, 4, 8, 16), seed=0):
    """Values in packets of random kinds and lengths, as a text of bits, by the layout."""
    rng = np.random.default_rng(seed)
    bits = f"{len(values):032b}{word_bits - 1:05b}" + "".join(f"{size - 1:04b}" for size in run_bits)
    place = 0
    while place < len(values):
        index = int(rng.integers(0, 4))
        alike = 1
        while place + alike < len(values) and values[place + alike] == values[place] and alike < 1 << run_bits[index]:
            alike += 1
        if rng.random() < 0.5:
            bits += f"1{index:02b}{alike - 1:0{run_bits[index]}b}{values[place]:0{word_bits}b}"
            place += alike
        else:
            length = int(min(rng.integers(1, 12), len(values) - place, 1 << run_bits[index]))
            bits += f"0{index:02b}{length - 1:0{run_bits[index]}b}"
            bits += "".join(f"{value:0{word_bits}b}" for value in values[place : place + length])
            place += length
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_the_fourth_channel_is_what_the_sdk_of_label_studio_reads(case):
    expected = np.frombuffer(zlib.decompress(base64.b64decode(case["alpha"])), np.uint8).reshape(case["size"])
    assert np.array_equal(decode_brush(base64.b64decode(case["rle"]), tuple(case["size"])), expected)


@pytest.mark.parametrize("word_bits", [1, 3, 8, 13, 32])
@pytest.mark.parametrize("run_bits", [(3, 4, 8, 16), (1, 2, 3, 4), (16, 16, 1, 9)])
def test_packets_of_any_kind_and_length_are_read(word_bits, run_bits):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        height, width = (int(side) for side in rng.integers(1, 9, 2))
        values = rng.integers(0, min(2**word_bits, 256), height * width * 4)
        values[rng.random(values.size) < 0.6] = values[0]
        found = decode_brush(pack(values.tolist(), word_bits, run_bits, seed), (height, width))
        assert np.array_equal(found, values.reshape(height, width, 4)[..., 3])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (40, 31), (260, 270)])
def test_masks_come_back(size):
    rng = np.random.default_rng(1)
    for mask in (np.zeros(size, bool), np.ones(size, bool), rng.random(size) < 0.02):
        assert np.array_equal(decode_brush(encode_brush(mask), size), mask * np.uint8(255))
    levels = rng.integers(0, 256, size).astype(np.uint8)
    levels[size[0] // 8 :] = 9
    assert np.array_equal(decode_brush(encode_brush(levels), size), levels)


def test_a_declared_count_other_than_four_times_the_pixels_is_refused_before_memory_is_taken():
    data = (2**32 - 1).to_bytes(4, "big") + bytes(100)
    tracemalloc.start()
    for size in ((10, 10), (30000, 30000)):
        with pytest.raises(DataError, match="declares 4,294,967,295 values"):
            decode_brush(data, size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_what_is_cut_off_overlong_or_too_deep_is_refused():
    mask = np.zeros((20, 20), bool)
    mask[3:9, 4:17] = True
    data = encode_brush(mask)
    for length in range(len(data) - 1):
        with pytest.raises(DataError, match=r"cut off|too few for its header"):
            decode_brush(data[:length], (20, 20))
    with pytest.raises(DataError, match="goes on behind its end"):
        decode_brush(pack([7] * 100)[:4] + pack([7] * 4000, seed=3)[4:], (5, 5))
    for values in ([1000] * 16, list(range(1000, 1016))):
        for seed in range(4):
            with pytest.raises(DataError, match="its channels go to 255"):
                decode_brush(pack(values, word_bits=12, seed=seed), (2, 2))
    with pytest.raises(DataError, match="bool or uint8"):
        encode_brush(np.zeros((2, 2)))


def test_any_bytes_give_a_mask_or_our_error():
    rng = np.random.default_rng(3)
    for _ in range(1500):
        size = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
        data = bytearray(pack(rng.integers(0, 256, size[0] * size[1] * 4).tolist(), seed=int(rng.integers(99))))
        for _ in range(int(rng.integers(1, 5))):
            data[int(rng.integers(4, len(data)))] ^= 1 << int(rng.integers(8))
        try:
            found = decode_brush(bytes(data[: int(rng.integers(4, len(data) + 1))]), size)
        except DataError:
            continue
        assert found.shape == size
        assert found.dtype == np.uint8
