"""Parts hold all classes in proportion, keep groups whole, and depend on nothing but the images and the seed."""

import numpy as np
import pytest

from pixelwise.data.splitting import stratified_parts
from pixelwise.errors import ConfigError, DataError

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
KEYS = [f"image-{number:03}" for number in range(200)]


def presence_of(seed=0, rates=(1.0, 0.4, 0.1, 0.03)):
    return np.random.default_rng(seed).random((len(KEYS), len(rates))) < np.array(rates)


@pytest.mark.parametrize("seed", range(5))
def test_every_class_has_its_share_of_every_part_within_one_image(seed):
    presence = presence_of(seed)
    parts = np.array(stratified_parts(KEYS, presence, SHARES, seed=seed))
    for name, share in SHARES.items():
        assert abs((parts == name).sum() - share * len(KEYS)) <= 2
        for index in range(presence.shape[1]):
            assert abs(presence[parts == name, index].sum() - share * presence[:, index].sum()) <= 1.5


def test_rare_classes_are_spread_better_than_by_chance():
    presence = presence_of(3)
    rng = np.random.default_rng(0)

    def worst(parts):
        return max(abs(presence[parts == name].mean(0) - presence.mean(0)).max() for name in SHARES)

    by_chance = [worst(rng.choice(list(SHARES), len(KEYS), p=list(SHARES.values()))) for _ in range(200)]
    assert worst(np.array(stratified_parts(KEYS, presence, SHARES))) < min(by_chance)


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_together_and_parts_still_have_their_size(seed):
    rng = np.random.default_rng(seed)
    groups = [f"patient-{number}" for number in rng.integers(0, 40, len(KEYS))]
    parts = stratified_parts(KEYS, presence_of(seed), SHARES, groups, seed)
    assert all(len({part for part, group in zip(parts, groups, strict=True) if group == one}) == 1 for one in groups)
    for name, share in SHARES.items():
        assert abs(parts.count(name) / len(KEYS) - share) < 0.05


def test_order_does_not_matter_and_the_seed_does():
    presence, order = presence_of(), np.random.default_rng(1).permutation(len(KEYS))
    parts = stratified_parts(KEYS, presence, SHARES)
    shuffled = stratified_parts([KEYS[at] for at in order], presence[order], SHARES)
    assert shuffled == [parts[at] for at in order]
    assert stratified_parts(KEYS, presence, SHARES, seed=1) != parts


def test_folds_are_equal_and_hold_every_image_once():
    parts = stratified_parts(KEYS, presence_of(), {str(fold): 1 for fold in range(5)})
    assert {parts.count(str(fold)) for fold in range(5)} <= {39, 40, 41}


def test_a_class_that_few_images_have_is_in_as_many_parts_as_it_can_be():
    presence = np.zeros((len(KEYS), 2), bool)
    presence[:, 0] = True
    presence[[5, 50, 150], 1] = True
    parts = np.array(stratified_parts(KEYS, presence, dict.fromkeys("abc", 1)))
    assert set(parts[presence[:, 1]]) == {"a", "b", "c"}


@pytest.mark.parametrize("how_many", [3, 4, 5])
def test_no_part_is_empty_where_there_are_few_images(how_many):
    parts = stratified_parts(KEYS[:how_many], np.ones((how_many, 1), bool), SHARES)
    assert set(parts) == set(SHARES)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"shares": {"train": 1}}, ConfigError, "two or more"),
        ({"shares": {"train": 1, "val": 0}}, ConfigError, "above 0"),
        ({"shares": {"train": 1, "val": float("nan")}}, ConfigError, "above 0"),
        ({"groups": ["one"] * 200}, DataError, "1 groups cannot fill 3 parts"),
        ({"groups": ["one"]}, DataError, "1 groups for 200 images"),
        ({"keys": ["a"] * 200}, DataError, "two images are called 'a'"),
        ({"presence": np.ones((3, 1), bool)}, DataError, "3 rows for 200 images"),
    ],
)
def test_what_cannot_be_split_is_refused(change, error, message):
    arguments = {"keys": KEYS, "presence": presence_of(), "shares": SHARES} | change
    with pytest.raises(error, match=message):
        stratified_parts(**arguments)
