"""Compressed counts come back, however many strings are read at once. What is refused is tested in test_rle.py."""

import numpy as np
import pytest

from pixelwise.formats import run_strings
from pixelwise.formats.rle import RunLengths, to_string
from pixelwise.formats.run_strings import read_counts


def draw_counts(seed):
    """From one count to dozens, small and up to a million, with zeros between."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, rng.choice([2, 40, 1_000_000]), 1 + int(rng.integers(40)))


@pytest.mark.parametrize("at_once", [1, 50, 1 << 20])
def test_counts_come_back_from_their_strings(at_once, monkeypatch):
    monkeypatch.setattr(run_strings, "_AT_ONCE", at_once)
    counts = [draw_counts(seed) for seed in range(60)]
    texts = [to_string(RunLengths((1, int(one.sum())), one)) for one in counts]
    texts[7] = texts[7].encode()
    assert [one.tolist() for one in read_counts(texts)] == [one.tolist() for one in counts]


def test_empty_strings_hold_no_counts():
    assert [one.tolist() for one in read_counts(["", "6", "", "32112", ""])] == [[], [6], [], [3, 2, 1, 3, 3], []]
    assert read_counts([]) == []
