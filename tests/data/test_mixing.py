"""Mixed samples: every pixel of image and target comes from one place of one source."""

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import kstest

from pixelwise.data.loader import Reading, train_stream
from pixelwise.data.mixing import Mixing, objects
from pixelwise.data.transforms import Augmenter
from pixelwise.types import IGNORE_INDEX, Record

CROP = (48, 64)


def labelled(number: int, size=(80, 100), multilabel=False) -> tuple[np.ndarray, np.ndarray]:
    """An image whose every pixel tells its label and its source: red is the label, green the source."""
    rng = np.random.default_rng(number)
    field = cv2.GaussianBlur(rng.random(size).astype(np.float32), (0, 0), 5)
    target = np.digitize(field, np.quantile(field, [0.6, 0.8])).astype(np.uint8)
    image = np.zeros((*size, 3), np.uint8)
    image[..., 0], image[..., 1] = target * 10, number
    return image, np.stack([(target == index).astype(np.uint8) for index in range(3)]) if multilabel else target


def cut(pair, size, rng):
    """A plain crop: no interpolation, so that labels can be read off the image exactly."""
    return Augmenter(size, flip=0.5, max_class_fraction=None).cut(pair, size, rng)


def mixed(mixing: Mixing, seed: int, multilabel=False, sizes=((80, 100), (80, 100))):
    rngs = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    partner = lambda rng: labelled(int(rng.integers(1, 200)), sizes[1], multilabel)  # noqa: E731
    return mixing(labelled(0, sizes[0], multilabel), CROP, cut, partner, rngs)


@pytest.mark.parametrize("way", ["cutmix", "mosaic", "copy_paste"])
@pytest.mark.parametrize("seed", range(8))
def test_every_pixel_keeps_its_own_label(way, seed):
    image, target = mixed(Mixing(**{way: 1.0}), seed)
    np.testing.assert_array_equal(image[..., 0], target * 10)
    assert image.shape == (*CROP, 3)
    assert target.shape == CROP


@pytest.mark.parametrize("way", ["cutmix", "mosaic", "copy_paste"])
def test_planes_of_a_multilabel_target_are_mixed_alike(way):
    for seed in range(4):
        image, planes = mixed(Mixing(**{way: 1.0}), seed, multilabel=True)
        assert planes.shape == (3, *CROP)
        np.testing.assert_array_equal(image[..., 0], planes.argmax(axis=0) * 10)


@pytest.mark.parametrize("way", ["cutmix", "mosaic", "copy_paste"])
def test_padding_stays_ignored(way):
    for seed in range(6):
        image, target = mixed(Mixing(**{way: 1.0}), seed, sizes=((30, 40), (20, 30)))
        np.testing.assert_array_equal(image[..., 2] == 127, target == IGNORE_INDEX)


def test_cutmix_takes_a_uniform_share_of_another_image():
    shares = []
    for seed in range(500):
        image, _ = mixed(Mixing(cutmix=1.0), seed)
        own = image[..., 1] == 0
        shares.append(1 - own.mean())
        ys, xs = np.nonzero(~own)
        if len(ys):
            assert (~own[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]).all()  # one box
    # a box about a random pixel is cut off at the border, so its share is at most the one drawn: compare with that law
    rng = np.random.default_rng(0)
    law = []
    for side, y, x in zip(np.sqrt(rng.random(4000)), rng.random(4000), rng.random(4000), strict=True):
        law.append((min(1, y + side / 2) - max(0, y - side / 2)) * (min(1, x + side / 2) - max(0, x - side / 2)))
    law = np.sort(law)
    assert kstest(shares, lambda share: np.searchsorted(law, share) / len(law)).pvalue > 0.01


