"""Progress by steps or by time, with a time that the test sets."""

from types import SimpleNamespace

import pytest

from pixelwise.engine import clock
from pixelwise.engine.clock import Clock


@pytest.fixture
def now(monkeypatch):
    """Set ``now[0]`` to move the time."""
    seconds = [100.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    return seconds


def test_progress_by_steps_is_the_share_of_steps(now):
    clock = Clock(8, None)
    now[0] += 1000
    assert [clock.progress(step) for step in (0, 2, 8, 9)] == [0, 0.25, 1, 1]


def test_progress_by_budget_is_the_share_of_time_whatever_the_step(now):
    clock = Clock(None, 200)
    now[0] += 50
    assert clock.progress(0) == clock.progress(10_000) == 0.25
    now[0] += 1000
    assert clock.progress(0) == 1


def test_time_kept_back_ends_training_earlier_but_never_takes_more_than_a_third(now):
    clock = Clock(None, 90)
    clock.keep_back(10)
    now[0] += 80
    assert clock.progress(0) == 1
    clock.keep_back(1000)
    assert clock.reserve == 30


def test_time_kept_back_means_nothing_to_a_run_by_steps(now):
    clock = Clock(4, None)
    clock.keep_back(1000)
    assert clock.progress(2) == 0.5


def test_time_spent_before_counts(now):
    clock = Clock(None, 100, spent=40)
    assert clock.elapsed() == 40
    assert clock.progress(0) == 0.4


def test_what_remains_is_estimated_from_the_pace(now):
    by_steps, by_time = Clock(10, None), Clock(None, 100)
    assert by_steps.remaining(0) is None
    now[0] += 20
    assert by_steps.remaining(4) == pytest.approx(30)
    assert by_time.remaining(0) == 80
    now[0] += 100
    assert by_time.remaining(0) == 0


@pytest.mark.parametrize("steps, seconds", [(None, None), (5, 5.0)])
def test_a_run_has_either_steps_or_seconds(steps, seconds):
    with pytest.raises(ValueError, match="either steps or seconds"):
        Clock(steps, seconds)
