from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.errors import ConfigError
from pixelwise.ops.tiles import Window, cores, tiles


@st.composite
def layouts(draw):
    size = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    tile = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return size, tile, draw(st.integers(0, min(tile) - 1))


@settings(max_examples=150, deadline=None)
@given(layouts())
def test_every_pixel_lies_in_exactly_one_core_and_no_tile_leaves_the_image(layout):
    size, tile, overlap = layout
    owners = np.zeros(size, int)
    windows, own = tiles(size, tile, overlap), cores(size, tile, overlap)
    assert len(windows) == len(own)
    for window, core in zip(windows, own, strict=True):
        assert (window.height, window.width) == (min(size[0], tile[0]), min(size[1], tile[1]))
        assert window.top >= 0 <= window.left
        assert window.top + window.height <= size[0]
        assert window.left + window.width <= size[1]
        inner = core.within(window)
        assert min(inner.top, inner.left) >= 0
        assert inner.top + inner.height <= window.height
        assert inner.left + inner.width <= window.width
        owners[core.slices] += 1
    assert (owners == 1).all()


@settings(max_examples=150, deadline=None)
@given(layouts())
def test_cores_keep_half_the_overlap_away_from_edges_at_which_the_image_goes_on(layout):
    size, tile, overlap = layout
    for window, core in zip(tiles(size, tile, overlap), cores(size, tile, overlap), strict=True):
        inner = core.within(window)
        halos = (
            (inner.top, window.top > 0),
            (inner.left, window.left > 0),
            (window.height - inner.top - inner.height, window.top + window.height < size[0]),
            (window.width - inner.left - inner.width, window.left + window.width < size[1]),
        )
        assert all(halo >= overlap // 2 for halo, goes_on in halos if goes_on)


@settings(max_examples=100, deadline=None)
@given(layouts())
def test_neighbours_share_the_overlap_and_no_tile_is_superfluous(layout):
    (height, width), tile, overlap = layout
    windows = tiles((height, width), tile, overlap)
    tops, lefts = (sorted({window[axis] for window in windows}) for axis in (0, 1))
    assert len(windows) == len(tops) * len(lefts)
    for starts, length, side in ((tops, height, tile[0]), (lefts, width, tile[1])):
        assert all(before + side - after >= overlap for before, after in pairwise(starts))
        if len(starts) > 1:  # one tile fewer could not reach the end
            assert (len(starts) - 1) * (side - overlap) + overlap < length


def test_a_worked_example():
    assert tiles((100, 60), (64, 64), 16) == [Window(0, 0, 64, 60), Window(36, 0, 64, 60)]
    assert cores((100, 60), (64, 64), 16) == [Window(0, 0, 50, 60), Window(50, 0, 50, 60)]


def test_an_image_smaller_than_the_tile_is_one_tile():
    assert tiles((1, 1), (512, 512), 64) == cores((1, 1), (512, 512), 64) == [Window(0, 0, 1, 1)]


def test_tiles_put_together_by_their_cores_are_the_image():
    image = np.random.default_rng(0).integers(0, 255, (3, 77, 131))
    merged = np.zeros_like(image)
    for window, core in zip(tiles((77, 131), (32, 48), 9), cores((77, 131), (32, 48), 9), strict=True):
        merged[..., *core.slices] = image[..., *window.slices][..., *core.within(window).slices]
    np.testing.assert_array_equal(merged, image)


@pytest.mark.parametrize(
    "size,tile,overlap", [((0, 9), (4, 4), 1), ((9, 9), (0, 4), 0), ((9, 9), (4, 4), 4), ((9, 9), (4, 4), -1)]
)
def test_a_layout_that_cannot_be_is_refused(size, tile, overlap):
    with pytest.raises(ConfigError, match=r"0 <= overlap < tile, got .*lower the overlap"):
        tiles(size, tile, overlap)
    with pytest.raises(ConfigError, match="overlap"):
        cores(size, tile, overlap)
