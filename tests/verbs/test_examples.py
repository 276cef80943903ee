"""The pictures of a report: the worst and the best by score, the random ones by lot, however the images are shared out."""

import numpy as np
import pytest

from pixelwise.engine import distributed
from pixelwise.engine.evaluate import ImageCounts
from pixelwise.types import ClassTable, LabelMap, Record
from pixelwise.verbs.examples import Examples

CLASSES = ClassTable.from_ids([0, 1])


def shown(examples, numbers, size=(4, 6)):
    """Image ``n`` has n right pixels of 200, so that its score rises with n."""
    for number in numbers:
        image = np.full((*size, 3), number, np.uint8)
        maps = np.zeros(size, np.uint8)
        counts = np.array([[number, 200 - number], [0, 0]], np.int64)
        examples.see(image, maps, LabelMap(maps, CLASSES), ImageCounts(Record(f"image-{number}", None), size, counts))
    return examples


def keys(found):
    return [example.key for example in found]


def test_the_worst_come_lowest_first_and_the_best_highest_first():
    examples = shown(Examples(), np.random.default_rng(0).permutation(100).tolist())
    assert keys(examples.worst) == [f"image-{number}" for number in range(20)]
    assert keys(examples.best) == [f"image-{number}" for number in range(99, 95, -1)]


def test_random_ones_are_the_same_in_any_order_and_are_not_the_worst():
    one, other = (shown(Examples(), order) for order in (range(100), reversed(range(100))))
    assert keys(one.random) == keys(other.random)
    assert len(one.random) == 12
    assert len(set(keys(one.random)) & set(keys(one.worst))) < 8
    assert np.std([int(key.split("-")[1]) for key in keys(one.random)]) > 10


def test_processes_that_share_the_images_show_what_one_would(monkeypatch):
    shares = [shown(Examples(), range(start, 100, 3)) for start in range(3)]
    monkeypatch.setattr(distributed, "gather", lambda _: [share._kept for share in shares])
    together, alone = shares[0].gathered(), shown(Examples(), range(100))
    for kind in ("worst", "random", "best"):
        assert keys(getattr(together, kind)) == keys(getattr(alone, kind))


def test_a_small_set_shows_no_image_as_worst_and_best():
    examples = shown(Examples(), range(5))
    assert len(examples.worst) == 5
    assert examples.best == []


def test_an_image_without_a_counted_pixel_is_passed_over():
    examples, maps = Examples(), np.full((4, 6), 255, np.uint8)
    nothing = ImageCounts(Record("void", None), (4, 6), np.zeros((2, 2), np.int64))
    examples.see(np.zeros((4, 6, 3), np.uint8), maps, LabelMap(maps, CLASSES), nothing)
    assert examples.worst == examples.random == []


@pytest.mark.parametrize("layers", [(), (2,)])
def test_large_images_are_kept_small_with_image_and_maps_in_step(layers):
    size = (1500, 3001)
    indices = np.zeros((*layers, *size), np.uint8)
    indices[..., :, 1500:] = 1
    image = np.repeat(np.where(np.arange(size[1]) < 1500, 20, 220).astype(np.uint8)[None, :, None], size[0], 0)
    examples = Examples()
    counts = np.array([[1, 0], [0, 1]], np.int64)
    examples.see(image, indices, LabelMap(indices, CLASSES), ImageCounts(Record("large", None), size, counts))
    (example,) = examples.worst
    assert example.image.shape == (480, 960, 1)
    assert example.target.shape == example.prediction.shape == (*layers, 480, 960)
    agree = (example.image[..., 0] > 120) == (example.target == 1)
    assert agree.mean() > 0.99