def test_a_mosaic_has_four_quarters_that_meet_in_the_middle_half():
    for seed in range(20):
        image, _ = mixed(Mixing(mosaic=1.0), seed)
        source = image[..., 1]
        rows = [np.flatnonzero(np.diff(source[:, column].astype(int))) for column in (0, -1)]
        columns = [np.flatnonzero(np.diff(source[row].astype(int))) for row in (0, -1)]
        assert all(len(found) <= 1 for found in [*rows, *columns])
        assert len(np.unique(source)) >= 3
        assert source[0, 0] == 0  # the record itself
        for found, length in [(part, CROP[0]) for part in rows] + [(part, CROP[1]) for part in columns]:
            assert all(length // 4 <= place + 1 <= length - length // 4 for place in found)


def test_copied_objects_are_whole_regions_of_rarer_classes_of_the_other_image():
    pasted = 0
    for seed in range(30):
        image, target = mixed(Mixing(copy_paste=1.0, objects=2), seed)
        foreign = image[..., 1] != 0
        pasted += foreign.any()
        assert len(np.unique(image[..., 1])) <= 2
        if foreign.any():
            other = int(image[..., 1][foreign][0])
            assert 0 not in np.unique(target[foreign])  # class 0 has 60 % of every image
            assert cv2.connectedComponents(foreign.astype(np.uint8))[0] - 1 <= 2
            assert (image[..., 1][foreign] == other).all()
    assert pasted > 20


def test_objects_are_connected_regions_of_all_but_the_commonest_class():
    target = np.zeros((40, 60), np.uint8)
    target[2:10, 2:10] = target[20:30, 40:55] = 1
    target[15:18, 2:4] = 2  # too small
    target[30:38, 5:15] = IGNORE_INDEX
    assert sorted(int(mask.sum()) for mask in objects(target)) == [64, 150]
    assert objects(np.zeros((9, 9), np.uint8)) == []
    assert [int(mask.sum()) for mask in objects((target == 1)[None].astype(np.uint8))] == [64, 150]


def test_ways_come_with_their_probabilities():
    rng = np.random.default_rng(0)
    drawn = [Mixing(0.2, 0.3, 0.1).draw(rng) for _ in range(3000)]
    shares = [drawn.count(way) / 3000 for way in ("cutmix", "mosaic", "copy_paste", "")]
    assert shares == pytest.approx([0.2, 0.3, 0.1, 0.4], abs=0.04)


@pytest.fixture
def records(tmp_path):
    made = []
    for number in range(5):
        image, target = labelled(number, (60 + number, 90))
        cv2.imwrite(str(tmp_path / f"image{number}.png"), image[..., ::-1])
        cv2.imwrite(str(tmp_path / f"mask{number}.png"), target)
        made.append(Record(f"{number}", tmp_path / f"image{number}.png", (tmp_path / f"mask{number}.png",)))
    return made


def read_mask(record: Record) -> np.ndarray:
    return cv2.imread(str(record.masks[0]), cv2.IMREAD_GRAYSCALE)


def batches(records, augmenter, workers=0, start=0, count=3):
    stream = train_stream(records, Reading(target_reader=read_mask), augmenter, 4, seed=7, start_step=start, workers=workers)
    found = [next(stream) for _ in range(count)]
    stream.close()
    return found


def test_mixed_batches_do_not_depend_on_workers_nor_on_where_a_run_was_resumed(records):
    augmenter = Augmenter((32, 40), (0.5, 2.0), 10.0, 0.5, mixing=Mixing(0.3, 0.3, 0.3))
    alone, spread = batches(records, augmenter), batches(records, augmenter, workers=2)
    resumed = batches(records, augmenter, start=1, count=2)
    for one, two in [*zip(alone, spread, strict=True), *zip(alone[1:], resumed, strict=True)]:
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.targets, two.targets)


def test_mixing_leaves_what_is_not_mixed_as_it_was(records):
    plain = batches(records, Augmenter((32, 40), flip=0.5), count=6)
    some = batches(records, Augmenter((32, 40), flip=0.5, mixing=Mixing(cutmix=0.5)), count=6)
    same = [torch.equal(a, b) for one, two in zip(plain, some, strict=True) for a, b in zip(one.images, two.images, strict=True)]
    assert 0.25 < np.mean(same) < 0.75


def test_mixed_batches_keep_pixels_and_labels_together(records):
    for batch in batches(records, Augmenter((32, 40), mixing=Mixing(0.4, 0.3, 0.3)), count=6):
        valid = batch.targets != IGNORE_INDEX
        assert torch.equal(batch.images[:, 0][valid], batch.targets[valid] * 10)
