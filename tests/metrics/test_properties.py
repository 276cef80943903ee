"""Laws that hold for every metric: parts merge to the whole in any order and number of processes, a perfect prediction gets the
best value, ignored pixels and the places of pixels do not matter. Loops over pixels are in the test of each metric."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pixelwise.metrics.panoptic import PanopticMap
from tests.metrics.subjects import SUBJECTS, count, count_seeds, look_up, merged, metric_classes, result

EVERY = pytest.mark.parametrize("name", list(SUBJECTS))
PIXELWISE = pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if subject.is_pixelwise])
IGNORING = pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if subject.spoil])
SEEDS = st.integers(0, 2**31)
# Seeds do not become simpler by becoming smaller, so nothing is shrunk.
FEW = settings(max_examples=5, deadline=None, phases=(Phase.reuse, Phase.generate))


def test_every_metric_of_the_package_is_in_the_table():
    assert {type(subject.make()).__name__ for subject in SUBJECTS.values()} == metric_classes()


@EVERY
@FEW
@given(data=st.data())
def test_parts_merge_to_the_whole_in_any_order_to_the_last_digit(name, data):
    seeds = data.draw(st.lists(SEEDS, min_size=1, max_size=6, unique=True))
    places = data.draw(st.lists(st.integers(0, 3), min_size=len(seeds), max_size=len(seeds)))
    parts = [count_seeds(name, [seed for seed, at in zip(seeds, places, strict=True) if at == part]) for part in range(4)]
    sent = [pickle.loads(pickle.dumps(part)) for part in data.draw(st.permutations(parts))]  # as between processes
    assert result(merged(name, sent)) == result(count_seeds(name, seeds))


@EVERY
def test_a_result_can_be_asked_for_at_any_time_and_does_not_change_what_follows(name):
    metric = SUBJECTS[name].make()
    for seed in range(2):
        metric.update(*SUBJECTS[name].draw(seed))
        assert result(metric) == result(count_seeds(name, range(seed + 1)))


@EVERY
def test_a_merge_takes_nothing_from_the_part(name):
    whole, part = count_seeds(name, [0]), count_seeds(name, [1])
    whole.merge(part)
    whole.update(*SUBJECTS[name].draw(2))
    assert result(part) == result(count_seeds(name, [1]))


@EVERY
@FEW
@given(seeds=st.lists(SEEDS, min_size=1, max_size=4, unique=True))
def test_a_perfect_prediction_has_the_best_value(name, seeds):
    subject = SUBJECTS[name]
    found = result(count(name, [subject.perfect(subject.draw(seed)) for seed in seeds]))
    for key, best in subject.best.items():
        values = np.array(look_up(found, key))
        np.testing.assert_allclose(values[~np.isnan(values)], best, atol=1e-12, err_msg=key)


@EVERY
def test_the_best_value_is_defined_and_a_worse_prediction_does_not_reach_it(name):
    subject, seeds = SUBJECTS[name], range(8)
    perfect = result(count(name, [subject.perfect(subject.draw(seed)) for seed in seeds]))
    found = result(count_seeds(name, seeds))
    for key, best in subject.best.items():
        assert not np.isnan(look_up(perfect, key)).any(), key
        assert np.abs(np.array(look_up(found, key)) - best).min() > 0.01, key


@IGNORING
@FEW
@given(seeds=st.lists(SEEDS, min_size=1, max_size=3, unique=True))
def test_what_is_predicted_on_ignored_pixels_changes_nothing(name, seeds):
    images = [SUBJECTS[name].draw(seed) for seed in seeds]
    spoilt = [SUBJECTS[name].spoil(image) for image in images]
    assert result(count(name, spoilt)) == result(count(name, images))


@IGNORING
def test_ignored_pixels_are_there_and_their_predictions_are_changed(name):
    image = SUBJECTS[name].draw(1)
    assert ((image[1] == 255).any(), (SUBJECTS[name].spoil(image)[0] != image[0]).any()) == (True, True)


def moved(part, order):
    """The pixels of an array, of each of its planes, or of a panoptic map in another order."""
    if isinstance(part, PanopticMap):
        return PanopticMap(moved(part.ids, order), part.labels, part.crowd)
    height, width = part.shape[-2:]
    return np.ascontiguousarray(part.reshape(*part.shape[:-2], -1)[..., order]).reshape(*part.shape[:-2], width, height)


@PIXELWISE
@FEW
@given(seed=SEEDS)
def test_pixels_in_other_places_change_nothing(name, seed):
    image = SUBJECTS[name].draw(seed)
    order = np.random.default_rng(seed).permutation(18 * 22)
    assert result(count(name, [tuple(moved(part, order) for part in image)])) == result(count(name, [image]))


@pytest.mark.slow  # starts four processes, each of which imports the package
def test_one_two_and_four_processes_give_the_same_numbers():
    seeds = range(9)
    whole = {name: result(count_seeds(name, seeds)) for name in SUBJECTS}
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for processes in (1, 2, 4):
            asked = {
                name: [pool.submit(count_seeds, name, seeds[rank::processes]) for rank in range(processes)] for name in SUBJECTS
            }
            found = {name: result(merged(name, [part.result() for part in parts])) for name, parts in asked.items()}
            assert [name for name in SUBJECTS if found[name] != whole[name]] == [], processes
