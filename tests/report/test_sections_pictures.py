"""Pictures: the worst large and open, all others small and folded, and the page light."""

import base64
import math
import re

import cv2
import numpy as np

from pixelwise.report.page_data import Example
from pixelwise.report.sections_pictures import pictures_section
from tests.report.sections import make_data, words


def make_example(key, mean_iou=0.5, size=(360, 480)):
    """Smooth, as photographs are, with a little noise."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    target = cv2.resize(rng.integers(0, 3, (6, 8), dtype=np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
    return Example(key, image, target, np.roll(target, 5), mean_iou)


def sizes(markup):
    """(width, height) of each embedded picture."""
    encoded = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", markup)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR).shape[1::-1] for text in encoded]


def test_the_six_worst_are_open_and_large_and_the_rest_is_folded_and_small():
    worst = [make_example(f"w{n}", 0.1 + n / 100) for n in range(8)]
    section = pictures_section(make_data(worst=worst, random=[make_example("r", 0.7), make_example("s", 0.3)], best=worst[:1]))
    shown, *folded = section.split("<details>")
    assert sizes(shown) == [(480, 360)] * 24
    assert [sizes(part) for part in folded] == [[(320, 240)] * 8, [(320, 240)] * 8, [(320, 240)] * 4]
    said = [words(part.split("</summary>")[0]) for part in folded]
    assert said == [
        "2 more of the worst mean IoU 0.160 to 0.170",
        "2 images drawn at random mean IoU 0.300 to 0.700",
        "Best images",
    ]
    assert "open" not in re.findall(r"<details[^>]*>", section)[0]


def test_random_images_keep_their_order_and_the_worst_are_sorted():
    examples = [make_example(key, score, (8, 8)) for key, score in (("b", 0.2), ("a", 0.9), ("c", math.nan))]
    section = pictures_section(make_data(worst=examples, random=examples))
    assert re.findall(r"<h3>(\w)", section) == ["c", "b", "a", "b", "a", "c"]


def test_pictures_say_their_size_so_that_the_page_does_not_jump():
    section = pictures_section(make_data(worst=[make_example("w", 0.5, (30, 40))]))
    assert set(re.findall(r'width="(\d+)" height="(\d+)"', section)) == {("40", "30")}


def test_one_random_image_is_one():
    assert "An image drawn at random" in pictures_section(make_data(random=[make_example("r", 0.5, (8, 8))]))


def test_no_pictures_no_section():
    assert pictures_section(make_data()) == ""
