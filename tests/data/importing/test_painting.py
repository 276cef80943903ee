"""Who lies above whom, and what is counted as lost."""

import numpy as np
import pytest

from pixelwise.data.importing.painting import Patch, paint
from pixelwise.errors import DataError


def box(class_id, top, left, rows, columns, **kind):
    return Patch(class_id, np.ones((rows, columns), bool), top, left, **kind)


def test_a_small_object_lies_above_a_large_one_and_the_pixels_under_it_are_counted():
    for patches in ([box(1, 0, 0, 4, 4), box(2, 1, 1, 2, 2)], [box(2, 1, 1, 2, 2), box(1, 0, 0, 4, 4)]):
        painted = paint((5, 5), patches)
        assert painted.ids[1:3, 1:3].tolist() == [[2, 2], [2, 2]]
        assert (painted.ids == 1).sum() == 12
        assert painted.losses == {"pixels under other objects": 4}
        number = [patch.class_id for patch in patches].index(2) + 1
        assert (painted.instances[1:3, 1:3] == number).all()


def test_the_order_of_the_source_goes_before_the_area():
    painted = paint((5, 5), [box(1, 0, 0, 4, 4, height=1), box(2, 1, 1, 2, 2, height=0)])
    assert (painted.ids == 2).sum() == 0
    assert painted.losses == {"pixels under other objects": 4, "hidden objects": 1}


def test_stuff_lies_below_things_and_has_no_number():
    painted = paint((5, 5), [box(9, 0, 0, 2, 2, is_thing=False), box(1, 0, 0, 4, 4)])
    assert (painted.ids[:4, :4] == 1).all()
    assert np.unique(painted.instances).tolist() == [0, 2]
    assert painted.losses == {}


def test_ids_above_255_widen_the_map():
    assert paint((3, 3), [box(300, 0, 0, 1, 1)]).ids.dtype == np.uint16
    assert paint((3, 3), [box(30, 0, 0, 1, 1)], background=255).ids.tolist()[2] == [255] * 3


@pytest.mark.parametrize("top, left, height, width", [(-1, 0, 2, 2), (0, -1, 2, 2), (4, 0, 2, 2), (0, 4, 1, 2)])
def test_an_object_beyond_the_image_is_refused(top, left, height, width):
    with pytest.raises(DataError, match="beyond the image of 5 x 5"):
        paint((5, 5), [box(1, top, left, height, width)])
